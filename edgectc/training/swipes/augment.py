"""Random change of swipes, a batch of traces at a time.

A change is a function of this module and a field of `Augment` that is 0 by default. It draws from
the generator only if its field is not 0, so that a new one leaves the draws of old runs alone. It
keeps the number of frames (so a label that fits goes on fitting), the order of time, and padding.
What changes the keyboard or the label too is in `edgectc.training.swipes.keyboard_augment`; how a
trace is reported, before it is resampled, in `edgectc.training.swipes.nuisances`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edgectc.training.signal_task import check_strengths
from edgectc.training.swipes.draws import Draws

_CHANCES = ("mirror", "reverse", "split", "speed", "rest", "clock", "rate", "finger")


@dataclass(frozen=True)
class Augment:
    """Random change of each training trace; lengths in key units, standard deviations.

    Attributes:
        shift: of the whole trace.
        scale: relative, each axis on its own.
        shear: key units sideways per key unit across, both ways.
        wobble: of a slow curve added along the trace.
        pace: of the logarithm of the time scale.
        noise: of each point on its own.
        warp: of the logarithm of the pace along the trace.
        drop: chance of each point between the ends to be lost; its place is interpolated.
        mask: chance of a trace to lose a stretch of points in the same way.
        mask_frames: longest such stretch.
        mirror: chance of each axis of the keyboard to be mirrored, the trace with it.
        reverse: chance of the trace to run backwards, and its label with it.
        stretch: of the logarithm of the size of each axis of the keyboard and the trace on it.
        skew: key units sideways per key unit across, both ways, of both.
        split: chance of the keyboard to be split in two halves, one to three keys apart, the trace
            stretched across the gap.
        speed: chance of 0.4 to 2.7 times the speed; unlike with ``pace`` the frames follow.
        rest: chance of the finger to rest for 0.2 to 4 s, at the start, at the end or between.
        clock: chance of times from a clock of 10 to 130 ms.
        rate: chance of a screen of 20 to 50 Hz.
        finger: chance of one to six points of a second finger.
        views: 2 shows each sample twice in a batch, the trace warped in two ways; see
            ``loss.agreement``.
    """

    shift: float = 0.12
    scale: float = 0.04
    shear: float = 0.03
    wobble: float = 0.08
    pace: float = 0.2
    noise: float = 0.0
    warp: float = 0.0
    drop: float = 0.0
    mask: float = 0.0
    mask_frames: int = 8
    mirror: float = 0.0
    reverse: float = 0.0
    stretch: float = 0.0
    skew: float = 0.0
    split: float = 0.0
    speed: float = 0.0
    rest: float = 0.0
    clock: float = 0.0
    rate: float = 0.0
    finger: float = 0.0
    views: int = 1

    def __post_init__(self) -> None:
        check_strengths(self)
        chances = {name: getattr(self, name) for name in _CHANCES}
        if max(chances.values()) > 1 or self.views not in (1, 2):
            raise ValueError(f"expected {', '.join(chances)} in [0, 1], views 1 or 2")


def augmented(inputs: dict[str, Tensor], how: Augment, draws: Draws) -> dict[str, Tensor]:
    """Return the inputs with each trace warped at random; keys stay where they are.

    Padding stays zero, and every finite trace stays finite.
    """
    trace, length = inputs["trace"], inputs["length"]
    _, T, _ = trace.shape
    size = inputs["key_size"][:, None, :]
    keep = (torch.arange(T) < length[:, None])[:, :, None]

    noise = draws.normal
    xy = trace[:, :, :2] / size
    middle = (xy * keep).sum(1, keepdim=True) / length[:, None, None]
    centred = xy - middle
    bent = centred * (1.0 + how.scale * noise(1, 2)) + how.shear * noise(1, 2) * centred.flip(2)
    curve = torch.einsum("nkc,kt->ntc", noise(5, 2), _waves(T)) * (how.wobble / 5**0.5)
    moved = (bent + middle + curve + how.shift * noise(1, 2)) * size
    t = trace[:, :, 2:] * torch.exp(how.pace * noise(1, 1))
    if how.noise:
        moved = moved + how.noise * noise(T, 2) * size
    if how.warp:
        t = _warped(t, torch.einsum("nk,kt->nt", noise(5), _waves(T)) * (how.warp * 0.4**0.5))
    moved_trace = torch.cat([moved, t], dim=2) * keep
    if how.drop or how.mask:
        moved_trace = _bridged(moved_trace, ~_lost(length, T, how, draws)) * keep
    return {**inputs, "trace": moved_trace}


def _waves(frames: int) -> Tensor:
    """Return (5, T) slow curves."""
    phase = torch.arange(frames) / (frames - 1) * torch.pi
    return torch.stack([torch.cos(phase * k) for k in range(1, 6)])


def _warped(t: Tensor, log_pace: Tensor) -> Tensor:
    """Return times (N, T, 1) whose steps are scaled by exp of ``log_pace`` (N, T); never back."""
    steps = torch.diff(t[:, :, 0], dim=1, prepend=t[:, :1, 0]).clamp(min=0.0)
    return (t[:, :1, 0] + (steps * log_pace.exp()).cumsum(1))[:, :, None]


def _lost(length: Tensor, frames: int, how: Augment, draws: Draws) -> Tensor:
    """Return (N, T) bool, True for points between the ends that are lost."""
    N, frame = len(length), torch.arange(frames)
    lost = torch.zeros(N, frames, dtype=torch.bool)
    if how.drop:
        lost |= draws.uniform(frames) < how.drop
    if how.mask:
        chance, size, place = draws.uniform(1), draws.uniform(1), draws.uniform(1)
        width = 1 + (size * how.mask_frames).long()
        start = 1 + (place * (length[:, None] - 1 - width).clamp(min=1)).long()
        lost |= (chance < how.mask) & (frame >= start) & (frame < start + width)
    return lost & (frame > 0) & (frame < length[:, None] - 1)


def _bridged(trace: Tensor, seen: Tensor) -> Tensor:
    """Return the trace (N, T, 3) with straight lines where points were not ``seen`` (N, T)."""
    N, T, C = trace.shape
    frame = torch.arange(T).expand(N, T)
    before = torch.where(seen, frame, 0).cummax(1).values
    after = torch.where(seen, frame, T - 1).flip(1).cummin(1).values.flip(1)
    share = ((frame - before) / (after - before).clamp(min=1))[:, :, None]
    first = trace.gather(1, before[:, :, None].expand(N, T, C))
    second = trace.gather(1, after[:, :, None].expand(N, T, C))
    return torch.where(seen[:, :, None], trace, first + (second - first) * share)
