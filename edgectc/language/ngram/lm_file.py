"""The file of a packed language model (`.lm`), described in docs/lm_format.md.

It is mapped, not read: opening checks it once from end to end and copies nothing but the
vocabulary.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Iterator, Sequence

import numpy as np

from edgectc.core.config import check_version
from edgectc.core.errors import ConfigError
from edgectc.core.files import open_plain
from edgectc.core.staging import staged
from edgectc.core.types import Array
from edgectc.language.ngram.tables import MAX_ORDER, SPECIALS, Column, Level, NGrams, check_ngrams

MAGIC = b"EDGECTLM"

_HEADER = struct.Struct("<8sHBBIQ5Q")  # magic version order flags crc32 vocabulary_bytes counts
_VERSION = 1
_QUANTIZED, _SHORT_IDS = 1, 2
_AFTER_CRC = 16


def file_bytes(words: Sequence[str], counts: Sequence[int], *, quantized: bool) -> int:
    """Return the size of the `.lm` file of a model."""
    ids, number = 2 if len(words) <= 1 << 16 else 4, 1 if quantized else 4
    parts = [1024] * quantized * (2 * len(counts) - 1)
    for n, count in enumerate(counts, start=1):
        parts += [count * ids] * (n > 1) + [count * number]
        parts += [count * number, 4 * (count + 1)] * (n < len(counts))
    size = _HEADER.size + len("\n".join(words).encode())
    return size + -size % 8 + sum(part + -part % 8 for part in parts[:-1]) + parts[-1]


def write(path: str | os.PathLike[str], ngrams: NGrams) -> None:
    """Write a `.lm` file whole or not at all; the bytes depend on the model alone."""
    short = len(ngrams.words) <= 1 << 16
    book = ngrams.levels[0].log_probs.book is not None
    vocabulary = "\n".join(ngrams.words).encode()
    head = _HEADER.pack(
        MAGIC,
        _VERSION,
        ngrams.order,
        _QUANTIZED * book | _SHORT_IDS * short,
        0,
        len(vocabulary),
        *ngrams.counts,
        *[0] * (MAX_ORDER - ngrams.order),
    )
    with staged(path) as temporary, temporary.open("w+b") as file:
        file.write(head + vocabulary)
        check = zlib.crc32(vocabulary, zlib.crc32(head[_AFTER_CRC:], zlib.crc32(head[:12])))
        for array in _arrays(ngrams, np.dtype("<u2") if short else np.dtype("<u4")):
            data = bytes(-file.tell() % 8) + array.tobytes()
            file.write(data)
            check = zlib.crc32(data, check)
        file.seek(_AFTER_CRC - 4)
        file.write(struct.pack("<I", check))


def _arrays(ngrams: NGrams, ids: np.dtype[np.unsignedinteger]) -> Iterator[Array]:
    """Yield the arrays of a file in the order of the file."""
    for n, level in enumerate(ngrams.levels, start=1):
        if n > 1:
            yield level.words.astype(ids)
        for column in (level.log_probs, level.backoffs):
            if column is not None and column.book is not None:
                yield column.book.astype("<f4")
            if column is not None:
                yield column.codes.astype("<f4" if column.book is None else "u1")
        if level.starts is not None:
            yield level.starts.astype("<u4")


def read(path: str | os.PathLike[str]) -> NGrams:
    """Return the model of a `.lm` file, mapped.

    Raises:
        ConfigError: not such a file, or damaged: which part of it, and how.
    """
    try:
        with open_plain(path) as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:  # an empty file cannot be mapped
        raise ConfigError(f"cannot read the language model {str(path)!r}: {error}") from error
    try:
        return _parsed(data)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


class _Cursor:
    """Takes arrays one after another out of the bytes of a file."""

    def __init__(self, data: memoryview, offset: int) -> None:
        self.data, self.offset = data, offset

    def take(self, what: str, dtype: str, count: int) -> Array:
        at = self.offset + -self.offset % 8
        self.offset = at + count * np.dtype(dtype).itemsize
        if self.offset > len(self.data):
            raise ConfigError(
                f"the {what} end at byte {self.offset}, but the file has {len(self.data)} bytes; "
                "it is cut short: copy it again"
            )
        return np.frombuffer(self.data, dtype, count, at)

    def column(self, what: str, count: int, flags: int) -> Column:
        if not flags & _QUANTIZED:
            return Column(self.take(what, "<f4", count))
        book = self.take(f"numbers of the {what}", "<f4", 256)
        return Column(self.take(what, "u1", count), book)


def _parsed(data: memoryview) -> NGrams:
    if len(data) < _HEADER.size or data[:8] != MAGIC:
        raise ConfigError(
            "not a packed language model: no header EDGECTLM; make one with `edgectc lm pack`"
        )
    _, version, order, flags, stated, size, *counts = _HEADER.unpack_from(data)
    check_version("the file", version, _VERSION)
    if not 1 <= order <= MAX_ORDER or flags & ~3 or any(counts[order:]):
        raise ConfigError(f"the header is damaged: order {order}, flags {flags}, counts {counts}")
    actual = zlib.crc32(data[_AFTER_CRC:], zlib.crc32(data[:12]))
    if actual != stated:
        raise ConfigError(
            f"the checksum is {actual:08x}, the header states {stated:08x}: "
            "the file is damaged; copy it again"
        )
    cursor = _Cursor(data, _HEADER.size)
    text = cursor.take("vocabulary", "u1", size).tobytes()
    cursor.offset = _HEADER.size + size
    words = _vocabulary(text, counts[0])
    levels = []
    for n in range(1, order + 1):
        count, ids = counts[n - 1], "<u2" if flags & _SHORT_IDS else "<u4"
        name = f"{n}-grams"
        last = np.arange(count) if n == 1 else cursor.take(f"words of the {name}", ids, count)
        log_probs = cursor.column(f"log-probs of the {name}", count, flags)
        backoffs = starts = None
        if n < order:
            backoffs = cursor.column(f"back-offs of the {name}", count, flags)
            starts = cursor.take(f"starts of the {name}", "<u4", count + 1)
        levels.append(Level(last, log_probs, backoffs, starts))
    if cursor.offset != len(data):
        raise ConfigError(f"{len(data) - cursor.offset} bytes follow the last {order}-gram")
    ngrams = NGrams(words, tuple(levels), np.frombuffer(data, np.uint8))
    check_ngrams(ngrams)
    return ngrams


def _vocabulary(text: bytes, count: int) -> tuple[str, ...]:
    try:
        words = tuple(text.decode().split("\n"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"the vocabulary is not UTF-8: {error}") from error
    if len(words) != count or words[:3] != SPECIALS or len(set(words)) != count:
        raise ConfigError(
            f"the vocabulary must be {count} different words that begin with "
            f"{' '.join(SPECIALS)}; got {len(words)} that begin with {' '.join(words[:3])!r}"
        )
    return words
