"""The files of one data set: what is trained on, and further files that are held out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from edgectc.core.errors import InputError
from edgectc.core.types import Recording
from edgectc.data import splits

File: TypeAlias = str | os.PathLike[str]
Rows: TypeAlias = Callable[[Path], Iterator[Recording | InputError]]
HELD_OUT = ("dev", "test")


@dataclass(frozen=True)
class Sources:
    """Files of recordings.

    Attributes:
        data: recordings to train on, and to hold out from where no other file is for that.
        dev: recordings to choose the best checkpoint by; () takes some of ``data``.
        test: recordings to measure the chosen one on; () takes some of ``data``.
        split_by: rule by which ``data`` is split, see `edgectc.data.splits.assign`.
    """

    data: tuple[Path, ...]
    dev: tuple[Path, ...] = ()
    test: tuple[Path, ...] = ()
    split_by: str = "auto"

    def __post_init__(self) -> None:
        splits.check_rule(self.split_by)

    def __str__(self) -> str:
        return ", ".join(path.name for path in self.data)

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield each file with its part: "data", "dev" or "test"."""
        for part, paths in (("data", self.data), ("dev", self.dev), ("test", self.test)):
            yield from ((part, path) for path in paths)


@dataclass
class DataSet:
    """The rows of `Sources`, each on its side.

    Attributes:
        rows: split to its rows; a row that cannot be used is in the split of its file, "train" for
            one of ``data``.
        origins: of each row of "train", the place of its file in `Sources.data`.
        how: how ``data`` was split, for people.
    """

    rows: dict[str, list[Recording | InputError]]
    origins: list[int] = field(default_factory=list)
    how: str = ""


def of(data: Path | Sources | None) -> Sources | None:
    """Return a single file as a data set."""
    return Sources((data,)) if isinstance(data, Path) else data


def several(files: File | Sequence[File] | None) -> tuple[File, ...]:
    """Return one file, several or none as a tuple."""
    if files is None:
        return ()
    return (files,) if isinstance(files, (str, os.PathLike)) else tuple(files)


def read(sources: Sources, rows: Rows, *, people: bool = True) -> DataSet:
    """Return the rows of all files; ``rows`` reads one.

    With a file for validation, what names no split is for training; with one for the test alone,
    ``data`` is split into training and validation.

    Args:
        sources: the files.
        rows: yields the recordings of a file.
        people: whether groups are people, who are on one side each, and no days.

    Raises:
        InputError: a file cannot be read.
    """
    found: list[Recording | InputError] = []
    origins: list[int] = []
    for place, path in enumerate(sources.data):
        before = len(found)
        found += rows(path)
        origins += [place] * (len(found) - before)
    if sources.dev:
        sides, how = [_named(row) for row in found], "by file"
    else:
        placed, how = splits.place(found, rule=sources.split_by, people=people)
        found, sides = placed, [_named(row) for row in placed]
    if sources.test and not sources.dev and how != splits.AS_NAMED:
        sides = ["train" if side == "test" else side for side in sides]
    made = DataSet({split: [] for split in splits.SPLITS}, [], how)
    for row, side, place in zip(found, sides, origins, strict=True):
        made.rows[side].append(row)
        if side == "train":
            made.origins.append(place)
    for part, path in sources.files():
        if part in HELD_OUT:
            made.rows[part] += rows(path)
    return made


def _named(row: Recording | InputError) -> str:
    return "train" if isinstance(row, InputError) else row.split or "train"
