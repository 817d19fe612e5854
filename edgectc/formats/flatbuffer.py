"""Reads tables of a flatbuffer by field number; standard library alone.

Source: the FlatBuffers internals page ("flatbuffers.dev/internals"): a table starts with the
distance to its vtable, which lists the offset of each field, 0 for one that is absent.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator


class Table:
    """One table in a buffer."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        self._vtable = at - int(struct.unpack_from("<i", data, at)[0])
        self._size = int(struct.unpack_from("<H", data, self._vtable)[0])

    @classmethod
    def root(cls, data: bytes, start: int = 0) -> Table:
        """Return the root table of the flatbuffer that begins at ``start``."""
        return cls(data, start + int(struct.unpack_from("<I", data, start)[0]))

    def _field(self, number: int) -> int:
        place = 4 + 2 * number
        if place >= self._size:
            return 0
        offset = int(struct.unpack_from("<H", self.data, self._vtable + place)[0])
        return self.at + offset if offset else 0

    def number(self, field: int, kind: str = "I") -> int:
        """Return an integer field, 0 if it is absent; ``kind`` as in `struct`."""
        at = self._field(field)
        return int(struct.unpack_from(f"<{kind}", self.data, at)[0]) if at else 0

    def table(self, field: int) -> Table | None:
        """Return a table or union field."""
        at = self._field(field)
        return Table(self.data, at + self._u32(at)) if at else None

    def text(self, field: int) -> str:
        """Return a string field, "" if it is absent."""
        start, count = self._vector(field)
        return self.data[start : start + count].decode("utf-8")

    def numbers(self, field: int, kind: str = "I") -> tuple[int, ...]:
        """Return a vector of integers."""
        start, count = self._vector(field)
        return struct.unpack_from(f"<{count}{kind}", self.data, start)

    def raw(self, field: int) -> bytes:
        """Return a vector of bytes."""
        start, count = self._vector(field)
        return self.data[start : start + count]

    def tables(self, field: int) -> Iterator[Table]:
        """Yield a vector of tables."""
        start, count = self._vector(field)
        for i in range(count):
            at = start + 4 * i
            yield Table(self.data, at + self._u32(at))

    def _vector(self, field: int) -> tuple[int, int]:
        at = self._field(field)
        if not at:
            return 0, 0
        at += self._u32(at)
        return at + 4, self._u32(at)

    def _u32(self, at: int) -> int:
        return int(struct.unpack_from("<I", self.data, at)[0])
