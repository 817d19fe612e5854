"""Recordings: reading, importing, checking, changing, and their way into a network.

Nothing here imports torch or decodes.
"""
