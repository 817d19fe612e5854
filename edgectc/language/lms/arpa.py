"""A back-off n-gram model from an ARPA file (plain or gzip), a `.lm` file or one of CMU Sphinx.

    P(w | h) = p(h w)            if the model holds the n-gram h w
             = b(h) P(w | h')    otherwise; h' is h without its first word, b(h) 1 if h is unknown

A word outside the vocabulary is ``<unk>``; a file without ``<unk>`` gives it 10**-100, as KenLM.

Source: Katz 1987, in the form of the ARPA file; Heafield 2011 for the shortest equal state.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.files import READ_ERRORS, read_head
from edgectc.core.types import Array
from edgectc.language.lexicon import Lexicon
from edgectc.language.ngram import arpa_file, kenlm_file, lm_file, sphinx, tables
from edgectc.language.ngram.tables import BOS, EOS, SPECIALS, Column, NGrams, normalize_word

State = tuple[int, ...]


@dataclass(frozen=True)
class Options:
    """Nothing to choose: the file says it all."""


def create(
    options: Options, *, path: Path | None = None, lexicon: Lexicon | None = None
) -> NGramModel:
    """Return the model of a file; ``lexicon`` is not needed.

    Raises:
        ConfigError: no path, or a file that cannot be read or is damaged.
    """
    if path is None:
        raise ConfigError("the language model 'arpa' needs the path of an ARPA or .lm file")
    return NGramModel(read(path))


class NGramModel:
    """Scores words after up to ``order - 1`` others. Makes no copy of what it is given.

    A state holds, for the longest context that matters and each of its endings down to one word,
    the place of that n-gram, or -1 where the model lacks it. Contexts that no n-gram continues
    are left out, so that histories with equal futures have equal states.

    Attributes:
        order: longest n-gram.
        ngrams: the arrays themselves.
    """

    def __init__(self, ngrams: NGrams) -> None:
        self.order, self.ngrams = ngrams.order, ngrams
        self._words = [_view(level.words) for level in ngrams.levels]
        self._log_probs = [_reader(level.log_probs) for level in ngrams.levels]
        inner = ngrams.levels[:-1]
        self._backoffs = [_reader(level.backoffs) for level in inner if level.backoffs is not None]
        self._starts = [_view(level.starts) for level in inner if level.starts is not None]
        self._begin = self._shortest([SPECIALS.index(BOS)]) if inner else ()

    @cached_property
    def _index(self) -> dict[str, int]:  # where the C library searches, nobody asks for it
        return tables.index(self.ngrams.words)

    @cached_property
    def file_bytes(self) -> Array | None:
        """Return the (bytes,) uint8 of the `.lm` file, None of another one.

        None too where words are not in normal form: the C library compares them as they are.
        """
        return None if tables.unusual(self.ngrams.words) else self.ngrams.file_bytes

    def start(self, context: Sequence[str] = ()) -> State:
        """Return the state after the beginning of a sentence and the words of ``context``."""
        state = self._begin
        for word in context:
            _, state = self.score(state, word)
        return state

    def empty(self) -> State:
        """Return the state in which nothing is known of what was before."""
        return ()

    def score(self, state: State, word: str) -> tuple[float, State]:
        """Return log P(word | state) and the state after it."""
        return self._next(state, self._index.get(word) or self._number(word))

    def finish(self, state: State) -> float:
        """Return log P(end of sentence | state)."""
        return self._next(state, SPECIALS.index(EOS))[0]

    def known(self, word: str) -> bool:
        """Return whether ``word`` is in the vocabulary."""
        if "_index" not in vars(self) and word in self.ngrams.words and word not in SPECIALS:
            return True  # one word is not worth an index of all
        return self._number(word) != 0

    def unigram(self, words: Sequence[str]) -> Array:
        """Return log P(word) without context, (n,) float64."""
        return self.ngrams.levels[0].log_probs[np.array([self._number(w) for w in words], np.intp)]

    def following(self, state: State) -> tuple[Sequence[str], Array, float]:
        """Return the words that the model has seen after ``state``, and the rest in one number.

        Returns:
            words, as the model spells them; log P(word | state) of each, (n,) float64; and a
            log back-off b: any other word w has log P(w | state) = b + ``unigram([w])``.
        """
        backoff, numbers, values = 0.0, [], []
        for level, node in zip(range(len(state), 0, -1), state, strict=True):
            if node < 0:
                continue
            low, high = self._starts[level - 1][node : node + 2]
            below = self.ngrams.levels[level]
            numbers.append(below.words[low:high])
            values.append(backoff + below.log_probs[low:high])
            codes, book = self._backoffs[level - 1]
            backoff += codes[node] if book is None else book[codes[node]]
        if not numbers:
            return (), np.zeros(0), backoff
        # The first one seen of equal words is that of the longest context.
        distinct, first = np.unique(np.concatenate(numbers), return_index=True)
        real = distinct >= len(SPECIALS)
        words = self.ngrams.words
        return (
            [words[number] for number in distinct[real].tolist()],
            np.concatenate(values)[first[real]],
            backoff,
        )

    def _number(self, word: str) -> int:
        return self._index.get(word) or self._index.get(normalize_word(word), 0)

    def _next(self, state: State, number: int) -> tuple[float, State]:
        scored, value = False, 0.0
        nodes: list[int] = []
        level = len(state)
        for node in state:
            child = -1
            if node >= 0:
                starts, words = self._starts[level - 1], self._words[level]
                end = starts[node + 1]
                child = bisect_left(words, number, starts[node], end)
                if child == end or words[child] != number:
                    child = -1
                if not scored:
                    scored = child >= 0
                    codes, book = self._log_probs[level] if scored else self._backoffs[level - 1]
                    code = codes[child if scored else node]
                    value += code if book is None else book[code]
            if level < self.order - 1:
                nodes.append(child)
            level -= 1
        if not scored:
            codes, book = self._log_probs[0]
            value += codes[number] if book is None else book[codes[number]]
        if self.order > 1:
            nodes.append(number)
        return value, self._shortest(nodes)

    def _shortest(self, nodes: list[int]) -> State:
        """Return the nodes without the leading ones that can change no later score."""
        for first, node in enumerate(nodes):
            if node < 0:
                continue
            level = len(nodes) - first - 1
            starts, (codes, book) = self._starts[level], self._backoffs[level]
            if starts[node] != starts[node + 1] or (
                codes[node] if book is None else book[codes[node]]
            ):
                return tuple(nodes[first:])
        return ()


def _view(array: Array) -> memoryview:
    """Return the array as something whose single numbers are cheap to read."""
    native: Any = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    return memoryview(native)


def _reader(column: Column) -> tuple[memoryview, list[float] | None]:
    """Return the codes and their book, None if the codes are the numbers themselves."""
    return _view(column.codes), None if column.book is None else column.book.tolist()


def recognizes(head: bytes) -> bool:
    """Return whether a file that begins so is a `.lm` file, an ARPA file or one of CMU Sphinx."""
    return head.startswith((lm_file.MAGIC, sphinx.MAGIC)) or b"\\data\\" in head


def read(path: str | os.PathLike[str]) -> NGrams:
    """Return the n-grams of a file; its content, not its name, says which format it is.

    Raises:
        ConfigError: the file cannot be read or is damaged.
    """
    try:
        head = read_head(path)
    except READ_ERRORS as error:
        raise ConfigError(f"cannot read the language model {str(path)!r}: {error}") from error
    if head.startswith(lm_file.MAGIC):
        return lm_file.read(path)
    if head.startswith(kenlm_file.ANY_VERSION):
        raise ConfigError(
            f"{str(path)!r} is a binary of KenLM, whose n-grams cannot be listed; give the ARPA "
            "file that it was built from"
        )
    return sphinx.read(path) if head.startswith(sphinx.MAGIC) else arpa_file.read(path)
