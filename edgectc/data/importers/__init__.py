"""Swipe collections of others as our rows. A format is one file with ``rows(path)``.

An importer changes the frame and the unit of what is written, never the finger's path: nothing is
smoothed, filtered by speed or repaired. What a format marks as bad, and what cannot be a swipe, is
refused row by row and counted by reason.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.files import READ_ERRORS, open_bytes
from edgectc.core.types import Swipe
from edgectc.data import swipe_files, validation
from edgectc.data.swipe_files import Row
from edgectc.formats import layouts

REASONS: dict[str, str] = {
    "bad_line": "The line has too few columns, or a number that is none.",
    "incomplete": "The finger went down and was never seen to leave, or left before it came.",
    "flagged": "The collection marks the row as wrong.",
    "two_fingers": "The row was made with two fingers, or jumps as if it were.",
    "unknown_layout": "No layout of that name ships.",
}
_MARKS = '.,;:!?"()'  # written around a word, never swiped


def names() -> list[str]:
    """Return the formats, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def read(source: str) -> Iterator[Row]:
    """Return the rows of ``FORMAT:PATH``; a refused row says why and never stops the file.

    Raises:
        ConfigError: the colon is missing.
        UnknownNameError: no such format.
        InputError: reason ``unreadable_file``, when the reading gets there.
        MissingDependencyError: the file needs a package that is absent.
    """
    name, colon, path = source.partition(":")
    if not colon or not path:
        raise ConfigError(
            f"got {source!r}, expected FORMAT:PATH; FORMAT is one of {', '.join(names())}"
        )
    if name not in names():
        raise UnknownNameError("import format", name, names())
    rows: Iterator[Row] = importlib.import_module(f"{__name__}.{name}").rows(Path(path))
    return rows


@dataclass(frozen=True)
class Imported:
    """A file of swipes that was made of a collection.

    Attributes:
        path: of the file.
        swipes: how many it holds.
        users: how many people made them.
        without_user: swipes whose maker is unknown.
        refused: reason to count of the rows that were left out.
    """

    path: Path
    swipes: int
    users: int
    without_user: int
    refused: Mapping[str, int]


def import_data(source: str, out: str | os.PathLike[str]) -> Imported:
    """Write the usable rows of a collection as swipes; see `edgectc.data.swipe_files`.

    Args:
        source: ``FORMAT:PATH``, see `read`.
        out: file, ``.jsonl`` or ``.jsonl.gz``.

    Raises:
        InputError: no row can be used, or the collection cannot be read; and what `read` raises.
    """
    dropped, written = Counter[str](), Counter[str | None]()

    def counted() -> Iterator[Swipe]:
        for row in usable(read(source), dropped):
            written[row.user] += 1
            yield row
        if not written:
            raise InputError(
                f"no usable row in {source!r}; refused: {dict(dropped) or 'none'}", reason="empty"
            )

    swipe_files.write(os.fspath(out), counted())
    users = len({*written} - {None})
    return Imported(Path(out), written.total(), users, written[None], dict(dropped))


def usable(rows: Iterable[Row], dropped: Counter[str]) -> Iterator[Swipe]:
    """Yield the swipes of rows, and count the refused ones in ``dropped`` by reason."""
    for row in rows:
        if row.swipe is not None:
            yield row.swipe
        else:
            assert row.error is not None
            dropped[row.error.reason] += 1


def files(path: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return ``path``, or the files in that folder, at any depth, that end in one of ``suffixes``.

    Raises:
        InputError: reason ``unreadable_file``: nothing of the kind is there.
    """
    paths = [path]
    if path.is_dir():
        paths = sorted(p for p in path.rglob("*") if p.is_file() and p.name.endswith(suffixes))
    if not paths or not paths[0].is_file():
        raise InputError(
            f"nothing to import at {str(path)!r}, expected a file, or a folder with "
            f"{' or '.join('*' + s for s in suffixes)}",
            reason="unreadable_file",
        )
    return paths


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, text) of the lines that are not blank, gzip or not.

    Raises:
        InputError: reason ``unreadable_file``.
    """
    number = 0
    try:
        with open_bytes(path) as file:
            for number, line in enumerate(file, start=1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if text:
                    yield number, text
    except (*READ_ERRORS, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read {str(path)!r}, stopped at line {number}: "
            f"{getattr(error, 'strerror', None) or error}",
            reason="unreadable_file",
        ) from error


def objects(path: Path) -> Iterator[tuple[str, dict[str, Any] | InputError]]:
    """Yield (where, JSON object) of each line, or why it is none."""
    for number, text in lines(path):
        where = f"{path.name} line {number}"
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            yield where, InputError(f"{where}: no JSON: {error}", reason="bad_json")
            continue
        if isinstance(value, dict):
            yield where, value
        else:
            yield where, InputError(f"{where}: no JSON object", reason="bad_json")


def swipe(
    points: object, word: object, *, layout: object = None, user: object = None,
    prompt: object = None,
) -> Swipe:  # fmt: skip
    """Return a checked swipe of one row of any collection.

    Args:
        points: as `edgectc.data.validation.check_points` takes them; times from any origin.
        word: as written in the prompt; marks around it are set aside.
        layout: name of the keyboard; None for QWERTY.
        user: who made it, or the session.
        prompt: the whole text to write.

    Raises:
        InputError: it cannot be used; ``reason`` is one of `edgectc.data.swipe_files.REASONS` or of
            `REASONS`.
    """
    if not isinstance(word, str):
        raise InputError(f"the word is {word!r}, expected a text", reason="bad_field")
    name = "qwerty" if layout is None else layout
    if not isinstance(name, str) or name not in layouts.names():
        raise InputError(
            f"the layout is {name!r}, known are {', '.join(layouts.names())}",
            reason="unknown_layout",
        )
    label = word.strip().strip(_MARKS)
    validation.check_label(label, layouts.shipped(name).letters)
    array = validation.check_points(points)
    array[:, 2] -= array[0, 2]
    return Swipe(
        array,
        word=label,
        layout=name,
        user=None if user in (None, "") else str(user),
        prompt=prompt if isinstance(prompt, str) and prompt else None,
    )
