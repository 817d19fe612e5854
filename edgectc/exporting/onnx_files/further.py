"""What a foreign file takes beside its features and their length: memory, and further inputs.

A memory is an input that an output of the same name and shape follows, ``cached_len_0`` and
``new_cached_len_0``; anything else is a number or a table of the recording, or a constant that was
said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.types import Array
from edgectc.data.columns import Input

if TYPE_CHECKING:
    from onnxruntime import NodeArg

DTYPES = {
    "tensor(float)": "float32", "tensor(float16)": "float16", "tensor(int64)": "int64",
    "tensor(int32)": "int32", "tensor(bool)": "bool", "tensor(double)": "float64",
}  # fmt: skip
# What says "before" or "after" in a name, and nothing of what it is.
_TURNS = {
    *("new", "next", "out", "output", "in", "input", "r", "cur", "current", "prev", "previous"),
    *("updated", "past", "present", "old", "init", "initial", "n"),
}
_REMEMBERS = {
    *("cache", "caches", "cached", "state", "states", "hidden", "past", "processed", "memory"),
}
_HELD = ("float32", "float64", "int32", "int64")


@dataclass(frozen=True)
class Memory:
    """An input that an output follows from one chunk to the next; zeros before the first.

    Attributes:
        shape: of both, the batch being one.
    """

    name: str
    output: str
    dtype: str
    shape: tuple[int, ...]

    def zeros(self) -> Array:
        """Return its value before the first chunk."""
        return np.zeros(self.shape, self.dtype)


@dataclass(frozen=True)
class Further:
    """An input beside features and length.

    Attributes:
        kind: as of `edgectc.data.columns.Input`, or "constant".
        dtype: as the file takes it.
        shape: as the file takes it; -1 where its frames are.
        count: of "ids" and "index".
        values: of a constant, flat.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int, ...]
    count: int = 0
    values: tuple[float, ...] = ()

    def column(self) -> Input:
        """Return what its columns are."""
        whole = self.kind in ("ids", "index")
        inner = () if whole else self.shape[2:] if self.kind == "frames" else self.shape[1:]
        return Input(self.name, self.kind, inner, self.count)

    @property
    def width(self) -> int:
        """Return how many columns it takes; a constant takes none."""
        return 0 if self.kind == "constant" else self.column().width

    def native(self, columns: Array) -> Array:
        """Return what the file takes, of (T, width) columns."""
        if self.kind == "constant":
            made: Array = np.array(self.values, self.dtype).reshape(self.shape)
            return made
        rows = columns if self.kind in ("frames", "ids") else columns[:1]
        whole: Array = rows.reshape(self.shape).astype(self.dtype)
        return whole

    def noise(self, frames: int, rough: Array) -> Array:
        """Return (frames, width) values that it may have, of (frames, width) noise of -1 to 1."""
        if self.count:
            rough = np.clip(np.floor((rough + 1.0) / 2.0 * self.count), 0, self.count - 1)
        return rough if self.kind in ("frames", "ids") else np.repeat(rough[:1], frames, axis=0)


def memories(
    inputs: Sequence[NodeArg], outputs: Sequence[NodeArg], said: Mapping[str, str]
) -> tuple[Memory, ...]:
    """Return the inputs that outputs follow, as was said, or by names and shapes.

    Raises:
        ConfigError: one has a type that is not held, or may follow several, or one that is said is
            not there.
    """
    names = {*(one.name for one in inputs), *(one.name for one in outputs)}
    unknown = [name for pair in said.items() for name in pair if name and name not in names]
    if unknown:
        raise ConfigError(f"there is no {unknown[0]!r} among {sorted(names)}", options=["states"])
    found, used = list[Memory](), {*said.values()}
    for one in inputs:
        free = [o for o in outputs if o.name not in used]
        pairs = [o for o in free if _follows(one, o)]
        if one.name in said:
            pairs = [o for o in outputs if o.name == said[one.name]]
        alike = [o.name for o in free if _alike(one, o) and _stated(one) and _stated(o)]
        if len(pairs) != 1 and alike and one.name not in said:
            raise ConfigError(
                f"the input {one.name!r} may be a state, as {' or '.join(alike[:4])} comes out of "
                f"its type and shape; say so (--states {one.name}={alike[0]}), or that it is none "
                f"(--states {one.name}=)",
                options=["states"],
            )
        if len(pairs) != 1:
            continue
        kind = DTYPES.get(one.type, one.type)
        if kind not in _HELD:
            raise ConfigError(
                f"the state {one.name!r} is {one.type}, expected one of {list(_HELD)}"
            )
        shape = tuple(n if isinstance(n, int) and n > 0 else 1 for n in one.shape)
        found.append(Memory(one.name, pairs[0].name, kind, shape))
        used.add(pairs[0].name)
    return tuple(found)


