"""Sentences of words from phonemes: a beam over pronunciations; context tells homophones apart."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.config import check_numbers, number
from edgectc.core.contracts import LanguageModel
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Decoded, Hypothesis, WordSpan
from edgectc.decoding.search import compiled
from edgectc.decoding.search.beam_native import NativeSearch
from edgectc.decoding.search.beam_numpy import PlainSearch
from edgectc.decoding.search.beam_tables import MAY_END, Ending, Pieces, Tables
from edgectc.decoding.search.beam_words import weighed
from edgectc.decoding.search.checks import check_backend, check_context, check_nbest
from edgectc.decoding.search.naming import Names, favoured, say_strange
from edgectc.decoding.search.options import MOST_WEIGHT
from edgectc.decoding.search.spans import word_spans
from edgectc.decoding.search.spoken import Frequencies, Homophones, Listener, Sequel, places, steps
from edgectc.decoding.search.streams import (
    BeamSearch,
    BeamStream,
    check_token_threshold,
    search_of,
)
from edgectc.language.hotwords import Hotwords
from edgectc.language.lexicon import Lexicon
from edgectc.language.pronunciations import SpokenLexicon
from edgectc.language.spelling import normalize_word

USES = frozenset({"lexicon", "language_model", "hotwords"})
SILENCES = ("SIL", "sil", "<sil>", "SP", "sp", "|", "<space>", " ", "_")


@dataclass(frozen=True)
class Options:
    """Width and weights of the search.

    Attributes:
        beam_size: prefixes of phonemes kept after each frame.
        beam_threshold: nats under the best prefix beyond which one is dropped; None keeps all.
        token_threshold: natural-log probability under which a token counts as impossible in a
            frame, unless it is the frame's most likely or no prefix could go on; None for off.
        lm_weight: weight of the language model's natural-log probabilities.
        word_score: nats added per word; above 0 favours more, shorter words.
        hotword_score: nats added per hotword that comes without a weight of its own.
        separator: token between words, after every word but the last. None: a word may end
            anywhere, with or without a token of silence (``SIL``, ``sil``, ``|`` ...).
    """

    beam_size: int = number(100, least=1, most=1_000_000)
    beam_threshold: float | None = number(14.0, above=0, below=1e8)
    token_threshold: float | None = -7.0
    lm_weight: float = number(0.6, least=0, most=MOST_WEIGHT)
    word_score: float = number(0.0, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    hotword_score: float = number(5.0, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    separator: str | None = None

    def __post_init__(self) -> None:
        check_numbers(self)
        check_token_threshold(self.token_threshold)


def create(
    options: Options,
    *,
    tokens: Tokens,
    lexicon: Lexicon | None,
    language_model: LanguageModel | None = None,
    hotwords: Hotwords | Iterable[str] | Mapping[str, float] = (),
    backend: str = "auto",
) -> SpokenDecoder:
    """Return the decoder.

    Args:
        options: width and weights.
        tokens: phonemes of the columns of log_probs.
        lexicon: words with pronunciations, see `edgectc.language.pronunciations.spoken`.
        language_model: scores of words in sentences; without one, the lexicon's frequencies.
        hotwords: words or phrases of the lexicon to favour; a mapping gives each its nats, and
            `edgectc.Hotwords` spellings and classes too.
        backend: "native" is the compiled search, "numpy" the plain one with the same answers;
            "auto" takes native where it was built.

    Raises:
        ConfigError: no pronunciations, or none that the tokens can say; a separator that is no
            token, a hotword that is no word of the lexicon, or no native search to be had.
        UnknownNameError: no such backend.
    """
    native = check_backend(backend)
    if not isinstance(lexicon, SpokenLexicon):
        raise ConfigError(
            "the decoder 'spoken' needs to know how words are said; give pronunciations, such as "
            "a file of CMUdict",
            options=["pronunciations"],
        )
    if options.separator is not None and options.separator not in tokens.ids:
        raise ConfigError(
            f"separator {options.separator!r} is no token; expected one of the model's, or None "
            "where nothing stands between words"
        )
    if not isinstance(hotwords, Hotwords):
        hotwords = weighed(hotwords, options.hotword_score)
    say_strange(language_model, lexicon)
    return SpokenDecoder(options, tokens, lexicon, language_model, hotwords, native)


class SpokenDecoder(BeamSearch):
    """Finds the word sequences w of highest score that a beam of phonemes leads to.

    The score that the search maximises, as far as its beam reaches::

        score(w) = log (sum over pronunciations q of w of weight(q) * P_ctc(q))
                   + lm_weight * log P_lm(w) + word_score * words(w) + hotwords(w)

    P_ctc(q) sums over the alignments that survived, P_lm includes the end of the sentence. Only
    words of the lexicon are found; those that sound alike compete by the language model, 16 word
    sequences for each sequence of phonemes. ``parts`` holds the terms before weighting; ``ctc``
    has the weights of the pronunciations in it. ``timesteps`` has the frame of each phoneme, and of
    each token between words. Where silence beats every text, there is no candidate.

    Source: Mohri et al. 2002, "Weighted Finite-State Transducers in Speech Recognition" (lexicon
    and grammar composed as the search goes).
    """

    def __init__(
        self,
        options: Options,
        tokens: Tokens,
        lexicon: SpokenLexicon,
        language_model: LanguageModel | None,
        hotwords: Hotwords | Mapping[str, float],
        native: compiled.Library | None,
    ) -> None:
        self._options, self._tokens, self._words = options, tokens, lexicon.words
        self._native, self._given = native, language_model
        self._model = language_model or Frequencies(lexicon)
        self._boundary = _boundary(options, tokens, lexicon)
        self._homophones = Homophones.of(lexicon, tokens, self._boundary)
        dropped = self._homophones.dropped
        if dropped:
            logging.getLogger("edgectc").warning(
                "edgectc: %d of %d words cannot be said with the tokens of the model, such as %r; "
                "they are left out", len(dropped), len(lexicon.words), dropped[0],
            )  # fmt: skip
        place = _Places(lexicon.words, frozenset(dropped))
        self._names = None
        if isinstance(hotwords, Hotwords):
            terms = favoured(hotwords.phrases(options.hotword_score), place)
            hotwords = {one.written: one.weight for one in terms}
            self._names = Names.of(terms, place.emitted)
        self._hotwords = _weights(hotwords, place)
        self._tables = self._searched(lexicon)

    def _searched(self, lexicon: SpokenLexicon) -> Tables:
        options, V = self._options, len(self._tokens)
        ahead = self._homophones.ahead(lexicon.log_probs, options.lm_weight)
        highest = options.lm_weight * max(0.0, float(lexicon.log_probs.max()))
        hot = sum(max(0.0, weight) for weight in self._hotwords.values())
        free = MAY_END * (options.separator is None)
        threshold, least = options.beam_threshold, options.token_threshold
        return Tables(
            n_tokens=V,
            blank=self._tokens.blank_id,
            boundary=self._boundary,
            constrain=True,
            asks=True,
            counts=True,
            words=self._homophones.trie,
            ahead=ahead,
            ahead_unknown=0.0,
            hotwords=None,
            beam_size=options.beam_size,
            beam_threshold=math.inf if threshold is None else threshold,
            token_threshold=-math.inf if least is None else least,
            lm_weight=1.0,
            word_score=options.word_score,
            unknown_score=0.0,
            gain=0.0,
            end_gain=max(0.0, options.word_score) + float(ahead[0]) + hot + highest,
            pieces=Pieces.of([free] * V, [[token] for token in range(V)]) if free else None,
        )

    def stream(
        self, *, context: Sequence[str] | str = (), spans: bool = False, normalize: bool = False
    ) -> SpokenStream:
        """Return a search that takes its frames piece by piece and answers as one call would.

        Args:
            context: words before this text, for the language model.
            spans: keep the frames, so that the answer tells where each word is.
            normalize: take scores of any scale, whose log_softmax is meant.

        Raises:
            InputError: a context without a language model.
        """
        context = check_context(context, self._given)
        listener = Listener(self._model, context, self._homophones, self._words,
                            self._options.lm_weight, self._hotwords)  # fmt: skip
        search = search_of(self._native, self._tables, listener)
        made = SpokenStream(self._options, self._tokens, self._words, self._homophones, listener,
                            search)  # fmt: skip
        made.boundary, made.normalize = self._boundary, normalize
        made.frames = [] if spans else None
        made.names = self._names
        return made


class SpokenStream(BeamStream):
    """One signal, piece by piece, see `BeamStream`.

    Attributes:
        boundary: token between words, V for none.
    """

    def __init__(
        self,
        options: Options,
        tokens: Tokens,
        words: Sequence[str],
        homophones: Homophones,
        listener: Listener,
        search: PlainSearch | NativeSearch,
    ) -> None:
        super().__init__(tokens, search)
        self._options, self._words = options, words
        self._homophones, self._listener = homophones, listener
        self.boundary = len(tokens)

    def partial(self) -> str:
        """Return the words of the prefix that leads now, without one that is not complete."""
        best = self._search.best()
        for ending in self._search.endings(unfinished=True) if best is not None else ():
            if ending.place == best:
                text = self._text(self._listener.states[ending.lm][0])
                return self.names.text(text) if self.names else text
        return ""

    def finish(self, *, nbest: int = 5) -> Decoded:
        """Return the ``nbest`` best texts if the signal ends here; more frames may still come."""
        nbest = check_nbest(nbest)
        texts: dict[str, list[tuple[float, Ending, Sequel]]] = {}
        for ending in self._search.endings():
            for sequel in self._listener.states[ending.lm]:
                score = ending.ctc + sequel.total + self._options.word_score * ending.words
                score += self._options.lm_weight * self._listener.finish(sequel)
                if score > -math.inf:
                    texts.setdefault(self._text(sequel), []).append((score, ending, sequel))
        ranked = [
            (float(np.logaddexp.reduce([row[0] for row in rows])), text,
             max(rows, key=lambda row: row[0]))
            for text, rows in texts.items()
        ]  # fmt: skip
        ranked.sort(key=lambda row: -round(row[0], 9))
        if not ranked or not ranked[0][1]:  # nothing, or silence
            return Decoded(())
        share = np.exp(np.array([row[0] for row in ranked]) - ranked[0][0])
        share /= share.sum()
        found = [
            self._hypothesis(score, float(part), text, best)
            for (score, text, best), part in zip(ranked, share.tolist(), strict=True)
            if text
        ]
        if self.names:
            found = self.names.merged(found)
        return Decoded(tuple(found[:nbest]))

    def _hypothesis(
        self, score: float, share: float, text: str, best: tuple[float, Ending, Sequel]
    ) -> Hypothesis:
        _, ending, sequel = best
        lm = sequel.lm + self._listener.finish(sequel)
        words = float(ending.words)
        rest = self._options.lm_weight * lm + self._options.word_score * words + sequel.hot
        parts = {"ctc": score - rest, "lm": lm, "words": words, "hotwords": sequel.hot}
        ids, frames = self._search.path(ending.place)
        if ids and ids[-1] == self.boundary:
            frames = frames[:-1]
        spans: tuple[WordSpan, ...] = ()
        if self.frames:
            said = [(self._words[step.place], self._homophones.spellings[step.row])
                    for step in steps(sequel.last)]  # fmt: skip
            required = self.boundary if self._options.separator is not None else -1
            spans = word_spans(np.concatenate(self.frames), said, blank=self._tokens.blank_id,
                               boundary=required)  # fmt: skip
        return Hypothesis(text, score, share, tuple(frames), parts=parts, words=spans)

    def _text(self, sequel: Sequel) -> str:
        return " ".join(self._words[place] for place in places(sequel.last))


def _boundary(options: Options, tokens: Tokens, lexicon: SpokenLexicon) -> int:
    """Return the token between words: the one named, or a silence that no word has, or V."""
    if options.separator is not None:
        return tokens.ids[options.separator]
    used = {phoneme for said in lexicon.said for phonemes, _ in said for phoneme in phonemes}
    named = (s for s in SILENCES if s in tokens.ids and s not in used)
    columns = (tokens.ids[s] for s in named)
    return next((i for i in columns if i != tokens.blank_id), len(tokens))


class _Places:
    """Places of words in a lexicon; case and apostrophes do not count where there is no need."""

    def __init__(self, words: Sequence[str], dropped: frozenset[str]) -> None:
        self._words = words
        self._exact = {word: place for place, word in enumerate(words) if word not in dropped}
        self._normal = {normalize_word(w): place for w, place in reversed(self._exact.items())}

    def __call__(self, word: str) -> tuple[int, ...] | None:
        """Return the place of a word, None for none."""
        place = self._exact.get(word, self._normal.get(normalize_word(word)))
        return None if place is None else (place,)

    def emitted(self, word: str) -> str:
        """Return how the lexicon writes a word that it holds."""
        return self._words[(self(word) or (0,))[0]]


def _weights(hotwords: Mapping[str, float], place: _Places) -> dict[tuple[int, ...], float]:
    """Return the weights of hotwords as places of words."""
    found: dict[tuple[int, ...], float] = {}
    for phrase, weight in hotwords.items():
        row = [place(word) for word in phrase.split()]
        if not row or None in row:
            raise ConfigError(
                f"hotword {phrase!r} has no pronunciation; add its words to the pronunciations, or "
                "leave it out"
            )
        key = tuple(one for places in row if places is not None for one in places)
        found[key] = found.get(key, 0.0) + weight
    return found
