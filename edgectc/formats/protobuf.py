"""Reads messages of a protobuf by field number; standard library alone.

Source: "Encoding", protobuf.dev/programming-guides/encoding. Stricter than a protobuf library where
two readers could disagree: groups, tags of more than 32 bits and deep nesting are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Value = int | memoryview
# Kind of message -> number of a field that holds a message -> kind of that message.
Schema = Mapping[str, Mapping[int, str]]

MOST_DEPTH = 100  # that of protobuf itself
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class CutShort(ValueError):
    """The data ends within a field."""


def messages(
    data: bytes | memoryview, schema: Schema, kind: str, wanted: str, *, depth: int = 0
) -> Iterator[memoryview]:
    """Yield every message of the kind ``wanted``, wherever it is inside of ``data``.

    Args:
        data: one message.
        schema: which fields hold which messages; all others are passed over.
        kind: of ``data``.
        wanted: kind to look for.
        depth: how many messages ``data`` lies in.

    Raises:
        ValueError: it is no protobuf.
    """
    if depth > MOST_DEPTH:
        raise ValueError(f"nested deeper than {MOST_DEPTH}")
    view, inner = memoryview(data), schema[kind]
    if kind == wanted:
        yield view
    for number, value in fields(view):
        if number in inner and isinstance(value, memoryview):
            yield from messages(value, schema, inner[number], wanted, depth=depth + 1)


def fields(data: bytes | memoryview) -> Iterator[tuple[int, Value]]:
    """Yield number and value of each field in order: a number, or the bytes of anything longer.

    Raises:
        ValueError: it is no protobuf.
    """
    view, at = memoryview(data), 0
    while at < len(view):
        tag, at = _varint(view, at)
        number, kind = tag >> 3, tag & 7
        if tag >> 32 or not number:
            raise ValueError(f"the tag {tag}")
        if kind == _VARINT:
            value, at = _varint(view, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(view, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"a field of wire type {kind}")
        if size > len(view) - at:
            raise CutShort(f"a field of {size:,} bytes where {len(view) - at:,} are left")
        yield number, view[at : at + size]
        at += size


def text(message: bytes | memoryview, field: int) -> str:
    """Return a text field, the last one as protobuf has it, "" if it is absent."""
    found = [v for n, v in fields(message) if n == field and isinstance(v, memoryview)]
    return bytes(found[-1]).decode("utf-8", "replace") if found else ""


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise CutShort("it ends within a number")
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number of more than 10 bytes")
