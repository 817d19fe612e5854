"""Conformer blocks: half feed-forward, attention, gated depthwise convolution, half feed-forward.

The normalisation inside the convolution module is over the channels of a frame ("layer") or over
the valid frames of a batch ("batch", the published one, which folds into the convolution).

Source: Gulati et al. 2020, "Conformer: Convolution-augmented Transformer for Speech Recognition";
positions are absolute here, added once, because a trace starts where its word does.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgectc.core.config import check_numbers, number
from edgectc.networks.layers import MOST_LAYERS, MaskedConvNorm, Positions, SelfAttention


@dataclass(frozen=True)
class Options:
    """Shape of the network.

    Attributes:
        channels: width of every block.
        layers: blocks.
        heads: attention heads, a divisor of ``channels``.
        expand: width of the feed-forward networks, in ``channels``.
        kernel: frames that one depthwise convolution sees, odd.
        stride: input frames per output frame.
        norm: "batch" or "layer".
        positions: "sinusoidal" or "learned".
        dropout: share of values dropped on each branch while training.
    """

    channels: int = 144
    layers: int = number(16, least=0, most=MOST_LAYERS)
    heads: int = 4
    expand: int = 4
    kernel: int = 31
    stride: int = 2
    norm: str = "batch"
    positions: str = "sinusoidal"
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.channels % self.heads or self.channels % 2:
            raise ValueError(
                f"channels is {self.channels}, expected an even multiple of heads ({self.heads})"
            )
        if self.kernel % 2 == 0 or self.stride < 1:
            raise ValueError("kernel must be odd and stride >= 1")
        if self.norm not in ("batch", "layer"):
            raise ValueError(f"norm is {self.norm!r}, expected batch or layer")
        if self.positions not in ("sinusoidal", "learned"):
            raise ValueError(f"positions is {self.positions!r}, expected sinusoidal or learned")


def create(options: Options, *, in_features: int, max_frames: int) -> ConformerEncoder:
    """Return an untrained encoder of ``in_features`` input channels."""
    return ConformerEncoder(options, in_features, max_frames)


class _Convolution(nn.Module):
    """Pointwise, gate, depthwise over valid frames, normalise, SiLU, pointwise."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        C, k = options.channels, options.kernel
        self.norm = nn.LayerNorm(C)
        self.enter = nn.Linear(C, 2 * C)
        self.batch = options.norm == "batch"
        if self.batch:
            self.depthwise: nn.Module = MaskedConvNorm(C, C, k, groups=C, bias=False)
        else:
            self.depthwise = nn.Conv1d(C, C, k, padding=k // 2, groups=C)
            self.inner = nn.LayerNorm(C)
        self.leave = nn.Linear(C, C)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, T, C) of x (N, T, C)."""
        y = F.glu(self.enter(self.norm(x)), dim=2).transpose(1, 2) * keep
        if self.batch:
            y = self.depthwise(y, keep).transpose(1, 2)
        else:
            y = self.inner(self.depthwise(y).transpose(1, 2))
        return self.leave(F.silu(y))


class _Block(nn.Module):
    def __init__(self, options: Options) -> None:
        super().__init__()
        C = options.channels
        self.before, self.after = _feed_forward(options), _feed_forward(options)
        self.attention_norm = nn.LayerNorm(C)
        self.attention = SelfAttention(C, options.heads, options.dropout)
        self.convolution = _Convolution(options)
        self.norm = nn.LayerNorm(C)
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        x = x + 0.5 * self.before(x)
        x = x + self.dropout(self.attention(self.attention_norm(x), keep))
        x = x + self.dropout(self.convolution(x, keep))
        return self.norm(x + 0.5 * self.after(x))


class ConformerEncoder(nn.Module):
    """Encodes (N, F, T) to (N, C, ceil(T / stride)), T at most ``max_frames``.

    Attributes:
        stride: input frames per output frame.
        window: input frames that the first output frame needs.
        out_features: C.
    """

    window = 1

    def __init__(self, options: Options, in_features: int, max_frames: int) -> None:
        super().__init__()
        C = options.channels
        self.stride = options.stride
        self.out_features = C
        self.stem = MaskedConvNorm(in_features, C, 3, stride=options.stride)
        frames = -(-max_frames // options.stride)
        self.positions = Positions(options.positions, frames, C)
        self.blocks = nn.ModuleList(_Block(options) for _ in range(options.layers))

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, C, T').

        Args:
            x: (N, F, T) float32 features.
            keep: (N, 1, T) float32, 1 on valid frames, 0 on padding.
        """
        coarse = keep if self.stride == 1 else keep[:, :, :: self.stride]
        x = torch.relu(self.stem(x * keep, coarse))
        x = self.positions(x.transpose(1, 2))
        for block in self.blocks:
            x = block(x, coarse)
        return x.transpose(1, 2)


def _feed_forward(options: Options) -> nn.Module:
    C = options.channels
    return nn.Sequential(
        nn.LayerNorm(C),
        nn.Linear(C, options.expand * C),
        nn.SiLU(),
        nn.Dropout(options.dropout),
        nn.Linear(options.expand * C, C),
        nn.Dropout(options.dropout),
    )
