"""Recordings of a frontend's type: how they are read, made up and measured; plugins alone.

Nothing here knows a network. The file's name is the frontend's.
"""
