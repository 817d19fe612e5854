"""N-grams as a prefix tree of flat sorted arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.types import Array
from edgectc.language.spelling import normalize_word as normalize_word

UNK, BOS, EOS = "<unk>", "<s>", "</s>"
SPECIALS = (UNK, BOS, EOS)  # ids 0, 1 and 2
MAX_ORDER = 5


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
        numbers = self.codes[rows] if self.book is None else self.book[self.codes[rows]]
        return np.asarray(numbers, np.float64)


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

    def __repr__(self) -> str:
        return f"NGrams(order {self.order}, {' + '.join(f'{n:,}' for n in self.counts)})"


def index(words: Sequence[str]) -> dict[str, int]:
    """Return the number of each normalized word but the specials.

    Where several are equal, "The", "THE" and "the", it is that of the one spelled so, else the
    first.
    """
    number_of: dict[str, int] = {}
    for number, word in enumerate(words[len(SPECIALS) :], start=len(SPECIALS)):
        plain = normalize_word(word)
        if plain == word or plain not in number_of:
            number_of[plain] = number
    return number_of


def unusual(words: Sequence[str]) -> list[str]:
    """Return the words of a vocabulary that are not in normal form."""
    text = "".join(words[len(SPECIALS) :])
    if text == text.lower():  # as most are; one look at all of it leaves those beyond ASCII
        suspects = [word for word in words[len(SPECIALS) :] if not word.isascii()]
    else:
        suspects = list(words[len(SPECIALS) :])
    return [word for word in suspects if normalize_word(word) != word]


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
    nodes = columns[0]
    for level, words in zip(keys[1:], columns[1:], strict=False):
        nodes = np.searchsorted(level, nodes * size + words)
    return np.asarray(nodes)


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
