"""How graphs are captured, lowered and quantized for a target.

The workshop of `edgectc.exporting.targets`; no plugin.
"""
