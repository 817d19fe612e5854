"""How well a language model predicts a text."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from edgectc.core.contracts import WordModel
from edgectc.core.errors import ConfigError
from edgectc.language.ngram.text import sentences as sentences_of


@dataclass(frozen=True)
class TextScore:
    """How well a model predicts a text.

    Attributes:
        log_prob: natural log of the probability of all words and sentence ends.
        sentences: sentences.
        words: words, without sentence ends.
        unknown: words outside the vocabulary.
        known_log_prob: the part of ``log_prob`` without unknown words.
    """

    log_prob: float
    sentences: int
    words: int
    unknown: int
    known_log_prob: float

    @property
    def perplexity(self) -> float:
        """Exp of the mean surprise of a word or sentence end, unknown words included."""
        return math.exp(-self.log_prob / (self.words + self.sentences))

    @property
    def known_perplexity(self) -> float:
        """The same without unknown words, which is what models of one vocabulary compare by."""
        return math.exp(-self.known_log_prob / (self.words - self.unknown + self.sentences))


def score(model: WordModel, lines: Iterable[str]) -> TextScore:
    """Return how well a model predicts a text, sentence by sentence.

    Raises:
        ConfigError: the text holds no word.
    """
    total = known = 0.0
    sentences = words = unknown = 0
    for line in lines:
        for sentence in sentences_of(line):
            state: Hashable = model.start()
            sentences += 1
            for word in sentence:
                value, state = model.score(state, word)
                words += 1
                total += value
                if model.known(word):
                    known += value
                else:
                    unknown += 1
            value = model.finish(state)
            total += value
            known += value
    if not words:
        raise ConfigError("the text holds no word; nothing to score")
    return TextScore(total, sentences, words, unknown, known)
