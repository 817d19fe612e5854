"""Binned neural activity to encoder input: smoothing in time and an input layer for each day.

Electrodes drift from day to day, so each day has its own affine map of the channels; the day is an
input of the graph. The map starts as the identity.

Source: Willett et al. 2023, "A high-performance speech neuroprosthesis".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgectc.networks.head import LinearHead


@dataclass(frozen=True)
class Options:
    """Smoothing and regularisation.

    Attributes:
        kernel: frames of the Gaussian kernel.
        sigma: its standard deviation, in frames.
        dropout: share of values dropped after the day's layer while training.
    """

    kernel: int = 20
    sigma: float = 2.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.sigma <= 0:
            raise ValueError("kernel must be >= 1 and sigma > 0")


def create(options: Options, *, frontend: Any) -> NeuralFeatures:
    """Return the features of the inputs that the neural ``frontend`` makes."""
    shape = frontend.options
    return NeuralFeatures(
        options, shape.max_frames, shape.channels, len(shape.days), len(frontend.tokens())
    )


class NeuralFeatures(nn.Module):
    """(signal, length, day) to encoder input."""

    frames: Tensor
    gaussian: Tensor

    def __init__(
        self, options: Options, max_frames: int, channels: int, days: int, outputs: int
    ) -> None:
        super().__init__()
        self.out_features = channels
        self.outputs = outputs
        self.register_buffer(
            "frames", torch.arange(max_frames).float()[None, None], persistent=False
        )
        kernel = gaussian(options.kernel, options.sigma)
        # Stored with the weights, because ExecuTorch keeps no other constant of a convolution.
        self.register_buffer("gaussian", kernel.repeat(channels, 1, 1))
        # An even kernel has no middle: the odd frame of padding goes to the end, as "same" has it.
        self.padding = ((options.kernel - 1) // 2, options.kernel // 2)
        self.day_weight = nn.Parameter(torch.eye(channels).repeat(days, 1, 1))
        self.day_bias = nn.Parameter(torch.zeros(days, 1, channels))
        self.dropout = nn.Dropout(options.dropout)

    def make_head(self, in_features: int) -> LinearHead:
        """Return the head: one column a phoneme and the blank."""
        return LinearHead(in_features, self.outputs)

    def forward(
        self, signal: Tensor, length: Tensor, day: Tensor
    ) -> tuple[Tensor, Tensor, tuple[()]]:
        """Return features (N, F, T), keep (N, 1, T) and ().

        Args:
            signal: (N, T, F) float32 activity per bin.
            length: (N,) int32 valid frames.
            day: (N,) int32 index of the day.
        """
        N, T, _ = signal.shape
        lengths = length.reshape(N, 1, 1).to(signal.dtype)
        keep = torch.clamp(lengths - self.frames[:, :, :T].to(signal.dtype), 0.0, 1.0)
        x = F.pad(signal.transpose(1, 2) * keep, self.padding)
        return self._moved(x, day), keep, ()

    @property
    def look_ahead(self) -> int:
        """Return the frames after a chunk that its smoothing needs."""
        return self.padding[1]

    def initial(self) -> tuple[Tensor, ...]:
        """Return the frames before the first chunk: (1, F, left) zeros."""
        return (torch.zeros(1, self.out_features, self.padding[0]),)

    def step(
        self, chunk: int, inputs: tuple[Tensor, ...], states: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return features, keep and () as a call does, without the look-ahead; and the states.

        Args:
            chunk: frames by which the stream moves on.
            inputs: as of a call; the signal holds at least the chunk and the look-ahead.
            states: (1, F, left), the frames before.
        """
        signal, length, day = inputs
        T, left = signal.shape[1], self.padding[0]
        place = torch.arange(T, device=signal.device, dtype=signal.dtype)[None, None]
        keep = torch.clamp(length.reshape(-1, 1, 1).to(signal.dtype) - place, 0.0, 1.0)
        x = torch.cat([states[0], signal.transpose(1, 2) * keep], dim=2)
        kept = keep[:, :, : T - self.look_ahead]
        return self._moved(x, day), kept, (), (x[:, :, chunk : chunk + left],)

    def _moved(self, x: Tensor, day: Tensor) -> Tensor:
        """Return (N, F, T) smoothed features of padded x (N, F, T + kernel - 1)."""
        C = x.shape[1]
        smooth = F.conv1d(x, self.gaussian, groups=C).transpose(1, 2)
        weight = torch.index_select(self.day_weight, 0, day)
        moved = torch.bmm(smooth, weight) + torch.index_select(self.day_bias, 0, day)
        moved = moved / (1.0 + moved.abs())  # softsign
        return self.dropout(moved).transpose(1, 2)


def gaussian(kernel: int, sigma: float) -> Tensor:
    """Return (kernel,) samples of a Gaussian around the middle of the kernel, of sum one."""
    offset = torch.arange(kernel) - (kernel - 1) / 2
    bump = torch.exp(-0.5 * (offset / sigma) ** 2)
    return bump / bump.sum()
