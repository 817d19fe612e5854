"""Several inputs of a network as the columns of one table, a row a frame.

What is the same for a whole recording, a day or a speaker, stands in every row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Array

KINDS = ("frames", "image", "ids", "index", "value")


@dataclass(frozen=True)
class Input:
    """One input of a network, by the name of its argument.

    Attributes:
        kind: "frames" (T, *shape) floats; "image" (C, H, T) floats, its columns being the frames;
            "ids" (T,) integers; "index" one integer of the recording; "value" its floats (*shape).
        shape: of a frame or a value, () for a number; channels and height of an image.
        count: of "ids" and "index": they are 0 to count - 1.
    """

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    count: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"kind is {self.kind!r}, expected one of {list(KINDS)}")
        whole = self.kind in ("ids", "index")
        if whole != (self.count > 0) or (whole and self.shape) or min(self.shape, default=1) < 1:
            raise ConfigError(
                f"input {self.name!r} is {self.kind} of shape {list(self.shape)} and count "
                f"{self.count}; expected sizes of 1 or more, and a count of ids and index alone"
            )
        if self.kind == "image" and len(self.shape) != 2:
            raise ConfigError(f"image {self.name!r} has shape {list(self.shape)}, expected (C, H)")

    @property
    def width(self) -> int:
        """Return how many columns it takes."""
        return math.prod(self.shape)

    @property
    def moves(self) -> bool:
        """Return whether each frame has its own."""
        return self.kind in ("frames", "image", "ids")


def width(inputs: Sequence[Input]) -> int:
    """Return the columns of all inputs."""
    return sum(one.width for one in inputs)


def described(inputs: Sequence[Input]) -> str:
    """Return what stands in which columns, for people."""
    told, at = [], 0
    for one in inputs:
        last = at + one.width - 1
        place = f"{at}" if last == at else f"{at}..{last}"
        more = f" below {one.count}" if one.count else ""
        told.append(f"{one.name} ({one.kind}{more}): {place}")
        at = last + 1
    return ", ".join(told)


def table(inputs: Sequence[Input], given: Mapping[str, Any]) -> Array:
    """Return (T, columns) float32 of the inputs of one recording by their names.

    Raises:
        InputError: one is missing, unknown, of another shape, or no such index.
    """
    names = [one.name for one in inputs]
    if {*given} != {*names}:
        raise InputError(f"the recording has {sorted(given)}, expected {names}", reason="bad_shape")
    parts = [_part(one, given[one.name]) for one in inputs]
    lengths = {one.name: len(part) for one, part in zip(inputs, parts, strict=True) if one.moves}
    if len({*lengths.values()}) != 1:
        raise InputError(
            f"the inputs have {lengths} frames, expected as many of each", reason="bad_shape"
        )
    T = next(iter(lengths.values()))
    rows = [
        part if one.moves else np.repeat(part[None], T, axis=0)
        for one, part in zip(inputs, parts, strict=True)
    ]
    return np.concatenate([row.reshape(T, -1) for row in rows], axis=1).astype(np.float32)


def _part(one: Input, value: Any) -> Array:
    """Return (T, width) of what moves, (width,) of what does not."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise InputError(f"{one.name} is {array.dtype}, expected numbers", reason="bad_shape")
    expected: dict[str, tuple[int | None, ...]] = {
        "frames": (None, *one.shape),
        "image": (*one.shape, None),
        "ids": (None,),
        "index": (),
        "value": one.shape,
    }
    shape = expected[one.kind]
    fits = array.ndim == len(shape) and all(
        want in (None, got) for got, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        told = ["frames" if n is None else n for n in shape]
        raise InputError(f"{one.name} has shape {array.shape}, expected {told}", reason="bad_shape")
    if one.count and ((array != np.floor(array)) | (array < 0) | (array >= one.count)).any():
        raise InputError(
            f"{one.name} holds {array.ravel()[:3].tolist()}, expected integers of 0 to "
            f"{one.count - 1}: more were not seen in the sample of the export (counts=)",
            reason="bad_index",
        )
    if one.kind == "image":
        array = array.transpose(2, 0, 1).reshape(array.shape[2], -1)
    return array.reshape(len(array), -1) if one.moves else array.reshape(-1)
