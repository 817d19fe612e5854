"""What a swipe network sees and says, inside the graph: kinematics, key proximity, key scores.

Everything is measured in key units relative to the centre of the keyboard, and no learned weight
belongs to a slot: a key is known by where it lies alone. So one network serves any layout, and the
order of the slots changes nothing.

Arithmetic is safe by construction: each square root and quotient has a floor under it, each
feature is bounded, masks are finite in float16, and all constants are floats (an int constant
becomes an int64 tensor with a cast that no delegate takes).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgectc.core.contracts import Frontend
from edgectc.networks.lowering import NativeWriter

MASKED = 1e4  # subtracted from an unused slot's score; below float16's 65504
_MIN_STEP = 0.01  # key units: below this a step has no direction
_MIN_DT_S = 1e-3
_SPEED = 10.0  # key units per second that map to one half
_WAVELENGTHS = (2.0, 4.0, 8.0, 16.0)  # key units, of the key-position code
_KINEMATIC = 15


@dataclass(frozen=True)
class Options:
    """Size of the key codes and shape of the proximity feature.

    Attributes:
        key_hidden: width of the network that codes a key's position.
        key_in: channels of the proximity feature.
        key_out: channels in which a frame is compared with a key.
        reach: standard deviation of the proximity bump, in key units.
        bound: largest absolute score before log_softmax: keeps log_probs above about -2 * bound.
    """

    key_hidden: int = 96
    key_in: int = 48
    key_out: int = 64
    reach: float = 0.7
    bound: float = 15.0


def create(options: Options, *, frontend: Frontend) -> SwipeFeatures:
    """Return untrained features of the inputs that ``frontend`` makes."""
    return SwipeFeatures(options, frontend.max_frames)


class SwipeFeatures(nn.Module):
    """(trace, length, keys, key_mask, key_size) to encoder input; holds the two key codes."""

    frames: Tensor
    waves: Tensor

    def __init__(self, options: Options, max_frames: int) -> None:
        super().__init__()
        self.options = options
        self.out_features = _KINEMATIC + options.key_in
        self.register_buffer("frames", torch.arange(max_frames).float()[None, None])
        self.register_buffer(
            "waves", torch.tensor([2.0 * math.pi / w for w in _WAVELENGTHS])[None, None]
        )
        position = 2 * (1 + 2 * len(_WAVELENGTHS))
        self.key_code = nn.Sequential(nn.Linear(position, options.key_hidden), nn.ReLU())
        self.key_in = nn.Linear(options.key_hidden, options.key_in)
        self.key_out = nn.Linear(options.key_hidden, options.key_out)

    def forward(
        self, trace: Tensor, length: Tensor, keys: Tensor, key_mask: Tensor, key_size: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Return features (N, F, T), keep (N, 1, T), and (codes (N, K, key_out), key_mask).

        Args:
            trace: (N, T, 3) float32 x, y in the letter-area frame, t in seconds.
            length: (N,) int32 valid frames.
            keys: (N, K, 2) float32 key centres.
            key_mask: (N, K) float32, 1 = key, 0 = unused slot.
            key_size: (N, 2) float32 width and height of a key.
        """
        N, T, _ = trace.shape
        K = keys.shape[1]
        used = key_mask.reshape(N, K, 1)
        # At full length without a slice in the graph; of a dynamic length T is no int.
        full = isinstance(T, int) and T == self.frames.shape[2]
        frames = self.frames if full else self.frames[:, :, :T]
        # 1 up to length, 0 after, without a comparison: one delegate less.
        keep = torch.clamp(length.reshape(N, 1, 1).to(trace.dtype) - frames, 0.0, 1.0)
        unit = 1.0 / torch.clamp(key_size, min=1e-2).reshape(N, 1, 2)
        center = (keys * used).sum(1, keepdim=True) / torch.clamp(used.sum(1, True), min=1.0)
        keys = (keys - center) * unit
        points = ((trace[:, :, :2] - center) * unit).transpose(1, 2)
        # Steps are taken before centring: that difference is exact in floating point, while the
        # rounding of the centre, which runtimes sum in different orders, would enter it enlarged.
        steps = ((trace[:, 1:, :2] - trace[:, :-1, :2]) * unit).transpose(1, 2)

        code = self.key_code(self._position(keys))
        near = self._proximity(points, keys) * key_mask.reshape(N, 1, K)
        proximity = torch.bmm(near, self.key_in(code)).transpose(1, 2)
        moves = self._kinematics(points, steps, trace[:, :, 2].reshape(N, 1, T), keep)
        return torch.cat([moves, proximity], dim=1), keep, (self.key_out(code), key_mask)

    def lower(self, writer: NativeWriter) -> int:
        """Take the features down for the target "native"."""
        code = self.key_code[0]
        assert isinstance(code, nn.Linear)
        return writer.swipe(code, self.key_in, self.key_out, reach=self.options.reach)

    def make_head(self, in_features: int) -> KeyHead:
        """Return the head that scores the keys."""
        return KeyHead(self.options, in_features)

    def _position(self, keys: Tensor) -> Tensor:
        """(N, K, 2) key units to sines, cosines and the position itself, (N, K, 18)."""
        x, y = keys[:, :, 0:1], keys[:, :, 1:2]
        a, b = x * self.waves, y * self.waves
        return torch.cat([x * 0.2, y, a.sin(), a.cos(), b.sin(), b.cos()], dim=2)

    def _proximity(self, points: Tensor, keys: Tensor) -> Tensor:
        """exp(-d^2 / (2 reach^2)) of each frame and key, (N, T, K)."""
        N, K, _ = keys.shape
        T = points.shape[2]
        dx = points[:, 0:1].reshape(N, T, 1) - keys[:, :, 0:1].reshape(N, 1, K)
        dy = points[:, 1:2].reshape(N, T, 1) - keys[:, :, 1:2].reshape(N, 1, K)
        return torch.exp((dx * dx + dy * dy) * (-0.5 / self.options.reach**2))

    def _kinematics(self, points: Tensor, steps: Tensor, t: Tensor, keep: Tensor) -> Tensor:
        """Position, displacement, direction, speed, time and turn, (N, 15, T), all bounded."""
        later = keep[:, :, 1:]
        step = steps * later
        dt = torch.clamp((t[:, :, 1:] - t[:, :, :-1]) * later, 0.0, 2.0)
        dx, dy = step[:, 0:1], step[:, 1:2]
        distance = torch.sqrt(dx * dx + dy * dy + _MIN_STEP**2)
        direction = step / distance
        speed = distance / torch.clamp(dt, min=_MIN_DT_S)
        pace = speed / (speed + _SPEED) * later
        moves = torch.cat([direction, pace, dt / (dt + 0.02)], dim=1)
        before, after = F.pad(moves, (1, 0)), F.pad(moves, (0, 1))
        ax, ay, bx, by = before[:, 0:1], before[:, 1:2], after[:, 0:1], after[:, 1:2]
        turn = torch.cat([ax * bx + ay * by, ax * by - ay * bx], dim=1)
        x, y = torch.clamp(points[:, 0:1] * 0.2, -4.0, 4.0), torch.clamp(points[:, 1:2], -4.0, 4.0)
        shift = F.pad(torch.clamp(step, -3.0, 3.0), (1, 0))
        return torch.cat([x, y, shift, before, after, turn, keep], dim=1)


