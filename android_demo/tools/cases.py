"""Writes an artifact's reference cases as a runtime takes them: the app reads no manifests."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from statistics import median
from typing import Any

PREFIX = b'{"edgectc_manifest":1,"file_sha256":"'
TYPES = {"float32": "f", "int32": "i"}


def write(artifact: Path, out: Path) -> None:
    """Write an artifact with its cases to ``out``; org.edgectc.runtimes.Cases reads it.

    Raises:
        ValueError: the artifact has no manifest of a swipe model.
    """
    data, about = _manifest(artifact)
    tensors = [*about["inputs"], about["output"]]
    parts = [struct.pack(">i", len(data)), data, struct.pack(">i", len(tensors))]
    parts += [_tensor(one) for one in tensors]
    cases = about["reference"].values()
    parts.append(struct.pack(">di", about["scheme"]["atol"], len(cases)))
    layouts = {layout["name"]: layout for layout in about["layouts"]}
    for case in cases:
        parts.append(_case(case, layouts[case["layout"]], about))
    out.write_bytes(b"".join(parts))


def traces(artifact: Path) -> tuple[dict[str, Any], list[str]]:
    """Return a manifest and the points of its reference cases: layout, then x, y, t of each.

    Raises:
        ValueError: the artifact has no manifest of a swipe model.
    """
    _, about = _manifest(artifact)
    lines = []
    for case in about["reference"].values():
        if case.get("points"):
            values = _floats(case["points"], "d")
            lines.append(" ".join([case["layout"], *(f"{value:.6g}" for value in values)]))
    return about, lines


def _manifest(artifact: Path) -> tuple[bytes, dict[str, Any]]:
    data = artifact.read_bytes()
    at = data.find(PREFIX)
    if at < 0:
        raise ValueError(f"{artifact} has no manifest; make it with `edgectc export`")
    return data, json.JSONDecoder().raw_decode(data[at:].decode("ascii", "ignore"))[0]["manifest"]


def _tensor(about: dict[str, Any]) -> bytes:
    name, shape = about["name"].encode(), about["shape"]
    real = about["dtype"] == "float32"
    return struct.pack(f">H{len(name)}s?i{len(shape)}i", len(name), name, real, len(shape), *shape)


def _case(case: dict[str, Any], layout: dict[str, Any], about: dict[str, Any]) -> bytes:
    centers, size = _keys(layout)
    trace, expected = _floats(case["trace"]), _floats(case["log_probs"])
    given = {"trace": trace, "length": [case["length"]], "keys": centers,
             "key_mask": [1.0] * (len(centers) // 2), "key_size": size}  # fmt: skip
    parts = []
    for tensor in about["inputs"]:
        room = 1
        for axis in tensor["shape"]:
            room *= axis
        values = [*given[tensor["name"]], *[0] * (room - len(given[tensor["name"]]))]
        parts.append(struct.pack(f">{room}{TYPES[tensor['dtype']]}", *values))
    columns = [*range(len(centers) // 2), about["blank_id"]]  # slots without a key mean nothing
    rows = len(expected) // len(columns)
    parts.append(struct.pack(f">ii{len(columns)}i", rows, len(columns), *columns))
    parts.append(struct.pack(f">{len(expected)}f", *expected))
    return b"".join(parts)


def _keys(layout: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Return x, y of each key's centre in turn, and width and height of a key."""
    centers, widths, rows = [], [], layout["rows"]
    for y, row in enumerate(rows):
        for x, letter in enumerate(row["keys"]):
            if letter != " ":
                centers += [row["x"] + (x + 0.5) * row["key_width"], (y + 0.5) / len(rows)]
                widths.append(row["key_width"])
    return centers, [median(widths), 1 / len(rows)]


def _floats(array: dict[str, Any], kind: str = "f") -> tuple[float, ...]:
    data = base64.b64decode(array["base64"])
    return struct.unpack(f"<{len(data) // struct.calcsize(kind)}{kind}", data)
