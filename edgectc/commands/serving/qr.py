"""QR codes of short texts for a phone's camera: byte mode, error correction M, versions 1 to 6.

Source: ISO/IEC 18004:2015, clauses 7.3 to 7.9; tables 7 and 9 for the sizes below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.types import Array

# Per version, of level M: codewords of data in each block, and of error correction in each.
_BLOCKS = (
    ((16,), 10), ((28,), 16), ((44,), 26), ((32, 32), 18), ((43, 43), 24), ((27,) * 4, 16),
)  # fmt: skip
_LEVEL_M = 0b00
_PADDING = (0xEC, 0x11)
QUIET = 4  # modules of margin on each side


def encode(text: str) -> Array:
    """Return the modules of a code, (n, n) bool, True for dark, without the margin.

    Raises:
        ConfigError: the text has more than 106 bytes.
    """
    data = text.encode("utf-8")
    version = next(
        (v for v, (blocks, _) in enumerate(_BLOCKS, start=1) if sum(blocks) >= len(data) + 2), 0
    )
    if not version:
        raise ConfigError(f"a text of {len(data)} bytes for a QR code, expected at most 106")
    canvas = _Canvas.of(version)
    canvas.fill(_codewords(data, version))
    return min((canvas.masked(mask) for mask in range(8)), key=_penalty)


def lines(text: str) -> list[str]:
    """Return a code as text, two rows of modules a line, for dark ink on a light ground."""
    modules = np.pad(encode(text), QUIET)
    modules = np.pad(modules, ((0, len(modules) % 2), (0, 0)))
    signs = " ▀▄█"
    return [
        "".join(signs[int(upper) + 2 * int(lower)] for upper, lower in zip(*pair, strict=True))
        for pair in zip(modules[::2], modules[1::2], strict=True)
    ]


# ---- codewords -----------------------------------------------------------------------------------


def _codewords(data: bytes, version: int) -> list[int]:
    """Return data and error correction of all blocks, interleaved."""
    sizes, correction = _BLOCKS[version - 1]
    # Mode 0100, a length of 8 bits, the bytes, then an end of 4 bits: so all is off by half a byte.
    value = int.from_bytes(bytes([0x40, *[0] * (len(data) + 1)]))
    value |= len(data) << 8 * len(data) + 4 | int.from_bytes(data) << 4
    words = list(value.to_bytes(len(data) + 2))
    words += [_PADDING[i % 2] for i in range(sum(sizes) - len(words))]
    blocks, at = [], 0
    for size in sizes:
        blocks.append(words[at : at + size])
        at += size
    corrections = [_remainder(block, correction) for block in blocks]
    return [
        word
        for parts in (blocks, corrections)
        for column in zip(*parts, strict=True)
        for word in column
    ]


def _product(a: int, b: int) -> int:
    """Return a product in the field of 256 elements over x^8 + x^4 + x^3 + x^2 + 1."""
    result = 0
    while b:
        result ^= a if b & 1 else 0
        a = a << 1 ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return result


def _remainder(block: list[int], count: int) -> list[int]:
    """Return the Reed-Solomon codewords of a block."""
    generator, root = [1], 1
    for _ in range(count):  # times (x - root); the highest power first
        shifted = [*generator, 0]
        generator = [a ^ b for a, b in zip(
            shifted, [0, *(_product(g, root) for g in generator)], strict=True
        )]  # fmt: skip
        root = _product(root, 2)
    rest = [*block, *[0] * count]
    for i in range(len(block)):
        factor = rest[i]
        for k, g in enumerate(generator):
            rest[i + k] ^= _product(g, factor)
    return rest[len(block) :]


# ---- modules -------------------------------------------------------------------------------------


@dataclass
class _Canvas:
    """Modules, and which of them are patterns that no data may cover."""

    modules: Array
    fixed: Array

    @classmethod
    def of(cls, version: int) -> _Canvas:
        n = 17 + 4 * version
        canvas = cls(np.zeros((n, n), bool), np.zeros((n, n), bool))
        canvas.fixed[6, :] = canvas.fixed[:, 6] = True
        canvas.modules[6, ::2] = canvas.modules[::2, 6] = True  # timing
        for y, x in ((3, 3), (3, n - 4), (n - 4, 3)):
            canvas._rings(y, x, 4, light=(2, 4))
        if version > 1:
            canvas._rings(n - 7, n - 7, 2, light=(1,))
        canvas.fixed[8, :9] = canvas.fixed[:9, 8] = True  # format
        canvas.fixed[8, n - 8 :] = canvas.fixed[n - 8 :, 8] = True
        return canvas

    def _rings(self, y: int, x: int, reach: int, light: tuple[int, ...]) -> None:
        """Draw a square of rings around a module, cut off at the edges."""
        n = len(self.modules)
        for row in range(max(0, y - reach), min(n, y + reach + 1)):
            for column in range(max(0, x - reach), min(n, x + reach + 1)):
                self.modules[row, column] = max(abs(row - y), abs(column - x)) not in light
                self.fixed[row, column] = True

    def _places(self) -> Iterator[tuple[int, int]]:
        """Yield the modules of data: columns in pairs, from the right, up and down in turn."""
        n = len(self.modules)
        upwards = True
        for right in (*range(n - 1, 6, -2), 5, 3, 1):
            for step in range(n):
                row = n - 1 - step if upwards else step
                yield from ((row, c) for c in (right, right - 1) if not self.fixed[row, c])
            upwards = not upwards

    def fill(self, words: list[int]) -> None:
        """Write the codewords, the highest bit first."""
        bits = [word >> shift & 1 for word in words for shift in range(7, -1, -1)]
        for place, bit in zip(self._places(), bits, strict=False):  # up to 7 modules are left
            self.modules[place] = bool(bit)

    def masked(self, mask: int) -> Array:
        """Return the modules with a mask over the data, and the format that tells of it."""
        made = self.modules.copy()
        n = len(made)
        y, x = np.mgrid[:n, :n]
        flips = (
            (y + x) % 2, y % 2, x % 3, (y + x) % 3, (y // 2 + x // 3) % 2, y * x % 2 + y * x % 3,
            (y * x % 2 + y * x % 3) % 2, ((y + x) % 2 + y * x % 3) % 2,
        )[mask] == 0  # fmt: skip
        made ^= flips & ~self.fixed
        for i, bit in enumerate(_format(mask)):  # the lowest bit first
            row = i if i < 6 else i + 1 if i < 8 else n - 15 + i
            column = n - 1 - i if i < 8 else 7 if i == 8 else 14 - i
            made[row, 8] = made[8, column] = bit
        made[n - 8, 8] = True
        return made


def _format(mask: int) -> list[bool]:
    """Return the 15 bits of level and mask, the lowest first: a BCH code, then a fixed mask."""
    said = _LEVEL_M << 3 | mask
    rest = said << 10
    for shift in range(4, -1, -1):
        if rest >> shift + 10 & 1:
            rest ^= 0b10100110111 << shift
    bits = (said << 10 | rest) ^ 0b101010000010010
    return [bool(bits >> i & 1) for i in range(15)]


def _penalty(modules: Array) -> int:
    """Return how hard a code is to read: long runs, squares, false finders, an uneven ground."""
    total = 0
    for grid in (modules, modules.T):
        for row in grid:
            text = "".join("#" if dark else "." for dark in row)
            runs = text.replace("#.", "# .").replace(".#", ". #").split()
            total += sum(len(run) - 2 for run in runs if len(run) >= 5)
            for finder in ("#.###.#....", "....#.###.#"):
                total += 40 * sum(text.startswith(finder, i) for i in range(len(text) - 10))
    corners = [modules[y : len(modules) - 1 + y, x : len(modules) - 1 + x] for y in (0, 1)
               for x in (0, 1)]  # fmt: skip
    same = np.sum(corners, axis=0)
    total += 3 * int(((same == 0) | (same == 4)).sum())
    return total + 10 * int(abs(float(modules.mean()) - 0.5) * 20)
