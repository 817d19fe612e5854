"""The text of the single most probable path: no lexicon, no search."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgectc.core.tokens import Tokens, collapse
from edgectc.core.types import Decoded, Hypothesis
from edgectc.decoding.search.checks import check_log_probs, check_nbest
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

    takes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

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
        emitted = collapse(path.tolist(), self._tokens.blank_id)
        if not emitted:
            return Decoded(())
        score = float(values[np.arange(len(path)), path].sum())
        text = self._tokens.decode(token for token, _ in emitted)
        frames = tuple(frame for _, frame in emitted)
        best = Hypothesis(text, score, min(1.0, math.exp(score)), frames, parts={"path": score})
        return Decoded((best,))
