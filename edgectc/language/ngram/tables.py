"""N-grams as a prefix tree of flat sorted arrays, and the file that holds them (`.lm`).

The file is described in docs/lm_format.md. It is mapped, not read: opening checks it once from
end to end and copies nothing but the vocabulary.
"""

from __future__ import annotations

import mmap
import os
import struct
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.files import staged
from edgectc.core.types import Array

MAGIC = b"EDGECTLM"
UNK, BOS, EOS = "<unk>", "<s>", "</s>"
SPECIALS = (UNK, BOS, EOS)  # ids 0, 1 and 2
MAX_ORDER = 5

_HEADER = struct.Struct("<8sHBBIQ5Q")  # magic version order flags crc32 vocabulary_bytes counts
_VERSION = 1
_QUANTIZED, _SHORT_IDS = 1, 2
_AFTER_CRC = 16


def normalize_word(word: str) -> str:
    """Return the form in which words are compared: casefolded, NFC, with a plain apostrophe.

    "Don’t" is "don't" and "É" is "é". Every language model applies this to the words it is asked
    for, and the builder to the words it counts.
    """
    if word.isascii():
        return word.lower()
    folded = unicodedata.normalize("NFC", word).casefold()
    return unicodedata.normalize("NFC", folded).replace("\u2019", "'")


@dataclass(frozen=True, eq=False)
class Column:
    """One number for each n-gram of a level.

    Attributes:
        codes: (n,) float32 natural logarithms, or (n,) uint8 places in ``book``.
        book: (256,) float32 natural logarithms, or None if the column is not quantized.
    """

    codes: Array
    book: Array | None = None

    def __getitem__(self, rows: Array | slice | int) -> Array:
        """Return the numbers of ``rows`` in float64."""
        found = self.codes[rows] if self.book is None else self.book[self.codes[rows]]
        return np.asarray(found, np.float64)


@dataclass(frozen=True, eq=False)
class Level:
    """All n-grams of one length, in the order of their parents and then of their last word.

    Attributes:
        words: (n,) id of the last word; for single words simply 0..n-1.
        log_probs: log P(last word | the words before it).
        backoffs: log weight of shorter contexts after this n-gram; None at the last level.
        starts: (n+1,) uint32: the children of n-gram i are starts[i]..starts[i+1]-1 of the next
            level; None at the last level.
    """

    words: Array
    log_probs: Column
    backoffs: Column | None = None
    starts: Array | None = None


