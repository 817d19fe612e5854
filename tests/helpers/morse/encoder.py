"""Three convolutions, the second of stride two."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Options:
    """Width of the network."""

    channels: int = 32


class MorseEncoder(nn.Module):
    """Encodes (N, F, T) to (N, C, ceil(T / 2))."""

    stride, window = 2, 1

    def __init__(self, channels: int, in_features: int) -> None:
        super().__init__()
        self.out_features = channels
        self.first = nn.Conv1d(in_features, channels, 5, padding=2)
        self.down = nn.Conv1d(channels, channels, 5, padding=2, stride=2)
        self.last = nn.Conv1d(channels, channels, 9, padding=4)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        x = torch.relu(self.first(x)) * keep
        coarse = keep[:, :, ::2]
        return torch.relu(self.last(torch.relu(self.down(x)) * coarse)) * coarse


def create(options: Options, *, in_features: int, max_frames: int) -> MorseEncoder:
    return MorseEncoder(options.channels, in_features)
