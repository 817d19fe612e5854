"""Columns of arrays in a folder, a ``NAME.npy`` each: written piece by piece, read where they lie.

Rows of several values (labels, names) are two columns: all values one after another, and for each
row where it ends. Nothing here holds more than a piece in memory; the system reads the pages of a
mapped file that are asked for, and may forget them again.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from edgectc.core.types import Array

_HEADER = 128  # bytes before the values; the header of a .npy is padded to a multiple of 64
_PIECE = 1 << 16  # rows that are looked at together
_MAGIC = b"\x93NUMPY\x01\x00"


class ColumnWriter:
    """Writes columns of which more and more rows come; a column has one dtype and row shape."""

    def __init__(self, folder: Path) -> None:
        """Take an empty folder; whoever made it gives it its name when all is written."""
        self._folder = folder
        self._files: dict[str, Any] = {}
        self._about: dict[str, tuple[np.dtype[Any], tuple[int, ...], int]] = {}

    def append(self, arrays: Mapping[str, Array]) -> None:
        """Add rows, the first axis, to columns; a column begins with its first rows.

        Raises:
            ValueError: the rows are of another dtype or shape than those before.
        """
        for name, array in arrays.items():
            if name not in self._files:
                self._files[name] = (self._folder / f"{name}.npy").open("wb")
                self._files[name].write(b"\0" * _HEADER)
                self._about[name] = array.dtype, array.shape[1:], 0
            dtype, shape, count = self._about[name]
            if array.dtype != dtype or array.shape[1:] != shape:
                raise ValueError(
                    f"column {name} has rows of {dtype} {shape}, got {array.dtype} "
                    f"{array.shape[1:]}"
                )
            self._files[name].write(
                np.ascontiguousarray(array).data.cast("B") if array.size else b""
            )
            self._about[name] = dtype, shape, count + len(array)

    def rows(self, name: str) -> int:
        """Return how many rows a column has so far."""
        return self._about[name][2] if name in self._about else 0

    def put(self, arrays: Mapping[str, Array]) -> None:
        """Write columns that are whole; also single values."""
        for name, array in arrays.items():
            np.save(self._folder / f"{name}.npy", array, allow_pickle=False)

    def close(self) -> None:
        """Write the heads of the columns, which tell how many rows there are."""
        for name, file in self._files.items():
            dtype, shape, count = self._about[name]
            about = {
                "descr": np.lib.format.dtype_to_descr(dtype),
                "fortran_order": False,
                "shape": (count, *shape),
            }
            room = _HEADER - len(_MAGIC) - 2
            text = str(about).encode("latin1").ljust(room - 1) + b"\n"
            if len(text) > room:
                raise ValueError(f"column {name}: its head does not fit into {_HEADER} bytes")
            file.seek(0)
            file.write(_MAGIC + room.to_bytes(2, "little") + text)
            file.close()
        self._files = {}


def read(folder: Path) -> dict[str, Array]:
    """Return the columns of a folder as they lie there, to read only.

    Raises:
        OSError, ValueError: one cannot be read.
    """
    found = {}
    for path in sorted(folder.glob("*.npy")):
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        found[path.stem] = array
    return found


class Pages:
    """The pages of mapped columns, given back now and then, so that a process stays small.

    What was read counts as memory of a process until the system needs it for another one. A
    limit on memory, as of a container or a batch system, does not know that.
    """

    def __init__(self, arrays: Iterable[Array], every: int = _PIECE) -> None:
        """Take columns, and after how many rows their pages are given back."""
        bases: list[Any] = [array.base for array in arrays]
        self._maps = [base for base in bases if isinstance(base, mmap.mmap)]
        self._every, self._seen = every, 0

    def used(self, rows: int) -> None:
        """Count rows that were read."""
        self._seen += rows
        if self._seen >= self._every:
            self._seen = 0
            self.release()

    def release(self) -> None:
        """Give all pages back; they are read again where they are needed."""
        if sys.platform != "win32":  # which has no such call
            for mapped in self._maps:
                mapped.madvise(mmap.MADV_DONTNEED)


class Ragged(Sequence[tuple[int, ...]]):
    """Rows of integers of any length, in two columns."""

    def __init__(self, values: Array, ends: Array, first: int = 0, last: int | None = None) -> None:
        """Take the values, and (n,) where each row ends; of the rows ``first`` up to ``last``."""
        self._values, self._ends = values, ends
        self._first, self._last = first, len(ends) if last is None else last

    def __len__(self) -> int:
        return self._last - self._first

    @overload
    def __getitem__(self, row: int) -> tuple[int, ...]: ...
    @overload
    def __getitem__(self, row: slice) -> Ragged: ...
    def __getitem__(self, row: int | slice) -> tuple[int, ...] | Ragged:
        if isinstance(row, slice):
            start, stop, step = row.indices(len(self))
            if step != 1:
                raise ValueError(f"step is {step}, expected 1")
            first = self._first
            return Ragged(self._values, self._ends, first + start, first + max(start, stop))
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        start, end = _span(self._ends, self._first + row % len(self))
        return tuple(self._values[start:end].tolist())

    def columns(self) -> tuple[Array, Array]:
        """Return the values and ends of these rows alone."""
        ends = self._ends[self._first : self._last]
        start = int(self._ends[self._first - 1]) if self._first else 0
        stop = int(ends[-1]) if len(ends) else start
        return self._values[start:stop], ends - start

    def frames_needed(self) -> Array:
        """Return (n,) int64 output frames that CTC needs for each row.

        Source: A. Graves et al., 2006: a token each, and a blank between two that are equal.
        """
        values, ends = self.columns()
        needed = np.zeros(len(ends), np.int64)
        for at in range(0, len(ends), _PIECE):
            piece = np.asarray(ends[at : at + _PIECE])
            start = int(ends[at - 1]) if at else 0
            mine = np.asarray(values[start : piece[-1]])
            again = np.zeros(len(mine) + 1, np.int64)
            np.cumsum(mine[1:] == mine[:-1], out=again[2:]) if len(mine) > 1 else None
            before = np.concatenate([[start], piece[:-1]]) - start
            last = np.maximum(piece - start, before + 1)
            # Equal neighbours up to the last token of a row, but for the one across its start.
            repeats = again[np.minimum(last, len(mine))] - again[np.minimum(before + 1, len(mine))]
            needed[at : at + _PIECE] = np.where(piece - start > before, repeats, 0)
            needed[at : at + _PIECE] += piece - start - before
        return needed


class Texts(Sequence[str]):
    """Texts in two columns: UTF-8, and where each ends."""

    def __init__(self, values: Array, ends: Array) -> None:
        """Take (bytes,) uint8, and (n,) int64."""
        self._values, self._ends = values, ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        start, end = _span(self._ends, row % len(self))
        # JSON can name half of a surrogate pair, which strict UTF-8 cannot.
        return self._values[start:end].tobytes().decode("utf-8", "surrogatepass")


class Slices(Sequence[Array]):
    """Recordings that lie one after another in one array: (T, C) views of (sum of T, C)."""

    def __init__(self, values: Array, ends: Array) -> None:
        """Take the array, and (n,) where each recording ends."""
        self._values, self._ends = values, ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, row: int) -> Array: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Array]: ...
    def __getitem__(self, row: int | slice) -> Array | Sequence[Array]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        start, end = _span(self._ends, row % len(self))
        return self._values[start:end]


def ragged(rows: Iterable[Sequence[int]]) -> tuple[Array, Array]:
    """Return the columns of rows of integers: values and ends, int64."""
    held = [*rows]
    values = np.array([value for row in held for value in row], np.int64)
    return values, np.cumsum([len(row) for row in held], dtype=np.int64)


def texts(rows: Iterable[str]) -> tuple[Array, Array]:
    """Return the columns of texts: bytes of UTF-8, uint8, and ends, int64."""
    held = [row.encode("utf-8", "surrogatepass") for row in rows]
    values = np.frombuffer(b"".join(held), np.uint8)
    return values, np.cumsum([len(row) for row in held], dtype=np.int64)


def _span(ends: Array, row: int) -> tuple[int, int]:
    return int(ends[row - 1]) if row else 0, int(ends[row])
