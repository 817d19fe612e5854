"""From a bundle or a network to one verified file; and from a run to a bundle.

Nothing here searches for a number format; that is in `edgectc.quantization`.
"""
