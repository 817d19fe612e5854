"""The searches: compiled ones, and plain ones in numpy that they are checked against.

The workshop of `edgectc.decoding.decoders`; no plugin.
"""
