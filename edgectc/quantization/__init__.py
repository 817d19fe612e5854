"""Calibrated quantization under a budget: observe, simulate, search, repair, measure.

It makes artifacts through `edgectc.exporting` alone.
"""
