"""What a beam search reads, from a decoder's options: weights, and bounds on what tokens add."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from edgectc.core.contracts import LanguageModel
from edgectc.core.tokens import Tokens
from edgectc.decoding.search.beam_tables import Hotwords, Tables
from edgectc.decoding.search.beam_words import Frequencies, Vocabulary

if TYPE_CHECKING:
    from edgectc.decoding.decoders.beam import Options

_IMPOSSIBLE = -1e6  # nats of a prefix that only a hotword can follow, where words are constrained


def tables_of(
    options: Options,
    tokens: Tokens,
    boundary: int,
    vocabulary: Vocabulary | None,
    model: LanguageModel | None,
    hotwords: Hotwords | None,
) -> Tables:
    """Return all that a search reads, bounds on what one token can add included."""
    asks = model is not None and options.lm_weight > 0
    ahead, ahead_unknown, lift, only_hot = np.zeros(1), 0.0, None, None
    if vocabulary:
        lowest = float(vocabulary.log_probs.min())
        ahead_unknown = options.lm_weight * lowest + options.unknown_score
        best = vocabulary.ahead(vocabulary.known)
        alone = np.isinf(best)  # only hotwords lie below
        ahead = options.lm_weight * np.where(alone, 0.0, best)
        ahead[alone] = _IMPOSSIBLE if options.constrain else ahead_unknown
        if vocabulary.known < len(vocabulary.texts):
            lift = np.maximum(0.0, options.lm_weight * vocabulary.ahead() - ahead)
            only_hot = alone.astype(np.uint8)
    hot = hotwords.gain if hotwords else 0.0
    unknown = max(0.0, options.unknown_score) if vocabulary else 0.0
    word = max(0.0, options.word_score)
    end_gain = hot + unknown + word + float(ahead[0])
    if isinstance(model, Frequencies):  # a lexicon's weights need not be probabilities
        end_gain += options.lm_weight * max(0.0, model.highest)
    return Tables(
        n_tokens=len(tokens),
        blank=tokens.blank_id,
        boundary=boundary,
        constrain=options.constrain,
        asks=asks,
        counts=boundary >= 0 or model is not None,
        words=vocabulary.trie if vocabulary else None,
        ahead=ahead,
        ahead_unknown=ahead_unknown,
        hotwords=hotwords,
        beam_size=options.beam_size,
        beam_threshold=math.inf if options.beam_threshold is None else options.beam_threshold,
        token_threshold=-math.inf if options.token_threshold is None else options.token_threshold,
        lm_weight=options.lm_weight,
        word_score=options.word_score,
        unknown_score=options.unknown_score,
        gain=hot + word if boundary < 0 else hot,
        end_gain=end_gain,
        hot_gain=hot,
        lift=lift,
        alone=only_hot,
        hot_size=max(1, options.beam_size // 4) if hotwords else 0,
        unknown_length=math.inf if options.unknown_length is None else options.unknown_length,
    )
