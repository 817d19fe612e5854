"""From a raw recording to the inputs of a network, by family; plugins alone.

Only what a graph cannot do; the rest of the preparation is in `edgectc.networks.features`.
"""
