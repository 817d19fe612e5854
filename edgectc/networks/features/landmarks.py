"""Body landmarks to encoder input: the points themselves, how they move, and the shape of a part.

Of P points, 4 * 3P channels: pose, hands and face as they are (3P), velocity, acceleration (per
frame), and each point relative to the middle of its own part: pose, left hand, right hand, face.
With 543 points that is 99 + 126 + 1404 + 4887 = 6516. Only the present and the past enter a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgectc.networks.head import LinearHead

_BOUND = 100.0  # of every coordinate; a tracker that answers more has lost the body


@dataclass(frozen=True)
class Options:
    """The features have nothing to choose; the points are the frontend's."""


def create(options: Options, *, frontend: Any) -> LandmarkFeatures:
    """Return the features of the inputs that the landmarks ``frontend`` makes."""
    shape = frontend.options
    parts = (shape.pose, shape.hand, shape.hand, shape.face)
    return LandmarkFeatures(parts, shape.max_frames, shape.columns)


class LandmarkFeatures(nn.Module):
    """(signal, length) to encoder input."""

    frames: Tensor

    def __init__(self, parts: tuple[int, ...], max_frames: int, outputs: int) -> None:
        super().__init__()
        self.parts = parts
        self.outputs = outputs
        self.out_features = 12 * sum(parts)
        self.register_buffer(
            "frames", torch.arange(max_frames).float()[None, None], persistent=False
        )

    def make_head(self, in_features: int) -> LinearHead:
        """Return the head: one column a gloss and the blank."""
        return LinearHead(in_features, self.outputs)

    def forward(self, signal: Tensor, length: Tensor) -> tuple[Tensor, Tensor, tuple[()]]:
        """Return features (N, F, T), keep (N, 1, T) and ().

        Args:
            signal: (N, T, 3P) float32 coordinates, point by point.
            length: (N,) int32 valid frames.
        """
        N, T, _ = signal.shape
        lengths = length.reshape(N, 1, 1).to(signal.dtype)
        keep = torch.clamp(lengths - self.frames[:, :, :T].to(signal.dtype), 0.0, 1.0)
        points = torch.clamp(signal, -_BOUND, _BOUND).transpose(1, 2)
        velocity = F.pad(points[:, :, 1:] - points[:, :, :-1], (1, 0))
        acceleration = F.pad(velocity[:, :, 1:] - velocity[:, :, :-1], (1, 0))
        x = torch.cat([points, velocity, acceleration, self._shape(points)], dim=1)
        return x * keep, keep, ()

    def _shape(self, points: Tensor) -> Tensor:
        """Return (N, 3P, T): each point relative to the middle of its part."""
        N, _, T = points.shape
        out = []
        for part in points.split([3 * count for count in self.parts], dim=1):
            axes = part.reshape(N, -1, 3, T)
            out.append((axes - axes.mean(dim=1, keepdim=True)).reshape(N, -1, T))
        return torch.cat(out, dim=1)
