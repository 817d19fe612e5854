"""The records inside a manifest and a bundle's index; docs/bundle_format.md states each key.

`edgectc.core.config.from_dict` reads them: a key or type that is not stated here is refused, and
what is checked here is refused with the name of the key.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from edgectc.core.config import OMITTED, Range
from edgectc.core.errors import ConfigError
from edgectc.core.schemes import Scheme
from edgectc.core.types import Array

if TYPE_CHECKING:
    import numpy as np
else:
    from edgectc.core.lazy_numpy import np

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DTYPES = {"float32": 4, "float64": 8, "int32": 4, "int64": 8}  # and bytes of a number
_AT_LEAST_1, _AT_LEAST_0, _SHARE = Range(1), Range(0), Range(0, 1)


@dataclass(frozen=True, kw_only=True)
class SchemeRecord(Scheme):
    """The number format of an artifact, by its name, and what it may differ by."""

    type: str

    def __post_init__(self) -> None:
        _check(_AT_LEAST_0, atol=self.atol)
        _check(_SHARE, likely=self.likely, texts=self.texts)


@dataclass(frozen=True)
class GraphInput:
    """One input of a graph.

    Attributes:
        shape: of one sample first: 1, or "N" where any number of samples goes at once.
        meaning: of its values; so are ``unit`` and ``rate``, which the first input alone has.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    meaning: str = ""
    unit: str | None = field(default=None, metadata=OMITTED)
    rate: str | None = field(default=None, metadata=OMITTED)

    def __post_init__(self) -> None:
        _check_shape(self.shape, self.dtype)


