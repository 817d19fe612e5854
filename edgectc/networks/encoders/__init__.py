"""Encoders by name; plugins alone.

Their shared layers are in `edgectc.networks.layers`.
"""
