"""Words with their natural-log frequencies: reading and writing.

A lexicon file is UTF-8 text, plain or gzip::

    # edgectc lexicon 1
    # source: ...            any number of notes: where the words are from, under which licence
    the<TAB>-2.9263          word as it is cased, natural log of its share, most frequent first

The bytes depend on the content alone, so the SHA-256 of a lexicon can be stated and checked.
"""

from __future__ import annotations

import gzip
import io
import math
import zlib
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.files import write_bytes
from edgectc.core.types import Array

if TYPE_CHECKING:
    from edgectc.language.packed import PackedLexicon

OFFENSIVE = "offensive.tsv"  # words that are left out of the lexicon beside it

_HEAD = "# edgectc lexicon 1"


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Words and how frequent they are.

    Attributes:
        words: n different words as they are shown, n >= 1.
        log_probs: (n,) float64 natural log of each word's share of running text.
        notes: lines on source and licence.

    Raises:
        ConfigError: no words, a word twice, another number of log_probs, or one not finite.
    """

    words: tuple[str, ...]
    log_probs: Array
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.words:
            raise ConfigError("a lexicon needs at least one word")
        if self.log_probs.shape != (len(self.words),):
            raise ConfigError(
                f"a lexicon of {len(self.words)} words got log_probs {self.log_probs.shape}"
            )
        if not np.all(np.isfinite(self.log_probs)):
            raise ConfigError("a lexicon holds a log_prob that is not finite; leave the word out")
        if len(set(self.words)) != len(self.words):
            twice = next(word for word, n in Counter(self.words).items() if n > 1)
            raise ConfigError(f"a lexicon holds {twice!r} twice; add the counts up")

    @classmethod
    def from_counts(cls, counts: Mapping[str, float], notes: tuple[str, ...] = ()) -> Lexicon:
        """Return the words of ``counts``, most frequent first; counts may have any scale > 0."""
        if not all(math.isfinite(count) and count > 0 for count in counts.values()):
            raise ConfigError("the count of a word must be finite and above 0")
        order = sorted(counts, key=lambda word: (-counts[word], word))
        values = np.array([counts[word] for word in order], np.float64)
        return cls(tuple(order), np.log(values / values.sum()), notes)

    @classmethod
    def read(cls, path: str | Path) -> Lexicon:
        """Return the lexicon of a file, text or packed.

        Raises:
            ConfigError: the file cannot be read, or a line is malformed (named by number).
        """
        from edgectc.language import packed  # which builds on this module

        if packed.is_packed(path):
            return packed.read(path)
        lines = _text(path).splitlines()
        if not lines or not f"{lines[0]} ".startswith(f"{_HEAD} "):
            raise ConfigError(
                f"{path}:1: expected {_HEAD!r}; to turn a word list into a lexicon, "
                "run `edgectc lexicon build`"
            )
        notes, words, log_probs = [], [], []
        for number, line in enumerate(lines[1:], start=2):
            if line.startswith("# "):
                notes.append(line[2:])
                continue
            word, _, value = line.partition("\t")
            try:
                log_probs.append(float(value))
            except ValueError:
                log_probs.append(math.nan)
            if not word or not math.isfinite(log_probs[-1]):
                raise ConfigError(f"{path}:{number}: expected word<TAB>log_prob, got {line!r}")
            words.append(word)
        try:
            return cls(tuple(words), np.array(log_probs, np.float64), tuple(notes))
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error

    def packed(self, alphabet: Set[str]) -> PackedLexicon:
        """Return the words that ``alphabet`` can spell, by spelling.

        Raises:
            ConfigError: it can spell none of them.
        """
        from edgectc.language import packed  # which builds on this module

        return packed.pack(self, alphabet)

    def write(self, path: str | Path) -> None:
        """Write the file whole or not at all; a name that ends in ``.gz`` is compressed.

        Raises:
            ConfigError: a word or note that is not one line of its own.
        """
        for text in (*self.words, *self.notes):
            if text.splitlines() != [text] or "\t" in text:
                raise ConfigError(f"{text!r} is empty or holds a tab or line break")
        # Sorted by what is written, so that reading and writing again changes nothing.
        values = (np.round(self.log_probs, 4) + 0.0).tolist()  # + 0.0 makes -0.0 a plain 0
        rows = sorted(zip(self.words, values, strict=True), key=lambda row: (-row[1], row[0]))
        lines = [_HEAD, *(f"# {note}" for note in self.notes)]
        lines += [f"{word}\t{value:.4f}" for word, value in rows]
        data = ("\n".join(lines) + "\n").encode()
        write_bytes(path, _compressed(data) if str(path).endswith(".gz") else data)


def merged(first: Lexicon, second: Lexicon) -> Lexicon:
    """Return the words of both; one that both have keeps the figure of the first."""
    held = set(first.words)
    new = np.array([word not in held for word in second.words], bool)
    words = tuple(word for word, fresh in zip(second.words, new, strict=True) if fresh)
    log_probs = np.concatenate([first.log_probs, second.log_probs[new]])
    return Lexicon(first.words + words, log_probs, first.notes)


def _compressed(data: bytes) -> bytes:
    """Return gzip bytes without time, file name or operating system, so that they repeat."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=out, mtime=0) as file:
        file.write(data)
    return out.getvalue()


def _text(path: str | Path) -> str:
    """Return the text of a file; its content, not its name, says whether it is gzip."""
    try:
        data = Path(path).read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"no lexicon or word list {str(path)!r}") from error
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path} as UTF-8 text, plain or gzip: {error}") from error