@dataclass(frozen=True, eq=False)
class NGrams:
    """A back-off model.

    Attributes:
        words: V words; the first three are `SPECIALS`.
        levels: for n = 1..order, the n-grams.
        file_bytes: (bytes,) uint8 of the `.lm` file that holds all this, where it lies in one.
    """

    words: tuple[str, ...]
    levels: tuple[Level, ...]
    file_bytes: Array | None = None

    @property
    def order(self) -> int:
        """Longest n-gram."""
        return len(self.levels)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of n-grams of each length."""
        return tuple(len(level.words) for level in self.levels)


def index(words: Sequence[str]) -> dict[str, int]:
    """Return the number of each normalized word but the specials.

    Where several are equal, "The", "THE" and "the", it is that of the one spelled so, else the
    first.
    """
    found: dict[str, int] = {}
    for number, word in enumerate(words[len(SPECIALS) :], start=len(SPECIALS)):
        plain = normalize_word(word)
        if plain == word or plain not in found:
            found[plain] = number
    return found


def parents(level: Level) -> Array:
    """Return, for each n-gram of the next level, the place of its parent in ``level``."""
    starts = np.asarray(level.starts, np.int64)
    return np.repeat(np.arange(len(level.words)), starts[1:] - starts[:-1])


def places(keys: Sequence[Array], columns: Array, size: int) -> Array:
    """Return the places of some n-grams in a tree that has them.

    Args:
        keys: for each length, parent * size + last word of all n-grams, ascending.
        columns: (n, rows) words.
        size: of the vocabulary.
    """
    found = columns[0]
    for level, words in zip(keys[1:], columns[1:], strict=False):
        found = np.searchsorted(level, found * size + words)
    return np.asarray(found)


def quantized(ngrams: NGrams) -> NGrams:
    """Return the model with at most 256 different numbers a column, a byte each.

    What is exactly 0 stays 0. Distributions sum to 1 only nearly afterwards.
    """
    levels = []
    for level in ngrams.levels:
        log_probs = level.log_probs[:]
        backoffs = None
        if level.backoffs is not None:
            values = level.backoffs[:]
            backoffs = _coded(values, _centres(values, np.ones(len(values))))
        # An error in a likely n-gram is paid more often, and takes more mass from the others.
        coded = _coded(log_probs, _centres(log_probs, np.exp(log_probs / 2)))
        levels.append(Level(level.words, coded, backoffs, level.starts))
    return NGrams(ngrams.words, tuple(levels))


def _centres(values: Array, weights: Array) -> Array:
    """Return at most 256 ascending numbers that stand for ``values``.

    Each is the weighted mean of those near it: equal shares of the weight at first, then settled
    by Lloyd's iteration.

    Source: Lloyd 1982, Least squares quantization in PCM.
    """
    found = np.unique(values)
    if len(found) <= 256:
        return found
    order = np.argsort(values, kind="stable")
    order = order[values[order] != 0.0]
    ranked, weights = values[order], weights[order] + 1e-9 * weights.max()
    share = np.cumsum(weights) / weights.sum()
    middles = np.searchsorted(share, (np.arange(253) + 0.5) / 253).clip(0, len(ranked) - 1)
    # The ends have centres of their own: -99 for <s> must not pull rare words down.
    found = np.unique([ranked[0], *ranked[middles], ranked[-1]])
    for _ in range(20):
        nearest = _nearest(found, ranked)
        weight = np.bincount(nearest, weights, minlength=len(found))
        total = np.bincount(nearest, weights * ranked, minlength=len(found))
        found = np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), found)
    zero = [0.0] if len(ranked) < len(values) else []
    return np.unique(np.append(found, zero).astype(np.float32)).astype(np.float64)


def _coded(values: Array, found: Array) -> Column:
    book = np.zeros(256, np.float32)
    book[: len(found)] = found
    return Column(_nearest(found, values).astype(np.uint8), book)


def _nearest(found: Array, values: Array) -> Array:
    """Return the place of the nearest of some ascending numbers for each value."""
    return np.searchsorted((found[1:] + found[:-1]) / 2, values)


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
        with Path(path).open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:  # an empty file cannot be mapped
        raise ConfigError(f"cannot read the language model {str(path)!r}: {error}") from error
    try:
        return _parsed(data)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


class _Cursor:
    """Takes arrays one after another out of the bytes of a file."""

    def __init__(self, data: memoryview, place: int) -> None:
        self.data, self.place = data, place

    def take(self, what: str, dtype: str, count: int) -> Array:
        at = self.place + -self.place % 8
        self.place = at + count * np.dtype(dtype).itemsize
        if self.place > len(self.data):
            raise ConfigError(
                f"the {what} end at byte {self.place}, but the file has {len(self.data)} bytes; "
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
    _, version, order, flags, check, size, *counts = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise ConfigError(f"the header states version {version}; this edgectc reads {_VERSION}")
    if not 1 <= order <= MAX_ORDER or flags & ~3 or any(counts[order:]):
        raise ConfigError(f"the header is damaged: order {order}, flags {flags}, counts {counts}")
    found = zlib.crc32(data[_AFTER_CRC:], zlib.crc32(data[:12]))
    if found != check:
        raise ConfigError(
            f"the checksum is {found:08x}, the header states {check:08x}: "
            "the file is damaged; copy it again"
        )
    cursor = _Cursor(data, _HEADER.size)
    text = cursor.take("vocabulary", "u1", size).tobytes()
    cursor.place = _HEADER.size + size
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
    if cursor.place != len(data):
        raise ConfigError(f"{len(data) - cursor.place} bytes follow the last {order}-gram")
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


def check_ngrams(ngrams: NGrams) -> None:
    """Do nothing if every place that a search can follow exists and every number is sound.

    Raises:
        ConfigError: which part is not.
    """
    for n, level in enumerate(ngrams.levels, start=1):
        _check_column(f"log-probs of the {n}-grams", level.log_probs, highest=0.0)
        if level.backoffs is None or level.starts is None:
            continue
        _check_column(f"back-offs of the {n}-grams", level.backoffs, highest=np.inf)
        below, starts = ngrams.levels[n].words, level.starts
        if starts[0] != 0 or starts[-1] != len(below) or np.any(starts[1:] < starts[:-1]):
            raise ConfigError(f"the starts of the {n}-grams do not cover the {n + 1}-grams")
        if not len(below):
            continue
        if below.max() >= len(ngrams.words):
            raise ConfigError(
                f"a {n + 1}-gram holds word {below.max()} of {len(ngrams.words)} words"
            )
        rising = np.zeros(len(below) + 1, bool)
        rising[1:-1] = below[1:] > below[:-1]
        rising[starts] = True
        if not rising.all():
            raise ConfigError(f"the {n + 1}-grams are not sorted, or one is there twice")


def _check_column(what: str, column: Column, *, highest: float) -> None:
    """Numbers must be finite; those of a book that no n-gram uses count too."""
    values = column.codes if column.book is None else column.book
    if len(values) and not (np.all(np.isfinite(values)) and float(values.max()) <= highest):
        raise ConfigError(f"the {what} hold a number that is not finite or above {highest}")
