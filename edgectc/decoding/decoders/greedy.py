"""The text of the single most probable path: no lexicon, no search."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from edgectc.core.config import OMITTED
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens, collapse
from edgectc.core.types import Decoded, Hypothesis, WordSpan
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
        path = values.argmax(axis=1)
        hidden = self._tokens.writing.hidden
        emitted = [
            (token, frame)
            for token, frame in collapse(path.tolist(), self._tokens.blank_id)
            if token not in hidden
        ]
        if not emitted:
            return Decoded(())
        score = float(values[np.arange(len(path)), path].sum())
        text = self._text([token for token, _ in emitted])
        frames = tuple(frame for _, frame in emitted)
        words: tuple[WordSpan, ...] = ()
        if spans:
            spelled = self._words([token for token, _ in emitted])
            blank = self._tokens.blank_id
            folded = fold_special(values, self._tokens)
            words = word_spans(folded, spelled, blank=blank, boundary=self._boundary)
        share = min(1.0, math.exp(score))
        best = Hypothesis(text, score, share, frames, parts={"path": score}, words=words)
        return Decoded((best,))

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
