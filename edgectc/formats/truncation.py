"""Whether a file says of itself that it is longer than it is: one that was copied in part."""

from __future__ import annotations

import struct

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protobuf


def is_cut_short(data: bytes) -> bool:
    """Return whether the end of an ONNX or ExecuTorch file is missing."""
    return _pte_cut_short(data) if data[4:8] == b"ET12" else _onnx_cut_short(data)


def _pte_cut_short(data: bytes) -> bool:
    """Read ExecuTorch's extended header: the program's size, then where its segments begin."""
    if len(data) < 40:
        return True

    magic, length, program, base, held = struct.unpack_from("<4sIQQQ", data, 8)
    # Older headers, of 24 bytes, do not say how long the segments are.
    told: int = max(program, base + held if length >= 32 else 0)
    return magic == b"eh00" and len(data) < told


def _onnx_cut_short(data: bytes) -> bool:
    """Walk the fields of a ModelProto, whose first is its version, without entering them."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        field, wire = key >> 3, key & 7
        if not 1 <= field <= 25 or wire not in (_VARINT, _FIXED64, _BYTES, _FIXED32):
            return False  # no ONNX file at all
        if wire == _VARINT:
            _, place = _varint(data, place)
        elif wire == _BYTES:
            length, place = _varint(data, place)
            place += length
        else:
            place += 8 if wire == _FIXED64 else 4
    return place > len(data)


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return a number and the place after it, which is beyond the end where that is missing."""
    value = 0
    for shift in range(0, 64, 7):
        if place >= len(data):
            break
        byte = data[place]
        value |= (byte & 127) << shift
        place += 1
        if byte < 128:
            return value, place
    return value, len(data) + 1
