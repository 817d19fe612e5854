"""What other screens, boards and hands make of a recorded swipe, at fixed sizes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from edgectc.formats.layouts import KeyRow, Layout

_ROWS = (("qwertyuiop", 0.0), ("asdfghjkl", 0.05), ("zxcvbnm", 0.15))
_KEY = 0.1  # width of a key of the recorded board
_BORDERS = (0.5, 0.55, 0.55)  # of the halves, by row: t|y, g|h, v|b
_REPORT_MS = 16.0
_SHARE, _SIDE = 0.7, 0.3  # of the width that a one-handed board takes, and what is left of it
_GAP = 0.2  # between the halves: two keys of the recorded board
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def sampled(points: np.ndarray, _: np.random.Generator, *, hz: float) -> np.ndarray:
    """Return the trace as a screen of that rate reports it, straight between recorded points."""
    t = points[:, 2]
    times = np.append(np.arange(t[0], t[-1], 1e3 / hz), t[-1])
    return np.stack([*(np.interp(times, t, points[:, axis]) for axis in (0, 1)), times], axis=1)


def clocked(points: np.ndarray, rng: np.random.Generator, *, tick_ms: float) -> np.ndarray:
    """Return the trace with times of a clock that counts in ticks, at a random phase."""
    times = np.floor((points[:, 2] - points[0, 2] + rng.uniform(0.0, tick_ms)) / tick_ms)
    return np.column_stack([points[:, :2], times * tick_ms])


def rested(points: np.ndarray, _: np.random.Generator, *, ms: float, where: float) -> np.ndarray:
    """Return the trace with the finger held still, and reported, after a share of the way."""
    steps = np.hypot(*np.diff(points[:, :2], axis=0).T)
    way = np.append(0.0, np.cumsum(steps))
    at = int(np.argmin(np.abs(way - where * way[-1]))) if 0.0 < where < 1.0 else -int(where)
    at %= len(points)
    waits = np.append(np.arange(_REPORT_MS, ms, _REPORT_MS), ms)
    held = np.repeat(points[at : at + 1], len(waits), axis=0) + waits[:, None] * (0.0, 0.0, 1.0)
    return np.concatenate([points[: at + 1], held, points[at + 1 :] + np.array([0.0, 0.0, ms])])


def sped(points: np.ndarray, _: np.random.Generator, *, factor: float) -> np.ndarray:
    """Return the trace at another speed, the same points."""
    return points * (1.0, 1.0, 1.0 / factor)


def touched(points: np.ndarray, rng: np.random.Generator, *, between: bool) -> np.ndarray:
    """Return the trace with three points of a second finger, two keys or more to a side.

    They come in place of three of its own on the way, or each after one of its own.
    """
    start = int(rng.integers(1, max(2, len(points) - 4)))
    theirs = points[start : start + 3].copy()
    here = theirs[0, 0]
    aside = rng.uniform(2.0, 5.0) * _KEY
    theirs[:, 0] = here - aside if here - aside > 0.0 and rng.random() < 0.5 else here + aside
    theirs[:, 0] -= 2.0 * aside if theirs[0, 0] > 1.0 and here - aside > 0.0 else 0.0
    theirs[:, 1] = rng.uniform(0.0, 1.0)
    last = points[start + 3 :]
    if not between:
        return np.concatenate([points[:start], theirs, last])
    both = np.stack([points[start : start + 3], theirs], axis=1).reshape(-1, 3)
    return np.concatenate([points[:start], both, last])


def lifted(points: np.ndarray, _: np.random.Generator, *, share: float) -> np.ndarray:
    """Return the trace without a share of its points on the way, where the finger was off."""
    lost = int(share * len(points))
    first = max(1, (len(points) - lost) // 2)
    return np.concatenate([points[:first], points[first + lost :]])


def squeezed(points: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Return the trace on a board of 70 % of the width, at the right of the letter area."""
    return points * (_SHARE, 1.0, 1.0) + (_SIDE, 0.0, 0.0)


def parted(points: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Return the trace on a split board; the finger crosses the gap within half a key."""
    row = np.clip(points[:, 1] * 3.0 - 0.5, 0.0, 2.0)
    border = np.interp(row, range(3), _BORDERS)
    aside = np.clip((points[:, 0] - border) / (0.5 * _KEY), -0.5, 0.5) + 0.5
    return np.column_stack([(points[:, 0] + aside * _GAP) / (1.0 + _GAP), points[:, 1:]])


ONE_HANDED = Layout(
    "one-handed",
    tuple(KeyRow(keys, _SIDE + _SHARE * x, _SHARE * _KEY) for keys, x in _ROWS),
)
SPLIT = Layout(
    "split",
    tuple(
        KeyRow(
            keys[:half] + "  " + keys[half:],
            x / (1.0 + _GAP),
            _KEY / (1.0 + _GAP),
        )
        for (keys, x), half in zip(_ROWS, (5, 5, 4), strict=True)
    ),
)

# Name: how the points change, and the keyboard that they are then on; None for their own.
NUISANCES: dict[str, tuple[Change, Layout | None]] = {
    "30 Hz": (partial(sampled, hz=30.0), None),
    "240 Hz": (partial(sampled, hz=240.0), None),
    "clock of 50 ms": (partial(clocked, tick_ms=50.0), None),
    "clock of 100 ms": (partial(clocked, tick_ms=100.0), None),
    **{
        f"rest of {ms / 1e3:g} s, {name}": (partial(rested, ms=ms, where=where), None)
        for ms in (1e3, 3e3)
        for name, where in (("start", 0.0), ("middle", 0.5), ("end", 1.0))
    },
    "one-handed, 70 % wide": (squeezed, ONE_HANDED),
    "split, gap of two keys": (parted, SPLIT),
    "speed x 0.5": (partial(sped, factor=0.5), None),
    "speed x 2": (partial(sped, factor=2.0), None),
    "second finger, in place of 3 points": (partial(touched, between=False), None),
    "second finger, between 3 points": (partial(touched, between=True), None),
    "lift, a tenth of the points": (partial(lifted, share=0.1), None),
}
