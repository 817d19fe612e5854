"""FUTO's swipe collection: JSON lines or parquet, a file or a folder of them.

A row holds ``word``, ``data`` (list of ``{x, y, t}``), ``session``, ``sentence``, ``word_idx``,
``canvas_width``, ``canvas_height``, ``orientation``, ``potentially_invalid_sentence`` and, in the
part of many layouts, ``layout``, ``language`` and ``dual_finger``. x and y are fractions of the
canvas, which is the letter area; t is the time of day in milliseconds.

A session is what splits go by: the collection is divided by it too.

Source: the data card of huggingface.co/datasets/futo-org/swipe.futo.org.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgectc.core.errors import InputError, MissingDependencyError
from edgectc.core.types import Swipe
from edgectc.data.importers import files, objects, swipe
from edgectc.data.swipe_files import Row

_SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")


def rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file, or of all files in a folder."""
    index = 0
    for file in files(path, _SUFFIXES):
        for where, found in _table(file) if file.suffix == ".parquet" else objects(file):
            try:
                if isinstance(found, InputError):
                    raise found
                yield Row(index, _swipe(where, found), None)
            except InputError as error:
                yield Row(index, None, error)
            index += 1


def _table(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of a parquet file, a few at a time."""
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingDependencyError(
            f"reading {path.name}", package="pyarrow", extra="parquet"
        ) from None
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=256):
                for row in batch.to_pylist():
                    yield f"{path.name} row {number}", row
                    number += 1
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise InputError(
            f"cannot read {str(path)!r}, stopped at row {number}: {error}",
            reason="unreadable_file",
        ) from error


def _swipe(where: str, row: dict[str, Any]) -> Swipe:
    if row.get("potentially_invalid_sentence"):
        raise InputError(f"{where}: marked as potentially invalid", reason="flagged")
    if row.get("dual_finger"):
        raise InputError(f"{where}: made with two fingers", reason="two_fingers")
    points = row.get("data")
    try:
        points = json.loads(points) if isinstance(points, str) else points
        if points is None:
            raise InputError("the row has no 'data'", reason="missing_points")
        return swipe(
            points,
            row.get("word"),
            layout=row.get("layout"),
            user=row.get("session"),
            prompt=row.get("sentence"),
        )
    except InputError as error:
        raise InputError(f"{where}: {error}", reason=error.reason) from error
    except ValueError as error:
        raise InputError(f"{where}: 'data' is no JSON: {error}", reason="bad_json") from error
