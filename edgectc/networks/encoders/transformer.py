"""A transformer over frames: pre-norm blocks of self-attention and a feed-forward network.

Source: Vaswani et al. 2017, "Attention Is All You Need"; Xiong et al. 2020, "On Layer Normalization
in the Transformer Architecture" (normalisation before each branch, which trains without a warm-up
of thousands of steps).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from edgectc.core.config import check_numbers, number
from edgectc.networks.layers import MOST_LAYERS, Positions, SelfAttention


@dataclass(frozen=True)
class Options:
    """Shape of the network; the default has 14.6 million parameters on 35 features.

    Attributes:
        channels: width of every block.
        layers: blocks.
        heads: attention heads, a divisor of ``channels``.
        hidden: width of the feed-forward network.
        positions: "sinusoidal" or "learned".
        dropout: share of values dropped on each branch while training.
    """

    channels: int = 384
    layers: int = number(8, least=0, most=MOST_LAYERS)
    heads: int = 6
    hidden: int = 1600
    positions: str = "sinusoidal"
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.channels % self.heads or self.channels % 2:
            raise ValueError(
                f"channels is {self.channels}, expected an even multiple of heads ({self.heads})"
            )
        if self.positions not in ("sinusoidal", "learned"):
            raise ValueError(f"positions is {self.positions!r}, expected sinusoidal or learned")


def create(options: Options, *, in_features: int, max_frames: int) -> TransformerEncoder:
    """Return an untrained encoder of ``in_features`` input channels."""
    return TransformerEncoder(options, in_features, max_frames)


class _Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x))."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        C = options.channels
        self.norm1, self.norm2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.attention = SelfAttention(C, options.heads, options.dropout)
        self.feed_forward = nn.Sequential(
            nn.Linear(C, options.hidden),
            nn.GELU(),
            nn.Dropout(options.dropout),
            nn.Linear(options.hidden, C),
        )
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x), keep))
        return x + self.dropout(self.feed_forward(self.norm2(x)))


class TransformerEncoder(nn.Module):
    """Encodes (N, F, T) to (N, C, T), T at most ``max_frames``.

    Attributes:
        stride: input frames per output frame.
        window: input frames that the first output frame needs.
        out_features: C.
    """

    stride = 1
    window = 1

    def __init__(self, options: Options, in_features: int, max_frames: int) -> None:
        super().__init__()
        C = options.channels
        self.out_features = C
        self.project = nn.Linear(in_features, C)
        self.positions = Positions(options.positions, max_frames, C)
        self.blocks = nn.ModuleList(_Block(options) for _ in range(options.layers))
        self.norm = nn.LayerNorm(C)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, C, T).

        Args:
            x: (N, F, T) float32 features.
            keep: (N, 1, T) float32, 1 on valid frames, 0 on padding.
        """
        x = self.positions(self.project(x.transpose(1, 2)))
        for block in self.blocks:
            x = block(x, keep)
        return self.norm(x).transpose(1, 2)
