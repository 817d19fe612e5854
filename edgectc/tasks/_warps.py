"""Random changes of swipes: of the keyboard with the trace on it, and of the trace alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgectc.data.layouts import KeyRow, Layout


@dataclass(frozen=True)
class Augment:
    """Random change of each training sample; lengths in key units, standard deviations.

    The first five change the trace and leave the keys; the next four change both alike, which
    makes new words of the same strokes.

    Attributes:
        shift: of the whole trace.
        scale: relative, each axis on its own.
        shear: key units sideways per key unit across, both ways.
        wobble: of a slow curve added along the trace.
        pace: of the logarithm of the time scale.
        mirror: chance of each axis to be mirrored.
        reverse: chance of the trace to run backwards, and its label with it.
        stretch: of the logarithm of the size of each axis.
        skew: key units sideways per key unit across, both ways.
        views: 2 shows each sample twice in a batch, the trace warped in two ways; see
            ``loss.agreement``.
    """

    shift: float = 0.12
    scale: float = 0.04
    shear: float = 0.03
    wobble: float = 0.08
    pace: float = 0.2
    mirror: float = 0.0
    reverse: float = 0.0
    stretch: float = 0.0
    skew: float = 0.0
    views: int = 1

    def __post_init__(self) -> None:
        if not (0 <= self.mirror <= 1 and 0 <= self.reverse <= 1):
            raise ValueError("expected mirror and reverse in [0, 1]")
        if self.views not in (1, 2):
            raise ValueError(f"views is {self.views}, expected 1 or 2")


def augmented(inputs: dict[str, Tensor], how: Augment, rng: torch.Generator) -> dict[str, Tensor]:
    """Return the inputs with each trace warped at random; keys stay where they are.

    Padding stays zero, and every finite trace stays finite.
    """
    trace, length = inputs["trace"], inputs["length"]
    N, T, _ = trace.shape
    size = inputs["key_size"][:, None, :]
    keep = (torch.arange(T) < length[:, None])[:, :, None]

    def noise(*shape: int) -> Tensor:
        return torch.randn(N, *shape, generator=rng)

    xy = trace[:, :, :2] / size
    middle = (xy * keep).sum(1, keepdim=True) / length[:, None, None]
    centred = xy - middle
    bent = centred * (1.0 + how.scale * noise(1, 2)) + how.shear * noise(1, 2) * centred.flip(2)
    phase = torch.arange(T) / (T - 1) * torch.pi
    waves = torch.stack([torch.cos(phase * k) for k in range(1, 6)])  # (5, T), slow curves
    curve = torch.einsum("nkc,kt->ntc", noise(5, 2), waves) * (how.wobble / 5**0.5)
    moved = (bent + middle + curve + how.shift * noise(1, 2)) * size
    t = trace[:, :, 2:] * torch.exp(how.pace * noise(1, 1))
    return {**inputs, "trace": torch.cat([moved, t], dim=2) * keep}


def rebuilt(inputs: dict[str, Tensor], how: Augment, rng: torch.Generator) -> dict[str, Tensor]:
    """Return the inputs with trace and keys mirrored, stretched and skewed together.

    It happens about the centre of the keys. Padding and unused slots stay zero.
    """
    trace, keys, used = inputs["trace"], inputs["keys"], inputs["key_mask"][:, :, None]
    N, T, _ = trace.shape
    size = inputs["key_size"][:, None, :]
    keep = (torch.arange(T) < inputs["length"][:, None])[:, :, None]
    side = 1.0 - 2.0 * (torch.rand(N, 1, 2, generator=rng) < how.mirror).float()
    grow = side * torch.exp(how.stretch * torch.randn(N, 1, 2, generator=rng))
    lean = how.skew * torch.randn(N, 1, 2, generator=rng)
    centre = (keys * used).sum(1, keepdim=True) / used.sum(1, keepdim=True)

    def move(places: Tensor) -> Tensor:
        units = (places - centre) / size
        return (units + lean * units.flip(2)) * grow * size + centre

    moved = torch.cat([move(trace[:, :, :2]), trace[:, :, 2:]], dim=2) * keep
    return {**inputs, "trace": moved, "keys": move(keys) * used}


def backwards(trace: Tensor, length: Tensor, chosen: Tensor) -> Tensor:
    """Return traces (N, T, 3), those that are ``chosen`` (N,) from their end to their start."""
    frames = torch.arange(trace.shape[1])
    last = length[:, None].long() - 1
    source = torch.where(frames <= last, last - frames, frames)[:, :, None].expand_as(trace)
    turned = trace.gather(1, source)
    end = trace.gather(1, last[:, :, None].expand(-1, 1, 3))[:, :, 2:]
    keep = (frames <= last)[:, :, None]
    turned = torch.cat([turned[:, :, :2], end - turned[:, :, 2:]], dim=2) * keep
    return torch.where(chosen[:, None, None], turned, trace)


def random_layout(name: str, rng: np.random.Generator) -> Layout:
    """Return 26 letters in random order on three rows of random offsets and key width."""
    letters = rng.permutation(list("abcdefghijklmnopqrstuvwxyz"))
    first, second = int(rng.integers(9, 11)), int(rng.integers(8, 11))
    counts = (first, second, 26 - first - second)
    width = float(rng.uniform(0.085, 1.0 / max(counts)))
    rows, at = [], 0
    for count in counts:
        left = float(rng.uniform(0.0, 1.0 - count * width))
        rows.append(KeyRow("".join(letters[at : at + count]), left, width))
        at += count
    return Layout(name, tuple(rows))
