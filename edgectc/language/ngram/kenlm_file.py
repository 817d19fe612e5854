"""Binary files of KenLM, checked before KenLM sees them.

They hold no checksum, and KenLM follows what stands in them: a damaged table would end the process.
So sizes, word numbers and pointers are looked at first; a damaged probability does no harm and
cannot be told.

Source: ``lm/binary_format.cc``, ``vocab.cc``, ``search_hashed.hh``, ``search_trie.hh``,
``trie.cc`` and ``quantize.hh`` of KenLM (kheafield.com/code/kenlm), format version 5.
"""

from __future__ import annotations

import itertools
import math
import os
from dataclasses import dataclass

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.files import open_plain
from edgectc.core.types import Array

ANY_VERSION = b"mmap lm http://kheafield.com/code"
MAGIC = ANY_VERSION + b" format version 5\n"
_FIXED = np.dtype(
    {
        "names": ["order", "multiplier", "kind", "search"],
        "formats": ["u1", "<f4", "<i4", "<u4"],
        "offsets": [0, 4, 8, 16],
        "itemsize": 20,
    }
)
_SANITY = 88
_ORDERS = range(2, 7)  # those that the module kenlm is built for
_MULTIPLIERS = (1.0, 1000.0)
# Bytes of a weight of a word and of a longer n-gram in hash tables, with and without rest costs.
_HASHED = {0: (8, 16), 1: (12, 20)}
_TRIE, _QUANTIZED_TRIE = 2, 3
_ARRAYS = (4, 5)
_CHUNK = 1 << 20


@dataclass(frozen=True)
class _Header:
    kind: int
    multiplier: float
    counts: tuple[int, ...]
    size: int


def check(path: str | os.PathLike[str]) -> None:
    """Refuse a binary of KenLM whose tables lead out of the file.

    Raises:
        ConfigError: it is cut off or damaged, or of a kind that cannot be checked.
        OSError: it cannot be read.
    """
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = np.memmap(file, np.uint8, "r") if size else np.zeros(0, np.uint8)
    try:
        header = _header(data)
        if header.kind in _HASHED:
            _check_hashed(data, header)
        else:
            _check_trie(data, header)
    except _Damage as error:
        raise ConfigError(
            f"{os.fspath(path)!r} is a damaged binary of KenLM: {error}; copy it again, or build "
            "it again from the ARPA file"
        ) from error
    except _Arrays as error:
        raise ConfigError(
            f"{os.fspath(path)!r} is a trie of KenLM with array-compressed pointers, which cannot "
            "be checked; build it without -a, or give the ARPA file"
        ) from error


class _Damage(Exception):
    """What is wrong with the content."""


class _Arrays(Exception):
    """A kind of trie that is not read here."""


