"""What a screen or a hand put into a trace that its word knows nothing of, taken out again.

Another finger: a screen that reports two fingers as one jumps between them. A run of at most six
points is another finger's if the trace jumps there and back: both jumps are longer than
``jump_keys`` and than twice the step before, faster than 60 keys a second, and the trace goes on
nearer to where it was than either jump is long, while the run itself stays in one place: none of
its steps is over half of the first jump. Of 1,200 recorded swipes, at 60 Hz and thinned to 30 Hz,
none has such a run; played twice as fast at 30 Hz, 3.8 % have.

A coarse clock: points with one time are spread evenly to the next time.

A rest: the time in which the finger stays within a quarter of a key counts up to ``rest_ms``, and
so does the time between two points.
"""

from __future__ import annotations

import math

import numpy as np

from edgectc.core.types import Array

MOST_POINTS = 6
_TIMES_STEP = 2.0  # of the step before, that a jump is longer than
_KEYS_PER_MS = 0.06  # that a jump is faster than
_INNER = 0.5  # of the first jump, that a step of the run is at most
# Key units within which a finger rests. Steps of just a quarter of a key are common, as screens
# have a grid: the last bits of where the keyboard lies must not decide about them.
_STILL = 0.25 + 1e-9


def lengths(steps: Array) -> Array:
    """Return sqrt(x^2 + y^2) of steps (..., 2).

    These operations give the same bits everywhere; `hypot` has its own on each platform.
    """
    return np.asarray(np.sqrt(steps[..., 0] * steps[..., 0] + steps[..., 1] * steps[..., 1]))


def _apart(x: float, y: float) -> float:
    """Return `lengths` of one step, without numpy."""
    return math.sqrt(x * x + y * y)


def own_points(points: Array, key_size: Array, jump_keys: float) -> Array:
    """Return the points (m, 3) of one finger, m <= n; the first and the last are always among them.

    Args:
        points: (n, 3) float64 x, y in the letter-area frame, t in ms, never falling; n >= 2.
        key_size: (2,) width and height of a key in that frame.
        jump_keys: key units that a jump is longer than.
    """
    units = points[:, :2] / key_size
    steps = lengths(np.diff(units, axis=0))
    # Most traces have no jump at all, and need no look at each point.
    if not (steps > jump_keys).any():
        return points
    kept, before, k = [0], 0.0, 1
    while k < len(points):
        k = _run_end(units, points[:, 2], kept[-1], k, max(jump_keys, _TIMES_STEP * before)) or k
        before = float(lengths(units[k] - units[kept[-1]]))
        kept.append(k)
        k += 1
    return points[kept]


def _run_end(units: Array, t: Array, last: int, first: int, least: float) -> int:
    """Return the point after a run that begins at ``first``; 0 if it is no other finger's."""

    def jumps(length: float, a: int, b: int) -> bool:
        return length > least and length > _KEYS_PER_MS * (t[b] - t[a])

    there = float(lengths(units[first] - units[last]))
    if not jumps(there, last, first):
        return 0
    for k in range(first + 1, min(len(units), first + MOST_POINTS + 1)):
        step = float(lengths(units[k] - units[k - 1]))
        back = float(lengths(units[k] - units[last]))
        if jumps(step, k - 1, k) and back < min(there, step):
            return k
        if step > _INNER * there:
            return 0
    return 0


def spread_times(t: Array) -> Array:
    """Return times (n,) of which equal ones are spread evenly to the next; the last ones stay."""
    if (t[1:] > t[:-1]).all():
        return t
    first = np.append(0, np.flatnonzero(np.diff(t)) + 1)
    count = np.diff(np.append(first, len(t)))
    until = np.append(t[first[1:]], t[-1])
    group = np.repeat(np.arange(len(first)), count)
    share = (np.arange(len(t)) - first[group]) / count[group]
    return np.asarray(t[first][group] + (until - t[first])[group] * share)


def without_rests(points: Array, key_size: Array, rest_ms: float) -> Array:
    """Return the points (n, 3) with times in which no rest is longer than ``rest_ms``.

    Args:
        points: (n, 3) float64 x, y in the letter-area frame, t in ms, never falling; n >= 2.
        key_size: (2,) width and height of a key in that frame.
        rest_ms: above 0.
    """
    t, last, i = points[:, 2], len(points) - 1, 0
    steps = np.diff(t)
    x, y = (points[:, :2] / key_size).T.tolist()  # a loop over arrays would take ten times as long
    while i < last:
        j = i
        while j < last and _apart(x[j + 1] - x[i], y[j + 1] - y[i]) <= _STILL:
            j += 1
        if j > i and t[j] - t[i] > rest_ms:
            steps[i:j] *= rest_ms / (t[j] - t[i])
        i = max(j, i + 1)
    times = np.append(t[0], t[0] + np.cumsum(np.minimum(steps, rest_ms)))
    return np.column_stack([points[:, :2], times])
