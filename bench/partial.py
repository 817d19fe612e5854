"""How often the word meant is known while the finger still moves, by how much of the swipe is seen.

python bench/partial.py [MODEL] --data DATA --count 200
"""

from __future__ import annotations

import argparse

import numpy as np

import edgectc
from edgectc.core.console import table
from edgectc.core.types import Swipe
from edgectc.data import swipe_files
from edgectc.language.spelling import letters

SHARES = (0.6, 0.8, 1.0)


def main() -> None:
    """Print a row for each share of the points."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--data", help="swipes, or the folder of them; default $EDGECTC_DATA")
    parser.add_argument("--count", type=int, default=200, help="swipes of test users")
    options = parser.parse_args()
    swipes, _ = swipe_files.load(swipe_files.find(options.data), split="test")
    model = edgectc.load(options.model)
    rows = []
    for share in SHARES:
        first, three = rates(model, chosen(swipes, options.count), share)
        rows.append([f"{share:.0%}", f"{first:.1%}", f"{three:.1%}"])
    print(table(["seen", "first", "among three"], rows))


def chosen(swipes: list[Swipe], count: int) -> list[Swipe]:
    """Return some swipes, always the same."""
    order = np.random.default_rng(0).permutation(len(swipes))[:count]
    return [swipes[i] for i in order]


def rates(model: edgectc.Recognizer, swipes: list[Swipe], share: float) -> tuple[float, float]:
    """Return how often the word is first, and among three, after this share of the points."""
    first, three = 0, 0
    for swipe in swipes:
        seen = swipe.points[: max(2, round(share * len(swipe.points)))]
        told = [letters(h.text) for h in model(seen, partial=True, nbest=3)]
        first += told[:1] == [letters(swipe.word)]
        three += letters(swipe.word) in told
    return first / len(swipes), three / len(swipes)


if __name__ == "__main__":
    main()
