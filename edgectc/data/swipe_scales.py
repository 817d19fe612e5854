"""Swipes that keep far from the letters of their words: turned axes, or another keyboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgectc.core.types import Array, Recording, Swipe
from edgectc.data.looks import path_distance
from edgectc.data.scales import LEAST, MOST
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.language.spelling import spell

# Keys, the median of many swipes. On their keyboard people keep 0.2, upside down 1.2, with x and y
# exchanged 1.8, on Dvorak instead of QWERTY 2.2.
_ASTRAY = 0.8


def problem(recordings: Sequence[Recording], keyboards: Mapping[str, Layout]) -> str:
    """Return what is wrong with the points of many swipes, or with their keyboard; "" for nothing.

    Args:
        recordings: of a word each; few of them say nothing.
        keyboards: by name; a swipe that names none was made on the first.
    """
    known = {name: layouts.shipped(name) for name in layouts.names()} | {**keyboards}
    default = next(iter(keyboards.values()))
    spelled = list[tuple[Array, str, Layout]]()
    chosen = np.linspace(0, len(recordings) - 1, min(len(recordings), MOST)).astype(int)
    for row in (recordings[i] for i in chosen):
        layout = known.get(row.setting) or default
        word = spell(row.target[0], layout.letters) if row.target else None
        if word is not None and len(word) > 1 and len(row.signal):
            spelled.append((row.signal, word, layout))
    if len(spelled) < LEAST:
        return ""
    apart = _apart(spelled)
    if apart <= _ASTRAY:
        return ""
    said = _said(apart, len(spelled), spelled)
    return f"{said}; look at them with `edgectc data check FILE --html PAGE`"


def explained(distances: Array, worst: Sequence[Swipe]) -> str:
    """Return what is wrong with the points of swipes, or with their keyboard; "" for nothing.

    Args:
        distances: (n,) keys that each swipe keeps from the letters of its word, NaN where unknown.
        worst: those that keep farthest, of keyboards that ship.
    """
    known = distances[np.isfinite(distances)]
    if len(known) < LEAST or np.median(known) <= _ASTRAY:
        return ""
    shown = list[tuple[Array, str, Layout]]()
    for swipe in worst:
        layout = layouts.shipped(swipe.layout)
        word = spell(swipe.word or "", layout.letters)
        shown += [] if word is None else [(swipe.points, word, layout)]
    return _said(float(np.median(known)), len(known), shown)


def _said(apart: float, count: int, shown: Sequence[tuple[Array, str, Layout]]) -> str:
    """Return the distance in words, and its cause as far as ``shown`` tell it."""
    upright = _apart([(row * [1, -1, 1] + [0, 1, 0], word, on) for row, word, on in shown])
    turned = _apart([(row[:, [1, 0, 2]], word, on) for row, word, on in shown])
    why = "they may be of another keyboard than `layout` says, or of other words"
    if upright < _apart(shown) / 2:
        why = "y seems to run up, expected down, 0 at the top: take 1 - y"
    elif turned < _apart(shown) / 2:
        why = "x and y seem to be exchanged"
    return (
        f"swipes keep {apart:.1f} keys from the letters of their words (median of {count}, "
        f"expected about 0.2): {why}"
    )


def _apart(spelled: Sequence[tuple[Array, str, Layout]]) -> float:
    return float(np.median([path_distance(*one) for one in spelled]))
