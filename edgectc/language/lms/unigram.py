"""Word frequencies of a lexicon as a language model: no context, no file of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.types import Array
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon
from edgectc.language.ngram.tables import normalize_word


@dataclass(frozen=True)
class Options:
    """How to treat what the lexicon lacks.

    Attributes:
        unknown: log-prob of a word outside the lexicon; None: one nat below its rarest word.
    """

    unknown: float | None = None

    def __post_init__(self) -> None:
        if self.unknown is not None and not (math.isfinite(self.unknown) and self.unknown <= 0):
            raise ConfigError(f"unknown is {self.unknown}, expected a finite number up to 0")


def create(
    options: Options, *, path: Path | None = None, lexicon: Lexicon | None = None
) -> UnigramModel:
    """Return the model of a lexicon, given itself or by ``path``.

    Raises:
        ConfigError: neither or both are given, or the file cannot be read.
    """
    if path is not None and lexicon is None:
        lexicon = lexicon_file.read(path)
    elif path is not None or lexicon is None:
        raise ConfigError("the language model 'unigram' needs a lexicon, or the path of one")
    return UnigramModel(options, lexicon)


def recognizes(head: bytes) -> bool:
    """Return whether a file that begins so is a text lexicon."""
    return head.startswith(lexicon_file.NAME.encode())


class UnigramModel:
    """Scores each word by itself; words that are one word by `normalize_word` are summed.

    Attributes:
        order: 1.
        floor: log-prob of an unknown word.
    """

    order = 1

    def __init__(self, options: Options, lexicon: Lexicon) -> None:
        self._log_probs: dict[str, float] = {}
        for word, value in zip(lexicon.words, lexicon.log_probs.tolist(), strict=True):
            key = normalize_word(word)
            before = self._log_probs.get(key)
            self._log_probs[key] = value if before is None else float(np.logaddexp(before, value))
        rarest = min(self._log_probs.values())
        self.floor = rarest - 1.0 if options.unknown is None else options.unknown

    def start(self, context: Sequence[str] = ()) -> tuple[()]:
        """Return the one state there is."""
        return ()

    def score(self, state: tuple[()], word: str) -> tuple[float, tuple[()]]:
        """Return log P(word) and the state."""
        value = self._log_probs.get(word)
        if value is None:
            value = self._log_probs.get(normalize_word(word), self.floor)
        return value, ()

    def finish(self, state: tuple[()]) -> float:
        """Return 0: a lexicon says nothing on where sentences end."""
        return 0.0

    def known(self, word: str) -> bool:
        """Return whether ``word`` is in the vocabulary."""
        return normalize_word(word) in self._log_probs

    def unigram(self, words: Sequence[str]) -> Array:
        """Return log P(word), (n,) float64."""
        return np.array([self.score((), word)[0] for word in words], np.float64)

    def following(self, state: tuple[()]) -> tuple[Sequence[str], Array, float]:
        """Return no words and a back-off of 0: every word has its own frequency."""
        return (), np.zeros(0), 0.0
