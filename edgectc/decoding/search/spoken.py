"""Words by how they are said: the tree of pronunciations, and the words that sound alike.

The beam searches over phonemes. Each of its texts so far is a sequence of pronunciations, and holds
the best word sequences that are said like this: homophones stay until the language model tells them
apart. The score that a text gets from here is that of its best word sequence::

    score = max over words w said so of
        sum over w of (lm_weight * log P_lm(w | before) + log weight(pronunciation) + hotword(w))
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edgectc.core.contracts import LanguageModel
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array
from edgectc.decoding.search.beam_tables import Spelling, Trie
from edgectc.decoding.search.context import of_sentence
from edgectc.language.pronunciations import SpokenLexicon, plain

MOST_ALIKE = 16  # word sequences that a text of phonemes may hold


@dataclass(frozen=True, eq=False)
class Homophones:
    """The pronunciations of a lexicon as token sequences, and the words of each.

    Attributes:
        trie: tree of the pronunciations; rows are these.
        spellings: tokens of each row.
        words: for each row its words, as (place in the lexicon, natural-log weight).
        dropped: words that the tokens cannot say.
    """

    trie: Trie
    spellings: list[Spelling]
    words: list[list[tuple[int, float]]]
    dropped: list[str]

    @classmethod
    def of(cls, lexicon: SpokenLexicon, tokens: Tokens, silence: int) -> Homophones:
        """Return them; a phoneme is a token as written, or else without its mark of stress.

        Args:
            lexicon: the words.
            tokens: the table.
            silence: column of a token that is in no word, V for none.

        Raises:
            ConfigError: none of the words can be said with the tokens.
        """
        ids = {s: i for i, s in enumerate(tokens.symbols) if i not in (tokens.blank_id, silence)}
        capitals = {plain(s): i for s, i in reversed(ids.items())}
        token_of: dict[str, int | None] = {}
        rows: dict[Spelling, dict[int, float]] = {}
        dropped, missing = [], ""
        for place, said in enumerate(lexicon.said):
            fits = False
            for phonemes, weight in said:
                for phoneme in phonemes:
                    if phoneme not in token_of:
                        found = ids.get(phoneme)
                        token_of[phoneme] = capitals.get(plain(phoneme)) if found is None else found
                way = [token_of[phoneme] for phoneme in phonemes]
                if None in way:
                    missing = missing or phonemes[way.index(None)]
                    continue
                words = rows.setdefault(tuple(i for i in way if i is not None), {})
                words[place] = max(weight, words.get(place, weight))
                fits = True
            if not fits:
                dropped.append(lexicon.words[place])
        if not rows:
            raise ConfigError(
                f"none of the {len(lexicon.words)} words can be said with the tokens of the model: "
                f"{missing!r} of {dropped[0]!r} is none of {' '.join(list(ids)[:12])} ..."
            )
        spellings = list(rows)
        return cls(Trie.build(spellings), spellings, [[*w.items()] for w in rows.values()], dropped)

    def ahead(self, log_probs: Array, lm_weight: float) -> Array:
        """Return (nodes,) the most that a word at or below each node can bring, by frequency."""
        own = np.array([
            max(lm_weight * float(log_probs[place]) + weight for place, weight in words)
            for words in self.words
        ])  # fmt: skip
        best = np.where(self.trie.entry >= 0, own[self.trie.entry], -np.inf)
        for nodes in reversed(list(self.trie.levels())):
            np.maximum.at(best, self.trie.parent[nodes], best[nodes])
        return best


class Frequencies:
    """A language model of single words: the frequencies of a lexicon."""

    order = 1

    def __init__(self, lexicon: SpokenLexicon) -> None:
        self._log_probs = dict(zip(lexicon.words, lexicon.log_probs.tolist(), strict=True))

    def start(self, context: Sequence[str] = ()) -> Hashable:
        """Return the only state."""
        return ()

    def score(self, state: Hashable, word: str) -> tuple[float, Hashable]:
        """Return the natural-log frequency of ``word``."""
        return self._log_probs[word], ()

    def finish(self, state: Hashable) -> float:
        """Return 0: a text may end anywhere."""
        return 0.0


class Step(NamedTuple):
    """The last word of a word sequence: the one before, place of the word, its pronunciation."""

    before: Step | None
    place: int
    row: int


class Sequel(NamedTuple):
    """One word sequence: its score, the terms of that, and what may follow."""

    total: float
    lm: float
    hot: float
    state: Hashable
    last: Step | None


class Listener:
    """Scores pronunciations during one search: its states are sets of word sequences.

    Args:
        model: of the words.
        context: words before.
        homophones: the pronunciations.
        words: of the lexicon.
        lm_weight: weight of the model.
        hotwords: nats of each phrase, as places of words.
    """

    def __init__(
        self,
        model: LanguageModel,
        context: Sequence[str],
        homophones: Homophones,
        words: Sequence[str],
        lm_weight: float,
        hotwords: Mapping[tuple[int, ...], float],
    ) -> None:
        self._model, self._homophones, self._words = model, homophones, words
        self._lm_weight, self._hotwords = lm_weight, hotwords
        self._phrases: dict[int, list[tuple[int, ...]]] = {}  # by their last word
        for phrase in hotwords:
            self._phrases.setdefault(phrase[-1], []).append(phrase)
        self._history = max(map(len, hotwords), default=1) - 1
        start = model.start(of_sentence(context))
        self.states = [[Sequel(0.0, 0.0, 0.0, start, None)]]
        self._known: dict[tuple[int, int], tuple[float, int]] = {}
        self._asked: dict[tuple[Hashable, int], tuple[float, Hashable]] = {}

    def __call__(self, state: int, row: int, tokens: Sequence[int]) -> tuple[float, int]:
        """Return what a pronunciation adds to the score, and the number of the state after it."""
        key = (state, row)
        if key not in self._known:
            found = self._after(self.states[state], row)
            gain = found[0].total - self.states[state][0].total
            self._known[key] = gain, len(self.states)
            self.states.append(found)
        return self._known[key]

    def _after(self, sequels: list[Sequel], row: int) -> list[Sequel]:
        found: list[tuple[Sequel, Hashable]] = []
        for sequel in sequels:
            for place, weight in self._homophones.words[row]:
                asked = (sequel.state, place)
                if asked not in self._asked:
                    self._asked[asked] = self._model.score(sequel.state, self._words[place])
                log_prob, after = self._asked[asked]
                last = Step(sequel.last, place, row)
                hot = self._hot(last)
                total = sequel.total + self._lm_weight * log_prob + weight + hot
                key = (after, *places(last, self._history)) if self._history else after
                grown = Sequel(total, sequel.lm + log_prob, sequel.hot + hot, after, last)
                found.append((grown, key))
        found.sort(key=lambda row: -row[0].total)
        if len(found) <= MOST_ALIKE:
            return [sequel for sequel, _ in found]
        # Of those that are the same to the model from here on, the best one comes first; the others
        # cannot overtake it, and are kept as further answers where there is room.
        firsts: set[Hashable] = set()
        order: list[tuple[bool, Sequel]] = []
        for grown, key in found:
            order.append((key in firsts, grown))
            firsts.add(key)
        order.sort(key=lambda row: row[0])  # stable
        return sorted((one for _, one in order[:MOST_ALIKE]), key=lambda one: -one.total)

    def _hot(self, last: Step) -> float:
        phrases = self._phrases.get(last.place, ())
        return sum(self._hotwords[p] for p in phrases if places(last, len(p)) == p)

    def finish(self, sequel: Sequel) -> float:
        """Return the log_prob of the end of the sentence."""
        return float(self._model.finish(sequel.state))


def places(last: Step | None, most: int = -1) -> tuple[int, ...]:
    """Return the words of a sequence, or the ``most`` last ones."""
    return tuple(step.place for step in steps(last, most))


def steps(last: Step | None, most: int = -1) -> list[Step]:
    """Return the steps of a sequence, or the ``most`` last ones."""
    found: list[Step] = []
    while last is not None and len(found) != most:
        found.append(last)
        last = last.before
    return found[::-1]
