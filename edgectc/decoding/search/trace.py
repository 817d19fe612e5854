"""How far a finger stayed from the letters of a word: a second opinion on what the network says.

The network was trained to name keys as they are passed; it says little of how well the whole trace
fits. A classic template matcher knows nothing else. One number from it tells rivals apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from edgectc.core.types import Array


class Path:
    """Where the finger went, among the keys.

    Attributes:
        points: (n, 2) positions in key units, in the order of time.
        centers: (K, 2) centres of the keys in key units.
    """

    def __init__(self, points: Array, letters: Sequence[str], centers: Array) -> None:
        self.points = np.ascontiguousarray(points, np.float64)
        self.centers = np.ascontiguousarray(centers, np.float64)
        self._row = {letter: row for row, letter in enumerate(letters)}

    def rows(self, letters: str) -> list[int]:
        """Return the row of each letter in ``centers``, -1 for one without a key."""
        return [self._row.get(letter, -1) for letter in letters]

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
        rows = [row for row in self.rows(spelled) if row >= 0]
        if not rows:
            return 0.0
        least = self._squared[rows[0]]
        for row in rows[1:]:
            least = np.minimum.accumulate(least) + self._squared[row]
        return math.sqrt(float(least.min()) / len(rows))
