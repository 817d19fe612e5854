"""The ARPA text format: reading and writing.

Source: Doug Paul's format as SRILM's ngram-format(5) describes it. Numbers in it are base 10.
"""

from __future__ import annotations

import codecs
import math
import os
from dataclasses import dataclass

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.files import read_content
from edgectc.core.staging import staged_writer
from edgectc.core.types import Array
from edgectc.language.ngram.tables import (
    BOS,
    EOS,
    MAX_ORDER,
    SPECIALS,
    UNK,
    Column,
    Level,
    NGrams,
    parents,
)

LN10 = math.log(10.0)
UNKNOWN_LOG10 = -100.0  # what KenLM gives unknown words where a file has no <unk>


@dataclass(frozen=True)
class _Section:
    """The rows of one order: line numbers start at ``first``; fields are bytes."""

    first: int
    rows: list[list[bytes]]


def read(path: str | os.PathLike[str]) -> NGrams:
    """Return the model of an ARPA file, plain or gzip.

    Raises:
        ConfigError: not such a file, or one that contradicts itself: line, section and reason.
    """
    data = read_content(path, "language model")
    try:
        return _parsed(data.split(b"\n"))
    except ConfigError as error:
        raise ConfigError(f"{path}:{error}") from error


def _error(line: int, message: str) -> ConfigError:
    return ConfigError(f"{line}: {message}")


def _parsed(lines: list[bytes]) -> NGrams:
    counts, line = _head(lines)
    words: list[str] = []
    parents, keys = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    levels: list[Level] = []
    for n, count in enumerate(counts, start=1):
        section, line = _section(lines, line, n, count, last=n == len(counts))
        values, backoffs = _numbers(section, n, last=n == len(counts))
        if n == 1:
            words, order = _words(section)
            key, parent = np.arange(len(words)), np.zeros(0, np.int64)
            pad = len(words) - count  # the specials that the file lacks, in front
            values = np.concatenate([np.full(pad, UNKNOWN_LOG10), values])[order]
            backoffs = np.concatenate([np.zeros(pad), backoffs])[order]
        else:
            if n == 2:
                index = {word.encode(): i for i, word in enumerate(words)}
            parent, last_word = _places(section, n, index, keys)
            key = parent * len(words) + last_word
            order = np.argsort(key, kind="stable")
            key, parent = key[order], parent[order]
            if (twice := np.flatnonzero(key[1:] == key[:-1])).size:
                row = int(order[twice[0] + 1])
                raise _error(section.first + row, f"this {n}-gram is there twice")
            values, backoffs = values[order], backoffs[order]
        parents.append(parent)
        keys.append(key)
        levels.append(
            Level(
                key % len(words), _natural(values), None if n == len(counts) else _natural(backoffs)
            )
        )
    for n in range(len(levels) - 1):
        bounds = np.arange(len(levels[n].words) + 1)
        starts = np.searchsorted(parents[n + 2], bounds).astype(np.uint32)
        levels[n] = Level(levels[n].words, levels[n].log_probs, levels[n].backoffs, starts)
    return NGrams(tuple(words), tuple(levels))


def _natural(log10: Array) -> Column:
    return Column((log10 * LN10).astype(np.float32))


def _head(lines: list[bytes]) -> tuple[list[int], int]:
    """Return the number of n-grams of each order and the line after the head."""
    heads = (line.removeprefix(codecs.BOM_UTF8).strip() for line in lines[:10_000])
    start = next((i for i, line in enumerate(heads) if line == b"\\data\\"), None)
    if start is None:
        raise _error(1, "expected a line \\data\\: this is not an ARPA language model")
    counts: list[int] = []
    for number in range(start + 1, len(lines)):
        line = lines[number].strip()
        if line.startswith(b"\\"):
            if not counts:
                raise _error(number + 1, "the section \\data\\ states no number of n-grams")
            return counts, number
        if not line:
            continue
        name, _, value = line.partition(b"=")
        n = len(counts) + 1
        digits = value.strip()
        if name.split() != [b"ngram", b"%d" % n] or not digits.isdigit() or len(digits) > 18:
            raise _error(number + 1, f"expected 'ngram {n}=COUNT', got {_shown(line)}")
        if n > MAX_ORDER:
            raise _error(number + 1, f"order {n}; this reader goes up to {MAX_ORDER}")
        counts.append(int(digits))
    raise _error(len(lines), "the file ends in the section \\data\\; it is cut short")


