"""Runs a checked native artifact with the C library of this package; needs numpy alone."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from edgectc.core import forks
from edgectc.core.config import check_numbers, number
from edgectc.core.contracts import Runner
from edgectc.core.errors import BundleError, ConfigError, InputError, MissingDependencyError
from edgectc.core.types import Array
from edgectc.decoding.search import compiled
from edgectc.decoding.search.compiled import Library

PACKAGE = "numpy"
read_back = None
_NO_MEMORY = -1
_FRAMES, _CHANNELS, _COLUMNS, _STRIDE = range(4)  # sizes of a network, see edgectc.h
_ALIGNED = 64


@dataclass(frozen=True)
class Options:
    """How the library runs.

    Attributes:
        threads: it has one alone.
        kernels: "avx512", "avx2", "dotprod", "neon", "vectors" or "portable"; "" for the fastest.
    """

    threads: int = number(1, least=1, most=1)
    kernels: str = ""

    def __post_init__(self) -> None:
        check_numbers(self)


def create(options: Options, *, source: bytes) -> NativeRunner:
    """Return a runner for the bytes of a native artifact whose hash was checked.

    Raises:
        MissingDependencyError: the package was installed without its C library.
        ConfigError: there are no such kernels here.
        BundleError: the library refuses the file.
    """
    loaded = compiled.library()
    if loaded is None:
        raise MissingDependencyError(
            "running .edgectc", system="the compiled library", command=compiled.remedy()
        )
    return NativeRunner(loaded, source, options.kernels)


class NativeRunner(Runner):
    """Calls the library. Calls may run in threads at once: each has a network of its own."""

    name = "native"

    def __init__(self, loaded: Library, source: bytes, kernels: str) -> None:
        self._c, self._kernels, self._lock = loaded, kernels, threading.Lock()
        # Where rows of weights begin at cache lines, which the bytes of Python do not.
        room = np.empty(len(source) + _ALIGNED, np.uint8)
        start = -room.ctypes.data % _ALIGNED
        self._bytes = room[start : start + len(source)]
        self._bytes[:] = np.frombuffer(source, np.uint8)
        first = _Network(loaded, self._bytes, kernels)
        self.kernels = first.kernels
        self._frames, self._channels, self._columns, self._stride = first.sizes
        self._idle = [first]

    @property
    def threads(self) -> int:
        """Return 1: the library starts none."""
        return 1

    def contract(self) -> dict[str, tuple[str, list[int]]]:
        """Return name -> (dtype, shape) of each input as the file itself states it."""
        slots = self._columns - 1
        return {
            "trace": ("float32", [1, self._frames, self._channels]),
            "length": ("int32", [1]),
            "keys": ("float32", [1, slots, 2]),
            "key_mask": ("float32", [1, slots]),
            "key_size": ("float32", [1, 2]),
        }

    def outputs(self) -> dict[str, tuple[str, list[int]]]:
        """Return the dtype and shape of the output as the file itself states it."""
        frames = (self._frames - 1) // self._stride + 1
        return {"log_probs": ("float32", [1, frames, self._columns])}

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (1, T', V) float32; frames after the valid ones are 0.

        Raises:
            InputError: reason ``bad_shape``: the inputs are not those of the contract, or not
                finite.
        """
        given = self._checked(inputs)
        (_, shape) = self.outputs()["log_probs"]
        out = np.zeros(shape, np.float32)
        with forks.whole():
            with self._lock:
                idle = self._idle.pop() if self._idle else None
            network = idle or _Network(self._c, self._bytes, self._kernels)
            try:
                network.run(given, out)
            finally:
                self._idle.append(network)
        return out

    def _checked(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        contract = self.contract()
        got = {name: (value.dtype.name, [*value.shape]) for name, value in inputs.items()}
        if got != contract:
            wrong = [name for name in {**contract, **got} if contract.get(name) != got.get(name)]
            raise InputError(
                f"the input {wrong[0]!r} is {got.get(wrong[0], 'missing')}, expected "
                f"{contract.get(wrong[0], 'none of that name')}",
                reason="bad_shape",
            )
        return {name: np.ascontiguousarray(value) for name, value in inputs.items()}


class _Network:
    """One handle of the C library; one thread at a time."""

    def __init__(self, loaded: Library, data: Array, kernels: str) -> None:
        self._c, self._data, self._keys = loaded, data, b""
        self._handle: int = loaded.edgectc_network_new()
        if not self._handle:
            raise MemoryError("no memory for a network")
        freed = weakref.finalize(self, loaded.edgectc_network_free, self._handle)
        freed.atexit = False  # a daemon thread may still run it
        if loaded.edgectc_network_choose(self._handle, kernels.encode()) < 0:
            raise ConfigError(f"kernels is {kernels!r}: {self._error()}", options=["kernels"])
        status = loaded.edgectc_network_open(self._handle, data.ctypes.data, len(data))
        if status == _NO_MEMORY:
            raise MemoryError("no memory for a network")
        if status < 0:
            raise BundleError(f"the library cannot open the artifact: {self._error()}")

    @property
    def kernels(self) -> str:
        """Return the name of the kernels in use."""
        return str(self._c.edgectc_network_kernels(self._handle).decode())

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Return frames, channels, columns and stride."""
        size = self._c.edgectc_network_size
        whole = (_FRAMES, _CHANNELS, _COLUMNS, _STRIDE)
        frames, channels, columns, stride = (int(size(self._handle, one)) for one in whole)
        return frames, channels, columns, stride

    def run(self, inputs: Mapping[str, Array], out: Array) -> None:
        """Write the log_probs of the valid frames to ``out`` (1, T', V)."""
        keys, mask, size = (inputs[name] for name in ("keys", "key_mask", "key_size"))
        packed = b"".join(value.tobytes() for value in (keys, mask, size))
        if packed != self._keys:
            self._keys = b""
            self._call("keys", keys.ctypes.data, mask.ctypes.data, *map(float, size[0]))
            self._keys = packed
        length = int(inputs["length"][0])
        self._call("run", inputs["trace"].ctypes.data, length, out.ctypes.data)

    def _call(self, name: str, *arguments: object) -> None:
        function: Callable[..., int] = getattr(self._c, f"edgectc_network_{name}")
        if function(self._handle, *arguments) < 0:
            raise InputError(f"the library refused the inputs: {self._error()}", reason="bad_shape")

    def _error(self) -> str:
        return str(self._c.edgectc_network_error(self._handle).decode())
