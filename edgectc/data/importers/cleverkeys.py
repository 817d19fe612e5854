"""CleverKeys: JSON lines, a file or a folder of them.

A row holds ``word`` and ``points``, a list of ``{x, y, t}`` in the letter area, or ``curve``, the
same as ``{"x": [...], "y": [...], "t": [...]}``; ``session`` where it is known. Coordinates in
pixels are refused, as from everywhere.

These files mix traces of How We Swipe and of FUTO's collection, most without a word on whose they
are: import them for training only, and check them against what you measure on
(``edgectc data check TRAIN TEST`` finds traces that stand in both).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgectc.core.errors import InputError
from edgectc.core.types import Swipe
from edgectc.data.importers import files, objects, swipe
from edgectc.data.swipe_files import Row


def rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file, or of all files in a folder."""
    index = 0
    for file in files(path, (".jsonl", ".jsonl.gz")):
        for where, found in objects(file):
            try:
                if isinstance(found, InputError):
                    raise found
                yield Row(index, _swipe(where, found), None)
            except InputError as error:
                yield Row(index, None, error)
            index += 1


def _swipe(where: str, row: dict[str, Any]) -> Swipe:
    try:
        return swipe(
            _points(row), row.get("word"), layout=row.get("layout"), user=row.get("session")
        )
    except InputError as error:
        raise InputError(f"{where}: {error}", reason=error.reason) from error


def _points(row: dict[str, Any]) -> object:
    if row.get("points") is not None:
        return row["points"]
    curve = row.get("curve")
    if not isinstance(curve, dict) or not all(isinstance(curve.get(k), list) for k in "xyt"):
        raise InputError("the row has no 'points' and no 'curve'", reason="missing_points")
    x, y, t = (curve[k] for k in "xyt")
    if not len(x) == len(y) == len(t):
        raise InputError(f"'curve' has {len(x)} x, {len(y)} y and {len(t)} t", reason="bad_shape")
    return [list(point) for point in zip(x, y, t, strict=True)]
