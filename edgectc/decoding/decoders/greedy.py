"""The text of the single most probable path: no lexicon, no search."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgectc.core.tokens import Tokens, collapse
from edgectc.core.types import Decoded, Hypothesis, WordSpan
from edgectc.decoding.search.checks import check_log_probs, check_nbest
from edgectc.decoding.search.spans import Spelled, word_spans
from edgectc.language.lexicon import Lexicon

USES: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Options:
    """Greedy decoding has nothing to choose."""


def create(options: Options, *, tokens: Tokens, lexicon: Lexicon | None = None) -> GreedyDecoder:
    """Return the decoder; a lexicon is accepted and not used."""
    return GreedyDecoder(tokens)


class GreedyDecoder:
    """Takes the best token of each frame, merges repeats and removes blanks.

    The score is that of one path, not of the text, which may have other paths::

        score = sum over t of max over v of log_probs[t, v]
    """

    takes: ClassVar[frozenset[str]] = frozenset({"normalize", "spans"})

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def __call__(
        self, log_probs: object, *, nbest: int = 1, spans: bool = False, normalize: bool = False
    ) -> Decoded:
        """Return the one text of the best path; no candidate if it is all blank.

        Args:
            log_probs: (T, V) natural-log probabilities.
            nbest: accepted for all decoders; there is never more than one text.
            spans: tell where each word is. The token " " ends a word; of tokens that are shown
                with a space between, each is one.
            normalize: take scores of any scale, whose log_softmax is meant.

        Raises:
            InputError: ``log_probs`` cannot be decoded; ``reason`` names why.
        """
        check_nbest(nbest)
        values = check_log_probs(log_probs, len(self._tokens), normalize=normalize)
        path = values.argmax(axis=1)
        emitted = collapse(path.tolist(), self._tokens.blank_id)
        if not emitted:
            return Decoded(())
        score = float(values[np.arange(len(path)), path].sum())
        text = self._tokens.decode(token for token, _ in emitted)
        frames = tuple(frame for _, frame in emitted)
        words: tuple[WordSpan, ...] = ()
        if spans:
            boundary = self._tokens.ids.get(" ", -1)
            spelled = self._words([token for token, _ in emitted], boundary)
            words = word_spans(values, spelled, blank=self._tokens.blank_id, boundary=boundary)
        share = min(1.0, math.exp(score))
        best = Hypothesis(text, score, share, frames, parts={"path": score}, words=words)
        return Decoded((best,))

    def _words(self, ids: list[int], boundary: int) -> list[Spelled]:
        if self._tokens.separator:
            return [(self._tokens.symbols[token], (token,)) for token in ids]
        words: list[list[int]] = [[]]
        for token in ids:
            words = [*words, []] if token == boundary else [*words[:-1], [*words[-1], token]]
        return [(self._tokens.decode(word), word) for word in words if word]
