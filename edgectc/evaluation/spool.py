"""What the network said of many recordings, gone through again and again in little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from numpy.lib import format as npy

from edgectc.core.types import Array
from edgectc.data import rows

Row = tuple[Array, ...]


class Spool:
    """Rows of arrays in order: `edgectc.data.rows.HELD_BYTES` of them in memory, the rest on disk.

    Every row has the same number of arrays; types and shapes are their own, and come back as they
    were. Rows are gone through from the first to the last.
    """

    def __init__(self, folder: Path) -> None:
        """Take a folder for a file, which is written if there are many rows."""
        self._path = folder / "spool"
        self._held, self._bytes = list[Row](), 0
        self._width = self._stored = 0

    def __len__(self) -> int:
        return len(self._held) + self._stored

    def __iter__(self) -> Iterator[Row]:
        yield from self._held
        if self._stored:
            with self._path.open("rb") as file:
                for _ in range(self._stored):
                    yield tuple(
                        npy.read_array(file, allow_pickle=False) for _ in range(self._width)
                    )

    def extend(self, added: Iterator[Sequence[Array]]) -> None:
        """Append rows as they come."""
        with self._path.open("ab") as file:
            for row in added:
                self._width = len(row)
                self._bytes += sum(array.nbytes for array in row)
                if self._bytes <= rows.HELD_BYTES:
                    self._held.append(tuple(row))
                    continue
                self._stored += 1
                for array in row:
                    npy.write_array(file, array, allow_pickle=False)