def _section(
    lines: list[bytes], start: int, n: int, count: int, *, last: bool
) -> tuple[_Section, int]:
    """Return the rows of the section that begins at or after ``place``, and the place after it."""
    while start < len(lines) and not lines[start].strip():
        start += 1
    title = b"\\%d-grams:" % n
    if start == len(lines) or lines[start].strip() != title:
        got = _shown(lines[start].strip()) if start < len(lines) else "the end of the file"
        raise _error(start + 1, f"expected the section {title.decode()}, got {got}")
    first, end = start + 1, start + 1 + count
    rows = [line.split() for line in lines[first:end]]
    for i, row in enumerate(rows):
        # Some tools write a back-off of 0 after the longest n-grams too, which none can have.
        longest = n + 1 + (not last or _ends_in_zero(row))
        if not n + 1 <= len(row) <= longest or row[0].startswith(b"\\"):
            wanted = f"a log-prob, {n} words" + ("" if last else " and perhaps a back-off")
            raise _error(
                first + i + 1,
                f"expected {wanted} ({count} {n}-grams are promised), "
                f"got {_shown(lines[first + i])}",
            )
    if len(rows) < count:
        raise _error(len(lines), f"{count} {n}-grams are promised, the file ends after {len(rows)}")
    while end < len(lines) and not lines[end].strip():
        end += 1
    after = b"\\end\\" if last else b"\\%d-grams:" % (n + 1)
    if end == len(lines) or lines[end].strip() != after:
        got = _shown(lines[end].strip()) if end < len(lines) else "the end of the file"
        raise _error(
            min(end + 1, len(lines)),
            f"expected {after.decode()} after the {count} {n}-grams that are promised, got {got}",
        )
    return _Section(first + 1, rows), end


def _ends_in_zero(row: list[bytes]) -> bool:
    try:
        return bool(row) and float(row[-1]) == 0
    except ValueError:
        return False


def _numbers(section: _Section, n: int, *, last: bool) -> tuple[Array, Array]:
    """Return log-probs and back-offs (n,) float64 of a section, base 10."""
    rows = section.rows
    values = _floats(section, [row[0] for row in rows], "log-prob")
    backoffs = np.zeros(len(rows))
    if not last:
        have = [i for i, row in enumerate(rows) if len(row) == n + 2]
        stated = _floats(section, [rows[i][-1] for i in have], "back-off", have)
        backoffs[have] = stated
    if (bad := np.flatnonzero(values > 0)).size:
        row = int(bad[0])
        raise _error(
            section.first + row, f"log-prob {values[row]:g} is above 0: no probability exceeds 1"
        )
    return values, backoffs


def _floats(
    section: _Section, texts: list[bytes], what: str, rows: list[int] | None = None
) -> Array:
    try:
        values = np.array([float(text) for text in texts], np.float64)
    except ValueError:
        values = np.array([_float(text) for text in texts], np.float64)
    # Beyond float32 is not a probability either; its natural logarithm would overflow.
    if (bad := np.flatnonzero(~(np.abs(values) < 1e30))).size:
        i = int(bad[0])
        line = section.first + (rows[i] if rows is not None else i)
        raise _error(line, f"expected a finite {what}, got {_shown(texts[i])}")
    return values


