"""The kernels of `native/src/network.h` through ctypes, from a library that shows its inside."""

from __future__ import annotations

import ctypes
import platform
import runpy
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

from edgectc.core.types import Array

NATIVE = Path(__file__).parents[2] / "native"
RELU, ADD = 1, 2
_MORE = {"x86_64": ("avx2", "avx512"), "aarch64": ("neon", "dotprod"), "arm64": ("neon", "dotprod")}
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


def build_for_arm(out: Path) -> list[str] | None:
    """Return the command of `kernels_host.c` on a 64-bit ARM processor; None without tools."""
    emulator = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    compilers = [["aarch64-linux-gnu-gcc"], ["zig", "cc", "-target", "aarch64-linux-musl"]]
    zig = [sys.executable, "-m", "ziglang"]
    if not subprocess.run([*zig, "version"], capture_output=True).returncode:
        compilers.append([*zig, "cc", "-target", "aarch64-linux-musl"])
    found = [command for command in compilers if shutil.which(command[0])]
    if emulator is None or not found:
        return None
    made = runpy.run_path(str(NATIVE / "build.py"))
    sources = [str(NATIVE.parent / name) for name in made["read"]()["network"]]
    host = str(Path(__file__).with_name("kernels_host.c"))
    command = [*found[0], *made["flags"](), "-static", "-o", str(out), host, *sources, "-lm"]
    subprocess.run(command, check=True)
    return [emulator, "-cpu", "max", str(out)]


class Remote:
    """One instruction set in another process, called as `Kernels` are."""

    def __init__(self, command: list[str], name: str) -> None:
        """Start the process.

        Raises:
            LookupError: that processor does not run them.
        """
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([*command, name], stdin=pipe, stdout=pipe)
        levels = self._read(4)
        if len(levels) < 4:
            self.close()
            raise LookupError(name)
        self.levels = int(struct.unpack("i", levels)[0])

    def _read(self, size: int) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.read(size)

    def _ask(self, request: bytes, *arrays: Array) -> None:
        assert self.process.stdin is not None
        held = b"".join(struct.pack("q", one.nbytes) + one.tobytes() for one in arrays)
        self.process.stdin.write(request + held)
        self.process.stdin.flush()

    def _take(self, out: Array) -> None:
        out[...] = np.frombuffer(self._read(out.nbytes), out.dtype).reshape(out.shape)

    def products(
        self, x: Array, weights: Array, bias: Array, out: Array, *, columns: int,
        row: int, tap: int, taps: int, depth: int, flags: int = 0,
    ) -> None:  # fmt: skip
        """Write to ``out`` (rows, ld) in place."""
        numbers = (row, tap, out.shape[1], len(out), columns, taps, depth, flags)
        self._ask(b"p" + struct.pack("=3q5i", *numbers), x, weights, bias, out)
        self._take(out)

    def integers(
        self, x: Array, weights: Array, scale: Array, bias: Array, sums: Array, out: Array, *,
        step: float, zero: int, columns: int, row: int, tap: int, taps: int, depth: int,
        flags: int = 0,
    ) -> None:  # fmt: skip
        """Write to ``out`` (rows, ld) in place."""
        numbers = (row, tap, out.shape[1], len(out), columns, taps, depth, flags, zero)
        head = b"i" + struct.pack("=f3q6i", step, *numbers)
        self._ask(head, x, weights, scale, bias, sums, out)
        self._take(out)

    def quantize(self, x: Array) -> tuple[Array, float, int]:
        """Return codes, step and the code of 0."""
        codes = np.full(len(x) + 16, 99, np.uint8)
        self._ask(b"q", x, codes)
        self._take(codes)
        assert (codes[len(x) :] == 99).all()
        step, zero = struct.unpack("=fi", self._read(8))
        return codes[: len(x)], float(step), int(zero)

    def near(self, x: Array, y: Array, mask: Array, point: Array, factor: float) -> Array:
        """Return exp(factor * squared distance) * mask."""
        out = np.empty(len(x), np.float32)
        self._ask(b"n" + struct.pack("f", factor), x, y, mask, point, out)
        self._take(out)
        return out

    def scores(self, row: Array, mask: Array, bound: float) -> tuple[Array, float]:
        """Return log_probs, and that of an unused slot."""
        out = row.copy()
        self._ask(b"s" + struct.pack("f", bound), out, mask)
        self._take(out)
        return out, float(struct.unpack("f", self._read(4))[0])

    def close(self) -> None:
        """End the process."""
        self.process.communicate()
