"""Decoders for anyone's CTC output: no model, no bundle, just log_probs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from edgectc import registry
from edgectc.data.lexicons import Lexicon
from edgectc.errors import ConfigError
from edgectc.tokens import Tokens
from edgectc.types import Decoded, LanguageModel


def make_decoder(
    name: str,
    *,
    tokens: Sequence[str],
    blank_id: int,
    lexicon: Mapping[str, float] | None = None,
    language_model: LanguageModel | None = None,
    hotwords: Iterable[str] | Mapping[str, float] = (),
    **options: Any,
) -> Callable[..., Decoded]:
    """Return a decoder: call it with (T, V) natural-log probabilities and ``nbest``.

    Args:
        name: "greedy", "lexicon" or "beam", see `edgectc list decoders`.
        tokens: V symbols, one for each column of log_probs.
        blank_id: column of the CTC blank.
        lexicon: word to natural-log weight; needed by "lexicon".
        language_model: scores of words in sentences, for decoders that take one.
        hotwords: words and phrases to favour, for decoders that take them.
        options: weights of the decoder, e.g. ``lm_weight=0.3``; by default a word's score is
            log P_ctc(word) + lexicon[word] and nothing else.

    Raises:
        UnknownNameError: no such decoder.
        ConfigError: an unknown option, a duplicate token, a lexicon that cannot be used, or a
            language model or hotwords for a decoder that takes none.
    """
    words = None
    if lexicon is not None:
        words = Lexicon(tuple(lexicon), np.array([float(v) for v in lexicon.values()]))
    more = {"language_model": language_model, "hotwords": hotwords}
    context = {key: value for key, value in more.items() if value}
    taken = inspect.signature(registry.module("decoders", name).create).parameters
    for key in context:
        if key not in taken:
            raise ConfigError(f"decoder {name!r} takes no {key}; use decoder 'beam'")
    decoder: Callable[..., Decoded] = registry.create(
        "decoders",
        {"type": name, **options},
        tokens=Tokens(tuple(tokens), blank_id),
        lexicon=words,
        **context,
    )
    return decoder
