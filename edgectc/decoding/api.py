"""Decoders for anyone's CTC output: no model, no bundle, just log_probs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from edgectc.core import registry
from edgectc.core.arguments import File, Nbest, Threads, checked
from edgectc.core.contracts import Decoder, LanguageModel
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array, Decoded, shortened
from edgectc.decoding.search.checks import check_nbest
from edgectc.language import lexicon_file
from edgectc.language.hotwords import Hotwords
from edgectc.language.lexicon import Lexicon
from edgectc.language.pronunciations import Said, spoken
from edgectc.language.user_dictionary import UserDictionary

Option = str | float | bool | None  # what an option of a decoder can be


@checked
def make_decoder(
    name: str,
    *,
    tokens: Sequence[str] | Tokens,
    blank_id: int | None = None,
    lexicon: Mapping[str, float] | Lexicon | File | None = None,
    pronunciations: Mapping[str, Iterable[str] | Sequence[Said]] | File | None = None,
    language_model: LanguageModel | None = None,
    hotwords: Hotwords | Iterable[str] | Mapping[str, float] = (),
    dictionary: UserDictionary | None = None,
    **options: Option,
) -> Decoder:
    """Return a decoder: call it with (T, V) natural-log probabilities and ``nbest``.

    Args:
        name: "greedy", "lexicon", "beam" or "spoken", see `edgectc list decoders`.
        tokens: V symbols, one for each column of log_probs, or what `edgectc.read_tokens` returns.
        blank_id: column of the CTC blank; a table that was read has it.
        lexicon: word to natural-log weight, or a file that `edgectc lexicon` writes; needed by
            "lexicon".
        pronunciations: how words are said, for "spoken": a file of CMUdict or Kaldi, or word to
            phonemes, or to several (phonemes, natural-log weight).
        language_model: scores of words in sentences, for decoders that take one.
        hotwords: words and phrases to favour, for decoders that take them: texts, text to nats, or
            `edgectc.Hotwords`.
        dictionary: words of the user, for decoders that follow one.
        options: weights of the decoder, e.g. ``lm_weight=0.3``; by default a word's score is
            log P_ctc(word) + lexicon[word] and nothing else.

    Raises:
        UnknownNameError: no such decoder.
        ConfigError: an unknown option, a duplicate token, a lexicon that cannot be used, or a
            language model, hotwords or dictionary for a decoder that takes none.
    """
    words = None if lexicon is None else _words(lexicon)
    if pronunciations is not None:
        if name != "spoken":
            raise ConfigError(f"decoder {name!r} takes no pronunciations; use 'spoken'")
        words = spoken(words, pronunciations)
    uses: frozenset[str] = registry.module("decoders", name).USES
    wanted = {
        "language_model": language_model is not None,
        "hotwords": hotwords != (),
        "dictionary": dictionary is not None,
    }
    for key in (key for key, is_wanted in wanted.items() if is_wanted and key not in uses):
        raise ConfigError(f"decoder {name!r} takes no {key}; use 'lexicon' or 'beam'")
    decoder: Decoder = registry.create(
        "decoders",
        {"type": name, **options},
        tokens=_table(tokens, blank_id),
        offered={
            "lexicon": words,
            "language_model": language_model,
            "hotwords": hotwords,
            "dictionary": dictionary,
        },
    )
    return decoder


def _table(tokens: Sequence[str] | Tokens, blank_id: int | None) -> Tokens:
    if isinstance(tokens, Tokens):
        if blank_id not in (None, tokens.blank_id):
            raise ConfigError(f"blank_id is {blank_id}, the tokens have {tokens.blank_id}")
        return tokens
    if blank_id is None:
        raise ConfigError(
            "no blank_id: say which column of log_probs is the CTC blank, e.g. blank_id=0"
        )
    return Tokens(tuple(tokens), blank_id)


def _words(lexicon: Mapping[str, float] | Lexicon | File) -> Lexicon:
    if isinstance(lexicon, Lexicon):
        return lexicon
    if isinstance(lexicon, Mapping):
        return Lexicon(tuple(lexicon), _weights(lexicon))
    return lexicon_file.read(os.fspath(lexicon))


def _weights(lexicon: Mapping[str, float]) -> Array:
    """Return the weights of the words, (n,) float64."""
    weights = np.array([*lexicon.values()])
    if not all(isinstance(word, str) for word in lexicon) or weights.dtype.kind not in "fiu":
        raise ConfigError(
            "lexicon maps words to natural-log weights, e.g. {'the': -2.9}; got "
            f"{shortened(repr(lexicon))}"
        )
    return weights.astype(np.float64)


@checked
def decode_batch(
    decoder: Decoder,
    log_probs: Iterable[Array],
    *,
    lengths: Sequence[int] | None = None,
    nbest: Nbest = 5,
    threads: Threads | None = None,
    spans: bool = False,
    normalize: bool = False,
) -> list[Decoded]:
    """Return the answers for a batch, in its order; any decoder may be called in threads.

    Args:
        decoder: as returned by `make_decoder`.
        log_probs: (N, T, V) natural-log probabilities, or N arrays (T, V), each of its own T.
        lengths: valid frames of each; None for all.
        nbest: most texts for each.
        threads: None for one a processor.
        spans: tell where each word is.
        normalize: take scores of any scale, whose log_softmax is meant.

    Raises:
        InputError: a sample cannot be decoded, or ``lengths`` do not belong to the batch.
        ConfigError: ``nbest`` is below 1, or the decoder cannot do what is wanted.
    """
    nbest = check_nbest(nbest)
    wanted = {name: True for name, on in (("spans", spans), ("normalize", normalize)) if on}
    if not wanted.keys() <= decoder.takes:
        raise ConfigError(
            f"this decoder does not take {' and '.join(sorted(wanted.keys() - decoder.takes))}; "
            "use 'beam', 'lexicon' or 'greedy'"
        )
    samples = list(log_probs)
    if lengths is not None:
        if len(lengths) != len(samples):
            raise InputError(
                f"{len(lengths)} lengths for {len(samples)} samples, expected one each",
                reason="bad_shape",
            )
        for row, (sample, length) in enumerate(zip(samples, lengths, strict=True)):
            if not 1 <= length <= len(sample):
                raise InputError(
                    f"length {length} of sample {row} is not within its {len(sample)} frames",
                    reason="bad_shape",
                )
        samples = [sample[:length] for sample, length in zip(samples, lengths, strict=True)]
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        return list(pool.map(lambda sample: decoder(sample, nbest=nbest, **wanted), samples))
