"""The names of the package pyctcdecode over our beam search: change one line of imports.

    from edgectc.compat.pyctcdecode import build_ctcdecoder

Arguments, defaults and shapes of answers are those of pyctcdecode 0.5.0, which is not needed; the
search is `edgectc.decoding.decoders.beam`, so a text has the mass of all its alignments in the
beam. What differs stands in docs/decoding.md.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Collection, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edgectc.compat.frames import Divider
from edgectc.compat.labels import Labels, read
from edgectc.core.contracts import WordModel
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Array
from edgectc.decoding.decoders import beam
from edgectc.decoding.search import compiled
from edgectc.decoding.search.beam_words import Speller, Vocabulary
from edgectc.decoding.search.checks import check_log_probs
from edgectc.decoding.search.naming import say_left_out
from edgectc.language import loading
from edgectc.language.lexicon import Lexicon
from edgectc.language.lms.arpa import NGramModel
from edgectc.language.lms.kenlm import KenlmModel

if TYPE_CHECKING:
    from multiprocessing.pool import Pool

__all__ = ["BeamSearchDecoderCTC", "OutputBeam", "OutputBeamMPSafe", "build_ctcdecoder"]

_LN10 = math.log(10.0)
_LEAST = math.log(1e-15)  # of a probability; less is taken for it
_WORD_LENGTH = 6.0  # letters of a word that the package expects; longer unknown ones cost more
_DECODERS_KEPT = 8  # of one object: sets of weights and hotwords

WordFrames = tuple[str, tuple[int, int]]


class OutputBeam(NamedTuple):
    """A text as the package gives it.

    Attributes:
        text: its words with a space between.
        last_lm_state: of the language model after the last word, to go on from; None without one.
        text_frames: each word with its first frame and the one after its last.
        logit_score: natural log of the probability of its alignments.
        lm_score: that and all other terms; what texts are ranked by.
    """

    text: str
    last_lm_state: Hashable
    text_frames: list[WordFrames]
    logit_score: float
    lm_score: float


class OutputBeamMPSafe(NamedTuple):
    """An `OutputBeam` without its state."""

    text: str
    text_frames: list[WordFrames]
    logit_score: float
    lm_score: float


class _Model:
    """A language model with the package's start, end and price of words that it does not know.

    Attributes:
        order: longest n-gram.
    """

    def __init__(
        self, model: WordModel, known: frozenset[str] | None, unknown: float, begin: Hashable,
        boundary: bool,
    ) -> None:  # fmt: skip
        self._model, self._known, self._unknown = model, known, unknown
        self._begin, self._boundary, self.order = begin, boundary, model.order

    def start(self, context: Sequence[str] = ()) -> Hashable:
        """Return the state at the beginning."""
        return self._begin

    def score(self, state: Hashable, word: str) -> tuple[float, Hashable]:
        """Return log P(word | state), less what an unknown word costs, and the state after it."""
        log_prob, after = self._model.score(state, word)
        if self._unknown and not self._knows(word):
            log_prob += self._unknown
        return log_prob, after

    def finish(self, state: Hashable) -> float:
        """Return log P(end of sentence | state)."""
        return self._model.finish(state) if self._boundary else 0.0

    def _knows(self, word: str) -> bool:
        return self._model.known(word) and (self._known is None or word in self._known)


class BeamSearchDecoderCTC:
    """Made by `build_ctcdecoder`; may be called in several threads at once."""

    def __init__(
        self,
        labels: Labels,
        model: WordModel | None,
        empty: Hashable,
        unigrams: frozenset[str] | None,
        weights: tuple[float, float, float, bool],
    ) -> None:
        self._labels, self._model, self._empty, self._unigrams = labels, model, empty, unigrams
        self._alpha, self._beta, self._unknown, self._boundary = weights
        self._lexicon: Lexicon | None = None
        self._vocabulary: Vocabulary | None = None
        words = sorted(word for word in unigrams or () if labels.spells(word))
        if model is not None and words:
            self._lexicon = Lexicon(tuple(words), np.zeros(len(words)))
            vocabulary = Vocabulary.build(self._lexicon, Speller(labels.tokens, " "), {})
            self._vocabulary = replace(vocabulary, alike={})  # a text is its letters there
        self._decoder = functools.lru_cache(_DECODERS_KEPT)(self._make)

    def reset_params(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        unk_score_offset: float | None = None,
        lm_score_boundary: bool | None = None,
    ) -> None:
        """Change the weights that are given; without a language model they mean nothing."""
        self._alpha = self._alpha if alpha is None else alpha
        self._beta = self._beta if beta is None else beta
        self._unknown = self._unknown if unk_score_offset is None else unk_score_offset
        self._boundary = self._boundary if lm_score_boundary is None else lm_score_boundary

    def cleanup(self) -> None:
        """Free what was made for the calls so far."""
        self._decoder.cache_clear()

    def decode_beams(
        self,
        logits: Array,
        beam_width: int = 100,
        beam_prune_logp: float = -10.0,
        token_min_logp: float = -5.0,
        prune_history: bool = False,
        hotwords: Iterable[str] | None = None,
        hotword_weight: float = 10.0,
        lm_start_state: Hashable = None,
    ) -> list[OutputBeam]:
        """Return at most ``beam_width`` texts, best first.

        Args:
            logits: (T, V) logits, natural-log probabilities, or probabilities, which are known by
                rows that are not negative and sum to 1.
            beam_width: prefixes kept after each frame.
            beam_prune_logp: nats, below 0, that a prefix or text may be worse than the best.
            token_min_logp: natural log under which a token counts as impossible in a frame, unless
                it is the most likely.
            prune_history: of texts that end in the same words, as many as the language model
                looks at, return the best alone.
            hotwords: words to favour; of a phrase each word.
            hotword_weight: nats for each.
            lm_start_state: a ``last_lm_state`` to go on from.

        Raises:
            InputError: logits that cannot be decoded.
            ConfigError: a weight out of range.
        """
        values = self._values(logits)
        phrases = tuple(_phrases(hotwords))  # as they are: thousands are taken apart once
        now = (self._alpha, self._beta, self._unknown, self._boundary)
        decoder = self._decoder(
            beam_width, beam_prune_logp, token_min_logp, phrases, float(hotword_weight), now
        )
        stream = decoder.stream(state=lm_start_state)
        if len(values):  # of no frames the text is silence, as in the package
            stream.push(values)
        tokens = self._labels.tokens
        divider = Divider(values, tokens, tokens.ids[" "])
        found: list[OutputBeam] = []
        for row in stream.ranked():
            if found and row.score < found[0].lm_score + beam_prune_logp:
                break
            frames = divider.words(*stream.path(row.place))
            text = " ".join(word for word, _ in frames)
            found.append(OutputBeam(text, row.state, frames, row.parts["ctc"], row.score))
        return self._distinct(found) if prune_history else found

    def decode(
        self,
        logits: Array,
        beam_width: int = 100,
        beam_prune_logp: float = -10.0,
        token_min_logp: float = -5.0,
        hotwords: Iterable[str] | None = None,
        hotword_weight: float = 10.0,
        lm_start_state: Hashable = None,
    ) -> str:
        """Return the best text; "" where that is silence. Arguments as for `decode_beams`."""
        beams = self.decode_beams(
            logits, beam_width, beam_prune_logp, token_min_logp, False, hotwords, hotword_weight,
            lm_start_state,
        )  # fmt: skip
        return beams[0].text if beams else ""

    def decode_beams_batch(
        self,
        pool: Pool | None,
        logits_list: Iterable[Array],
        beam_width: int = 100,
        beam_prune_logp: float = -10.0,
        token_min_logp: float = -5.0,
        prune_history: bool = False,
        hotwords: Iterable[str] | None = None,
        hotword_weight: float = 10.0,
    ) -> list[list[OutputBeamMPSafe]]:
        """Return the texts of each of ``logits_list``.

        Args:
            pool: None decodes one after another; with a pool of any kind as many threads decode as
                there are processors, as the search lets other threads run.
            logits_list: of each utterance, of its own length.
            beam_width: as the others, see `decode_beams`.
            beam_prune_logp: see there.
            token_min_logp: see there.
            prune_history: see there.
            hotwords: see there.
            hotword_weight: see there.
        """
        listed = list(_phrases(hotwords))

        def one(logits: Array) -> list[OutputBeamMPSafe]:
            beams = self.decode_beams(
                logits, beam_width, beam_prune_logp, token_min_logp, prune_history, listed,
                hotword_weight,
            )  # fmt: skip
            return [OutputBeamMPSafe(row.text, *row[2:]) for row in beams]

        if pool is None:
            return [one(logits) for logits in logits_list]
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return list(threads.map(one, logits_list))

    def decode_batch(
        self,
        pool: Pool | None,
        logits_list: Iterable[Array],
        beam_width: int = 100,
        beam_prune_logp: float = -10.0,
        token_min_logp: float = -5.0,
        hotwords: Iterable[str] | None = None,
        hotword_weight: float = 10.0,
    ) -> list[str]:
        """Return the best text of each of ``logits_list``, see `decode_beams_batch`."""
        answers = self.decode_beams_batch(
            pool, logits_list, beam_width, beam_prune_logp, token_min_logp, False, hotwords,
            hotword_weight,
        )  # fmt: skip
        return [beams[0].text if beams else "" for beams in answers]

    def _make(
        self,
        width: int,
        prune: float,
        least: float,
        phrases: tuple[str, ...],
        hotword_weight: float,
        weights: tuple[float, float, float, bool],
    ) -> beam.BeamDecoder:
        alpha, beta, unknown, boundary = weights
        model, inside = None, self._vocabulary is not None
        if self._model is not None:
            price = 0.0 if inside else _LN10 * unknown
            begin = self._model.start() if boundary else self._empty
            model = _Model(self._model, self._unigrams, price, begin, boundary)
        options = beam.Options(
            beam_size=width,
            beam_threshold=-prune,
            token_threshold=least,
            lm_weight=alpha if model else 0.0,
            word_score=beta if model else 0.0,
            unknown_score=_LN10 * alpha * unknown if inside else 0.0,
            unknown_length=_WORD_LENGTH,
            separator=" ",
        )
        words = tuple(dict.fromkeys(word for phrase in phrases for word in phrase.split()))
        weighed = dict.fromkeys(self._written(words), hotword_weight)
        native = compiled.library()
        return beam.BeamDecoder(
            options, self._labels.tokens, self._lexicon, model, weighed, native, self._vocabulary,
            unknown if inside else None,
        )  # fmt: skip

    def _written(self, hotwords: Sequence[str]) -> list[str]:
        """Return hotwords as the labels write them; what they cannot write is left out and said."""
        written = {word: self._labels.written(word) for word in hotwords}
        left = [word for word, form in written.items() if form is None]
        if left:
            say_left_out(left, len(hotwords))
        return [form for form in written.values() if form is not None]

    def _values(self, logits: Array) -> Array:
        """Return (T, V) float64 natural-log probabilities, with a column for the separator."""
        given = np.asarray(logits)
        if given.ndim != 2 or given.shape[1] != self._labels.columns:
            raise InputError(
                f"logits have shape {given.shape}, expected (T, {self._labels.columns}): a column "
                "for each label, and one for the blank where no label is one",
                reason="bad_shape",
            )
        if not len(given):
            return np.zeros((0, len(self._labels.tokens)))
        if given.min() >= 0 and math.isclose(given.sum(axis=1).mean(), 1.0):
            with np.errstate(divide="ignore"):
                given = np.log(np.clip(given, 1e-15, 1.0))
        values = check_log_probs(given, self._labels.columns, normalize=True)
        values = np.clip(values, _LEAST, 0.0)
        if self._labels.added:
            values = np.concatenate([values, np.full((len(values), 1), -np.inf)], axis=1)
        return values

    def _distinct(self, beams: list[OutputBeam]) -> list[OutputBeam]:
        last = max(1, (self._model.order if self._model else 1) - 1)
        kept: dict[tuple[str, ...], OutputBeam] = {}
        for row in beams:
            kept.setdefault(tuple(row.text.split()[-last:]), row)
        return list(kept.values())


def _phrases(hotwords: Iterable[str] | None) -> Iterable[str]:
    if isinstance(hotwords, str):
        raise ConfigError(f"hotwords are the text {hotwords!r}, expected a list of words")
    return hotwords or ()


def build_ctcdecoder(
    labels: Sequence[str],
    kenlm_model_path: str | None = None,
    unigrams: Collection[str] | None = None,
    alpha: float = 0.5,
    beta: float = 1.5,
    unk_score_offset: float = -10.0,
    lm_score_boundary: bool = True,
) -> BeamSearchDecoderCTC:
    """Return a decoder.

    Args:
        labels: of the columns, see `edgectc.compat.labels.read`.
        kenlm_model_path: ARPA file, plain or gzip, or a `.lm` file, which need nothing more, or a
            binary of KenLM, which needs its module.
        unigrams: words that are known; None takes those of the ARPA file. Without a language
            model they mean nothing, as in the package.
        alpha: weight of the language model, at least 0.
        beta: nats a word, with a language model.
        unk_score_offset: log10 units, times ``alpha``, that a word costs which is not known.
        lm_score_boundary: whether beginning and end of the text are those of a sentence.

    Raises:
        ConfigError: labels or a file that cannot be used.
        MissingDependencyError: a binary of KenLM without its module.
    """
    meaning = read(labels)
    model, known, empty = None, None, None
    if kenlm_model_path is not None:
        model = loading.load(kenlm_model_path, required=True)
        if not isinstance(model, (NGramModel, KenlmModel)):
            raise ConfigError(
                f"{kenlm_model_path!r} is a lexicon, expected an ARPA file or a binary of KenLM"
            )
        empty = model.empty()
        if unigrams is None and isinstance(model, NGramModel):
            unigrams = model.ngrams.words
        if unigrams is not None:
            known = frozenset(word for word in unigrams if model.known(word)) or None
    weights = (alpha, beta, unk_score_offset, lm_score_boundary)
    return BeamSearchDecoderCTC(meaning, model, empty, known, weights)
