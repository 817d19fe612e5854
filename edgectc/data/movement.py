"""How fingers move, as distributions: of real swipes, of generated ones, and how far they differ.

Lengths are in key units (a key's width along x, its height along y), times in milliseconds. What is
told letter by letter takes the best placement of the word's letters along the trace.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgectc.core.errors import InputError
from edgectc.core.types import Array, Swipe
from edgectc.formats import layouts
from edgectc.language.spelling import spell

STATISTICS: dict[str, str] = {
    "speed": "keys per second: path over duration",
    "peak_speed": "95th percentile of the speed over the mean speed of a trace",
    "rest_share": "share of the time slower than 1 key per second",
    "ms_per_letter": "duration over letters",
    "detour": "path over the way from key centre to key centre",
    "curvature": "radians turned per key of path, seen in steps of a quarter key",
    "start_x": "first point from the first key's centre, along the row",
    "start_y": "the same, down the rows",
    "end_x": "last point from the last key's centre, along the row",
    "end_y": "the same, down the rows",
    "corner_cut": "inner letters with a turn: how far inside the corner the trace passes",
    "miss": "inner letters: distance of the trace from the key's centre",
    "dwell": "inner letters, no double: ms within half a key of the nearest point",
    "dwell_double": "the same for double letters",
}
_STEP = 0.25  # keys, of curvature
_SLOW = 1.0  # keys per second
_NEAR = 0.5  # keys, of dwelling
_TURN = np.pi / 6  # a corner turns by more


@dataclass(frozen=True)
class Comparison:
    """Two sets of swipes, statistic by statistic.

    Attributes:
        real: statistic to values.
        generated: the same of the others.
        people: statistic to the distance between two halves of the real users; empty if unknown.
        counts: how many swipes "real" and "generated" are of.
    """

    real: Mapping[str, Array] = field(repr=False)
    generated: Mapping[str, Array] = field(repr=False)
    people: Mapping[str, float] = field(repr=False)
    counts: Mapping[str, int] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return, by statistic, percentiles of both, and their distance."""
        return {
            name: {
                "what": STATISTICS[name],
                "real": _percentiles(self.real[name]),
                "generated": _percentiles(self.generated[name]),
                "distance": round(distance(self.real[name], self.generated[name]), 4),
                "between_people": round(self.people[name], 4) if name in self.people else None,
            }
            for name in STATISTICS
            if len(self.real.get(name, ())) and len(self.generated.get(name, ()))
        }


def compare(real: Iterable[Swipe], generated: Iterable[Swipe]) -> Comparison:
    """Return how two sets of labelled swipes differ; they should be of the same words.

    Raises:
        InputError: a set has no usable swipe; reason ``empty``.
    """
    known, others = list(real), list(generated)
    users = sorted({swipe.user for swipe in known if swipe.user is not None})
    people = {}
    if len(users) > 1:
        first = {*users[::2]}
        halves = [
            measure(s for s in known if s.user is not None and (s.user in first) is side)
            for side in (True, False)
        ]
        people = {name: distance(halves[0][name], halves[1][name]) for name in halves[0]}
    counts = {"real": len(known), "generated": len(others)}
    return Comparison(measure(known), measure(others), people, counts)


def measure(swipes: Iterable[Swipe]) -> dict[str, Array]:
    """Return statistic to values, (n,) each, of labelled swipes on shipped layouts.

    Raises:
        InputError: none of them can be measured; reason ``empty``.
    """
    measured: dict[str, list[float]] = defaultdict(list)
    for swipe in swipes:
        if swipe.layout not in layouts.names() or not swipe.word:
            continue
        layout = layouts.shipped(swipe.layout)
        word = spell(swipe.word, layout.letters)
        if not word:
            continue
        index = {letter: i for i, letter in enumerate(layout.letters)}
        keys = layout.centers[[index[letter] for letter in word]] / layout.key_size
        path = swipe.points[:, :2] / layout.key_size
        _whole(path, swipe.points[:, 2], keys, measured)
        _letters(path, swipe.points[:, 2], keys, measured)
    if not measured:
        raise InputError(
            "no swipe can be measured, expected words on shipped layouts", reason="empty"
        )
    return {name: np.array(measured[name]) for name in STATISTICS}


