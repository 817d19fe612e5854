"""Decoders for anyone's CTC output: no model, no bundle, just log_probs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from edgectc import registry
from edgectc.data.lexicons import Lexicon
from edgectc.tokens import Tokens
from edgectc.types import Decoded


def make_decoder(
    name: str,
    *,
    tokens: Sequence[str],
    blank_id: int,
    lexicon: Mapping[str, float] | None = None,
    **options: Any,
) -> Callable[..., Decoded]:
    """Return a decoder: call it with (T, V) natural-log probabilities and ``nbest``.

    Args:
        name: "greedy" or "lexicon", see `edgectc list decoders`.
        tokens: V symbols, one for each column of log_probs.
        blank_id: column of the CTC blank.
        lexicon: word to natural-log weight; needed by "lexicon".
        options: weights of the decoder, e.g. ``lm_weight=0.3``; by default a word's score is
            log P_ctc(word) + lexicon[word] and nothing else.

    Raises:
        UnknownNameError: no such decoder.
        ConfigError: an unknown option, a duplicate token, or a lexicon that cannot be used.
    """
    words = None
    if lexicon is not None:
        words = Lexicon(tuple(lexicon), np.array([float(v) for v in lexicon.values()]))
    decoder: Callable[..., Decoded] = registry.create(
        "decoders",
        {"type": name, **options},
        tokens=Tokens(tuple(tokens), blank_id),
        lexicon=words,
    )
    return decoder