class KeyHead(nn.Module):
    """Scores each frame against each key and the blank, which is one learned extra key."""

    def __init__(self, options: Options, in_features: int) -> None:
        super().__init__()
        self.bound = options.bound
        self.scale = options.key_out**-0.5
        self.query = nn.Conv1d(in_features, options.key_out, 1)
        self.blank = nn.Parameter(torch.randn(1, 1, options.key_out))

    def forward(self, x: Tensor, codes: Tensor, key_mask: Tensor) -> Tensor:
        """Return scores (N, T', K + 1); unused slots read about -1e4.

        Args:
            x: (N, C, T') encoder output.
            codes: (N, K, key_out) key codes.
            key_mask: (N, K) float32.
        """
        N, K, E = codes.shape
        codes = torch.cat([codes, self.blank.expand(N, 1, E)], dim=1) * self.scale
        scores = torch.bmm(self.query(x).transpose(1, 2), codes.transpose(1, 2))
        scores = torch.tanh(scores * (1.0 / self.bound)) * self.bound
        used = F.pad(key_mask, (0, 1), value=1.0).reshape(N, 1, K + 1)
        return scores * used + (used - 1.0) * MASKED

    def lower(self, writer: NativeWriter, x: int) -> None:
        """Take the head down for the target "native"."""
        writer.key_scores(writer.convolution(x, self.query), self.blank, bound=self.bound)