def _float(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _words(section: _Section) -> tuple[list[str], Array]:
    """Return the vocabulary, specials first, and the row of each word (missing specials first)."""
    names: list[str] = []
    for i, row in enumerate(section.rows):
        try:
            names.append(row[1].decode())
        except UnicodeDecodeError as error:
            raise _error(section.first + i, f"the word {row[1]!r} is not UTF-8") from error
    if UNK not in names and UNK.upper() in names:
        names[names.index(UNK.upper())] = UNK
    row_of = {name: i for i, name in enumerate(names)}
    if len(row_of) != len(names):
        again = next(i for i, name in enumerate(names) if row_of[name] != i)
        twice = names[again]
        raise _error(section.first + row_of[twice], f"the word {twice!r} is there twice")
    for marker, meaning in ((BOS, "beginning"), (EOS, "end")):
        if marker not in row_of:
            raise _error(section.first, f"the 1-grams lack {marker}, a sentence's {meaning}")
    missing = [word for word in SPECIALS if word not in row_of]
    everything = [*missing, *names]
    order = [everything.index(word) for word in SPECIALS]
    order += [i for i, name in enumerate(everything) if name not in SPECIALS]
    return [everything[i] for i in order], np.array(order)


def _places(
    section: _Section, n: int, index: dict[bytes, int], keys: list[Array]
) -> tuple[Array, Array]:
    """Return for each n-gram the place of its context one level up, and the id of its word."""
    if UNK.encode() in index:
        index.setdefault(UNK.upper().encode(), index[UNK.encode()])
    rows = section.rows
    columns = np.empty((n, len(rows)), np.int64)
    for j in range(n):
        columns[j] = [index.get(row[j + 1], -1) for row in rows]
    if (bad := np.flatnonzero((columns < 0).any(0))).size:
        row = int(bad[0])
        word = rows[row][1 + int(np.argmax(columns[:, row] < 0))]
        raise _error(section.first + row, f"the word {_shown(word)} is not among the 1-grams")
    parent = columns[0]
    for j in range(1, n - 1):
        wanted, have = parent * len(keys[1]) + columns[j], keys[j + 1]
        parent = np.minimum(np.searchsorted(have, wanted), max(len(have) - 1, 0))
        hit = have[parent] == wanted if len(have) else np.zeros(len(rows), bool)
        if not hit.all():
            row = int(np.argmin(hit))
            context = b" ".join(rows[row][1:n])
            raise _error(
                section.first + row,
                f"its context {_shown(context)} is not among the {n - 1}-grams",
            )
    return parent, columns[-1]


def _shown(text: bytes) -> str:
    shown = repr(text[:60].decode(errors="replace"))
    return shown + "..." if len(text) > 60 else shown


def write(path: str | os.PathLike[str], ngrams: NGrams) -> None:
    """Write an ARPA file whole or not at all; a name that ends in ``.gz`` is compressed."""
    with staged_writer(path, level=6) as out:
        head = [f"ngram {n}={count}" for n, count in enumerate(ngrams.counts, start=1)]
        out.write(("\\data\\\n" + "\n".join(head) + "\n").encode())
        texts = list(ngrams.words)
        for n, level in enumerate(ngrams.levels, start=1):
            if n > 1:
                above = parents(ngrams.levels[n - 2])
                texts = [
                    f"{texts[parent]} {ngrams.words[word]}"
                    for parent, word in zip(above.tolist(), level.words.tolist(), strict=True)
                ]
            out.write(f"\n\\{n}-grams:\n".encode())
            out.write("".join(_rows(level, texts)).encode())
        out.write(b"\n\\end\\\n")


def _rows(level: Level, texts: list[str]) -> list[str]:
    values = (level.log_probs[:] / LN10).tolist()
    if level.backoffs is None:
        return [f"{v:.8g}\t{text}\n" for v, text in zip(values, texts, strict=True)]
    backoffs = (level.backoffs[:] / LN10).tolist()
    return [
        f"{v:.8g}\t{text}\t{b:.8g}\n" for v, text, b in zip(values, texts, backoffs, strict=True)
    ]
