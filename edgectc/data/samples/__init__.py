"""Recordings of a family: how they are read, made up and measured; plugins alone.

Nothing here knows a network.
"""
