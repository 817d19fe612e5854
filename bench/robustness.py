"""Accuracy on screens, boards and hands that the recordings know nothing of.

    python bench/robustness.py [MODEL] --data DATA [--swipes 1500] [--against MODEL] [--json]

Real swipes of the dev users, each changed as `_nuisances.py` says, at sizes that stay as they are.
Every figure is paired by swipe with the same model on the swipe as it was recorded, or with
--against, with the other model on the changed one; 95 % intervals by bootstrap over users. A swipe
that is refused counts as wrong. Without context. Networks run in the C library unless --runner
says otherwise.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _nuisances import NUISANCES
from _result import heading, publish

import edgectc
from edgectc.core import metrics
from edgectc.core.console import progress, table
from edgectc.core.errors import InputError
from edgectc.core.types import Swipe
from edgectc.data import swipe_files
from edgectc.formats import layouts
from edgectc.language.spelling import letters

CLEAN = "as recorded"
BUDGET = 0.02  # top-1 that a nuisance may cost


def main() -> None:
    """Print a row for each nuisance."""
    options = _arguments()
    swipes = chosen(str(swipe_files.find(options.data)), options.split, options.swipes)
    names = [options.model, *([options.against] if options.against else [])]
    models = [edgectc.load(name, runner=options.runner) for name in names]
    rights = [measured(model, swipes, options.only) for model in models]
    rows = figures(rights, [swipe.user or "" for swipe in swipes])
    people = len({swipe.user for swipe in swipes})
    if options.json:
        shown = {"models": [model.name for model in models], "swipes": len(swipes)}
        print(json.dumps({**shown, "users": people, "rows": rows}, sort_keys=True))
        return
    head = heading(
        ("numpy",),
        repeats=f"{len(swipes)} swipes of {people} {options.split} users, {models[0].name}"
        + (f" against {models[1].name}" if options.against else ""),
    )
    publish(f"{head}\n{written(rows, bool(options.against))}\n", options.out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--data")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--swipes", type=int, default=1500)
    parser.add_argument("--runner", default="native")
    parser.add_argument("--against", help="a second model, on the same changed swipes")
    parser.add_argument("--only", nargs="+", choices=sorted(NUISANCES), help="some nuisances")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def chosen(path: str, split: str, count: int) -> list[Swipe]:
    """Return that many QWERTY swipes with a word, drawn with a seed."""
    swipes, _ = swipe_files.load(path, split=split)
    usable = [s for s in swipes if s.word and letters(s.word) and s.layout == "qwerty"]
    order = np.random.default_rng(0).permutation(len(usable))[:count]
    return [usable[i] for i in sorted(order)]


def measured(
    model: edgectc.Recognizer, swipes: Sequence[Swipe], only: Sequence[str] | None = None
) -> dict[str, list[bool | None]]:
    """Return whether each swipe's word came first, by nuisance; None where it was refused."""
    rights: dict[str, list[bool | None]] = {CLEAN: [_right(model, s.points, s) for s in swipes]}
    with tempfile.TemporaryDirectory() as folder:
        for name, (change, board) in NUISANCES.items():
            if only and name not in only:
                continue
            keyboard = "qwerty"
            if board is not None:
                path = Path(folder, f"{board.name}.json")
                path.write_text(json.dumps(layouts.describe(board)), encoding="utf-8")
                keyboard = str(path)
            rights[name] = [
                _right(model, change(s.points, np.random.default_rng(i)), s, keyboard)
                for i, s in enumerate(progress(swipes, name))
            ]
    return rights


def _right(
    model: edgectc.Recognizer, points: np.ndarray, swipe: Swipe, keyboard: str = "qwerty"
) -> bool | None:
    try:
        found = model(points, layout=keyboard, nbest=1)
    except InputError:
        return None
    return bool(found) and letters(found.best.text) == letters(swipe.word or "")


def figures(
    rights: Sequence[dict[str, list[bool | None]]], users: Sequence[str]
) -> list[dict[str, Any]]:
    """Return a row for each nuisance: top-1, refused swipes, and the paired difference.

    Args:
        rights: of the model, and of the one that it is compared with, if there is one.
        users: who made each swipe.
    """
    rows = []
    for name, ours in rights[0].items():
        right = np.array([bool(one) for one in ours], float)
        other = rights[1][name] if len(rights) > 1 else rights[0][CLEAN]
        apart = right - np.array([bool(one) for one in other], float)
        low, high = metrics.bootstrap(apart, users)
        row = {"nuisance": name, "top1": round(float(right.mean()), 5), "refused": ours.count(None)}
        difference = {"value": round(float(apart.mean()), 5), "low": low, "high": high}
        rows.append({**row, "difference": difference})
    return rows


def written(rows: Sequence[dict[str, Any]], against: bool) -> str:
    """Return the rows as a table for people."""
    cells = []
    for row in rows:
        low, value, high = (100 * row["difference"][key] for key in ("low", "value", "high"))
        by = f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"
        kept = "" if value >= -100 * BUDGET else "over 2 points"
        line = [row["nuisance"], f"{row['top1']:.1%}", str(row["refused"]), by]
        cells.append(line if against else [*line, kept])
    head = ["nuisance", "top-1", "refused", "to the other model, points"]
    return table(head if against else [*head[:3], "to as recorded, points", "budget"], cells)


if __name__ == "__main__":
    main()
