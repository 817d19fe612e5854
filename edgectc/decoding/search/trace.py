"""How far a finger stayed from the letters of a word: a second opinion on what the network says.

The network was trained to name keys as they are passed; it says little of how well the whole trace
fits. A classic template matcher knows nothing else. One number from it tells rivals apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from edgectc.core.types import Array

# Where a finger is bound for, chosen on 600 swipes of dev users cut at 60, 80 and 100 %.
_WAY = 0.2  # keys at the end of the trace that tell the direction
_SPAN = 0.025  # seconds at its end that tell the speed
_SWIFT = 20.0  # keys a second at which it is on its way half as surely as at most
_IMPOSSIBLE = 1e6  # times that speed: no finger
_MOST = 0.8  # how likely the fastest finger is on its way
_LEAST_SHARE = 0.01  # of the last frame, so that next to nothing is no reason for anything
_SURE, _NEAR = 0.9, 0.2  # concentration of the direction, and keys at which it is half of that


@dataclass(frozen=True, eq=False)
class Heading:
    """Where a finger that still moves is bound for.

    Attributes:
        passing: probability that it is between two keys, so that the last frame names none.
        ahead: (K,) how much likelier its direction is if each letter comes next than any other.
    """

    passing: float
    ahead: Array

    def beside(self, log_share: float) -> Heading:
        """Return it for letters that share the last frame with other tokens.

        Scores are of what the letters have of all frames; a frame left out is not missing from it.
        """
        return Heading(self.passing, self.ahead / max(math.exp(log_share), _LEAST_SHARE))


class Path:
    """Where the finger went, among the keys.

    Attributes:
        points: (n, 2) positions in key units, in the order of time.
        seconds: (n,) time of each, or None where nobody knows.
        centers: (K, 2) centres of the keys in key units.
    """

    def __init__(
        self,
        points: Array,
        letters: Sequence[str],
        centers: Array,
        seconds: Array | None = None,
    ) -> None:
        self.points = np.ascontiguousarray(points, np.float64)
        self.seconds = None if seconds is None else np.ascontiguousarray(seconds, np.float64)
        self.centers = np.ascontiguousarray(centers, np.float64)
        self._letters = tuple(letters)

    def rows(self, letters: str) -> Array:
        """Return (n,) int64: the row of each letter in ``centers``, -1 for one without a key."""
        return _rows(self._letters, letters)

    def places(self, letters: str) -> Array:
        """Return (n, 2) the centre of each letter's key, NaN for one without a key."""
        rows = self.rows(letters)
        places: Array = self.centers[rows]
        places[rows < 0] = np.nan
        return places

    def heading(self, letters: Sequence[str]) -> Heading | None:
        """Return where the finger is bound for at the end of the trace; None if times are unknown.

        The faster it moves, the likelier it is to be between two keys. A key ahead of it is the
        likelier the next one, by a wrapped Cauchy density of the angle over the uniform one,
        flatter the nearer the key is, as the way to a near key has no certain direction.

        Args:
            letters: those wanted; one without a key is as likely in any direction.
        """
        if self.seconds is None:
            return None
        end = self.points[-1]
        away = np.hypot(*(end - self.points).T)
        far = np.flatnonzero(away >= _WAY)
        way = end - self.points[far[-1] if len(far) else 0]
        before = np.flatnonzero(self.seconds <= self.seconds[-1] - _SPAN)
        since = int(before[-1]) if len(before) else 0
        passed = float(self.seconds[-1] - self.seconds[since])
        speed = float(away[since]) / passed / _SWIFT if passed > 0 else 0.0
        swift = speed**2 if speed < _IMPOSSIBLE else 0.0
        rows = self.rows("".join(letters))
        to = self.centers[rows] - end
        length, distance = float(np.hypot(*way)), np.hypot(*to.T)
        scale = distance * length
        cosine = np.divide(to @ way, scale, out=np.zeros(len(rows)), where=scale > 0)
        sure = _SURE * distance / (distance + _NEAR)
        density = (1 - sure**2) / (1 + sure**2 - 2 * sure * cosine)
        return Heading(_MOST * swift / (1 + swift), np.where(rows >= 0, density, 1.0))

    @cached_property
    def _squared(self) -> Array:
        # One axis at a time: a sum over a last axis of two is three times slower.
        axes = (self.points[:, i] - self.centers[:, i, None] for i in (0, 1))
        across, down = axes
        return across * across + down * down

    def miss(self, spelled: str) -> float:
        """Return by how many keys the trace misses the letters, as a root mean square.

        One point is chosen for each letter, never one before that of the letter before; the choice
        is the one with the least sum of squared distances. Letters without a key have no say.

        Source: the location channel of Kristensson & Zhai 2004, "SHARK2", with the alignment found
        by dynamic programming instead of by equal arc length.
        """
        rows = [row for row in self.rows(spelled).tolist() if row >= 0]
        if not rows:
            return 0.0
        least = self._squared[rows[0]]
        for row in rows[1:]:
            least = np.minimum.accumulate(least) + self._squared[row]
        return math.sqrt(float(least.min()) / len(rows))


@lru_cache(maxsize=1024)  # a trace asks for the letters of the lexicon, and of each word compared
def _rows(keys: tuple[str, ...], letters: str) -> Array:
    row = {letter: place for place, letter in enumerate(keys)}
    found = np.array([row.get(letter, -1) for letter in letters], np.int64)
    found.flags.writeable = False
    return found
