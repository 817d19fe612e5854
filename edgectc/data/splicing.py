"""New words from real strokes: the head of one swipe and the tail of another of the same person.

Two swipes are cut where each passes one and the same letter and are joined there. What results
spells letters that nobody swiped, with the aim, the speed and the tremor of a real finger. A
network cannot learn a vocabulary from it by heart.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edgectc.core.types import Array, Swipe
from edgectc.formats.layouts import Layout
from edgectc.language.spelling import spell

_RAMP_MS = 250.0  # in this time 63 % of the step at the joint is gone
_LONGEST = 14  # letters


def letter_points(points: Array, keys: Array) -> Array:
    """Return (L,) ascending indices of the points where a trace passes each key.

    The sum of squared distances is least, over all choices that never go back.

    Args:
        points: (n, 2) positions in key units.
        keys: (L, 2) key centres in key units, in the order of the letters.
    """
    squared = ((points[None] - keys[:, None]) ** 2).sum(2)
    sums, sources = squared[0], []
    for row in squared[1:]:
        least = np.minimum.accumulate(sums)
        fresh = np.concatenate([[True], sums[1:] < least[:-1]])
        sources.append(np.maximum.accumulate(np.where(fresh, np.arange(len(sums)), 0)))
        sums = least + row
    at = [int(sums.argmin())]
    for source in reversed(sources):
        at.append(int(source[at[-1]]))
    return np.array(at[::-1])


def splice(
    swipes: Sequence[Swipe], count: int, rng: np.random.Generator, keyboards: Mapping[str, Layout]
) -> Iterator[Swipe]:
    """Yield up to ``count`` spliced swipes; a draw of two that cannot be joined yields none.

    Args:
        swipes: labelled; pairs are drawn of one user on one layout.
        count: draws.
        rng: of the draws.
        keyboards: layouts by name; a swipe on none of them is left out.
    """
    groups: dict[tuple[str, str], list[_Passed]] = defaultdict(list)
    for swipe in swipes:
        layout = keyboards.get(swipe.layout)
        if layout is not None and (passed := _Passed.of(swipe, layout)) is not None:
            groups[swipe.user or "", swipe.layout].append(passed)
    mates = [(one, others) for others in groups.values() for one in others]
    for row in rng.integers(len(mates), size=count if mates else 0):
        head, others = mates[row]
        tail = others[rng.integers(len(others))]
        if tail is not head and (made := _joined(head, tail, rng)) is not None:
            yield made


class _Passed:
    """A swipe, its letters, and the points where it passes them."""

    def __init__(self, swipe: Swipe, word: str, at: Array) -> None:
        self.swipe, self.word, self.at = swipe, word, at

    @classmethod
    def of(cls, swipe: Swipe, layout: Layout) -> _Passed | None:
        """Return None for a word of under two letters, or one that the layout cannot type."""
        word = spell(swipe.word or "", layout.letters)
        if word is None or len(word) < 2:
            return None
        index = {letter: i for i, letter in enumerate(layout.letters)}
        keys = (layout.centers / layout.key_size)[[index[letter] for letter in word]]
        return cls(swipe, word, letter_points(swipe.points[:, :2] / layout.key_size, keys))


def _joined(head: _Passed, tail: _Passed, rng: np.random.Generator) -> Swipe | None:
    a, b = head.word, tail.word
    cuts = [
        (i, j)
        for i in range(len(a))
        for j in range(len(b))
        if a[i] == b[j]
        and 2 <= len(new := a[: i + 1] + b[j + 1 :]) <= _LONGEST
        and new not in (a, b)
        # A double letter is one stop of the finger: it is not cut in two.
        and a[i + 1 : i + 2] != a[i]
        and (j == 0 or b[j - 1] != b[j])
    ]
    if not cuts:
        return None
    i, j = cuts[rng.integers(len(cuts))]
    first, rest = head.swipe.points[: head.at[i] + 1], tail.swipe.points[tail.at[j] :].copy()
    rest[:, 2] -= rest[0, 2]
    step = first[-1, :2] - rest[0, :2]
    rest[:, :2] += step * np.exp(-rest[:, 2:] / _RAMP_MS)
    rest[:, 2] += first[-1, 2]
    points = np.concatenate([first, rest[1:]])
    if len(points) < 2 or not points[-1, 2] - points[0, 2] > math.ulp(0.0):
        return None
    return Swipe(points, a[: i + 1] + b[j + 1 :], head.swipe.layout, head.swipe.user)
