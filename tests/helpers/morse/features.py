"""The tone itself, and how it changes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgectc.core.contracts import Frontend
from edgectc.networks.head import LinearHead
from edgectc.networks.layers import keep_mask


@dataclass(frozen=True)
class Options:
    """There is nothing to choose."""


class MorseFeatures(nn.Module):
    """(tone, length) to encoder input."""

    out_features = 2

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns = columns

    def make_head(self, in_features: int) -> LinearHead:
        return LinearHead(in_features, self.columns)

    def forward(self, tone: Tensor, length: Tensor) -> tuple[Tensor, Tensor, tuple[()]]:
        keep = keep_mask(length, tone.shape[1])
        x = tone.transpose(1, 2) * keep
        rise = torch.nn.functional.pad(x[:, :, 1:] - x[:, :, :-1], (1, 0))
        return torch.cat([x, rise], dim=1) * keep, keep, ()


def create(options: Options, *, frontend: Frontend) -> MorseFeatures:
    return MorseFeatures(len(frontend.tokens()))
