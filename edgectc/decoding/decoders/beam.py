"""The best texts of a signal: CTC prefix beam search with words, a language model and hotwords."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgectc.core.config import check_numbers, number
from edgectc.core.contracts import LanguageModel
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Decoded, Hypothesis, WordSpan
from edgectc.decoding.search import beam_tables, compiled, pieces
from edgectc.decoding.search.beam_native import NativeSearch
from edgectc.decoding.search.beam_numpy import PlainSearch
from edgectc.decoding.search.beam_setup import tables_of
from edgectc.decoding.search.beam_tables import Ending, Tables
from edgectc.decoding.search.beam_words import (
    Frequencies,
    Ranked,
    Scorer,
    Speller,
    Vocabulary,
    spelled,
    weighed,
)
from edgectc.decoding.search.boundaries import boundary_of, in_pieces
from edgectc.decoding.search.checks import check_backend, check_context, check_nbest
from edgectc.decoding.search.homographs import HomographScorer, WrittenHotwords, rivals
from edgectc.decoding.search.naming import Names, favoured, say_strange
from edgectc.decoding.search.options import MOST_WEIGHT
from edgectc.decoding.search.spans import surest_spans
from edgectc.decoding.search.streams import (
    BeamSearch,
    BeamStream,
    check_token_threshold,
    search_of,
)
from edgectc.language.hotwords import Hotwords
from edgectc.language.lexicon import Lexicon

USES = frozenset({"lexicon", "language_model", "hotwords"})


@dataclass(frozen=True)
class Options:
    """Width and weights of the search.

    Attributes:
        beam_size: prefixes kept after each frame.
        beam_threshold: nats under the best prefix beyond which one is dropped; None keeps all.
        token_threshold: natural-log probability under which a token counts as impossible in a
            frame, unless it is the frame's most likely or no prefix could go on; None for off.
        lm_weight: weight of the language model's natural-log probabilities.
        word_score: nats added per word; above 0 favours more, shorter words.
        hotword_score: nats added per hotword that comes without a weight of its own.
        separator: symbol that ends a word, such as " " or "|". None: word pieces say where words
            begin or end by their marks (``▁``, ``Ġ``, ``##``, ``</w>``, ``@@``); of other tokens
            the text is one word with a lexicon, without one each token is a word (phonemes,
            glosses).
        constrain: whether only words of the lexicon may be found.
        unknown_score: nats added per word that a given lexicon does not hold.
        unknown_length: letters of such a word from which on a prefix is ranked, though not scored,
            as if it cost more, in proportion to its length, so that unknown words are not glued
            together; None for never.
    """

    beam_size: int = number(100, least=1, most=1_000_000)
    beam_threshold: float | None = number(14.0, above=0, below=1e8)
    token_threshold: float | None = -5.0
    lm_weight: float = number(0.5, least=0, most=MOST_WEIGHT)
    word_score: float = number(0.0, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    hotword_score: float = number(5.0, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    separator: str | None = None
    constrain: bool = False
    unknown_score: float = number(-10.0, least=-MOST_WEIGHT, most=MOST_WEIGHT)
    unknown_length: float | None = number(None, above=0)

    def __post_init__(self) -> None:
        check_numbers(self)
        check_token_threshold(self.token_threshold)


def create(
    options: Options,
    *,
    tokens: Tokens,
    lexicon: Lexicon | None = None,
    language_model: LanguageModel | None = None,
    hotwords: Hotwords | Iterable[str] | Mapping[str, float] = (),
    backend: str = "auto",
) -> BeamDecoder:
    """Return the decoder.

    Args:
        options: width and weights.
        tokens: meaning of the columns of log_probs.
        lexicon: words to know, and to keep to if ``options.constrain``. Hotwords join it.
        language_model: scores of words in sentences; without one, the lexicon's frequencies.
        hotwords: words or phrases (words apart by spaces) to favour; a mapping gives each its
            own weight in nats, and `edgectc.Hotwords` spellings and classes too.
        backend: "native" is the compiled search, "numpy" the plain one with the same answers;
            "auto" takes native where it was built.

    Raises:
        ConfigError: options that need a lexicon without one, a separator that is no token, a
            hotword or a whole lexicon that cannot be spelled, or no native search to be had.
        UnknownNameError: no such backend.
    """
    native = check_backend(backend)
    if options.constrain and lexicon is None:
        raise ConfigError("constrain keeps to the words of a lexicon, so it needs one; give one")
    if options.separator is not None:
        known = [s for i, s in enumerate(tokens.symbols) if i != tokens.blank_id]
        if options.separator not in known:
            raise ConfigError(
                f"separator {options.separator!r} is no token; expected one of the model's "
                f"symbols ({' '.join(map(repr, known[:8]))} ...), or None where there are no words"
            )
    if not isinstance(hotwords, Hotwords):
        hotwords = weighed(hotwords, options.hotword_score)
    each_is_a_word = boundary_of(options.separator, tokens, words=lexicon is not None) < 0
    say_strange(language_model, lexicon or (tokens.symbols if each_is_a_word else ()))
    return BeamDecoder(options, tokens, lexicon, language_model, hotwords, native)


class BeamDecoder(BeamSearch):
    """Finds the texts w of highest score that a beam of prefixes leads to.

    The score that the search maximises, as far as its beam reaches::

        score(w) = log P_ctc(w) + lm_weight * log P_lm(w) + word_score * words(w)
                   + unknown_score * unknown(w) + hotwords(w)
        P_ctc(w) = sum over the CTC alignments a of w that survived of the product of p[t, a[t]]
        P_lm(w)  = product of P_lm(word | words before), the end of the sentence included

    Separators before, after, and beside each other say nothing, so all alignments that read as
    the same words are one text; words are shown with one space between, as the lexicon writes
    them. The last word counts with or without a separator after it. ``words`` and ``unknown`` (in
    no lexicon) are counts, ``hotwords`` the nats of the hotwords in the text. Without words (no
    separator, lexicon or language model) only log P_ctc and hotwords are left.

    Words of pieces are known by what they write, whichever pieces write it: texts that read the
    same are one, with the sum of their alignments. Special tokens (``<pad>``, ``<unk>`` ...) count
    as blank.

    While a word is unfinished, a prefix is ranked, though not scored, by the best lexicon frequency
    that it can still reach. A hotword that is only begun changes no rank: prefixes with one are
    lent places beside the beam, a quarter as many, until it is complete.

    ``timesteps`` has, for each token and each separator between words, the frame where the best
    alignment of the text that survived is surest of it. ``probability`` is the share of exp(score)
    among the texts at the end of the beam. ``parts`` holds the terms before weighting. Where
    silence beats every text, there is no candidate.
    """

    def __init__(
        self,
        options: Options,
        tokens: Tokens,
        lexicon: Lexicon | None,
        language_model: LanguageModel | None,
        hotwords: Hotwords | Mapping[str, float],
        native: compiled.Library | None,
        vocabulary: Vocabulary | None = None,
        ahead_unknown: float | None = None,
    ) -> None:
        self._tokens, self._native, self._vocabulary = tokens, native, None
        self._model = self._given = language_model
        boundary = boundary_of(options.separator, tokens, words=lexicon is not None)
        segmenter, speller = None, Speller(tokens, options.separator)
        if vocabulary is None and in_pieces(tokens, boundary):
            segmenter = pieces.Segmenter(tokens, options.separator)
        spells = segmenter.letters if segmenter else speller
        terms = None
        if isinstance(hotwords, Hotwords):
            terms = favoured(hotwords.phrases(options.hotword_score), spells)
            hotwords = {one.written: one.weight for one in terms}
        if lexicon is not None:
            more: dict[str, float] = {}
            for phrase, nats in hotwords.items():
                more.update({w: max(nats, more.get(w, nats)) for w in phrase.split()})
            self._vocabulary = vocabulary or Vocabulary.build(lexicon, spells, more)
            self._model = language_model or Frequencies(self._vocabulary)
        if segmenter:
            sequences = pieces.phrases(hotwords, segmenter, boundary)
        else:
            sequences = spelled(hotwords, speller, boundary)
        matcher = beam_tables.Hotwords.build(sequences, boundary) if sequences else None
        self._tables = tables_of(options, tokens, boundary, self._vocabulary, self._model, matcher)
        if segmenter:
            self._tables = replace(self._tables, pieces=pieces.tables(tokens))
        if ahead_unknown is not None:  # of a caller whose ranks are others
            self._tables = replace(self._tables, ahead_unknown=ahead_unknown)
        self._spells = spells
        self._names = Names.of(terms, self._emitted) if terms else None
        self._written = WrittenHotwords(hotwords, self._alike) if self._vocabulary else None

    def _scorer(
        self,
        context: Sequence[str],
        shown: Callable[[Sequence[int]], str],
        texts: Sequence[str],
        state: Hashable,
    ) -> Scorer:
        alike = self._vocabulary.alike if self._vocabulary and self._tables.asks else {}
        if self._model is None or not alike:
            return Scorer(self._model, context, shown, texts, state)
        words = {row: [text for text, _ in held] for row, held in alike.items()}
        return HomographScorer(self._model, context, shown, texts, words, state)

    def _alike(self, word: str) -> list[str]:
        """Return the words of the lexicon that are spelled like ``word``, where it has several."""
        return self._vocabulary.spelled_like(self._spells(word) or ()) if self._vocabulary else []

    def _emitted(self, word: str) -> str:
        """Return how a word of a hotword is written in an answer, of pieces in these bytes."""
        if rivals(word, self._alike(word)):
            return word
        spelled, held = self._spells(word) or (), self._vocabulary
        if held and (row := held.trie.find(spelled)) >= 0:
            return held.texts[row]
        return bytes(spelled).decode() if self._tables.pieces else self._tokens.joined(spelled)

    def stream(
        self,
        *,
        context: Sequence[str] | str = (),
        spans: bool = False,
        normalize: bool = False,
        state: Hashable = None,
    ) -> Stream:
        """Return a search that takes its frames piece by piece and answers as one call would.

        Args:
            context: the text before this one, or its words, for the language model.
            spans: keep the frames, so that the answer tells where each word is.
            normalize: take scores of any scale, whose log_softmax is meant.
            state: of the language model, to begin in, in place of a context; None for its own.

        Raises:
            InputError: a context without a language model.
        """
        context = check_context(context, self._given)
        texts = self._vocabulary.texts if self._vocabulary else ()
        shown = self._tokens.writing.joined if self._tables.pieces else self._tokens.joined
        scorer = self._scorer(context, shown, texts, state)
        search = search_of(self._native, self._tables, scorer)
        made = Stream(self._tokens, self._tables, self._vocabulary, scorer, search)
        made.normalize, made.frames = normalize, [] if spans else None
        made.names, made.written = self._names, self._written
        return made


class Stream(BeamStream):
    """One signal, piece by piece, see `BeamStream`.

    Attributes:
        written: tells hotwords from words that are spelled like them; None without a lexicon.
    """

    def __init__(
        self,
        tokens: Tokens,
        tables: Tables,
        vocabulary: Vocabulary | None,
        scorer: Scorer,
        search: PlainSearch | NativeSearch,
    ) -> None:
        super().__init__(tokens, search)
        self._tables, self._vocabulary, self._scorer = tables, vocabulary, scorer
        self.written: WrittenHotwords | None = None

    def partial(self) -> str:
        """Return the text of the prefix that leads now; its last word may be unfinished."""
        place = self._search.best()
        text = "" if place is None else self._partial(place)
        return self.names.text(text) if self.names else text

    def _partial(self, place: int) -> str:
        ids = self._search.path(place)[0]
        ended = self._search.endings(unfinished=True) if self._scorer.words(0) is not None else ()
        known = next((self._scorer.words(e.lm) for e in ended if e.place == place), None)
        if known is None:
            return self._text(ids)
        return " ".join([*known, *map(self._word, self._split(ids)[len(known) :])])

    def finish(self, *, nbest: int = 5) -> Decoded:
        """Return the ``nbest`` best texts if the signal ends here; more frames may still come."""
        nbest = check_nbest(nbest)
        ranked = self.ranked()
        if not ranked:
            return Decoded(())
        share = np.exp(np.array([row.score for row in ranked]) - ranked[0].score)
        share /= share.sum()
        hypotheses: list[Hypothesis] = []
        for row, probability in zip(ranked, share.tolist(), strict=True):
            if len(hypotheses) == nbest and not self.names:  # which make one text of several
                break
            ids, frames = self.path(row.place)
            if ids:
                words = self._spans(ids, row.words) if self.frames else ()
                text = self._text(ids) if row.words is None else " ".join(row.words)
                at, parts = tuple(frames), row.parts
                hypotheses.append(
                    Hypothesis(text, row.score, probability, at, parts=parts, words=words)
                )
            elif not hypotheses:  # silence is best
                break
        if self.names:
            hypotheses = self.names.merged(hypotheses)[:nbest]
        return Decoded(tuple(hypotheses))

    def _texts(self) -> Iterable[list[Ending]]:
        """Return the endings that are one text together, in order of age."""
        texts: dict[int | str, list[Ending]] = {}
        for ending in self._search.endings():
            text: int | str = ending.text
            if self._tables.pieces:  # other pieces may write the same
                text = self._text(self._search.path(ending.place)[0])
            texts.setdefault(text, []).append(ending)
        if self._tables.pieces:  # the terms of the best: a hotword is known in some pieces only
            for endings in texts.values():
                endings.sort(key=self._worth, reverse=True)
        return texts.values()

    def ranked(self) -> list[Ranked]:
        """Return every text that the beam holds if the signal ends here, best first, and silence.

        A text is that of a place until more frames are taken, see `path`.
        """
        rows = []
        for endings in self._texts():
            place = max(endings, key=lambda e: e.path).place
            for way in self._scorer.ways(endings[0]):
                parts = self._parts(endings, way.lm)
                if self.written:
                    parts["hotwords"] -= self.written.mistaken(way.words or ())
                rows.append(Ranked(self._score(parts), parts, way.state, place, way.words))
        rows = [row for row in rows if row.score > -math.inf]
        rows.sort(key=lambda row: -round(row.score, 9))  # stable: of equals, the older prefix
        return rows

    def path(self, place: int) -> tuple[list[int], list[int]]:
        """Return the tokens of a text, with those between words, and the frame of each."""
        ids, frames = self._search.path(place)
        if ids and ids[-1] == self._tables.boundary:
            return ids[:-1], frames[:-1]
        return ids, frames

    def _worth(self, ending: Ending) -> float:
        return self._score(self._parts([ending], self._scorer.ways(ending)[0].lm))

    def _parts(self, endings: list[Ending], lm: float) -> dict[str, float]:
        first = endings[0]
        if not self._tables.asks:
            lm = first.lm_sum
        ctc = first.ctc
        if len(endings) > 1:
            ctc = float(np.logaddexp.reduce([ending.ctc for ending in endings]))
        return {
            "ctc": ctc,
            "lm": lm,
            "words": float(first.words),
            "unknown": float(first.unknown),
            "hotwords": first.hot_sum,
        }

    def _score(self, parts: Mapping[str, float]) -> float:
        tables = self._tables
        score = parts["ctc"] + parts["hotwords"]
        score += tables.word_score * parts["words"] + tables.unknown_score * parts["unknown"]
        return score + tables.lm_weight * parts["lm"] if tables.asks else score

    def _text(self, ids: Sequence[int]) -> str:
        """Return words with a space between, as the lexicon writes them."""
        if self._tables.boundary < 0:
            return self._tokens.decode(ids)
        return " ".join(self._word(word) for word in self._split(ids))

    def _split(self, ids: Sequence[int]) -> list[Sequence[int]]:
        """Return the tokens of each word."""
        boundary = self._tables.boundary
        if self._tables.pieces:
            return [*self._tokens.writing.words(ids, boundary)]
        if boundary < 0:
            return [(token,) for token in ids]
        words: list[list[int]] = [[]]
        for token in ids:
            if token == boundary:
                words.append([])
            else:
                words[-1].append(token)
        return [word for word in words if word]

    def _spans(self, ids: Sequence[int], texts: Sequence[str] | None) -> tuple[WordSpan, ...]:
        """Return the span of each word of a text."""
        parts = self._split(ids)
        shown = [*map(self._word, parts)] if texts is None else texts
        boundary, ways = self._tables.boundary, [parts]
        if boundary == self._tokens.writing.between and self._tables.pieces:
            if not self._tokens.writing.begins[parts[0][0]]:
                # The search takes a mark before the first word for silence: it may have been there.
                ways.append([[boundary, *parts[0]], *parts[1:]])
            boundary = -1  # a mark alone is part of the word after it
        return surest_spans(
            np.concatenate(self.frames or []),
            [list(zip(shown, way, strict=True)) for way in ways],
            blank=self._tokens.blank_id,
            boundary=boundary,
        )

    def _word(self, ids: Sequence[int]) -> str:
        in_pieces, row = self._tables.pieces, -1
        if self._vocabulary:
            letters = pieces.letters_of(in_pieces, ids) if in_pieces else ids
            row = self._vocabulary.trie.find(letters)
            if row >= 0:
                return self._vocabulary.texts[row]
        return self._tokens.writing.joined(ids) if in_pieces else self._tokens.decode(ids)
