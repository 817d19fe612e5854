"""The program inside a native artifact: steps, and tensors as the kernels of `native/` read them.

`docs/native_format.md` is the format. The library checks all that it runs; what is read here is for
people: `edgectc inspect`, and messages.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgectc.core.errors import BundleError
from edgectc.core.types import Array

if TYPE_CHECKING:
    import numpy as np
else:
    from edgectc.core.lazy_numpy import np

MAGIC, VERSION = b"edgectcN", 1
PANEL = 16  # columns of weights that lie together
SWIPE, CONVOLUTION, KEY_SCORES = 1, 2, 3  # kinds of steps
RELU, ADD, INT8 = 1, 2, 4  # flags of a convolution
ROWS, PANELS, INT8_PANELS = 1, 2, 3  # kinds of tensors
_HEADER = struct.Struct("<8s8I2QQ")  # the last 8 bytes are zeros
_TENSOR = struct.Struct("<4I2Q")
_STEP = struct.Struct("<7If6I8x")
_ALIGNED = 64
_STEP_TENSORS = 6


@dataclass(frozen=True)
class Tensor:
    """One stored tensor.

    Attributes:
        kind: of `ROWS`, `PANELS` and `INT8_PANELS`.
        rows: of the matrix; 1 of a vector.
        columns: of the matrix, without padding.
        data: its bytes.
    """

    kind: int
    rows: int
    columns: int
    data: bytes = field(repr=False)

    @property
    def size_bytes(self) -> int:
        """Return how many bytes it must have."""
        across = -(-self.columns // PANEL) * PANEL
        return self.rows * across * (1 if self.kind == INT8_PANELS else 4)

    def floats(self) -> Array:
        """Return the values (rows, columns), float32; of int8 the codes."""
        across = -(-self.columns // PANEL)
        if self.kind == INT8_PANELS:
            codes = np.frombuffer(self.data, np.int8).reshape(across, self.rows // 4, PANEL, 4)
            laid = codes.transpose(1, 3, 0, 2).reshape(self.rows, across * PANEL)
            return laid[:, : self.columns].astype(np.float32)
        values: Array = np.frombuffer(self.data, "<f4")
        if self.kind == ROWS:
            return values.reshape(self.rows, across * PANEL)[:, : self.columns]
        values = values.reshape(across, self.rows, PANEL).transpose(1, 0, 2)
        return values.reshape(self.rows, across * PANEL)[:, : self.columns]


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        kind: of `SWIPE`, `CONVOLUTION` and `KEY_SCORES`.
        source: number of the value that it takes.
        result: number of the value that it gives.
        flags: of `RELU`, `ADD` and `INT8`.
        kernel: frames that it sees; so ``dilation`` and ``stride`` are in frames.
        number: reach of the features, bound of the scores; 0 of others.
        tensors: places in the list of tensors.
    """

    kind: int
    source: int = 0
    result: int = 0
    flags: int = 0
    kernel: int = 1
    dilation: int = 1
    stride: int = 1
    number: float = 0.0
    tensors: tuple[int, ...] = ()


