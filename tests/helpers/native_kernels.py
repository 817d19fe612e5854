"""The kernels of `native/src/network.h` through ctypes, from a library that shows its inside."""

from __future__ import annotations

import ctypes
import platform
import runpy
import subprocess
from pathlib import Path

import numpy as np

from edgectc.core.types import Array

NATIVE = Path(__file__).parents[2] / "native"
RELU, ADD = 1, 2
_MORE = {"x86_64": ("avx2", "avx512"), "aarch64": ("neon",), "arm64": ("neon",)}
NAMES = ("portable", "vectors", *_MORE.get(platform.machine(), ()))

_POINTER, _SIZE, _INT, _REAL = ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int32, ctypes.c_float


class _Products(ctypes.Structure):
    _fields_ = (
        *((name, _POINTER) for name in ("input", "weights", "bias", "out")),
        *((name, _SIZE) for name in ("row", "tap", "out_row")),
        *((name, _INT) for name in ("rows", "columns", "taps", "depth", "flags")),
    )


class _IntegerProducts(ctypes.Structure):
    _fields_ = (
        *((name, _POINTER) for name in ("input", "weights", "scale", "bias", "sums", "out")),
        ("step", _REAL),
        *((name, _SIZE) for name in ("row", "tap", "out_row")),
        *((name, _INT) for name in ("rows", "columns", "taps", "depth", "flags", "zero")),
    )


class _Kernels(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("levels", _INT),
        ("products", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Products))),
        ("integers", ctypes.CFUNCTYPE(None, ctypes.POINTER(_IntegerProducts))),
        ("quantize", ctypes.CFUNCTYPE(None, _POINTER, ctypes.c_size_t, _INT, _POINTER,
                                      ctypes.POINTER(_REAL), ctypes.POINTER(_INT))),
        ("near", ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _POINTER, _INT, _POINTER, _REAL,
                                  _POINTER)),
        ("scores", ctypes.CFUNCTYPE(_REAL, _POINTER, _POINTER, _INT, _REAL)),
    )  # fmt: skip


def build(out: Path, *flags: str) -> ctypes.CDLL | None:
    """Return the network's files as a library whose every function shows; None with no compiler."""
    made = runpy.run_path(str(NATIVE / "build.py"))
    if not (compiler := made["compiler"]()):
        return None
    sources = [str(NATIVE.parent / name) for name in made["read"]()["network"]]
    shown = [flag for flag in made["flags"]() if flag != "-fvisibility=hidden"]
    command = [*compiler, *shown, *flags, "-shared", "-fPIC", "-o", str(out), *sources, "-lm"]
    subprocess.run(command, check=True)
    library = ctypes.CDLL(str(out))
    library.edgectc_kernels.restype = ctypes.POINTER(_Kernels)
    return library


class Kernels:
    """One instruction set, with numpy arrays in and out."""

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        """Find the kernels.

        Raises:
            LookupError: this processor does not run them.
        """
        found = library.edgectc_kernels(name.encode())
        if not found:
            raise LookupError(name)
        self.c = found.contents
        assert self.c.name.decode() == name
        self.levels = int(self.c.levels)

    def products(
        self, x: Array, weights: Array, bias: Array, out: Array, *, columns: int,
        row: int, tap: int, taps: int, depth: int, flags: int = 0,
    ) -> None:  # fmt: skip
        """Write to ``out`` (rows, ld) in place; all arrays are float32 and contiguous."""
        one = _Products(
            x.ctypes.data, weights.ctypes.data, bias.ctypes.data, out.ctypes.data, row, tap,
            out.shape[1], len(out), columns, taps, depth, flags,
        )  # fmt: skip
        self.c.products(ctypes.byref(one))

    def integers(
        self, x: Array, weights: Array, scale: Array, bias: Array, sums: Array, out: Array, *,
        step: float, zero: int, columns: int, row: int, tap: int, taps: int, depth: int,
        flags: int = 0,
    ) -> None:  # fmt: skip
        """Write to ``out`` (rows, ld) in place."""
        pointers = (a.ctypes.data for a in (x, weights, scale, bias, sums, out))
        one = _IntegerProducts(
            *pointers, step, row, tap, out.shape[1], len(out), columns, taps, depth, flags, zero
        )
        self.c.integers(ctypes.byref(one))

    def quantize(self, x: Array) -> tuple[Array, float, int]:
        """Return codes, step and the code of 0."""
        codes, step, zero = np.full(len(x) + 16, 99, np.uint8), _REAL(), _INT()
        self.c.quantize(
            x.ctypes.data, len(x), self.levels, codes.ctypes.data, ctypes.byref(step),
            ctypes.byref(zero),
        )  # fmt: skip
        assert (codes[len(x) :] == 99).all()
        return codes[: len(x)], float(step.value), int(zero.value)

    def near(self, x: Array, y: Array, mask: Array, point: Array, factor: float) -> Array:
        """Return exp(factor * squared distance) * mask."""
        out = np.empty(len(x), np.float32)
        self.c.near(
            x.ctypes.data, y.ctypes.data, mask.ctypes.data, len(x), point.ctypes.data, factor,
            out.ctypes.data,
        )  # fmt: skip
        return out

    def scores(self, row: Array, mask: Array, bound: float) -> tuple[Array, float]:
        """Return log_probs, and that of an unused slot."""
        out = row.copy()
        unused = self.c.scores(out.ctypes.data, mask.ctypes.data, len(out), bound)
        return out, float(unused)
