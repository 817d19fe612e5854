"""The exact best words of a lexicon, each summed over all of its alignments."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edgectc.core import forks
from edgectc.core.contracts import ContextModel, LanguageModel
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array, Decoded
from edgectc.decoding.search import engine
from edgectc.decoding.search.checks import (
    as_numbers,
    check_backend,
    check_context,
    check_log_probs,
    check_nbest,
    check_partial,
    fold_special,
)
from edgectc.decoding.search.engine import EngineSearch
from edgectc.decoding.search.naming import say_left_out, say_strange
from edgectc.decoding.search.options import Options, Parts
from edgectc.decoding.search.signs import Signs, needed
from edgectc.decoding.search.spans import surest_spans
from edgectc.decoding.search.trace import Path
from edgectc.language.hotwords import Hotwords
from edgectc.language.lexicon import Lexicon
from edgectc.language.packed import pack
from edgectc.language.spelling import spell
from edgectc.language.user_dictionary import MOST_LETTERS, UserDictionary

if TYPE_CHECKING:
    from edgectc.decoding.search.ranking import NumpySearch

__all__ = ["USES", "Options", "create"]

USES = frozenset({"lexicon", "language_model", "dictionary", "hotwords"})


def create(
    options: Options,
    *,
    tokens: Tokens,
    lexicon: Lexicon | None,
    language_model: LanguageModel | None = None,
    dictionary: UserDictionary | None = None,
    hotwords: Hotwords | Iterable[str] | Mapping[str, float] = (),
    backend: str = "auto",
) -> LexiconDecoder:
    """Return the decoder; a lexicon that is not packed for these tokens is packed first.

    Packing takes under a second for 250,000 words; a packed file (`edgectc lexicon build --out
    x.trie`) takes a few hundredths.

    Args:
        options: weights of the score.
        tokens: meaning of the columns of log_probs.
        lexicon: the words.
        language_model: what previous words say about the next; needed for ``context``.
        dictionary: words of the user; changes to it are followed.
        hotwords: words to favour, each by nats: texts of 5 nats, a mapping, or `edgectc.Hotwords`.
            Of several words each is one, as a signal is one word.
        backend: "native" is the compiled search, "numpy" the plain one with the same answers;
            "auto" takes native where it was built.

    Raises:
        ConfigError: no lexicon, none of its words can be spelled with ``tokens``, or a native
            search is asked for where there is none.
        UnknownNameError: no such backend.
    """
    if language_model is not None and not isinstance(language_model, ContextModel):
        raise ConfigError(
            "this language model cannot list the words that follow a context, which the lexicon "
            "decoder needs; use an ARPA or .lm file without the kenlm module"
        )
    if lexicon is None:
        raise ConfigError("the lexicon decoder needs a lexicon; give one, or use decoder 'greedy'")
    loaded = check_backend(backend)
    signs = None
    if needed(tokens):
        # A context, or a user, knows a word by one spelling.
        alone = language_model is not None or dictionary is not None or bool(hotwords)
        signs = Signs(tokens, 1) if alone else Signs(tokens)
        words = signs.pack(lexicon)
        if signs.several and options.posterior_width == 1.0:
            options = replace(options, posterior_width=None)  # none is told, see `Signs.shown`
    else:
        blank = tokens.blank_id
        letters = {s for i, s in enumerate(tokens.symbols) if len(s) == 1 and i != blank}
        words = pack(lexicon, letters)
    say_strange(language_model, lexicon)
    parts = Parts(options, tokens, words, language_model, dictionary, signs)
    if isinstance(hotwords, Hotwords) or hotwords:
        parts = replace(parts, hotwords=_spelled(Hotwords.of(hotwords), parts))
    return LexiconDecoder(parts, engine.create(loaded, parts) if loaded else None)


def _spelled(hotwords: Hotwords, parts: Parts) -> dict[tuple[str, str], float]:
    """Return (word as shown, letters) to nats; what cannot be spelled is left out, which is said.

    So is all of it, as another language of the same keyboard may spell it.
    """
    found: dict[tuple[str, str], float] = {}
    left: list[str] = []
    for (text, written), nats in hotwords.words().items():
        letters = parts.spell(written)
        if not letters or len(letters) > MOST_LETTERS:
            left.append(written)
        elif nats:
            key = (text, letters)
            found[key] = max(nats, found.get(key, nats))
    if left:
        say_left_out(left, len(hotwords.words()))
    return found


class LexiconDecoder:
    """Finds the best words w of a lexicon.

    The score is maximised exactly::

        score(w)   = log P(w) + lm_weight * lexicon(w) + letter_score * letters(w)
                     + context_weight * context(w) + hotword(w)
        P(w)       = sum over all CTC alignments a of w of the product over t of p[t, a[t]]
        p[t]       = softmax(acoustic_scale * log_probs[t], less blank_penalty at the blank)
        lexicon(w) = natural log of the word's share of running text, as the user's words change it
        context(w) = log P_lm(w | previous words) - log P_lm(w), 0 without previous words
        hotword(w) = nats of w as a hotword; one that no lexicon has is as rare as its rarest word

    and for a spelling w that is no word, where these are looked for::

        score(w)   = log P(w) + unknown_score + (letter_score + unknown_letter_score) * letters(w)

    Where a trace is given, the words found, at least ``rescore_size`` of them, are then ranked by::

        score(w) - template_weight * miss(w)

    with `edgectc.decoding.search.trace.Path.miss`. As that takes something from every word, a word
    which still beats the last score found cannot have been beaten by one that was not found.

    Words that are spelled with the same letters ("its", "it's") are candidates each, with their own
    frequency, context and use. ``probability`` is the share of exp(score / temperature) among the
    words that were compared: those returned, and at least ``rescore_size``. ``posterior`` bounds
    the share of exp(score) among all words of the lexicon, proven; there is none where a trace had
    a say. ``exact`` tells that no better candidate can have been missed; under the ``margin``
    nothing is exact. Words less likely than about exp(-600) times everything the letters can spell
    count as impossible.

    Tokens that are no small letters (digits, ``sh``, word pieces) spell words as they are written;
    of the ways to write a word with them, those with the fewest tokens compete, 16 a word (one with
    a language model or a dictionary). Its best way is its score, and there is no posterior where a
    word has several. Special tokens count as blank.
    """

    def __init__(self, parts: Parts, native: EngineSearch | None) -> None:
        self._parts, self._native = parts, native
        self._numpy: NumpySearch | None = None
        self._lock = threading.Lock()
        trace = {"trace"} if parts.options.template_weight > 0 else set[str]()
        self._takes = frozenset({"context", "normalize", "partial", "spans", *trace})

    @property
    def takes(self) -> frozenset[str]:
        """Return what a call makes something of: a trace, where it has a weight."""
        return self._takes

    @property
    def options(self) -> Options:
        """Return the weights of the score."""
        return self._parts.options

    def usable(self, context: Sequence[str] | str) -> Sequence[str] | str:
        """Return the context, and none where there is no language model to make use of it."""
        return () if self._parts.language_model is None else context

    def frequency(self, word: str) -> float:
        """Return the natural log of a word's share of running text, -inf for none of the lexicon.

        Of words that are spelled alike it is that of the most frequent one.
        """
        lexicon = self._parts.lexicon
        spelled = self._parts.spell(word)
        entry = int(lexicon.find([spelled])[0]) if spelled else -1
        return float(lexicon.log_probs[lexicon.first_word[entry]]) if entry >= 0 else -math.inf

    def knows(self, word: str) -> bool:
        """Return whether a word is spelled like one of the lexicon, or of what it leaves unsaid."""
        lexicon, spelled = self._parts.lexicon, self._parts.spell(word)
        return spelled in lexicon.unsaid or bool(spelled and lexicon.find([spelled])[0] >= 0)

    @property
    def backend(self) -> str:
        """Return "native" or "numpy"."""
        return "native" if self._native else "numpy"

    def __call__(
        self,
        log_probs: object,
        *,
        nbest: int = 5,
        context: Sequence[str] | str = (),
        partial: bool = False,
        trace: Path | None = None,
        spans: bool = False,
        normalize: bool = False,
        unfinished: bool | None = None,
    ) -> Decoded:
        """Return the ``nbest`` best words, by score, then text; none if no word is possible.

        Args:
            log_probs: (T, V) natural-log probabilities.
            nbest: most words to return.
            context: the text before this word, or its words, the last one last, "<s>" for the
                beginning of a sentence. Needs a language model; without words nothing is known of
                what was before.
            partial: the signal goes on: rank by the probability that the frames so far spell
                the word *or any beginning of it*. Such answers have no times and no posterior.
            trace: where the finger went, for ``template_weight``; of a partial one, with the time
                of its points, what it is bound for.
            spans: tell where each word is; partial answers have no times.
            normalize: take scores of any scale, whose log_softmax is meant.
            unfinished: old name of ``partial``.

        Raises:
            InputError: ``log_probs`` cannot be decoded; ``reason`` names why.
            ConfigError: ``nbest`` or ``partial`` is none, ``unfinished`` denies ``partial``, or
                ``spans`` are wanted of a partial answer.
        """
        nbest = check_nbest(nbest)
        partial = check_partial(partial, unfinished)
        context = check_context(context, self._parts.language_model)
        if spans and partial:
            raise ConfigError(
                "a partial answer has no spans, as its word is not at its end; leave spans or "
                "partial out",
                options=["spans", "partial"],
            )
        if normalize:
            log_probs = check_log_probs(log_probs, len(self._parts.tokens), normalize=True)
        values = np.ascontiguousarray(as_numbers(log_probs))
        if values.ndim != 2 or not len(values) or values.shape[1] != len(self._parts.tokens):
            values = check_log_probs(log_probs, len(self._parts.tokens))  # says what is wrong
        decoded = self._decoded(values, nbest, context, partial, trace)
        return self._located(decoded, values) if spans else decoded

    def _decoded(
        self, values: Array, nbest: int, context: Sequence[str], partial: bool, trace: Path | None
    ) -> Decoded:
        judge = trace if self._parts.options.template_weight else None
        signs = self._parts.spells
        if signs is None:
            return self._search(values, nbest, context, partial, judge)
        values = fold_special(values, self._parts.tokens)
        most = len(self._parts.lexicon.log_probs)
        wanted = nbest
        while True:
            decoded = self._search(values, wanted, context, partial, judge)
            shown = signs.shown(decoded, nbest)
            if not signs.several or len(shown) >= nbest or len(decoded) < wanted:
                return shown
            if wanted > most:
                return shown
            wanted *= 4  # several spellings of a word stood among the best

    def _search(
        self, values: Array, nbest: int, context: Sequence[str], partial: bool, trace: Path | None
    ) -> Decoded:
        if self._native:
            decoded = self._native(values, nbest, context, partial, trace)
            if decoded is not None:
                return decoded
        check_log_probs(values, len(self._parts.tokens))  # says what the compiled check refuses
        return self._plain()(values, nbest, context, partial, trace)

    def prepare(self, context: Sequence[str] | str = ()) -> None:
        """Make ready what the next call with this context needs: words of context and user.

        All that grows with their number stands here, and is kept for the last 64 contexts until the
        user's dictionary changes. A call that finds nothing ready does it first, with the same
        answer. Where several threads call at once, each after the first has its own to do.

        Args:
            context: as in a call.

        Raises:
            InputError: a context without a language model.
        """
        context = check_context(context, self._parts.language_model)
        if self._native is None or not self._native.prepare(context):
            self._plain().prepare(context)

    def _located(self, decoded: Decoded, values: Array) -> Decoded:
        """Return the answer with the span of each word."""
        tokens, found = self._parts.tokens, []
        for hypothesis in decoded:
            text, signs = hypothesis.text, self._parts.spells
            if signs:
                ways = signs.ways(text, len(hypothesis.timesteps))
            else:
                spelled = spell(text, self._parts.lexicon.letters) or ""
                ways = [tuple(tokens.encode(spelled))]
            spans = surest_spans(values, [[(text, way)] for way in ways], blank=tokens.blank_id)
            found.append(replace(hypothesis, words=spans))
        return Decoded(tuple(found))

    def _plain(self) -> NumpySearch:
        """Return the search in numpy, made when it is first needed."""
        with forks.whole(), self._lock:
            if self._numpy is None:
                # Not needed where the engine was built: loading a model is faster without it.
                from edgectc.decoding.search.ranking import NumpySearch

                self._numpy = NumpySearch(self._parts)
            return self._numpy
