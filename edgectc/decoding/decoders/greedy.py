"""The text of the single most probable path: no lexicon, no search."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from edgectc.core.config import OMITTED
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens, collapse
from edgectc.core.types import Array, Decoded, Hypothesis
from edgectc.decoding.search.checks import check_log_probs, check_nbest, fold_special
from edgectc.decoding.search.spans import Spelled, word_spans
from edgectc.language.lexicon import Lexicon

USES: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Options:
    """What a text looks like.

    Attributes:
        separator: symbol between words, shown as one space. None: as the table itself says, by
            ``|`` in a table without a space or by the marks of word pieces.
    """

    separator: str | None = field(default=None, metadata=OMITTED)


def create(options: Options, *, tokens: Tokens, lexicon: Lexicon | None = None) -> GreedyDecoder:
    """Return the decoder; a lexicon is accepted and not used.

    Raises:
        ConfigError: the separator is no token.
    """
    if options.separator is not None and options.separator not in tokens.ids:
        raise ConfigError(f"separator {options.separator!r} is no token of the model")
    return GreedyDecoder(tokens, options.separator)


class GreedyDecoder:
    """Takes the best token of each frame, merges repeats and removes blanks.

    The score is that of one path, not of the text, which may have other paths::

        score = sum over t of max over v of log_probs[t, v]
    """

    takes: ClassVar[frozenset[str]] = frozenset({"normalize", "spans"})

    def __init__(self, tokens: Tokens, separator: str | None = None) -> None:
        self._tokens = tokens
        self._between = -1 if separator is None else tokens.ids[separator]
        self._boundary = tokens.ids.get(" ", -1) if separator is None else self._between

    def __call__(
        self, log_probs: object, *, nbest: int = 1, spans: bool = False, normalize: bool = False
    ) -> Decoded:
        """Return the one text of the best path; no candidate if it is all blank.

        Args:
            log_probs: (T, V) natural-log probabilities.
            nbest: accepted for all decoders; there is never more than one text.
            spans: tell where each word is. The separator ends a word, or a mark of word pieces; of
                tokens that are shown with a space between, each is one.
            normalize: take scores of any scale, whose log_softmax is meant.

        Raises:
            InputError: ``log_probs`` cannot be decoded; ``reason`` names why.
        """
        check_nbest(nbest)
        values = check_log_probs(log_probs, len(self._tokens), normalize=normalize)
        stream = self.stream()
        stream.push(values)
        decoded = stream.finish()
        return self._located(decoded, stream.ids, values) if spans else decoded

    def stream(self) -> Stream:
        """Return a decoder that takes its frames piece by piece and answers as one call would."""
        return Stream(self._tokens, self._text)

    def _located(self, decoded: Decoded, ids: list[int], values: Array) -> Decoded:
        """Return the answer with the span of each word."""
        folded, blank = fold_special(values, self._tokens), self._tokens.blank_id
        words = word_spans(folded, self._words(ids), blank=blank, boundary=self._boundary)
        return Decoded(tuple(replace(one, words=words) for one in decoded))

    def _text(self, ids: list[int]) -> str:
        if self._between < 0:
            return self._tokens.decode(ids)
        return " ".join(text for text, _ in self._words(ids))

    def _words(self, ids: list[int]) -> list[Spelled]:
        tokens, writing = self._tokens, self._tokens.writing
        if tokens.separator:
            return [(tokens.symbols[token], (token,)) for token in ids]
        words: list[list[int]] = [[]]
        if self._between < 0 and (writing.marks or writing.between >= 0):
            words = writing.words(ids)
        else:
            for token in ids:
                if token == self._boundary:
                    words.append([])
                else:
                    words[-1].append(token)
        return [(text, word) for word in words if (text := tokens.decode(word))]


class Stream:
    """One signal, piece by piece. Memory grows with the text, not with the frames.

    Attributes:
        ids: tokens that were emitted so far, special ones apart.
    """

    def __init__(self, tokens: Tokens, text: Callable[[list[int]], str]) -> None:
        self._tokens, self._text, self._last = tokens, text, tokens.blank_id
        self.ids: list[int] = []
        self._places: list[int] = []
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
        for token, at in found:
            # The frame before is there for the repeats alone: it was emitted already.
            if at and token not in self._tokens.writing.hidden:
                self.ids.append(token)
                self._places.append(self._frames + at - 1)
        self._score += float(values[np.arange(len(path)), path].sum())
        self._frames += len(path)
        self._last = int(path[-1]) if len(path) else self._last

    def partial(self) -> str:
        """Return the text of the frames so far."""
        return self._text(self.ids)

    def finish(self, *, nbest: int = 1) -> Decoded:
        """Return the one text if the signal ends here; more frames may still come."""
        check_nbest(nbest)
        if not self.ids:
            return Decoded(())
        parts, share = {"path": self._score}, min(1.0, math.exp(self._score))
        best = Hypothesis(self.partial(), self._score, share, tuple(self._places), parts=parts)
        return Decoded((best,))
