"""Damage to files, by kind."""

from __future__ import annotations

import numpy as np

KINDS = ("bit", "truncated", "zeroed", "spliced", "inserted")


def mutate(data: bytes, kind: str, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(max(1, len(data) - 64)))
    out = bytearray(data)
    if kind == "bit":
        out[at] ^= 1 << int(rng.integers(8))
    elif kind == "truncated":
        del out[at:]
    elif kind == "zeroed":
        out[at : at + 64] = bytes(64)
    elif kind == "spliced":
        out[at : at + 32] = rng.bytes(32)
    elif kind == "inserted":
        out[at:at] = b"\x00"
    return bytes(out)
