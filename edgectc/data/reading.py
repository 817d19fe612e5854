"""What readers of recordings in formats of others have in common."""

from __future__ import annotations

import csv
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from edgectc.core.errors import InputError
from edgectc.core.files import READ_ERRORS, open_bytes, open_plain
from edgectc.core.types import Array
from edgectc.language.pronunciations import Pronunciations

Line: TypeAlias = Mapping[str, str]
Rows: TypeAlias = Iterable[list[str]]

MOST_VALUES = 1 << 26  # of one recording
# Parts of a body in the order of our own points, with how many points each has.
PARTS = {"pose": 33, "left_hand": 21, "right_hand": 21, "face": 468}
POINTS = sum(PARTS.values())
_SPLITS = {"train": "train", "dev": "dev", "val": "dev", "valid": "dev", "test": "test"}


@dataclass(frozen=True)
class Choices:
    """What a data set does not tell of itself.

    Attributes:
        pronunciations: phonemes of the words of its sentences; None for none.
        points: order of the parts of a body in its arrays; () for our own.
    """

    pronunciations: Pronunciations | None = None
    points: tuple[str, ...] = ()

    @property
    def made(self) -> list[str]:
        """Return the names of the choices that were made."""
        return ["pronunciations"] * (self.pronunciations is not None) + ["points"] * bool(
            self.points
        )


def unreadable(path: Path, error: Exception | str) -> InputError:
    """Return the error of a file that cannot be read."""
    why = " ".join(str(error).split())  # one line, whatever a library writes
    return InputError(f"cannot read {path}: {why}", reason="unreadable_file")


def split_of(name: str) -> str:
    """Return the split that the words in the name of a file or folder tell; "" for none."""
    words = name.lower().replace("_", ".").replace("-", ".").split(".")
    return next((_SPLITS[word] for word in words if word in _SPLITS), "")


def table(path: Path) -> Iterator[Line]:
    """Yield the lines of a table of texts by the names in its first line, in small letters.

    Columns are apart by the mark that the first line has most of: "|", ",", ";" or a tab.

    Raises:
        InputError: reason ``unreadable_file``: it is no table in UTF-8.
    """
    try:
        with open_bytes(path) as raw:
            lines = (line.decode() for line in raw)
            first = next(lines, "").removeprefix("\ufeff")
            mark = _mark(first)
            names = [name.strip().lower() for name in next(csv.reader([first], delimiter=mark), [])]
            apart: Rows = csv.reader(lines, delimiter=mark)
            if mark == "|":  # there quotes are text
                apart = (line.rstrip("\r\n").split(mark) for line in lines)
            for line in apart:
                if any(line):
                    yield dict(zip(names, (value.strip() for value in line), strict=False))
    except (*READ_ERRORS, UnicodeDecodeError, csv.Error) as error:
        raise unreadable(path, error) from error


def _mark(first: str) -> str:
    return max("|,;\t", key=first.count)


def header(path: Path) -> frozenset[str]:
    """Return the names of the columns of a table; none of a file that is no table."""
    try:
        with open_plain(path) as file:
            first = file.readline(1 << 16).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return frozenset()
    return frozenset(name.strip().lower().strip('"') for name in first.split(_mark(first)))


def inside(folder: Path, named: str) -> Path:
    """Return the file that a row names, which has to lie in the folder of the data set.

    Raises:
        InputError: reason ``bad_field``.
    """
    path = folder / named
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"the row names {named!r}, which is not in {folder}", reason="bad_field")
    return path


def array(path: Path) -> Array:
    """Return the array of a ``.npy``; nothing in it is unpickled.

    Raises:
        InputError: reason ``unreadable_file``, or ``bad_shape``: it has too many values.
    """
    try:
        with open_plain(path) as file:
            version = np.lib.format.read_magic(file)
            heads = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }
            if version not in heads:
                raise ValueError(f"version {version} of .npy")
            shape, _, kind = heads[version](file)
            check_size(shape, path.name)
            if kind.kind not in "fiu":
                raise ValueError(f"values of type {kind}, expected numbers")
            file.seek(0)
            values: Array = np.load(file, allow_pickle=False)
            return values
    except InputError:
        raise
    except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError) as error:
        # The last two: NumPy reads the head of an array as a line of Python.
        raise unreadable(path, error) from error


def check_size(shape: Sequence[int], name: str) -> None:
    """Raise `InputError`, reason ``bad_shape``, if a recording of this shape is too large."""
    if np.prod([float(n) for n in shape]) > MOST_VALUES:
        raise InputError(
            f"{name} has shape {(*shape,)}, more than {MOST_VALUES:,} values", reason="bad_shape"
        )


def in_our_order(points: Array, order: Sequence[str]) -> Array:
    """Return (T, 543, 3) points with pose, left hand, right hand and face one after another.

    Args:
        points: (T, 543, 3), parts in the order of ``order``.
        order: of the parts; () for our own.

    Raises:
        InputError: reason ``bad_shape``: the parts are not those of the array.
    """
    if not order:
        return points
    counts = [PARTS[part] for part in order]
    if sorted(order) != sorted(PARTS) or points.shape[1] != POINTS:
        raise InputError(
            f"the recording has {points.shape[1]} points and parts {', '.join(order)}, expected "
            f"{POINTS} points of {', '.join(PARTS)}, each once",
            reason="bad_shape",
        )
    ends = np.cumsum(counts)
    slices = dict(zip(order, np.split(points, ends[:-1], axis=1), strict=True))
    return np.concatenate([slices[part] for part in PARTS], axis=1)


def signal(path: Path, order: Sequence[str]) -> Array:
    """Return the (T, C) of a ``.npy`` of (T, C), or of (T, P, 3) points, x, y, z one after another.

    Args:
        path: of the file.
        order: of the parts of a body in it; () for our own.

    Raises:
        InputError: reason ``unreadable_file`` or ``bad_shape``.
    """
    values = array(path)
    if values.ndim == 3 and values.shape[2] == 3:
        points = in_our_order(values, order)
        return points.reshape(len(points), -1)
    if values.ndim == 2 and order and values.shape[1] % 3 == 0:
        return in_our_order(values.reshape(len(values), -1, 3), order).reshape(len(values), -1)
    if values.ndim != 2:
        raise InputError(
            f"{path.name} has shape {values.shape}, expected (frames, values) or "
            "(frames, points, 3)",
            reason="bad_shape",
        )
    return values
