"""Damaged native artifacts, opened and run by a library that has sanitizers; see `c_fuzz`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgectc.core.types import Array
from edgectc.decoding.search import compiled
from edgectc.formats import native_program as native
from edgectc.formats.native_program import Program, Step

_WORDS = (0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 255, 4096, 4097, 65535, 65536, 2**31 - 1, 2**31,
          2**32 - 1)  # fmt: skip
_TABLES = 64


def program(rng: np.random.Generator, *, int8: bool) -> Program:
    """Return a small network of every kind of step."""
    slots, hidden, inner, outer = 5, 7, 9, 8
    width = int(rng.choice([4, 17, 24]))
    made = Program(int(rng.choice([1, 9, 20])), 3, slots + 1, 2)

    def matrix(*shape: int) -> Array:
        return rng.normal(0.0, 0.4, shape).astype(np.float32)

    def dense(rows: int, columns: int) -> tuple[native.Tensor, native.Tensor]:
        return native.panels(matrix(rows, columns)), native.vector(matrix(columns))

    tensors = [*dense(18, hidden), *dense(hidden, inner), *dense(hidden, outer)]
    made.steps.append(Step(native.SWIPE, number=0.7, tensors=made.add(*tensors)))
    shapes = (
        (0, 1, 15 + inner, width, 3, 1, 1, native.RELU),
        (1, 2, width, width, 3, 2, 1, native.RELU),
        (2, 1, width, width, 1, 1, 1, native.ADD),
        (1, 3, width, outer, 5, 1, 2, 0),
    )
    for source, result, depth, columns, kernel, dilation, stride, flags in shapes:
        weights = matrix(kernel, depth, columns)
        bias = native.vector(matrix(columns))
        if int8:
            codes, scale = native.int8_panels(weights)
            places = made.add(codes, bias, scale)
        else:
            places = made.add(native.panels(weights.reshape(-1, columns)), bias)
        flags |= native.INT8 * int8
        about = (kernel, dilation, stride)
        step = Step(native.CONVOLUTION, source, result, flags, *about, tensors=places)
        made.steps.append(step)
    blank = made.add(native.vector(matrix(outer)))
    made.steps.append(Step(native.KEY_SCORES, 3, number=15.0, tensors=blank))
    return made


def damaged(data: bytes, tables: int, rng: np.random.Generator) -> bytes:
    """Return the file with a few numbers of its tables changed, or cut, or longer, or as it is."""
    made = bytearray(data)
    for _ in range(int(rng.choice([0, 1, 1, 1, 2, 5]))):
        at = int(rng.integers(2, tables // 4)) * 4
        kind = rng.integers(4)
        if kind == 0:
            made[at + int(rng.integers(4))] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            made[at : at + 4] = int(rng.choice(_WORDS)).to_bytes(4, "little")
        elif kind == 2:  # a number that stands elsewhere
            other = int(rng.integers(2, tables // 4)) * 4
            made[at : at + 4] = made[other : other + 4]
        else:
            word = int.from_bytes(made[at : at + 4], "little") + int(rng.choice([-1, 1]))
            made[at : at + 4] = (word % 2**32).to_bytes(4, "little")
    if rng.random() < 0.05:
        made = made[: int(rng.integers(len(made)))]
    return bytes(made) + bytes(int(rng.random() < 0.02))


def networks(rng: np.random.Generator) -> Iterator[None]:
    """Open and run damaged files with every set of kernels that this processor has."""
    library = compiled.library()
    assert library is not None
    opened = 0
    while True:
        sound = program(rng, int8=bool(rng.random() < 0.5))
        data = sound.content(b"manifest")
        tables = _TABLES + 32 * len(sound.tensors) + 64 * len(sound.steps)
        for case in range(100):
            opened += _run(library, damaged(data, tables, rng), rng)
            yield
            assert opened or case < 50  # of those that are as they were, most


def _run(library: compiled.Library, data: bytes, rng: np.random.Generator) -> bool:
    """Open and run one file; return whether it was opened."""
    held = np.frombuffer(data, np.uint8).copy()
    network = library.edgectc_network_new()
    try:
        kernels = str(rng.choice(["", "avx2", "vectors", "portable"]))
        library.edgectc_network_choose(network, kernels.encode())
        if library.edgectc_network_open(network, held.ctypes.data, len(held)) < 0:
            assert library.edgectc_network_error(network)
            return False
        frames, channels, columns, stride = (
            library.edgectc_network_size(network, which) for which in range(4)
        )
        for _ in range(2):
            slots = columns - 1
            keys = rng.random((slots, 2)).astype(np.float32)
            mask = (rng.random(slots) < rng.random()).astype(np.float32)
            size = [float(x) for x in rng.choice([-1.0, 0.0, 0.1, 1e14], 2)]
            library.edgectc_network_keys(network, keys.ctypes.data, mask.ctypes.data, *size)
            length = int(rng.choice([0, 1, frames // 2, frames, frames + 1, -1]))
            trace = rng.normal(0.0, float(rng.choice([1.0, 1e12])), (max(length, 1), channels))
            trace = trace.astype(np.float32)
            out = np.empty(((frames - 1) // stride + 1, columns), np.float32)
            library.edgectc_network_run(network, trace.ctypes.data, length, out.ctypes.data)
        return True
    finally:
        library.edgectc_network_free(network)
