"""Whether a file says of itself that it is longer than it is: one that was copied in part."""

from __future__ import annotations

import struct

from edgectc.formats import protobuf

_FIELDS = 25  # of a ModelProto: the highest number
_HEADER = 40  # bytes of an ExecuTorch file up to the end of its extended header


def is_cut_short(data: bytes) -> bool:
    """Return whether the end of an ONNX or ExecuTorch file is missing."""
    return _pte_cut_short(data) if data[4:8] == b"ET12" else _onnx_cut_short(data)


def _pte_cut_short(data: bytes) -> bool:
    """Read the extended header: the program's size, then where its segments begin and how long."""
    if len(data) < _HEADER:
        return True
    length, program, base, held = struct.unpack_from("<IQQQ", data, 12)
    # Older headers, of 24 bytes, do not say how long the segments are.
    told: int = max(program, base + held if length >= 32 else 0)
    return data[8:12] == b"eh00" and len(data) < told


def _onnx_cut_short(data: bytes) -> bool:
    """Walk the fields of a ModelProto, whose first is its version."""
    if not data.startswith(b"\x08"):
        return False
    try:
        for number, _ in protobuf.fields(data):
            if number > _FIELDS:
                break  # no ONNX file at all
    except protobuf.CutShort:
        return True
    except ValueError:  # no protobuf at all, which whoever opens the file says better
        return False
    return False
