"""Targets by name: a model and a scheme to the bytes of an artifact; plugins alone.

What they share is in `edgectc.exporting.lowering`.
"""
