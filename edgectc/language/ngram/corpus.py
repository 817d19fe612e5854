"""Sentences as one array of numbers."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.files import read_lines
from edgectc.core.types import Array
from edgectc.language.ngram.tables import SPECIALS
from edgectc.language.ngram.text import sentences
from edgectc.language.spelling import letters, normalize_word


@dataclass
class Corpus:
    """Counts words as text comes in.

    Attributes:
        excluded: sentences or lines to leave out, by `letters`.
        words: different words so far, the specials first.
        dropped: sentences left out.
    """

    excluded: frozenset[str] = frozenset()
    words: dict[str, int] = field(default_factory=lambda: {w: i for i, w in enumerate(SPECIALS)})
    dropped: int = 0
    _starts: list[int] = field(default_factory=list)
    _numbers: array[int] = field(default_factory=lambda: array("i"))

    def extend(self, lines: Iterable[str], *, apart: bool = True) -> None:
        """Take in a text; ``apart`` from those before, in weight and source."""
        if apart:
            self._starts.append(len(self._numbers))
        for line in lines:
            self.add(line)

    def add(self, line: str) -> None:
        """Take in the sentences of a line, but for those that are excluded."""
        parts = sentences(line)
        if self.excluded and letters(line) in self.excluded:
            self.dropped += len(parts)
            return
        for sentence in parts:
            if self.excluded and letters("".join(sentence)) in self.excluded:
                self.dropped += 1
                continue
            self._numbers.append(1)
            for word in sentence:
                self._numbers.append(self.words.setdefault(word, len(self.words)))
            self._numbers.append(2)

    @property
    def numbers(self) -> Array:
        """Word numbers in running order, each sentence between 1 (``<s>``) and 2 (``</s>``)."""
        return np.frombuffer(self._numbers, np.intc).astype(np.int64)

    @property
    def sources(self) -> Array:
        """Which text, 0, 1, ..., each of `numbers` is from."""
        places = np.arange(len(self._numbers))
        return np.searchsorted(self._starts or [0], places, side="right") - 1

    def limited(
        self,
        vocabulary: Iterable[str] | None,
        top: int | None,
        weights: Sequence[float],
        others: Sequence[tuple[float, Mapping[str, float]]] = (),
    ) -> tuple[tuple[str, ...], Array]:
        """Return the words to keep, most frequent first, and the text with 0 for all others.

        Args:
            vocabulary: words to keep if a text or model has them; None: all.
            top: most words to keep.
            weights: of the texts in the frequencies.
            others: weights of models, and what probability they give to single words.

        Raises:
            ConfigError: a text has no sentence, or none has a word of the vocabulary.
        """
        numbers, sources = self.numbers, self.sources
        sizes = np.bincount(sources, minlength=len(weights))
        if not sizes.all():
            raise ConfigError("a text holds no word; nothing to count")
        share = (np.array(weights) / sizes)[sources]
        for _, probabilities in others:
            for word in probabilities:
                self.words.setdefault(word, len(self.words))
        shares = np.zeros(len(self.words))  # of no text at all, bincount gives integers
        shares += np.bincount(numbers, share, minlength=len(self.words))
        for weight, probabilities in others:
            for word, value in probabilities.items():
                shares[self.words[word]] += weight * value
        allowed = None if vocabulary is None else {normalize_word(word) for word in vocabulary}
        names = list(self.words)
        kept = [
            i for i in range(len(SPECIALS), len(names)) if allowed is None or names[i] in allowed
        ]
        kept.sort(key=lambda i: (-shares[i], names[i]))
        kept = kept[:top]
        if not kept:
            raise ConfigError("no word of what is given is in the vocabulary; nothing to count")
        renumbered = np.zeros(len(names), np.int64)
        renumbered[[1, 2]] = 1, 2
        renumbered[kept] = np.arange(len(kept)) + len(SPECIALS)
        return (*SPECIALS, *(names[i] for i in kept)), renumbered[numbers]


def exclusions(paths: Iterable[str | os.PathLike[str]]) -> frozenset[str]:
    """Return the lines of some files as `letters`, for `Corpus.excluded`."""
    return frozenset(letters(line) for path in paths for line in read_lines(path)) - {""}
