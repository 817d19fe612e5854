"""Decoders by name; plugins alone.

What they share is in `edgectc.decoding.search`.
"""