@dataclass(frozen=True)
class GraphOutput:
    """The output of a graph.

    Attributes:
        shape: (samples, frames, tokens).
        stride: input frames per output frame.
        window: input frames that make the first output frame; 0 or less where a network pads its
            input, see `edgectc.core.tokens.output_length`.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    stride: int
    window: int = 1

    def __post_init__(self) -> None:
        _check_shape(self.shape, self.dtype)
        if len(self.shape) != 3:
            raise ConfigError(f"shape is {list(self.shape)}, expected samples, frames and tokens")
        _check(_AT_LEAST_1, stride=self.stride)


@dataclass(frozen=True)
class NamedFile:
    """A file beside a model, found by its hash."""

    file: str
    sha256: str
    licence: str = ""

    def __post_init__(self) -> None:
        if self.file in ("", ".", "..") or any(c in self.file for c in '/\\:\0\r\n"'):
            raise ConfigError(f"file is {self.file!r}, expected a plain name without folders")
        check_sha256("sha256", self.sha256)


@dataclass(frozen=True)
class PackedArray:
    """An array in JSON: its bytes, little-endian, as base64."""

    dtype: str
    shape: tuple[int, ...]
    base64: str

    def __repr__(self) -> str:
        return f"PackedArray({self.dtype}, {self.shape})"

    def __post_init__(self) -> None:
        if self.dtype not in _DTYPES:
            raise ConfigError(f"dtype is {self.dtype!r}, expected one of {list(_DTYPES)}")
        _check_shape(self.shape, self.dtype, least=0)
        size = math.prod(self.shape) * _DTYPES[self.dtype]
        held = len(self.base64) // 4 * 3 - self.base64[-2:].count("=")
        if len(self.base64) % 4 or held != size:
            raise ConfigError(
                f"base64 holds {held} bytes, expected {size} for {self.dtype} {list(self.shape)}"
            )

    @classmethod
    def of(cls, array: Array) -> PackedArray:
        """Return an array as JSON holds it."""
        little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
        text = base64.b64encode(little.tobytes()).decode()
        return cls(array.dtype.name, array.shape, text)

    def array(self) -> Array:
        """Return the array itself.

        Raises:
            ConfigError: the text is no base64.
        """
        try:
            raw = base64.b64decode(self.base64, validate=True)
        except ValueError as error:
            raise ConfigError(f"base64: {error}") from error
        little = np.frombuffer(raw, np.dtype(self.dtype).newbyteorder("<"))
        return little.reshape(self.shape).astype(self.dtype)


@dataclass(frozen=True)
class ReferenceCase:
    """One reference case; `edgectc.formats.reference.Case` says what each part is."""

    layout: str
    greedy: str
    word: str
    length: int
    trace: PackedArray
    log_probs: PackedArray
    points: PackedArray | None = None

    def __post_init__(self) -> None:
        for name, packed in (("trace", self.trace), ("log_probs", self.log_probs)):
            if packed.dtype != "float32" or len(packed.shape) != 2:
                raise ConfigError(f"{name} is {packed!r}, expected float32 of two dimensions")
        _check(Range(1, self.trace.shape[0]), length=self.length)


@dataclass(frozen=True)
class Source:
    """What an artifact was made from, and with.

    Attributes:
        versions: of each package.
        quantization: of a quantized artifact: cost, gain, operators in float.
    """

    weights_sha256: str
    versions: Mapping[str, str]
    quantization: Mapping[str, Any] | None = field(default=None, metadata=OMITTED)

    def __post_init__(self) -> None:
        check_sha256("weights_sha256", self.weights_sha256)


@dataclass(frozen=True)
class State:
    """What a graph remembers from one chunk to the next: an input, and the output that follows it.

    Attributes:
        name: of the input.
        output: of the output that is the input of the next chunk.
        initial: before the first chunk; None for zeros.
        final: (n,) values of the state after the reference recording, at places spread evenly.
    """

    name: str
    output: str
    dtype: str
    shape: tuple[int, ...]
    final: PackedArray
    initial: PackedArray | None = field(default=None, metadata=OMITTED)

    def __post_init__(self) -> None:
        _check_shape(self.shape, self.dtype)
        for key, packed in (("initial", self.initial), ("final", self.final)):
            if packed is not None and packed.dtype != self.dtype:
                raise ConfigError(f"{key} is {packed.dtype}, expected {self.dtype}")
        if self.initial is not None and self.initial.shape != self.shape:
            raise ConfigError(
                f"initial has shape {self.initial.shape}, expected {list(self.shape)}"
            )


@dataclass(frozen=True)
class Streaming:
    """How a recording goes through a graph piece by piece.

    Attributes:
        chunk: frames by which each step moves on; a multiple of the stride.
        look_ahead: frames after the chunk that a step is given too.
        states: in the order of the inputs.
        case: name of the reference case whose first frames lead to the final states.
        frames: of them, a multiple of the chunk.
    """

    chunk: int
    look_ahead: int
    states: tuple[State, ...]
    case: str
    frames: int

    def __post_init__(self) -> None:
        _check(_AT_LEAST_1, chunk=self.chunk)
        _check(_AT_LEAST_0, look_ahead=self.look_ahead, frames=self.frames)
        if self.frames % self.chunk:
            raise ConfigError(f"frames is {self.frames}, expected a multiple of {self.chunk}")


def check_sha256(key: str, value: str) -> None:
    """Raise `ConfigError` unless ``value`` is a hash as it is written here."""
    if not _SHA256.fullmatch(value):
        raise ConfigError(f"{key} is {value[:80]!r}, expected 64 lowercase hex digits")


def check_inside(name: str) -> None:
    """Raise `ConfigError` unless a relative path stays in the folder that names it."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or {*name} & {"\\", ":", "\0"}:
        raise ConfigError(f"file name {name!r} leaves the bundle")


def _check(allowed: Range, **values: float) -> None:
    for key, value in values.items():
        if value not in allowed:
            raise ConfigError(f"{key} is {value}, expected {allowed}")


def _check_shape(shape: tuple[int | str, ...], dtype: str, *, least: int = 1) -> None:
    if dtype not in _DTYPES:
        raise ConfigError(f"dtype is {dtype!r}, expected one of {list(_DTYPES)}")
    wrong = [n for n in shape if (n < least if isinstance(n, int) else not n)]
    if wrong or math.prod(n for n in shape if isinstance(n, int)) > 1 << 40:
        raise ConfigError(f"shape is {list(shape)}, expected sizes of {least} or more")
