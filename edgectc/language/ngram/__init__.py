"""N-gram models: counting, smoothing, pruning, mixing, reading and writing.

The workshop of `edgectc.language.lms` and of `edgectc lm`; no plugin.
"""
