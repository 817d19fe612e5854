"""Words for the beam search: how they are spelled, which there are, and how likely they are."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from edgectc.core.contracts import LanguageModel
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array
from edgectc.decoding.search.beam_tables import Ending, Spelling, Trie
from edgectc.decoding.search.context import of_sentence
from edgectc.language.lexicon import MOST_NATS, Lexicon, say_unspelled
from edgectc.language.spelling import spell

Spells = Callable[[str], Spelling | None]  # the tokens, or letters, of a word; None for none


class Speller:
    """Turns a word into tokens: as it is written, or in lower or upper case, or its letters only.

    The longest symbol that fits is taken first.
    """

    def __init__(self, tokens: Tokens, separator: str | None) -> None:
        self._ids = {
            symbol: token
            for token, symbol in enumerate(tokens.symbols)
            if token != tokens.blank_id and symbol != separator
        }
        for symbol, token in list(self._ids.items()):  # words are in NFC
            self._ids.setdefault(unicodedata.normalize("NFC", symbol), token)
        self._lengths: dict[str, list[int]] = {}  # of the symbols that begin with a character
        for symbol in sorted(self._ids, key=len, reverse=True):
            lengths = self._lengths.setdefault(symbol[0], [])
            if len(symbol) not in lengths:
                lengths.append(len(symbol))
        self._letters = frozenset(symbol for symbol in self._ids if len(symbol) == 1)
        self._parts = separator is not None

    def __call__(self, word: str) -> Spelling | None:
        """Return the tokens of ``word``, or None if it cannot be spelled.

        Where a separator stands between words, "new york" is no word.
        """
        if self._parts and len(word.split()) > 1:
            return None
        for written in (word, word.lower(), word.upper()):
            spelled = self._tokens(written)
            if spelled:
                return spelled
        plain = spell(word, self._letters)
        return self._tokens(plain) if plain else None

    def _tokens(self, word: str) -> Spelling | None:
        ids, at = [], 0
        while at < len(word):
            for length in self._lengths.get(word[at], ()):
                token = self._ids.get(word[at : at + length])
                if token is not None:
                    ids.append(token)
                    at += length
                    break
            else:
                return None
        return tuple(ids)


def entries(
    lexicon: Lexicon, speller: Spells
) -> tuple[dict[Spelling, int], list[str], list[float]]:
    """Return the rows of different spellings, and of each row the text shown and the log_prob.

    Words that are spelled alike are one entry: their shares are added, the most frequent is shown.

    Raises:
        ConfigError: no word of the lexicon can be spelled.
    """
    rows, words = _by_spelling(lexicon, speller)
    shares = [np.logaddexp.reduce([log_prob for _, log_prob in alike]) for alike in words]
    return rows, [alike[0][0] for alike in words], [*map(float, shares)]


def _by_spelling(
    lexicon: Lexicon, speller: Spells
) -> tuple[dict[Spelling, int], list[list[tuple[str, float]]]]:
    """Return the rows of different spellings, and the words of each, the most frequent first."""
    rows: dict[Spelling, int] = {}
    words: list[list[tuple[str, float]]] = []
    left: list[str] = []
    for at in np.argsort(-lexicon.log_probs, kind="stable").tolist():
        spelling = speller(lexicon.words[at])
        if not spelling:
            left.append(lexicon.words[at])
            continue
        row = rows.setdefault(spelling, len(words))
        if row == len(words):
            words.append([])
        words[row].append((lexicon.words[at], float(lexicon.log_probs[at])))
    if not rows:
        raise ConfigError(
            f"none of the {len(lexicon.words)} words of the lexicon can be spelled with the "
            "tokens of the model; use a lexicon of its language and letters"
        )
    say_unspelled(left, len(lexicon.words))
    return rows, words


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The words of a lexicon as token sequences.

    Attributes:
        trie: their tree; rows are words.
        texts: each word as it is shown; of those spelled alike the most frequent one.
        log_probs: (n,) natural log of its share.
        known: how many of them are known without the hotwords; these come first.
        alike: the words and log_probs of each row of several, the most frequent first.
    """

    trie: Trie
    texts: list[str]
    log_probs: Array
    known: int
    alike: Mapping[int, Sequence[tuple[str, float]]] = field(default_factory=dict)

    @classmethod
    def build(cls, lexicon: Lexicon, speller: Spells, more: Mapping[str, float]) -> Vocabulary:
        """Return the words of ``lexicon`` that can be spelled, and ``more`` as rare as its rarest.

        Those of ``more`` that are worth nothing are known as the others are; the rest is found for
        its worth alone.

        Raises:
            ConfigError: no word of the lexicon can be spelled.
        """
        rows, words = _by_spelling(lexicon, speller)
        texts, log_probs = [alike[0][0] for alike in words], [alike[0][1] for alike in words]
        alike = {row: held for row, held in enumerate(words) if len(held) > 1}
        rarest = min(log_prob for held in words for _, log_prob in held)
        known = len(texts)
        for word in sorted(more, key=lambda word: more[word] > 0):
            spelling = speller(word)
            if spelling and rows.setdefault(spelling, len(texts)) == len(texts):
                texts.append(word)
                log_probs.append(rarest)
                known += more[word] <= 0
        return cls(Trie.build(list(rows)), texts, np.array(log_probs), known, alike)

    def spelled_like(self, spelling: Spelling) -> list[str]:
        """Return the words of the lexicon that are spelled so, where there are several."""
        return [text for text, _ in self.alike.get(self.trie.find(spelling), ())]

    def ahead(self, count: int | None = None) -> Array:
        """Return (nodes,) the highest log_prob at or below each node, of the first words."""
        trie = self.trie
        counts = (trie.entry >= 0) & (trie.entry < (len(self.texts) if count is None else count))
        best = np.where(counts, self.log_probs[trie.entry], -np.inf)
        for nodes in reversed(list(trie.levels())):
            np.maximum.at(best, trie.parent[nodes], best[nodes])
        return best


