"""Parts of networks that every exporter takes: no dynamic shapes, no packed sequences, no NaN.

Padding never changes a valid frame in any of them. ``keep`` is (N, 1, T) float32 as `keep_mask`
makes it: 1 on valid frames, 0 on padding. See docs/byo.md for a whole network.
"""

from edgectc.networks.causal import CausalConv, ChunkedAttention, StatefulRecurrent
from edgectc.networks.layers import (
    GroupNorm,
    MaskedConvNorm,
    MaskedNorm,
    Positions,
    Recurrent,
    SelfAttention,
    keep_mask,
    masked_mean,
    windows,
)

__all__ = [
    "CausalConv",
    "ChunkedAttention",
    "GroupNorm",
    "MaskedConvNorm",
    "MaskedNorm",
    "Positions",
    "Recurrent",
    "SelfAttention",
    "StatefulRecurrent",
    "keep_mask",
    "masked_mean",
    "windows",
]
