"""Writes recorded swipes with the words Python finds, for `run_tests --swipes`; do not commit it.

python android_demo/tools/swipes.py --data DATA --out build/swipes.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import edgectc
from edgectc.data import swipe_files


def main() -> None:
    """Decode the first swipes of the dev users and write what came out."""
    parser = argparse.ArgumentParser(prog="swipes", description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="swipes (default: what EDGECTC_DATA names)")
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    swipes, _ = swipe_files.load(swipe_files.find(options.data), split="dev")
    recognizer = edgectc.load()
    cases = []
    for swipe in swipes[: options.rows]:
        found = recognizer(swipe.points, nbest=5)
        points = [[float(value) for value in point] for point in swipe.points]
        words = [{"text": one.text, "score": one.score} for one in found]
        cases.append({"layout": "qwerty", "points": points, "words": words})
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"cases": cases}))
    print(f"{options.out}: {len(cases)} swipes")


if __name__ == "__main__":
    main()