@dataclass
class Program:
    """A network as the library runs it.

    Attributes:
        frames: the most that go in.
        channels: of a frame.
        columns: of log_probs.
        stride: input frames per output frame.
    """

    frames: int
    channels: int
    columns: int
    stride: int
    tensors: list[Tensor] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def add(self, *tensors: Tensor) -> tuple[int, ...]:
        """Take tensors and return their places."""
        first = len(self.tensors)
        self.tensors += tensors
        return tuple(range(first, first + len(tensors)))

    def content(self, manifest: bytes) -> bytes:
        """Return the file with a manifest in it, which comes last."""
        place = _HEADER.size + _TENSOR.size * len(self.tensors) + _STEP.size * len(self.steps)
        rows, data = [], b""
        start = -(-place // _ALIGNED) * _ALIGNED
        blocks: list[bytes] = []
        offset = start
        for one in self.tensors:
            rows.append(_TENSOR.pack(one.kind, one.rows, one.columns, 0, offset, len(one.data)))
            block = one.data + bytes(-len(one.data) % _ALIGNED)
            blocks.append(block)
            offset += len(block)
        data = b"".join(blocks)
        sizes = (self.frames, self.channels, self.columns, self.stride, 1)
        counts = (VERSION, len(self.tensors), len(self.steps))
        header = _HEADER.pack(MAGIC, *counts, *sizes, offset, len(manifest), 0)
        tables = b"".join([header, *rows, *map(_packed, self.steps)])
        return tables + bytes(start - len(tables)) + data + manifest


def vector(values: Array) -> Tensor:
    """Return (n,) float32 as a tensor."""
    padded = np.zeros(-(-len(values) // PANEL) * PANEL, "<f4")
    padded[: len(values)] = values
    return Tensor(ROWS, 1, len(values), padded.tobytes())


def panels(matrix: Array) -> Tensor:
    """Return a (rows, columns) float32 matrix as a tensor: 16 columns of all rows at a time."""
    rows, columns = matrix.shape
    across = -(-columns // PANEL)
    padded = np.zeros((rows, across * PANEL), "<f4")
    padded[:, :columns] = matrix
    laid = padded.reshape(rows, across, PANEL).transpose(1, 0, 2)
    return Tensor(PANELS, rows, columns, np.ascontiguousarray(laid).tobytes())


def int8_panels(weights: Array) -> tuple[Tensor, Tensor]:
    """Return (taps, depth, columns) float32 as codes -127..127, and the scale of each column.

    The depth is filled up with zeros to a multiple of four; groups of four rows lie together.
    """
    taps, depth, columns = weights.shape
    scale = np.abs(weights).max(axis=(0, 1)) / 127.0
    scale[scale == 0.0] = 1.0
    codes = np.clip(np.rint(weights / scale), -127, 127)
    across, fours = -(-columns // PANEL), -(-depth // 4)
    padded = np.zeros((taps, fours * 4, across * PANEL), np.int8)
    padded[:, :depth, :columns] = codes
    laid = padded.reshape(taps * fours, 4, across, PANEL).transpose(2, 0, 3, 1)
    made = Tensor(INT8_PANELS, taps * fours * 4, columns, np.ascontiguousarray(laid).tobytes())
    return made, vector(scale)


def read(data: bytes) -> Program:
    """Return the program of the bytes of a native artifact.

    Raises:
        BundleError: the bytes are no native artifact.
    """
    try:
        return _read(data)
    except (struct.error, ValueError) as error:
        raise BundleError(f"the file is no native artifact: {error}") from error


def _read(data: bytes) -> Program:
    magic, version, n_tensors, n_steps, *sizes = _HEADER.unpack_from(data)
    *sizes, window, manifest, length, zero = sizes
    if magic != MAGIC:
        raise ValueError(f"it begins with {magic!r}, expected {MAGIC!r}")
    if version != VERSION:
        raise ValueError(f"it is of version {version}, expected {VERSION}; upgrade edgectc")
    if manifest + length != len(data) or window != 1 or zero:
        raise ValueError("it ends before its own end, or has more behind it")
    if n_tensors * _TENSOR.size + n_steps * _STEP.size > len(data):
        raise ValueError(f"it states {n_tensors} tensors and {n_steps} steps in {len(data)} bytes")
    made, at = Program(*sizes), _HEADER.size
    for row in _TENSOR.iter_unpack(data[at : at + n_tensors * _TENSOR.size]):
        kind, rows, columns, _, offset, size = row
        one = Tensor(kind, rows, columns, data[offset : offset + size])
        if kind not in (ROWS, PANELS, INT8_PANELS) or not len(one.data) == size == one.size_bytes:
            raise ValueError(f"tensor {len(made.tensors)} lies outside it, or has not its size")
        if offset + size > manifest:
            raise ValueError(f"tensor {len(made.tensors)} lies in the manifest")
        made.add(one)
    at += n_tensors * _TENSOR.size
    for row in _STEP.iter_unpack(data[at : at + n_steps * _STEP.size]):
        kind, source, result, flags, kernel, dilation, stride, value, *places = row
        if max(places) > n_tensors or kind not in (SWIPE, CONVOLUTION, KEY_SCORES):
            raise ValueError(f"step {len(made.steps)} is of no known kind, or names no tensor")
        tensors = tuple(place - 1 for place in places if place)
        made.steps.append(
            Step(kind, source, result, flags, kernel, dilation, stride, value, tensors)
        )
    return made


def _packed(step: Step) -> bytes:
    places: Sequence[int] = [place + 1 for place in step.tensors]
    places = [*places, *[0] * (_STEP_TENSORS - len(places))]
    about = (step.source, step.result, step.flags, step.kernel, step.dilation, step.stride)
    return _STEP.pack(step.kind, *about, step.number, *places)
