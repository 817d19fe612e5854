"""The lexicon decoder in numpy: always there, and the oracle of the compiled one."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from edgectc.core.types import Array
from edgectc.decoding.search import alignment, free_spelling, prefix_beam
from edgectc.decoding.search.checks import log_sum
from edgectc.decoding.search.prefix_search import (
    LIFT,
    LOG_TINY,
    Lattice,
    Result,
    Tree,
    best_entries,
    found_in,
)
from edgectc.decoding.search.trace import Heading

_STATES = 1 << 22  # frames of all prefixes that may be grown: the compiled search keeps them


@dataclass(frozen=True)
class Settings:
    """What the search needs beside its words.

    Attributes:
        columns: column of each letter in log_probs, then that of the blank.
        n_tokens: columns of log_probs.
        scale: factor on log_probs before they are normalised again.
        blank_penalty: nats taken from the blank of every frame after scaling.
        letter_score: nats in the weights for each letter of a word.
        margin: nats under the best word from which on words are not looked for.
        budget: prefixes to grow before a beam takes over.
        beam_size: prefixes that the beam keeps at each frame.
        free_spelling: score, and score per letter, of a spelling that is no word; None to find
            only words.
        free_spelling_budget: prefixes to grow for it.
    """

    columns: tuple[int, ...]
    n_tokens: int
    scale: float
    blank_penalty: float
    letter_score: float
    margin: float
    budget: int
    beam_size: int
    free_spelling: tuple[float, float] | None
    free_spelling_budget: int


@dataclass(frozen=True, eq=False, slots=True)
class Answer:
    """What a decoding found, in no order; -1 in ``words`` is a spelling that is no word.

    Attributes:
        words: n entries, those of a tree after the first counted on from the one before.
        scores: n natural-log scores.
        letters: letters of each.
        frames: frame of each letter.
        exact: whether no better word can have been missed.
        spelled_exact: whether no better spelling can have been missed.
        log_found: log of the sum of exp(score) over every word that was scored.
        log_rest: log of the most that all other words can add to that sum.
        log_blank: log of the probability that every frame is blank.
    """

    words: list[int]
    scores: list[float]
    letters: list[list[int]]
    frames: list[tuple[int, ...]]
    exact: bool
    spelled_exact: bool
    log_found: float
    log_rest: float
    log_blank: float


class PlainDecoder:
    """Finds the best words of one set of trees.

    Args:
        trees: the words.
        settings: what else the search needs.
        unsaid: spellings that are never free ones, in letter numbers.
    """

    def __init__(
        self,
        trees: Sequence[Tree],
        settings: Settings,
        unsaid: Set[tuple[int, ...]] = frozenset(),
    ) -> None:
        self._trees, self._settings, self._unsaid = trees, settings, unsaid

    def __call__(
        self,
        log_probs: Array,
        *,
        nbest: int,
        slack: float,
        partial: bool = False,
        heading: Heading | None = None,
    ) -> Answer:
        """Return what was found in ``log_probs`` (T, V) that were checked."""
        settings = self._settings
        values = log_probs * settings.scale
        values[:, settings.columns[-1]] -= settings.blank_penalty
        used = values[:, settings.columns] - log_sum(values)[:, None]
        mass = log_sum(used)
        if not np.all(np.isfinite(mass)):  # a frame that no letter and no blank can take
            return Answer([], [], [], [], True, True, -np.inf, -np.inf, -np.inf)
        signal = used - mass[:, None]
        if heading is not None:
            heading = heading.beside(float(mass[-1]))
        result = self._search(signal, nbest, slack, partial, heading)
        best = result.scores >= np.sort(result.scores)[-nbest:].min(initial=np.inf) - slack
        words, scores = result.entries[best].tolist(), result.scores[best].tolist()
        letters = [self._letters(word) for word in words]
        proven = True
        if settings.free_spelling and not partial:
            floor = max(scores, default=-np.inf) - settings.margin
            if len(scores) >= nbest:
                floor = max(floor, sorted(scores)[-nbest])
            spelled, proven = free_spelling.best(
                signal,
                *settings.free_spelling,
                is_word=self._is_word,
                floor=floor,
                budget=settings.free_spelling_budget,
            )
            if spelled:
                words, letters = [*words, -1], [*letters, list(spelled.letters)]
                scores = [*scores, spelled.score]
        total = float(mass.sum())
        if partial:
            letters = [[] for _ in words]
        frames: list[tuple[int, ...]] = [() for _ in words]
        if not partial:
            frames = alignment.align(used, letters)
        return Answer(
            words,
            [score + total for score in scores],
            letters,
            frames,
            result.exact,
            proven,
            result.log_found + total,
            result.log_rest + total,
            float(used[:, -1].sum()),
        )

    def _search(
        self, signal: Array, nbest: int, slack: float, partial: bool, heading: Heading | None
    ) -> Result:
        settings = self._settings
        result = best_entries(
            self._trees,
            signal,
            letter_score=settings.letter_score,
            nbest=nbest,
            slack=slack,
            margin=settings.margin,
            budget=min(settings.budget, _STATES // (len(signal) + 1)),
            partial=partial,
            heading=heading,
        )
        return result if result.exact else self._narrow(signal, result, partial, heading)

    def _narrow(
        self, signal: Array, result: Result, partial: bool, heading: Heading | None
    ) -> Result:
        """Add what the time-synchronous beam finds to a search that ran out of budget."""
        entries, scores, base = [result.entries], [result.scores], 0
        lattice = Lattice(signal, self._settings.letter_score, heading)
        for tree in self._trees:
            alive = prefix_beam.survivors(tree, signal, self._settings.beam_size)
            new = np.setdiff1d(alive + base, result.entries)
            words = [self._letters(int(word)) for word in new]
            mass = np.array([lattice.mass(word, partial=partial) for word in words])
            score = mass + tree.weights[new - base]
            possible = np.flatnonzero((mass > LOG_TINY - LIFT) & (score > -np.inf))
            entries.append(new[possible])
            scores.append(score[possible])
            base += len(tree.weights)
        all_scores = np.concatenate(scores)
        all_entries = np.concatenate(entries)
        log_found = found_in(self._trees, all_entries, all_scores)
        return Result(all_entries, all_scores, False, log_found, result.log_rest)

    def _letters(self, word: int) -> list[int]:
        for tree in self._trees:
            if word < len(tree.weights):
                return tree.trie.letters_of(word)
            word -= len(tree.weights)
        raise AssertionError("a search found an entry of no tree")

    def _is_word(self, letters: Sequence[int]) -> bool:
        codes = np.array([letters], np.uint16)
        for tree in self._trees:
            node = int(tree.trie.find(codes)[0])
            entry = int(tree.trie.word[node]) if node >= 0 else -1
            if entry >= 0 and tree.weights[entry] > -np.inf:
                return True
        return tuple(letters) in self._unsaid
