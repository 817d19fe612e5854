"""The binary n-gram models of CMU Sphinx ("Trie Language Model", `.lm.bin`): reading.

    "Trie Language Model", order (1 byte), an n-gram count for each order (uint32)
    order > 1: 4 bytes, then tables of 2**16 float32: for each order between the first and the
        last its log-probs and its back-offs, then the log-probs of the last
    counts[0] + 1 unigrams: log-prob, back-off (float32), place of the first longer n-gram (uint32)
    each longer order: n-grams as runs of bits, 8 bytes of air
    size of the vocabulary in bytes (int32), the words, each with a zero byte

An n-gram is found from its last word backwards: below the last word lies the one before it. Its
bits are that word, then the places of its back-off and its log-prob in the tables, 16 bits each,
then the place of its first longer n-gram; the last order has the word and the log-prob alone.
Logarithms are to the base 1.0001, everything is little-endian.

Source: the readers of PocketSphinx 5 (lm_trie.c, lm_trie_quant.c, ngram_model_trie.c).
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.files import read_content
from edgectc.core.types import Array
from edgectc.language.ngram.arpa_file import LN10, UNKNOWN_LOG10
from edgectc.language.ngram.tables import (
    BOS,
    EOS,
    MAX_ORDER,
    SPECIALS,
    UNK,
    Column,
    Level,
    NGrams,
    check_ngrams,
    places,
)

MAGIC = b"Trie Language Model"
LOG_BASE = math.log(1.0001)
_UNIGRAM = np.dtype([("log_prob", "<f4"), ("backoff", "<f4"), ("first", "<u4")])
_TABLE = 1 << 16
_MOST = (1 << 25) - 2  # n-grams of one order, and words: fields have 25 bits at most


@dataclass
class _Rows:
    """The n-grams of one length in any order.

    Attributes:
        columns: (n, rows) words in reading order.
        log_probs: (rows,) natural logarithms.
        backoffs: (rows,) natural logarithms.
    """

    columns: Array
    log_probs: Array
    backoffs: Array


def read(path: str | os.PathLike[str]) -> NGrams:
    """Return the n-grams of a binary model of CMU Sphinx, plain or gzip.

    Contexts of longer n-grams that the file lacks are added with what their back-off gives.

    Raises:
        ConfigError: not such a file, or damaged: which part of it, and how.
    """
    data = read_content(path, "language model")
    try:
        words, levels = _parsed(data)
        ngrams = _tree(words, levels)
        check_ngrams(ngrams)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return ngrams


def _parsed(data: bytes) -> tuple[tuple[str, ...], list[_Rows]]:
    """Return the words, specials first, and the n-grams of each length."""
    counts = _counts(data)
    order, offset = len(counts), len(MAGIC) + 1 + 4 * len(counts)
    tables = np.zeros((0, _TABLE), np.float64)
    if order > 1:
        tables = np.frombuffer(data, "<f4", (2 * order - 3) * _TABLE, offset + 4)
        offset += 4 + tables.nbytes
        tables = tables.reshape(-1, _TABLE).astype(np.float64) * LOG_BASE
    unigrams = np.frombuffer(data, _UNIGRAM, counts[0] + 1, offset)
    offset += unigrams.nbytes
    sizes = _sizes(counts)
    names, numbers = _vocabulary(data, offset + sum(sizes), counts[0])
    columns = numbers[None]
    log_probs, backoffs = (
        unigrams[field][:-1].astype(np.float64) * LOG_BASE for field in ("log_prob", "backoff")
    )
    levels = [_Rows(columns, log_probs, backoffs)]
    first = unigrams["first"].astype(np.int64)
    for n, size in enumerate(sizes, start=2):
        bits = _Bits(data[offset : offset + size], _widths(counts, n))
        offset += size
        there = int(first[-1])  # what is promised may be more: the writer counts some twice
        if first[0] != 0 or there > counts[n - 1] or np.any(first[1:] < first[:-1]):
            raise ConfigError(f"the places of the {n}-grams below the {n - 1}-grams do not rise")
        before = bits.field(0, there)
        if len(before) and before.max() >= counts[0]:
            raise ConfigError(f"a {n}-gram holds word {before.max()} of {counts[0]} words")
        parents = np.repeat(np.arange(len(first) - 1), np.diff(first))
        columns = np.concatenate([numbers[before][None], columns[:, parents]])
        last = n == order
        log_probs = tables[-1 if last else 2 * n - 4][bits.field(1 if last else 2, there)]
        backoffs = np.zeros(there)
        if not last:
            backoffs = tables[2 * n - 3][bits.field(1, there)]
            first = bits.field(3, there + 1)
        levels.append(_Rows(columns, log_probs, backoffs))
    return names, levels


def _counts(data: bytes) -> list[int]:
    """Return the counts of the header if the file is as long as they say."""
    if not data.startswith(MAGIC):
        raise ConfigError(f"not a binary model of CMU Sphinx: it does not begin with {MAGIC!r}")
    order = data[len(MAGIC)] if len(data) > len(MAGIC) else 0
    offset = len(MAGIC) + 1
    if not 1 <= order <= MAX_ORDER or len(data) < offset + 4 * order:
        raise ConfigError(f"the header is damaged: order {order}, expected 1 to {MAX_ORDER}")
    counts: list[int] = np.frombuffer(data, "<u4", order, offset).tolist()
    if not 1 <= counts[0] <= _MOST or max(counts) > _MOST:
        raise ConfigError(f"the header is damaged: counts {counts}")
    offset += 4 * order + (order > 1) * (4 + (2 * order - 3) * _TABLE * 4)
    offset += (counts[0] + 1) * _UNIGRAM.itemsize + sum(_sizes(counts))
    size = int.from_bytes(data[offset : offset + 4], "little")
    if len(data) < offset + 4 or len(data) != offset + 4 + size:
        raise ConfigError(
            f"with counts {counts} the vocabulary begins at byte {offset} and takes {size} bytes, "
            f"but the file has {len(data)} bytes; it is damaged or cut short: copy it again"
        )
    return counts


def _widths(counts: list[int], n: int) -> list[int]:
    """Return the bits of each field of an n-gram."""
    word = counts[0].bit_length()
    return [word, 16] if n == len(counts) else [word, 16, 16, counts[n].bit_length()]


def _sizes(counts: list[int]) -> list[int]:
    """Return the bytes of the n-grams of each length above 1: one more than there are, and air."""
    widths = [sum(_widths(counts, n)) for n in range(2, len(counts) + 1)]
    pairs = zip(counts[1:], widths, strict=True)
    return [((count + 1) * width + 7) // 8 + 8 for count, width in pairs]


class _Bits:
    """Rows of fields, packed bit by bit from the lowest bit of the first byte."""

    def __init__(self, data: bytes, widths: list[int]) -> None:
        self.bytes, self.widths = np.frombuffer(data, np.uint8), widths

    def field(self, which: int, rows: int) -> Array:
        """Return one field, up to 25 bits, of the first ``rows`` rows, (rows,) int64."""
        bits = np.arange(rows) * sum(self.widths) + sum(self.widths[:which])
        at, shift = bits >> 3, bits & 7
        values = np.zeros(rows, np.int64)
        for i in range(4):
            values |= self.bytes[at + i].astype(np.int64) << (8 * i)
        return np.asarray((values >> shift) & ((1 << self.widths[which]) - 1))


def _vocabulary(data: bytes, offset: int, count: int) -> tuple[tuple[str, ...], Array]:
    """Return all words, specials first, and the number among them of each word of the file."""
    try:
        texts = data[offset + 4 :].decode().split("\0")
    except UnicodeDecodeError as error:
        raise ConfigError(f"the vocabulary is not UTF-8: {error}") from error
    if len(texts) != count + 1 or texts[-1]:
        raise ConfigError(f"the vocabulary has {len(texts) - 1} words, the header states {count}")
    names = texts[:-1]
    if UNK not in names and UNK.upper() in names:
        names[names.index(UNK.upper())] = UNK
    words = (*SPECIALS, *(name for name in names if name not in SPECIALS))
    index = {word: number for number, word in enumerate(words)}
    if len(set(names)) != count or len(index) != len(words):
        raise ConfigError("a word is in the vocabulary twice")
    if any(not name or "\n" in name for name in names):
        raise ConfigError("the vocabulary holds an empty word or one with a line break")
    for marker in (BOS, EOS):
        if marker not in names:
            raise ConfigError(f"the vocabulary lacks {marker}")
    return words, np.array([index[name] for name in names])


def _tree(words: tuple[str, ...], levels: list[_Rows]) -> NGrams:
    """Return the n-grams sorted forwards, with all contexts.

    What a context that is added ends in is there: n-grams lie below their endings in the file, so
    all their endings are there, and those of their contexts are contexts of these.
    """
    size = len(words)
    log_probs, backoffs = np.full(size, UNKNOWN_LOG10 * LN10), np.zeros(size)
    log_probs[levels[0].columns[0]] = levels[0].log_probs
    backoffs[levels[0].columns[0]] = levels[0].backoffs
    above = _Rows(np.arange(size)[None], log_probs, backoffs)
    contexts = [np.zeros((n, 0), np.int64) for n in range(len(levels) + 1)]
    for n in range(len(levels), 2, -1):
        contexts[n - 1] = np.concatenate([levels[n - 1].columns, contexts[n]], 1)[:-1]
    keys = [np.arange(size)]
    tree: list[Level] = []
    for n, rows in enumerate(levels[1:], start=2):
        columns = np.concatenate([rows.columns, contexts[n]], 1)
        key = places(keys, columns[:-1], size) * size + columns[-1]
        order = np.argsort(key, kind="stable")  # of equal ones, what the file holds is first
        key, again = key[order], np.zeros(len(order), bool)
        again[1:] = key[1:] == key[:-1]
        stored = order < len(rows.log_probs)
        if np.any(again & stored):
            raise ConfigError(f"a {n}-gram is there twice")
        order, key, stored = order[~again], key[~again], stored[~again]
        keys.append(key)
        columns = columns[:, order]
        log_probs, backoffs = np.zeros(len(order)), np.zeros(len(order))
        log_probs[stored], backoffs[stored] = (
            rows.log_probs[order[stored]],
            rows.backoffs[order[stored]],
        )
        shorter = above.log_probs[places(keys, columns[1:, ~stored], size)]
        log_probs[~stored] = np.minimum(above.backoffs[key[~stored] // size] + shorter, 0.0)
        starts = np.searchsorted(key, np.arange(len(above.log_probs) + 1) * size).astype(np.uint32)
        tree.append(_level(above, starts))
        above = _Rows(columns, log_probs, backoffs)
    return NGrams(words, (*tree, _level(above, None)))


def _level(rows: _Rows, starts: Array | None) -> Level:
    backoffs = None if starts is None else Column(rows.backoffs.astype(np.float32))
    return Level(rows.columns[-1], Column(rows.log_probs.astype(np.float32)), backoffs, starts)
