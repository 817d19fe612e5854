"""KenLM through its own Python module: its binary files, and ARPA files if asked for by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core.errors import ConfigError, MissingDependencyError
from edgectc.core.files import READ_ERRORS, read_head
from edgectc.core.types import Array
from edgectc.language.lexicon import Lexicon
from edgectc.language.ngram import kenlm_file
from edgectc.language.ngram.tables import EOS, SPECIALS, normalize_word

_LN10 = math.log(10.0)


@dataclass(frozen=True)
class Options:
    """Nothing to choose: the file says it all."""


def create(
    options: Options, *, path: Path | None = None, lexicon: Lexicon | None = None
) -> KenlmModel:
    """Return the model of a file; ``lexicon`` is not needed.

    Raises:
        ConfigError: no path, a damaged file, or KenLM refuses it.
        MissingDependencyError: the module kenlm is not installed.
    """
    if path is None:
        raise ConfigError("the language model 'kenlm' needs the path of a .bin or ARPA file")
    try:
        import kenlm
    except ImportError as error:
        raise MissingDependencyError(
            f"the KenLM file {str(path)!r}", package="kenlm", extra="kenlm"
        ) from error
    try:
        if recognizes(read_head(path)):
            kenlm_file.check(path)
        return KenlmModel(kenlm, kenlm.Model(str(path)))
    except READ_ERRORS as error:
        raise ConfigError(f"KenLM cannot read {str(path)!r}: {error}") from error


def recognizes(head: bytes) -> bool:
    """Return whether a file that begins so is a binary of KenLM."""
    return head.startswith(kenlm_file.ANY_VERSION)


class KenlmModel:
    """Scores words with KenLM. Its base-10 logarithms become natural ones here.

    KenLM can tell whether it knows a word but not list its words, so a word is looked up as
    `normalize_word` gives it, then as it is, in upper case, and capitalized.

    Attributes:
        order: longest n-gram.
    """

    def __init__(self, module: Any, model: Any) -> None:
        self._state, self._model = module.State, model
        self.order: int = model.order

    def start(self, context: Sequence[str] = ()) -> Any:
        """Return the state after the beginning of a sentence and the words of ``context``."""
        state = self._state()
        self._model.BeginSentenceWrite(state)
        for word in context:
            _, state = self.score(state, word)
        return state

    def empty(self) -> Any:
        """Return the state in which nothing is known of what was before."""
        state = self._state()
        self._model.NullContextWrite(state)
        return state

    def score(self, state: Any, word: str) -> tuple[float, Any]:
        """Return log P(word | state) and the state after it."""
        return self._next(state, self._spelled(word))

    def finish(self, state: Any) -> float:
        """Return log P(end of sentence | state)."""
        return self._next(state, EOS)[0]

    def known(self, word: str) -> bool:
        """Return whether ``word`` is in the vocabulary."""
        return self._spelled(word) in self._model

    def unigram(self, words: Sequence[str]) -> Array:
        """Return log P(word) without context, (n,) float64."""
        empty = self.empty()
        return np.array([self.score(empty, word)[0] for word in words], np.float64)

    def _next(self, state: Any, spelled: str) -> tuple[float, Any]:
        after = self._state()
        return self._model.BaseScore(state, spelled, after) * _LN10, after

    def _spelled(self, word: str) -> str:
        plain = normalize_word(word)
        if plain in SPECIALS:
            return SPECIALS[0]
        for form in (plain, word, word.upper(), word.capitalize()):
            if form in self._model:
                return form
        return plain
