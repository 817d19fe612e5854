"""The text of the single most probable path: no lexicon, no search."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from edgectc.core.config import OMITTED
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens, collapse
from edgectc.core.types import Decoded, Hypothesis
from edgectc.decoding.search.checks import check_log_probs, check_nbest
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

    takes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, tokens: Tokens, separator: str | None = None) -> None:
        self._tokens = tokens
        self._between = -1 if separator is None else tokens.ids[separator]

    def __call__(self, log_probs: object, *, nbest: int = 1) -> Decoded:
        """Return the one text of the best path; no candidate if it is all blank.

        Args:
            log_probs: (T, V) natural-log probabilities.
            nbest: accepted for all decoders; there is never more than one text.

        Raises:
            InputError: ``log_probs`` cannot be decoded; ``reason`` names why.
        """
        check_nbest(nbest)
        values = check_log_probs(log_probs, len(self._tokens))
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
        best = Hypothesis(text, score, min(1.0, math.exp(score)), frames, parts={"path": score})
        return Decoded((best,))

    def _text(self, ids: list[int]) -> str:
        if self._between < 0:
            return self._tokens.decode(ids)
        words: list[list[int]] = [[]]
        for token in ids:
            if token == self._between:
                words.append([])
            else:
                words[-1].append(token)
        return " ".join(text for word in words if (text := self._tokens.decode(word)))
