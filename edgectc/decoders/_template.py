"""How far a finger stayed from the letters of a word: a second opinion on what the network says.

The network was trained to name keys as they are passed; it says little of how well the whole trace
fits. A classic template matcher knows nothing else. One number from it tells rivals apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from edgectc.types import Array


class Path:
    """Where the finger went, among the keys.

    Attributes:
        points: (n, 2) positions in key units, in the order of time.
        keys: centre (2,) of each letter's key in key units.
    """

    def __init__(self, points: Array, keys: Mapping[str, Array]) -> None:
        self.points, self.keys = np.asarray(points, np.float64), keys
        self._row = {letter: row for row, letter in enumerate(keys)}
        centres = np.array(list(keys.values()), np.float64).reshape(-1, 2)
        # One axis at a time: a sum over a last axis of two is three times slower.
        across, down = (self.points[:, axis] - centres[:, axis, None] for axis in (0, 1))
        self._squared = across * across + down * down

    def miss(self, spelled: str) -> float:
        """Return by how many keys the trace misses the letters, as a root mean square.

        One point is chosen for each letter, never one before that of the letter before; the choice
        is the one with the least sum of squared distances. Letters without a key have no say.

        Source: the location channel of Kristensson & Zhai 2004, "SHARK2", with the alignment found
        by dynamic programming instead of by equal arc length.
        """
        rows = [self._row[letter] for letter in spelled if letter in self._row]
        if not rows:
            return 0.0
        least = self._squared[rows[0]]
        for row in rows[1:]:
            least = np.minimum.accumulate(least) + self._squared[row]
        return math.sqrt(float(least.min()) / len(rows))
