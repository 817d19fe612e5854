"""Swipes in training: arrays, augmentation, competing words.

The workshop of the swipe task; no plugin.
"""
