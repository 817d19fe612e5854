"""The classic view of a swipe: eight kinematic features and which key is nearest.

x, y, dx, dy, vx, vy, ax, ay and a one-hot nearest key: 8 + K channels, 35 for 27 keys. All lengths
are in key units from the centre of the keyboard, so the features mean the same on every layout,
but each key is known by its slot: the head has one column a slot, and a model serves the layouts
whose slots it was trained on. Every feature is bounded, in float16 too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgectc.core.contracts import Frontend
from edgectc.networks.head import LinearHead

_KINEMATIC = 8
_BOUND = 10.0  # of every feature
_REACH = 20.0  # key units: farther points count as that far
_SPEED = 10.0  # key units per second that map to one
_ACCELERATION = 100.0  # key units per second squared that map to one
_MIN_DT_S = 2e-3
_FAR = 1e4  # squared distance of an unused slot


@dataclass(frozen=True)
class Options:
    """The features have nothing to choose; the slots are the frontend's."""


def create(options: Options, *, frontend: Frontend) -> KinematicFeatures:
    """Return the features of the inputs that the swipe ``frontend`` makes."""
    return KinematicFeatures(frontend.max_frames, frontend.slots)


class KinematicFeatures(nn.Module):
    """(trace, length, keys, key_mask, key_size) to encoder input."""

    frames: Tensor
    slots: Tensor

    def __init__(self, max_frames: int, slots: int) -> None:
        super().__init__()
        self.out_features = _KINEMATIC + slots
        self.register_buffer(
            "frames", torch.arange(max_frames).float()[None, None], persistent=False
        )
        self.register_buffer("slots", torch.arange(slots)[None, None], persistent=False)

    def make_head(self, in_features: int) -> LinearHead:
        """Return the head: one column a slot, and the blank last."""
        return LinearHead(in_features, self.slots.shape[2] + 1)

    def forward(
        self, trace: Tensor, length: Tensor, keys: Tensor, key_mask: Tensor, key_size: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor]]:
        """Return features (N, 8 + K, T), keep (N, 1, T) and (key_mask,).

        Args:
            trace: (N, T, 3) float32 x, y in the letter-area frame, t in seconds.
            length: (N,) int32 valid frames.
            keys: (N, K, 2) float32 key centres.
            key_mask: (N, K) float32, 1 = key, 0 = unused slot.
            key_size: (N, 2) float32 width and height of a key.
        """
        N, T, _ = trace.shape
        used = key_mask.reshape(N, -1, 1)
        lengths = length.reshape(N, 1, 1).to(trace.dtype)
        keep = torch.clamp(lengths - self.frames[:, :, :T].to(trace.dtype), 0.0, 1.0)
        unit = 1.0 / torch.clamp(key_size, min=1e-2).reshape(N, 1, 2)
        center = (keys * used).sum(1, keepdim=True) / torch.clamp(used.sum(1, True), min=1.0)
        points = torch.clamp((trace[:, :, :2] - center) * unit, -_REACH, _REACH)
        steps = ((trace[:, 1:, :2] - trace[:, :-1, :2]) * unit).transpose(1, 2)
        dt = (trace[:, 1:, 2] - trace[:, :-1, 2]).reshape(N, 1, T - 1)
        moves = self._kinematics(points.transpose(1, 2), steps, dt)
        nearest = self._nearest(points, (keys - center) * unit, key_mask).transpose(1, 2)
        return torch.cat([moves, nearest], dim=1) * keep, keep, (key_mask,)

    def _kinematics(self, points: Tensor, steps: Tensor, dt: Tensor) -> Tensor:
        """Place, displacement, velocity and acceleration, (N, 8, T), each within 10."""
        # Scaled before each quotient, so that none overflows float16.
        dt = torch.clamp(dt, min=_MIN_DT_S)
        steps = torch.clamp(steps, -_BOUND, _BOUND)
        speed = F.pad(torch.clamp(steps * (1.0 / _SPEED) / dt, -_BOUND, _BOUND), (1, 0))
        change = (speed[:, :, 1:] - speed[:, :, :-1]) * (_SPEED / _ACCELERATION)
        push = torch.clamp(change / dt, -_BOUND, _BOUND)
        position = torch.clamp(points, -_BOUND, _BOUND)
        return torch.cat([position, F.pad(steps, (1, 0)), speed, F.pad(push, (1, 0))], dim=1)

    def _nearest(self, points: Tensor, keys: Tensor, key_mask: Tensor) -> Tensor:
        """1 at the used key nearest to each frame, (N, T, K)."""
        N = points.shape[0]  # len() would make it a constant of the exported graph
        dx = points[:, :, 0:1] - keys[:, :, 0].reshape(N, 1, -1)
        dy = points[:, :, 1:2] - keys[:, :, 1].reshape(N, 1, -1)
        unused = (1.0 - key_mask).reshape(N, 1, -1)
        distance = (dx * dx + dy * dy) * (1.0 - unused) + unused * _FAR
        chosen = distance.argmin(dim=2, keepdim=True)
        return (chosen == self.slots).to(points.dtype)
