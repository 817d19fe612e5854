"""The text of the single most probable path: no lexicon, no search."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgectc.core.tokens import Tokens, collapse
from edgectc.core.types import Array, Decoded, Hypothesis, WordSpan
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

    def stream(self) -> Stream:
        """Return a decoder that takes its frames piece by piece and answers as one call would."""
        return Stream(self._tokens)

    def _words(self, ids: list[int], boundary: int) -> list[Spelled]:
        if self._tokens.separator:
            return [(self._tokens.symbols[token], (token,)) for token in ids]
        words: list[list[int]] = [[]]
        for token in ids:
            words = [*words, []] if token == boundary else [*words[:-1], [*words[-1], token]]
        return [(self._tokens.decode(word), word) for word in words if word]


class Stream:
    """One signal, piece by piece. Memory grows with the text, not with the frames."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens, self._last = tokens, tokens.blank_id
        self._emitted: list[tuple[int, int]] = []
        self._frames, self._score = 0, 0.0

    def push(self, log_probs: Array) -> None:
        """Take the next frames.

        Args:
            log_probs: (T, V) natural-log probabilities.

        Raises:
            InputError: they cannot be decoded, and none of them was taken; ``reason`` names why.
        """
        values = check_log_probs(log_probs, len(self._tokens))
        path = values.argmax(axis=1)
        found = collapse([self._last, *path.tolist()], self._tokens.blank_id)
        # The frame before is there for the repeats alone: it was emitted already.
        self._emitted += [(token, self._frames + at - 1) for token, at in found if at]
        self._score += float(values[np.arange(len(path)), path].sum())
        self._frames += len(path)
        self._last = int(path[-1]) if len(path) else self._last

    def partial(self) -> str:
        """Return the text of the frames so far."""
        return self._tokens.decode(token for token, _ in self._emitted)

    def finish(self, *, nbest: int = 1) -> Decoded:
        """Return the one text if the signal ends here; more frames may still come."""
        check_nbest(nbest)
        if not self._emitted:
            return Decoded(())
        frames = tuple(frame for _, frame in self._emitted)
        parts, share = {"path": self._score}, min(1.0, math.exp(self._score))
        return Decoded((Hypothesis(self.partial(), self._score, share, frames, parts=parts),))
