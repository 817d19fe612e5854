"""Generated swipes of one word."""

from __future__ import annotations

import numpy as np

from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts

QWERTY = layouts.load("qwerty")


def trace(word: str, seed: int = 0) -> np.ndarray:
    return swipe(word, QWERTY, np.random.default_rng(seed))
