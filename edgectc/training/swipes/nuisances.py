"""What other screens and other hands do to a trace: another clock, rests, a second finger.

These change the points as a screen would report them, so a trace is resampled after them, by the
frontend that the model ships with: what training sees is what a phone of that kind would send. A
change is a field of `Augment`, 0 by default, and draws from the generator only if it is not 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgectc.core.tokens import frames_needed, output_length
from edgectc.core.types import Array
from edgectc.data.frontends.swipe import SwipeFrontend
from edgectc.training.swipes.augment import Augment
from edgectc.training.swipes.draws import Draws
from edgectc.training.swipes.keyboard_augment import parted
from edgectc.training.task import LengthMap

_LONGEST_MS = 20_000.0  # of a trace that is made slower or rests
_REST_MS = (200.0, 4000.0)
_CLOCK_MS = (10.0, 130.0)
_SPACING_MS = (20.0, 50.0)  # of the points of a slow screen
_SLOWER = 1.0  # most, of the logarithm of the time scale
_FINGERS = 6  # most points of a second finger


@dataclass(frozen=True)
class Reporting:
    """Prepares changed points again, as the model's frontend does.

    Attributes:
        frontend: of the model.
        stride: of the model's length map.
        window: of it.
    """

    frontend: SwipeFrontend
    stride: int
    window: int

    @classmethod
    def of(cls, frontend: SwipeFrontend, model: LengthMap) -> Reporting:
        """Return the one of a model."""
        return cls(frontend, model.stride, model.window)

    def room(self, frames: int) -> int:
        """Return how many output frames that many input frames give."""
        return output_length(frames, self.stride, self.window)


def disturbs(how: Augment) -> bool:
    """Return whether anything is asked for that `disturbed` does."""
    return any((how.split, how.rest, how.clock, how.rate, how.speed, how.finger))


def disturbed(
    inputs: dict[str, Tensor],
    labels: Sequence[Sequence[int]],
    how: Augment,
    reporting: Reporting,
    draws: Draws,
) -> dict[str, Tensor]:
    """Return the inputs with each trace reported otherwise, some on a keyboard in two halves.

    A trace that would leave its label too few frames is reported as before.

    Args:
        inputs: of a batch; ``trace`` (N, T, 3) with t in seconds.
        labels: token ids of each.
        how: chances and strengths.
        reporting: of the model.
        draws: of the batch; each row has some of its own.
    """
    again = [False] * len(labels)
    if how.split:
        inputs, halves = parted(inputs, how, draws)
        again = halves.tolist()
    seed = draws.seed()
    places = range(len(labels)) if draws.rows is None else draws.rows.tolist()
    trace, length = inputs["trace"].numpy().copy(), inputs["length"].numpy().copy()
    sizes = inputs["key_size"].double().numpy()
    rows = zip(places, length.tolist(), labels, strict=True)
    for i, (place, n, label) in enumerate(rows):
        rng = np.random.default_rng([seed, place])
        points = trace[i, :n].astype(np.float64) * (1.0, 1.0, 1e3)
        points[:, :2] /= sizes[i]
        changed = change(points, how, rng)
        if changed is None:
            if not again[i]:
                continue
            changed = points
        changed[:, :2] *= sizes[i]
        frames = reporting.frontend.resample_on(changed, sizes[i])
        if reporting.room(len(frames)) >= frames_needed(label):
            trace[i] = 0.0
            trace[i, : len(frames)] = frames
            length[i] = len(frames)
    return {**inputs, "trace": torch.from_numpy(trace), "length": torch.from_numpy(length)}


def change(points: Array, how: Augment, rng: np.random.Generator) -> Array | None:
    """Return a trace (n, 3) of key units and ms as another screen or hand gives it.

    Its times never fall. None where no change was drawn, or where all points would have one time.
    """
    before = points
    if how.speed and rng.random() < how.speed:
        points = points * (1.0, 1.0, float(np.exp(rng.uniform(-_SLOWER, _SLOWER))))
    if how.finger and rng.random() < how.finger:
        points = second_finger(points, rng)
    if how.rest and rng.random() < how.rest:
        points = rested(points, rng)
    if how.rate and rng.random() < how.rate:
        points = thinned(points, rng)
    if how.clock and rng.random() < how.clock:
        points = coarse(points, rng)
    usable = 0.0 < points[-1, 2] - points[0, 2] <= _LONGEST_MS
    return points if points is not before and usable else None


def rested(points: Array, rng: np.random.Generator) -> Array:
    """Return the trace with the finger held for a while at its start, its end or on the way.

    Half of the fingers are reported as they rest, with two equal points; half are not reported
    before they move on.
    """
    last = len(points) - 1
    place = (0, int(rng.integers(0, last + 1)), last)[int(rng.integers(0, 3))]
    held = float(np.exp(rng.uniform(*np.log(_REST_MS))))
    later = points[place:].copy() if place == last or rng.random() < 0.5 else points[place + 1 :]
    return np.concatenate([points[: place + 1], later + np.array([0.0, 0.0, held])])


def thinned(points: Array, rng: np.random.Generator) -> Array:
    """Return the trace as a slow screen samples it: evenly in time, at 20 to 50 ms."""
    t = points[:, 2]
    count = max(2, round((t[-1] - t[0]) / rng.uniform(*_SPACING_MS)) + 1)
    times = np.linspace(t[0], t[-1], count)
    x, y = (np.interp(times, t, points[:, axis]) for axis in (0, 1))
    return np.stack([x, y, times], axis=1)


def coarse(points: Array, rng: np.random.Generator) -> Array:
    """Return the trace with times of a clock of 10 to 130 ms, so that several points have one."""
    tick = float(rng.uniform(*_CLOCK_MS))
    since = float(rng.uniform(0.0, tick))
    times = np.floor((points[:, 2] - points[0, 2] + since) / tick) * tick
    return np.concatenate([points[:, :2], times[:, None]], axis=1)


def second_finger(points: Array, rng: np.random.Generator) -> Array:
    """Return the trace with up to six points of another finger, two keys or farther away.

    They come in place of its own points, or between them.
    """
    count = min(int(rng.integers(1, _FINGERS + 1)), max(1, len(points) // 4))
    start = int(rng.integers(1, max(2, len(points) - count)))
    angle, far = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(2.0, 7.0)
    place = points[start, :2] + far * np.array([np.cos(angle), 0.35 * np.sin(angle)])
    touch = points[start : start + count].copy()
    touch[:, :2] = place + rng.normal(0.0, 0.05, (len(touch), 2))
    if rng.random() < 0.5:
        return np.concatenate([points[:start], touch, points[start + count :]])
    both = np.stack([points[start : start + count], touch], 1).reshape(-1, 3)
    return np.concatenate([points[:start], both, points[start + count :]])