class Frequencies:
    """A language model of single words: the frequencies of a lexicon, and no end of sentence.

    Words that it does not hold are as rare as its rarest.
    """

    order = 1

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._log_probs = dict(zip(vocabulary.texts, vocabulary.log_probs.tolist(), strict=True))
        for words in vocabulary.alike.values():
            self._log_probs.update(words)
        self._rarest = min(self._log_probs.values())
        self.highest = float(vocabulary.log_probs.max())

    def start(self, context: Sequence[str] = ()) -> Hashable:
        """Return the only state."""
        return ()

    def score(self, state: Hashable, word: str) -> tuple[float, Hashable]:
        """Return the natural-log frequency of ``word``."""
        return self._log_probs.get(word, self._rarest), ()

    def finish(self, state: Hashable) -> float:
        """Return 0: a text may end anywhere."""
        return 0.0


class Way(NamedTuple):
    """A word sequence of a text.

    Attributes:
        lm: its natural-log probability, the end of the sentence included.
        state: of the language model after it; None without one.
        words: its words; None for those that the text shows.
    """

    lm: float
    state: Hashable
    words: tuple[str, ...] | None


class Ranked(NamedTuple):
    """A text at the end of a beam.

    Attributes:
        score: as the decoder has it.
        parts: its terms before weighting.
        state: of the language model after the last word; None without one.
        place: of its most probable prefix in the beam.
        words: its words, where others are spelled like them; else None.
    """

    score: float
    parts: Mapping[str, float]
    state: Hashable
    place: int
    words: tuple[str, ...] | None = None


class Scorer:
    """Asks a language model during one search; its states become numbers, 0 the first."""

    def __init__(
        self,
        model: LanguageModel | None,
        context: Sequence[str],
        shown: Callable[[Sequence[int]], str],
        texts: Sequence[str],
        state: Hashable = None,
    ) -> None:
        self._model, self._shown, self._texts = model, shown, texts
        self._states: list[Hashable] = []
        if model:
            self._states.append(model.start(of_sentence(context)) if state is None else state)
        self._numbers = {state: i for i, state in enumerate(self._states)}
        self._known: dict[tuple[int, int | tuple[int, ...]], tuple[float, int]] = {}

    def __call__(self, state: int, row: int, tokens: Sequence[int]) -> tuple[float, int]:
        """Return log P(word | state) and the number of the state after it.

        Args:
            state: number of the state.
            row: the word's place in the vocabulary, or -1.
            tokens: its tokens, read if ``row`` is -1.
        """
        key = (state, row if row >= 0 else tuple(tokens))
        answer = self._known.get(key)
        if answer is None:
            assert self._model
            word = self._texts[row] if row >= 0 else self._shown(tokens)
            log_prob, after = self._model.score(self._states[state], word)
            number = self._numbers.setdefault(after, len(self._states))
            if number == len(self._states):
                self._states.append(after)
            answer = self._known[key] = float(log_prob), number
        return answer

    def ways(self, ending: Ending) -> list[Way]:
        """Return the word sequences of a text, the best one first."""
        if self._model is None:
            return [Way(ending.lm_sum, None, None)]
        state = self._states[ending.lm]
        return [Way(ending.lm_sum + float(self._model.finish(state)), state, None)]

    def words(self, number: int) -> tuple[str, ...] | None:
        """Return the words that lead to a state; None for those that the text shows."""
        return None


def weighed(hotwords: Iterable[str] | Mapping[str, float], default: float) -> dict[str, float]:
    """Return the weight of each phrase.

    Raises:
        ConfigError: one string instead of several, what is no text, or a weight that is no number
            or beyond 700 nats.
    """
    if isinstance(hotwords, str):
        raise ConfigError(f"hotwords is the text {hotwords!r}, expected a sequence of texts")
    if not isinstance(hotwords, Mapping):
        hotwords = dict.fromkeys(hotwords, default)
    for phrase, weight in hotwords.items():
        if not isinstance(phrase, str):
            raise ConfigError(f"a hotword is {phrase!r}, expected a text")
        if not (
            isinstance(weight, (int, float, np.integer, np.floating))
            and abs(float(weight)) <= MOST_NATS
        ):
            raise ConfigError(
                f"the weight of hotword {phrase!r} is {weight!r}, expected a number from "
                f"{-MOST_NATS:g} to {MOST_NATS:g} nats"
            )
    return {phrase: float(weight) for phrase, weight in hotwords.items()}


def spelled(
    hotwords: Mapping[str, float], speller: Speller, boundary: int
) -> dict[Spelling, float]:
    """Return hotwords as tokens, in boundaries where there are any; weights spelled alike add up.

    Raises:
        ConfigError: a hotword that is empty or cannot be spelled.
    """
    phrases: dict[Spelling, float] = {}
    for phrase, weight in hotwords.items():
        words = [speller(word) for word in phrase.split()]
        if not words or not all(words):
            raise ConfigError(
                f"hotword {phrase!r} cannot be spelled with the tokens of the model; "
                "leave it out or spell it otherwise"
            )
        between = (boundary,) if boundary >= 0 else ()
        tokens = between
        for word in words:
            tokens += (*(word or ()), *between)
        phrases[tokens] = phrases.get(tokens, 0.0) + weight
    return phrases
