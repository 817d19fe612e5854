"""Swipes as JSON lines, one a line, plain or gzip.

A row is ``{"points", "word"?, "layout"?, "user"?, "context"?, "sentence"?, "split"?}``; ``context``
is the list of words before this one, ``sentence`` what the person was to write, ``split`` one of
"train", "dev" and "test" (see `edgectc.data.splits`), ``points`` is
``[[x, y, t_ms], ...]`` or ``[{"x", "y", "t"}, ...]`` in the letter-area frame. Other keys are
allowed and ignored: collections carry notes of their own. A row that cannot be used is refused by
itself and never stops the file; a file that cannot be read stops with one error.
"""

from __future__ import annotations

import codecs
import json
import os
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core.errors import InputError
from edgectc.core.files import READ_ERRORS, hint, open_bytes
from edgectc.core.staging import staged_writer
from edgectc.core.types import Recording, Swipe
from edgectc.data import shards, splits, validation
from edgectc.data.refusals import Refusals
from edgectc.language.spelling import letters

REASONS: dict[str, str] = {
    **validation.REASONS,
    "bad_json": "The line is not one JSON object.",
    "missing_points": "The row has no points.",
    "bad_field": "The word, layout, user or sentence is no string, the context no list of them, "
    "or the split none of train, dev and test.",
    "no_user": "The row names no user, so it belongs to no split.",
    "one_person": "Rows are to be split by user, and there are no two.",
    "unreadable_file": "The file is missing, damaged or not UTF-8 text.",
    "no_data": "No data set was named, or none lies where it should.",
}

DEFAULT_LAYOUT = "qwerty"
MAX_LINE_BYTES = 1 << 24  # an hour of points; more is another format, or an attack on memory


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file: a swipe, or why there is none.

    Attributes:
        index: position in the file, from 0, blank lines not counted.
        swipe: the swipe, its points checked; None if the row was refused.
        error: why it was refused, naming the line; None if it was not.
    """

    index: int
    swipe: Swipe | None
    error: InputError | None


def read(path: str | Path, *, layout: str = DEFAULT_LAYOUT) -> Iterator[Row]:
    """Yield the rows of a file. Its content, not its suffix, says whether it is gzip.

    Args:
        path: of the file.
        layout: keyboard of the rows that name none.

    Raises:
        InputError: reason ``unreadable_file``: missing, damaged or not UTF-8. It comes when the
            reading gets there, after the rows before it.
    """
    number = 0
    try:
        for index, number, line in lines(path):
            yield parsed(index, number, line, layout)
    except UnicodeDecodeError as error:
        raise unreadable(path, number, error) from error


def lines(path: str | Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield index, number of the line from 1, and bytes of each row; raises as `read` does."""
    index = number = 0
    try:
        with open_bytes(path, pipes=True) as file:
            for number, raw in enumerate(_lines(file), start=1):
                line = raw.strip().removeprefix(codecs.BOM_UTF8)
                if line:
                    yield index, number, line
                    index += 1
    except READ_ERRORS as error:
        raise unreadable(path, number, error) from error


def unreadable(path: str | Path, number: int, error: Exception) -> InputError:
    """Return the error of a file whose reading stopped at a line, 0 for none."""
    where = f", stopped at line {number}" if number else ""
    return InputError(
        f"cannot read {str(path)!r}{where}: {getattr(error, 'strerror', None) or error}; "
        "expected JSON lines in UTF-8, plain or gzip; copy or make the file again",
        reason="unreadable_file",
    )


def load(
    path: str | Path, *, split: str = "all", layout: str = DEFAULT_LAYOUT
) -> tuple[list[Swipe], Counter[str]]:
    """Return the usable swipes of a split, and how many rows were dropped by reason.

    Rows of the other splits are not counted. A refused row is, whichever split it was of: what
    cannot be read has no user.

    Args:
        path: file as `read` takes it.
        split: "all", or "train", "dev", "test" by `edgectc.data.splits`.
        layout: keyboard of the rows that name none.

    Raises:
        UnknownNameError: no such split.
        InputError: reason ``unreadable_file``.
    """
    splits.check_split(split)
    refusals = Refusals()
    rows = [*read(path, layout=layout)]
    chosen = [rows[place].swipe for place in of_split(rows, split, refusals)]
    return [swipe for swipe in chosen if swipe is not None], refusals.counts


def of_split(rows: Iterable[Row], split: str, refusals: Refusals) -> list[int]:
    """Return the places of the usable swipes of a split among ``rows``.

    The rows that cannot be used are counted, of any split. Of the others no more is kept than says
    which split they are of.

    Raises:
        UnknownNameError: no such split.
    """
    splits.check_split(split)
    places, keys = array("L"), array("L")
    named, users = list[str | None](), list[str | None]()
    same: dict[str | None, str | None] = {}  # equal texts once
    for place, row in enumerate(rows):
        refusals.rows += 1
        if row.swipe is None:
            assert row.error is not None
            refusals.add(row.error)
            continue
        places.append(place)
        if split != "all":
            named.append(row.swipe.split)
            users.append(same.setdefault(row.swipe.user, row.swipe.user))
            keys.append(splits.row_key(row.swipe.points.tobytes()))
    if split == "all":
        return places.tolist()
    sides, _ = splits.assign(named, users, keys.__getitem__)
    for place, side in zip(places, sides, strict=True):
        if side is None:
            refusals.add(InputError("the row names no user", reason="no_user"), f"row {place}")
    return [place for place, side in zip(places, sides, strict=True) if side == split]


