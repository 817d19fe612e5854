"""A table of recordings and a folder of ``.npy`` arrays, as RWTH-PHOENIX-Weather 2014 T is kept.

A table (or several, in a folder) has a recording a line, columns apart by "|", ",", ";" or a tab,
and their names in the first line, of each kind the first that is there:

- the file: ``name``, ``path``, ``file``, ``id`` or ``video``, with or without ``.npy``, in the
  folder of the data set at any depth;
- what was meant, symbols apart by spaces: ``orth``, ``glosses``, ``gloss``, ``annotation``,
  ``sign``, ``phonemes``, ``target`` or ``label``;
- who or which day, if it is known: ``speaker``, ``signer``, ``participant_id``, ``user``, ``day``,
  ``session`` or ``group``;
- ``split``, if wanted: train, dev (val) or test. Else a table's name says it for all of its lines,
  as in ``PHOENIX-2014-T.dev.corpus.csv``.

An array is (T, C); (T, P, 3) points become (T, 3P), x, y, z of one point after another.

Source: the readme of RWTH-PHOENIX-Weather 2014 T (Camgoz et al. 2018) for its columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from edgectc.core.errors import InputError
from edgectc.core.types import Array, Recording
from edgectc.data.reading import (
    Choices,
    Line,
    header,
    inside,
    signal,
    split_of,
    table,
    unreadable,
)

SUFFIX = ".npy"
CHOICES = ("points",)
BESIDE = True
_TABLES = (".csv", ".tsv")
_FILE = ("name", "path", "file", "id", "video")
_MEANT = ("orth", "glosses", "gloss", "annotation", "sign", "phonemes", "target", "label")
_OF_PARQUET = "sequence_id"  # the column that says which of a file's recordings is meant
_WHO = ("speaker", "signer", "participant_id", "user", "day", "session", "group")


def takes(path: Path) -> bool:
    """Return whether it is such a table, or a folder with some."""
    tables = _tables(path)
    return bool(tables) and all(_is_table(header(one)) for one in tables)


def rows(path: Path, how: Choices) -> Iterator[Recording | InputError]:
    """Yield the recordings of a table, or of all tables in a folder.

    Raises:
        InputError: a table cannot be read, or is none; reason ``unreadable_file``.
    """
    tables = _tables(path)
    if not tables:
        raise unreadable(path, f"no table ({', '.join(_TABLES)})")
    folder = path if path.is_dir() else path.parent
    files: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*" + SUFFIX)):
        files.setdefault(file.stem, []).append(file)
    for one in tables:
        names = header(one)
        if not _is_table(names):
            raise unreadable(
                one, f"its columns are {sorted(names)}, expected one of {_FILE} and one of {_MEANT}"
            )
        for line in table(one):
            name = _first(line, _FILE)
            try:
                yield _recording(
                    line, signal(_file(folder, files, name), how.points), split_of(one.stem)
                )
            except InputError as error:
                yield InputError(str(error), reason=error.reason, name=name)


def _tables(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.suffix in _TABLES else []
    here = sorted(one for one in path.iterdir() if one.suffix in _TABLES)
    return here or sorted(one for one in path.rglob("*") if one.suffix in _TABLES)


def _is_table(names: frozenset[str]) -> bool:
    return bool(names & {*_FILE}) and bool(names & {*_MEANT}) and _OF_PARQUET not in names


def _first(line: Line, columns: tuple[str, ...]) -> str:
    return next((line[name] for name in columns if line.get(name)), "")


def _file(folder: Path, files: dict[str, list[Path]], name: str) -> Path:
    """Return the array of a row: where it says, else the one of that name."""
    named = name if name.endswith(SUFFIX) else name + SUFFIX
    if not name:
        raise InputError("the row names no file", reason="bad_field")
    path = inside(folder, named)
    if path.is_file():
        return path
    found = files.get(PurePosixPath(named).stem, [])
    if len(found) != 1:
        many = f"{len(found)} files of that name" if found else "no such file"
        raise InputError(f"{named}: {many} in {folder}", reason="unreadable_file")
    return found[0]


def _recording(line: Line, values: Array, split: str) -> Recording:
    own = line.get("split", "")
    side = split_of(own) if own else split
    if own and not side:
        raise InputError(f"split is {own!r}, expected train, dev or test", reason="bad_field")
    target = tuple(_first(line, _MEANT).split())
    return Recording(values, target, _first(line, _FILE), _first(line, _WHO) or None, split=side)