def distance(first: Array, second: Array) -> float:
    """Return the largest difference of two empirical distributions, 0..1; 1 if one is empty.

    Source: Smirnov 1948, the two-sample statistic.
    """
    if not len(first) or not len(second):
        return 1.0
    at = np.concatenate([first, second])
    shares = [np.searchsorted(np.sort(v), at, side="right") / len(v) for v in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def place(path: Array, keys: Array) -> Array:
    """Return (k,) indices into path, never falling: where each key's letter is, in least distance.

    The first and last letters take the ends of the trace.

    Args:
        path: (n, 2) in key units.
        keys: (k, 2) centres in key units.
    """
    table = np.hypot(*(keys[:, None] - path[None]).transpose(2, 0, 1))
    cost = np.full(len(path), np.inf)
    cost[0] = table[0, 0]
    back = []
    for row in table[1:]:
        best = np.minimum.accumulate(cost)
        # The place of the least cost so far: the last index at which the minimum fell.
        fell = np.concatenate([[True], cost[1:] < best[:-1]])
        back.append(np.maximum.accumulate(np.where(fell, np.arange(len(cost)), 0)))
        cost = best + row
    at = [len(path) - 1]
    for pointers in reversed(back):
        at.append(int(pointers[at[-1]]))
    return np.array(at[::-1])


def _whole(path: Array, t: Array, keys: Array, measured: dict[str, list[float]]) -> None:
    steps = np.hypot(*np.diff(path, axis=0).T)
    dt, length = np.diff(t), float(steps.sum())
    duration = float(t[-1] - t[0])
    moving = dt > 0
    speed = 1000.0 * steps[moving] / dt[moving]
    measured["speed"].append(1000.0 * length / duration)
    measured["rest_share"].append(float(dt[moving][speed < _SLOW].sum()) / duration)
    measured["ms_per_letter"].append(duration / len(keys))
    if length > _STEP:
        measured["peak_speed"].append(
            float(np.percentile(speed, 95)) * duration / (1000.0 * length)
        )
        measured["curvature"].append(_turning(path, steps) / length)
    way = float(np.hypot(*np.diff(keys, axis=0).T).sum())
    if way > _NEAR:
        measured["detour"].append(length / way)
    for name, offset in (("start", path[0] - keys[0]), ("end", path[-1] - keys[-1])):
        measured[f"{name}_x"].append(float(offset[0]))
        measured[f"{name}_y"].append(float(offset[1]))


def _turning(path: Array, steps: Array) -> float:
    """Return the radians that a path turns, at points a quarter of a key apart."""
    arc = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(0.0, arc[-1], _STEP)
    even = np.stack([np.interp(at, arc, path[:, i]) for i in range(2)], axis=1)
    heading = np.arctan2(*np.diff(even, axis=0).T[::-1])
    return float(np.abs(np.angle(np.exp(1j * np.diff(heading)))).sum())


def _letters(path: Array, t: Array, keys: Array, measured: dict[str, list[float]]) -> None:
    same = np.concatenate([[False], (np.diff(keys, axis=0) == 0.0).all(1)])
    doubled = np.concatenate([same[1:], [False]])[~same]
    keys = keys[~same]
    if len(keys) < 3:
        return
    at = place(path, keys)
    for i in range(1, len(keys) - 1):
        off = path[at[i]] - keys[i]
        measured["miss"].append(float(np.hypot(*off)))
        into, out = keys[i] - keys[i - 1], keys[i + 1] - keys[i]
        turn = np.angle(complex(*out) / complex(*into))
        if abs(turn) > _TURN:
            inside = out / np.hypot(*out) - into / np.hypot(*into)
            measured["corner_cut"].append(float(off @ inside / np.hypot(*inside)))
        measured["dwell_double" if doubled[i] else "dwell"].append(_dwell(path, t, int(at[i])))


def _dwell(path: Array, t: Array, at: int) -> float:
    """Return for how long a trace stays within half a key of one of its points."""
    near = np.hypot(*(path - path[at]).T) <= _NEAR
    far = np.flatnonzero(~near)
    first = far[far < at].max() + 1 if (far < at).any() else 0
    last = far[far > at].min() - 1 if (far > at).any() else len(path) - 1
    return float(t[last] - t[first])


def _percentiles(values: Array) -> dict[str, float]:
    return {f"p{p}": round(float(np.percentile(values, p)), 3) for p in (10, 50, 90)}