def write(path: str | Path, swipes: Iterable[Swipe]) -> None:
    """Write swipes, whole or not at all; ``.gz`` packs them. Equal swipes give equal bytes.

    x and y are rounded to 4 decimals, t to 1.

    Raises:
        InputError: a swipe that `read` would refuse.
        OSError: the folder cannot be written.
    """
    with staged_writer(path) as file:
        file.writelines(map(line, swipes))


def line(swipe: Swipe) -> bytes:
    """Return the row of a swipe, with its line break, as `write` writes it.

    Raises:
        InputError: `read` would refuse it.
    """
    points = validation.check_points(swipe.points)
    points[:, :2] = np.round(points[:, :2], 4)
    points[:, 2] = np.round(points[:, 2], 1)
    # Rounding can merge all times into one. Adding 0.0 turns -0.0 into 0.0.
    points = validation.check_points(points + 0.0)
    row: dict[str, Any] = {"layout": swipe.layout, "points": points.tolist()}
    if swipe.word is not None:
        row["word"] = swipe.word
    if swipe.user is not None:
        row["user"] = swipe.user
    if swipe.context:
        row["context"] = list(swipe.context)
    if swipe.prompt is not None:
        row["sentence"] = swipe.prompt
    if swipe.split is not None:
        row["split"] = swipe.split
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def recording(swipe: Swipe, name: str = "") -> Recording:
    """Return what all families have of a swipe; a word without letters is no label."""
    word = (swipe.word,) if swipe.word and letters(swipe.word) else ()
    return Recording(
        swipe.points, word, name, swipe.user, swipe.layout, swipe.context, swipe.split or ""
    )


def from_recording(row: Recording) -> Swipe:
    """Return what a file of swipes holds of a recording; `recording` is the other way."""
    word = row.target[0] if row.target else None
    return Swipe(row.signal, word, row.setting, row.group, row.context, split=row.split or None)


def find(data: str | None, *, option: str = "data") -> Path:
    """Return the swipe file that ``data`` or the environment variable EDGECTC_DATA names.

    Args:
        data: a file, a folder of shards, or a folder that holds ``swipes.jsonl.gz`` or
            ``swipes.jsonl``, itself or in ``how-we-swipe/``; None asks the environment.
        option: the argument that ``data`` is the value of, for the message.

    Raises:
        InputError: reason ``no_data``.
    """
    named = data or os.environ.get("EDGECTC_DATA")
    if not named:
        raise InputError(
            "no swipes were named, expected a file or folder; "
            f"pass {option}=PATH or set EDGECTC_DATA=PATH",
            reason="no_data",
            options=[option],
        )
    path = Path(named)
    if shards.is_set(path, shards.SWIPES):
        return path
    names = ("swipes.jsonl.gz", "swipes.jsonl")
    inside = [folder / name for folder in (path, path / "how-we-swipe") for name in names]
    for candidate in (path, *inside):
        if candidate.is_file():
            return candidate
    raise InputError(
        f"no swipes at {named!r}{hint(path)}, expected a file, or a folder with "
        f"{' or '.join(names)} in it or in how-we-swipe/; pass {option}=PATH or set "
        "EDGECTC_DATA=PATH",
        reason="no_data",
        options=[option],
    )


def _lines(stream: BufferedIOBase) -> Iterator[bytes]:
    """Yield the lines; of one that is too long, just more than `MAX_LINE_BYTES` of its start."""
    while line := stream.readline(MAX_LINE_BYTES + 1):
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE_BYTES + 1)
        yield line


def parsed(index: int, number: int, line: bytes, layout: str) -> Row:
    """Return the row of a line of JSON; ``number`` is that of the line, from 1.

    Raises:
        UnicodeDecodeError: it is no UTF-8, so the file is something else.
    """
    try:
        return Row(index, _swipe(line, layout), None)
    except InputError as error:
        return Row(index, None, InputError(f"line {number}: {error}", reason=error.reason))


def _swipe(line: bytes, layout: str) -> Swipe:
    if len(line) > MAX_LINE_BYTES:
        raise _bad_json(f"more than {MAX_LINE_BYTES} bytes")
    text = line.decode("utf-8")
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError also for a number of 5,000 digits
        raise _bad_json(f"{text[:40]!r}, {error}") from error
    if not isinstance(row, dict):
        raise _bad_json(f"a JSON {type(row).__name__}")
    if row.get("points") is None:
        raise InputError(
            "the row has no 'points', expected [[x, y, t_ms], ...]; drop the row",
            reason="missing_points",
        )
    points = validation.check_points(row["points"])
    return Swipe(
        points,
        word=_text(row, "word"),
        layout=_text(row, "layout") or layout,
        user=_text(row, "user"),
        context=_words(row.get("context")),
        prompt=_text(row, "sentence"),
        split=_split(row),
    )


def _split(row: dict[str, Any]) -> str | None:
    value = _text(row, "split")
    if value is None or value in splits.SPLITS:
        return value
    raise InputError(
        f"'split' is {value[:40]!r}, expected one of {', '.join(splits.SPLITS)}; repair it or "
        "leave it out",
        reason="bad_field",
    )


def _words(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return tuple(value)
    raise InputError(
        f"'context' is {str(value)[:40]}, expected a list of words, the last one last; repair it "
        "or leave it out",
        reason="bad_field",
    )


def _text(row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    if value is None or isinstance(value, str):
        return value
    raise InputError(
        f"{key!r} is {str(value)[:40]} ({type(value).__name__}), expected a string; put it in "
        "quotes or leave it out",
        reason="bad_field",
    )


def _bad_json(got: str) -> InputError:
    return InputError(
        f"got {got}, expected one JSON object a line; repair or drop the line", reason="bad_json"
    )