def _header(data: Array) -> _Header:
    if len(data) < _SANITY + _FIXED.itemsize or bytes(data[: len(MAGIC)]) != MAGIC:
        raise _Damage("no header of format version 5")
    fixed = data[_SANITY : _SANITY + _FIXED.itemsize].view(_FIXED)[0]
    order, kind, multiplier = int(fixed["order"]), int(fixed["kind"]), float(fixed["multiplier"])
    if order not in _ORDERS or not 0 <= kind <= max(_ARRAYS):
        raise _Damage(f"order {order} and kind {kind}")
    if not (math.isfinite(multiplier) and _MULTIPLIERS[0] <= multiplier <= _MULTIPLIERS[1]):
        raise _Damage(f"a multiplier of {multiplier:g}")
    if kind in _ARRAYS:
        raise _Arrays
    begin = _SANITY + _FIXED.itemsize
    counts = tuple(int(n) for n in _part(data, begin, 8 * order).view("<u8"))
    if not counts[0] or max(counts) > len(data):
        raise _Damage(f"counts {list(counts)} in {len(data):,} bytes")
    return _Header(kind, multiplier, counts, -(-(begin + 8 * order) // 8) * 8)


def _part(data: Array, start: int, size: int) -> Array:
    if start + size > len(data):
        raise _Damage(f"{len(data):,} bytes, expected at least {start + size:,}")
    return data[start : start + size]


def _buckets(entries: int, multiplier: float) -> int:
    product = np.float32(multiplier) * np.float32(entries)
    return max(entries + 1, int(product))


def _check_hashed(data: Array, header: _Header) -> None:
    """Look at hash tables: word numbers are inside, and every search comes to an empty bucket."""
    words = header.counts[0]
    weight, middle = _HASHED[header.kind]
    at = header.size + 8
    vocabulary = _table(data, at, words, header.multiplier, 12)
    numbers = vocabulary[:, 8:12].copy().view("<u4")
    if int(numbers.max()) > words:
        raise _Damage(f"a word number {int(numbers.max())} of {words} words")
    at += vocabulary.size + (words + 1) * weight
    for i, count in enumerate(header.counts[1:], start=2):
        entry = 12 if i == len(header.counts) else middle
        at += _table(data, at, count, header.multiplier, entry).size


def _table(data: Array, at: int, entries: int, multiplier: float, entry: int) -> Array:
    """Return the rows of a hash table, in which a search that finds nothing ends."""
    buckets = _buckets(entries, multiplier)
    rows = _part(data, at, buckets * entry).reshape(buckets, entry)
    for start in range(0, buckets, _CHUNK):
        if not rows[start : start + _CHUNK, :8].any(axis=1).all():
            return rows
    raise _Damage("a full hash table")


def _check_trie(data: Array, header: _Header) -> None:
    """Look at a trie: every pointer is inside of the next table, and none goes back."""
    counts, at = header.counts, header.size
    words, order = counts[0], len(counts)
    known = int(_part(data, at, 8).view("<u8")[0])
    if known > words:
        raise _Damage(f"{known} sorted words of {words}")
    at += 8 + 8 * words
    value_bits, longest_bits = 63, 31
    if header.kind == _QUANTIZED_TRIE:
        _, prob, backoff = map(int, _part(data, at, 3))
        if not (1 <= prob <= 25 and 1 <= backoff <= 25):
            raise _Damage(f"{prob} and {backoff} bits a value")
        value_bits, longest_bits = prob + backoff, prob
        at += 8 + 4 * ((order - 2) * (2**prob + 2**backoff) + 2**prob)
    unigrams = _part(data, at, 16 * (words + 2)).reshape(words + 2, 16)
    # The last of the two spare ones is never a beginning.
    _check_pointers(unigrams[: words + 1, 8:].copy().view("<u8")[:, 0], counts[1])
    at += unigrams.size
    word_bits = words.bit_length()
    for entries, following in itertools.pairwise(counts[1:]):
        bits = word_bits + value_bits + following.bit_length()
        table = _part(data, at, -(-(1 + entries) * bits // 8) + 8)
        last = 0
        for start in range(0, entries + 1, _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, entries + 1), dtype=np.uint64)
            pointers = _packed(table, rows * bits + word_bits + value_bits, following.bit_length())
            _check_pointers(pointers, following, last)
            last = int(pointers[-1])
        at += table.size
    _part(data, at, -(-(1 + counts[-1]) * (word_bits + longest_bits) // 8) + 8)


def _packed(table: Array, bit: Array, width: int) -> Array:
    """Return numbers of ``width`` bits that begin at each bit; little-endian, at most 57 bits."""
    place = (bit >> np.uint64(3)).astype(np.int64)
    rows = table[place[:, None] + np.arange(8)]
    whole: Array = np.ascontiguousarray(rows).view("<u8")[:, 0]
    mask = np.uint64((1 << width) - 1)
    numbers: Array = (whole >> (bit & np.uint64(7))) & mask
    return numbers


def _check_pointers(pointers: Array, most: int, least: int = 0) -> None:
    if int(pointers.max()) > most or int(pointers[0]) < least:
        raise _Damage(f"a pointer to {int(pointers.max())} of {most} n-grams")
    if (pointers[1:] < pointers[:-1]).any():
        raise _Damage("pointers that go back")
