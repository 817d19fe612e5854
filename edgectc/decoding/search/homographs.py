"""Words that are spelled alike in the beam: every word of a spelling competes, by its context.

The beam knows a text by its tokens. Where a lexicon has several words of one spelling ("its" and
"it's" without an apostrophe among the tokens), a text holds the best word sequences that are
written so, and its score has that of the best one::

    lm(text) = max over words w spelled so of the sum over w of log P(w | words before)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

from edgectc.core.contracts import LanguageModel
from edgectc.decoding.search.beam_tables import Ending
from edgectc.decoding.search.beam_words import Scorer, Way
from edgectc.language.hotwords import normal

MOST_ALIKE = 16  # word sequences that a text may hold


class _Step(NamedTuple):
    before: _Step | None
    text: str


class _Sequel(NamedTuple):
    """One word sequence: its natural-log probability, and what may follow."""

    lm: float
    state: Hashable
    last: _Step | None


class HomographScorer(Scorer):
    """A `Scorer` whose states are sets of word sequences.

    Args:
        model: of the words.
        context: words before.
        shown: the text of a word's tokens.
        texts: of each row of the vocabulary, the most frequent word of its spelling.
        alike: rows of several words, to these, the most frequent first.
        state: of the model to begin in, None for its own.
    """

    def __init__(
        self,
        model: LanguageModel,
        context: Sequence[str],
        shown: Callable[[Sequence[int]], str],
        texts: Sequence[str],
        alike: Mapping[int, Sequence[str]],
        state: Hashable = None,
    ) -> None:
        super().__init__(model, context, shown, texts, state)
        self._asks, self._alike = model, alike
        self._sets = [[_Sequel(0.0, self._states[0], None)]]
        self._after: dict[tuple[int, int | str], tuple[float, int]] = {}

    def __call__(self, state: int, row: int, tokens: Sequence[int]) -> tuple[float, int]:
        """Return what a word adds to the log-probability, and the number of the state after it."""
        key = (state, row if row >= 0 else self._shown(tokens))
        if key not in self._after:
            words = self._alike.get(row) or [self._texts[row] if row >= 0 else str(key[1])]
            before = self._sets[state]
            found = self._grown(before, words)
            self._after[key] = found[0].lm - before[0].lm, len(self._sets)
            self._sets.append(found)
        return self._after[key]

    def ways(self, ending: Ending) -> list[Way]:
        """Return the word sequences of a text, the best one first."""
        found = [
            Way(one.lm + float(self._asks.finish(one.state)), one.state, _texts(one.last))
            for one in self._sets[ending.lm]
        ]
        return sorted(found, key=lambda way: -way.lm)

    def words(self, number: int) -> tuple[str, ...]:
        """Return the words of the best sequence of a state."""
        return _texts(self._sets[number][0].last)

    def _grown(self, before: Sequence[_Sequel], words: Sequence[str]) -> list[_Sequel]:
        found: list[_Sequel] = []
        for sequel in before:
            same: set[tuple[float, Hashable]] = set()
            for word in words:
                log_prob, state = self._asks.score(sequel.state, word)
                if (log_prob, state) in same:
                    continue  # to the model it is a more frequent one, as "Polish" is "polish"
                same.add((log_prob, state))
                found.append(_Sequel(sequel.lm + log_prob, state, _Step(sequel.last, word)))
        found.sort(key=lambda one: -one.lm)
        if len(found) <= MOST_ALIKE:
            return found
        # Of those that are the same to the model from here on, the best one comes first; the others
        # cannot overtake it, and are kept as further answers where there is room.
        states: set[Hashable] = set()
        late: list[tuple[bool, _Sequel]] = []
        for one in found:
            late.append((one.state in states, one))
            states.add(one.state)
        late.sort(key=lambda row: row[0])  # stable
        return sorted((one for _, one in late[:MOST_ALIKE]), key=lambda one: -one.lm)


def _texts(last: _Step | None) -> tuple[str, ...]:
    found: list[str] = []
    while last is not None:
        found.append(last.text)
        last = last.before
    return tuple(found[::-1])


class WrittenHotwords:
    """Tells hotwords from the words of the lexicon that are spelled like them.

    The search looks for tokens, so that "it's" as a hotword is found in "its" too, where the tokens
    have no apostrophe. Where the lexicon has both, only the one that is written so is meant.

    Args:
        hotwords: nats of each phrase.
        alike: the words of the lexicon that are spelled like a word, () for none.
    """

    def __init__(
        self, hotwords: Mapping[str, float], alike: Callable[[str], Sequence[str]]
    ) -> None:
        self._phrases: list[tuple[tuple[str, ...], list[frozenset[str]], float]] = []
        for phrase, weight in hotwords.items():
            meant = normal(phrase.split())
            others = [rivals(word, alike(word)) for word in phrase.split()]
            if any(others):
                self._phrases.append((meant, others, weight))

    def mistaken(self, words: Sequence[str]) -> float:
        """Return the nats that the search gave a text for words that are none of the hotwords."""
        plain, nats = normal(words), 0.0
        for meant, others, weight in self._phrases:
            for at in range(len(plain) - len(meant) + 1):
                pairs = [*zip(plain[at : at + len(meant)], meant, others, strict=True)]
                same = [word == one for word, one, _ in pairs]
                if not all(same) and all(a == b or a in rest for a, b, rest in pairs):
                    nats += weight
        return nats


def rivals(word: str, alike: Sequence[str]) -> frozenset[str]:
    """Return the words, in normal form, that are spelled like a word of the lexicon and not it."""
    plain = frozenset(normal(alike))
    meant = normal([word])[0]
    return plain - {meant} if meant in plain else frozenset()