def _follows(one: NodeArg, other: NodeArg) -> bool:
    mine, whose = _parts(one.name), _parts(other.name)
    named = _bare(mine) == _bare(whose)
    remembers = bool(_REMEMBERS & {*mine})
    numbers = one.type in ("tensor(float)", "tensor(float16)", "tensor(double)")
    return named and _alike(one, other) and (remembers or (numbers and len(one.shape) > 1))


def _stated(one: NodeArg) -> bool:
    """Return whether all sizes but that of the batch are numbers."""
    return len(one.shape) > 1 and all(isinstance(n, int) for n in one.shape[1:])


def _alike(one: NodeArg, other: NodeArg) -> bool:
    """Return whether two have one type, and shapes that can be the same."""
    if one.type != other.type:
        return False
    both = zip(one.shape, other.shape, strict=False)
    sizes = [(a, b) for a, b in both if isinstance(a, int) and isinstance(b, int)]
    return len(one.shape) == len(other.shape) and all(a == b for a, b in sizes)


def _parts(name: str) -> list[str]:
    return [part.lower() for part in re.findall(r"[A-Za-z]+|\d+", name)]


def _bare(parts: Sequence[str]) -> tuple[str, ...]:
    """Return a name without what tells before from after: len 0 of "new_cached_len_0"."""
    kept = [p for p in parts if p not in _TURNS and p not in _REMEMBERS]
    return tuple(p[0] if len(p) == 2 and p[1] == "n" else p for p in kept)


def found(
    source: str, one: NodeArg, frames: int | None, constants: Mapping[str, Any],
    counts: Mapping[str, int],
) -> Further:  # fmt: skip
    """Return what an input is that tells no length and is no memory.

    Args:
        source: the file, for people.
        one: the input.
        frames: of the features, None where any number will do.
        constants: values that were said, by the name of the input.
        counts: how many there are of inputs of integers, by the name of the input.

    Raises:
        ConfigError: nothing explains it; the message says what can be said.
    """
    dtype = DTYPES.get(one.type, one.type)
    shape = [n if isinstance(n, int) and n > 0 else None for n in one.shape]
    if one.name in constants:
        return _constant(one, dtype, [n or 1 for n in shape], constants[one.name])
    if dtype in ("int64", "int32"):
        ids = len(shape) == 2 and shape[1] != 1
        kind = "ids" if ids else "index" if len(shape) <= 2 else ""
        fed: tuple[int, ...] = (1, -1) if ids else (1,) * len(shape)
        if kind and one.name in counts:
            return Further(one.name, kind, dtype, fed, counts[one.name])
        what = {"ids": "ids of frames", "index": "an index of the recording"}.get(kind, "")
        told = f"if it is {what}, say how many there are (--counts {one.name}=N); " if what else ""
        raise ConfigError(
            f"{source} takes {one.name!r} ({one.type} {one.shape}) beside its features; {told}"
            f"if it is always the same, say its value (--constants {one.name}=VALUE). What "
            "a caller changes from chunk to chunk cannot be given",
            options=["counts", "constants"],
        )
    if dtype in ("float32", "float16") and 2 <= len(shape) <= 3:
        table = len(shape) == 3 and shape[1] in (None, frames)
        inner = shape[2:] if table else shape[1:]
        if None not in inner:
            sizes = tuple(n or 1 for n in inner)
            shape_fed = (1, -1, *sizes) if table else (1, *sizes)
            return Further(one.name, "frames" if table else "value", dtype, shape_fed)
    raise ConfigError(
        f"{source} takes {one.name!r} ({one.type} {one.shape}) beside its features; no output "
        "follows it, so it is no state, and it is no index, ids or values of the recording; "
        f"if it is always the same, say its value (--constants {one.name}=VALUE)",
        options=["constants"],
    )


def _constant(one: NodeArg, dtype: str, shape: Sequence[int], said: Any) -> Further:
    values = np.asarray(said, np.float64)
    if values.size not in (1, math.prod(shape)) or not np.isfinite(values).all():
        raise ConfigError(
            f"{one.name!r} takes {list(one.shape)}; {values.size} values were said, expected one, "
            f"or {math.prod(shape)} finite ones",
            options=["constants"],
        )
    if dtype.startswith("int") and (values != np.floor(values)).any():
        raise ConfigError(f"{one.name!r} takes integers", options=["constant"])
    flat = np.broadcast_to(values.reshape(-1), math.prod(shape)) if values.size == 1 else values
    return Further(one.name, "constant", dtype, tuple(shape), 0, tuple(map(float, flat.ravel())))
