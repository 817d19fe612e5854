from __future__ import annotations

import numpy as np
import pytest

from edgectc.data.generators.swipes import swipe
from edgectc.data.validation import check_points
from edgectc.formats import layouts


@pytest.mark.parametrize("name", layouts.names())
def test_every_layout_gives_valid_traces(name: str, rng: np.random.Generator) -> None:
    layout = layouts.load(name)
    for size in (1, 2, 5, 24):
        word = rng.choice(layout.letters, size)
        points = check_points(swipe(word, layout, rng))
        assert len(points) >= 2


def test_same_seed_same_trace() -> None:
    layout = layouts.load("qwerty")
    one, two = (swipe("seed", layout, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_a_trace_passes_near_its_letters(rng: np.random.Generator) -> None:
    layout = layouts.load("qwerty")
    where = dict(zip(layout.letters, layout.centers, strict=True))
    missed = 0
    for _ in range(200):
        points = swipe("lazydog", layout, rng)
        for letter in "lazydog":
            away = np.hypot(*((points[:, :2] - where[letter]) / layout.key_size).T)
            missed += away.min() > 1.0
    assert missed / 1400 < 0.05
