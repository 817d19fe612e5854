"""The lexicon decoder in numpy: searches, then ranks; the oracle of the compiled engine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgectc.core.types import Array, Decoded, Hypothesis
from edgectc.decoding.search.lexicon_numpy import Answer, PlainDecoder, Settings
from edgectc.decoding.search.options import Parts
from edgectc.decoding.search.trace import Path
from edgectc.decoding.search.words import Over, View, Words

_SLACK = 1e-9  # nats; scores closer than this are equal up to rounding
_SPELLINGS = 2  # looked for beyond the words wanted, where hotwords have several
_MORE_SLACK = 3.0  # nats to search further down while a posterior is too wide


class NumpySearch:
    """Ranks the words of a lexicon; see `edgectc.decoding.decoders.lexicon.LexiconDecoder`."""

    def __init__(self, parts: Parts) -> None:
        options = parts.options
        self._options, self._letters = options, parts.lexicon.letters
        self._words = Words(parts)
        self._spellings = _SPELLINGS * parts.renames
        unknown = options.unknown_score
        self._margin = math.inf if options.margin is None else options.margin
        self._settings = Settings(
            columns=parts.columns,
            n_tokens=len(parts.tokens),
            scale=options.acoustic_scale,
            blank_penalty=options.blank_penalty,
            letter_score=options.letter_score,
            margin=self._margin,
            budget=options.budget,
            beam_size=options.beam_size,
            free_spelling=None
            if unknown is None
            else (unknown, options.letter_score + options.unknown_letter_score),
            free_spelling_budget=max(1, options.budget // 8),
        )

    def __call__(
        self, values: Array, nbest: int, context: Sequence[str], partial: bool, trace: Path | None
    ) -> Decoded:
        """Return the ``nbest`` best words of (T, V) log_probs that were checked."""
        view = self._words.view(context)
        slack, width = _SLACK, 1.0 if partial else self._options.posterior_width or 1.0
        compared = max(nbest, self._options.rescore_size) + self._spellings
        # All spellings, a free one, and one that is never there: more would only take memory.
        wanted = min(compared, sum(len(tree.weights) for tree in view.trees) + 2)
        search = PlainDecoder(view.trees, self._settings, view.unsaid)
        heading = trace.heading(self._letters) if trace and partial else None
        answer = search(values, nbest=wanted, slack=slack, partial=partial, heading=heading)
        while answer.scores and answer.exact and _unseen(answer) > width:
            slack += _MORE_SLACK
            answer = search(values, nbest=wanted, slack=slack)  # no partial one has a width
        judge = None if partial else trace
        return self._decoded(view, answer, judge, nbest, partial)

    def prepare(self, context: Sequence[str]) -> None:
        """Make ready the words after a context."""
        self._words.view(context)

    def _decoded(
        self, view: View, answer: Answer, trace: Path | None, nbest: int, partial: bool
    ) -> Decoded:
        silence, compared = self._options.no_word_score, max(nbest, self._options.rescore_size)
        if not answer.scores:
            return Decoded(())
        if silence is not None and answer.log_blank + silence > max(answer.scores):
            return Decoded(())
        weight = self._options.template_weight
        # Every word of a spelling competes. Those of the n best spellings hold the n best words.
        found = [
            _Found(text, answer.scores[i] + less - weight * miss, miss, i, word)
            for i, miss in enumerate(self._misses(answer, trace))
            for text, less, word in self._words_of(view, answer, i)
        ]
        # Rounded, so that words equal up to rounding come in one order on every machine.
        ranked = sorted(found, key=lambda one: (-round(one.score / _SLACK), one.text))
        if self._spellings:
            ranked = _each_once(ranked)
        ranked = ranked[:compared]
        top, temperature = ranked[0].score, self._options.temperature
        shares = [math.exp((one.score - top) / temperature) for one in ranked]
        # No word that was not found scores more than this.
        best = sorted(answer.scores)
        floor = max(
            best[-1] - self._margin, best[-compared] if len(best) >= compared else -math.inf
        )
        hypotheses, total = [], sum(shares)
        for one, share in zip(ranked[:nbest], shares, strict=False):
            parts, exact, posterior = self._proven(view, answer, one, partial)
            if trace is not None:  # the score is no share of all words any more
                parts, posterior = {**parts, "template": -one.miss}, None
            # The shift is what the context takes from every word that it does not name.
            score, exact = one.score + view.shift, exact and one.score >= floor
            frames = answer.frames[one.place]
            hypotheses.append(
                Hypothesis(one.text, score, share / total, frames, exact, parts, posterior)
            )
        return Decoded(tuple(hypotheses))

    def _misses(self, answer: Answer, trace: Path | None) -> list[float]:
        """Return by how many keys the trace misses each word; 0 without a trace."""
        if trace is None:
            return [0.0] * len(answer.scores)
        return [trace.miss("".join(self._letters[n] for n in word)) for word in answer.letters]

    def _words_of(
        self, view: View, answer: Answer, i: int
    ) -> Iterator[tuple[str, float, Over | None]]:
        """Yield the words of a found spelling, how much less each weighs than the heaviest."""
        spelled = "".join([self._letters[letter] for letter in answer.letters[i]])
        if answer.words[i] < 0:
            yield spelled, 0.0, None
            return
        words = view.words(answer.words[i], spelled)
        for word in words:
            yield word.text, word.weight - words[0].weight, word

    def _proven(
        self, view: View, answer: Answer, one: _Found, partial: bool
    ) -> tuple[dict[str, float], bool, tuple[float, float] | None]:
        """Return the terms of a found word's score, and what is known of its rivals."""
        score = one.score + self._options.template_weight * one.miss
        if one.word is None:
            assert self._settings.free_spelling is not None
            weight = self._settings.free_spelling[0] + self._settings.free_spelling[1] * len(
                answer.letters[one.place]
            )
            return {"ctc": score - weight}, answer.spelled_exact, None
        told = not partial and self._options.posterior_width is not None
        posterior = _interval(score, answer.log_found, answer.log_rest) if told else None
        parts = {"ctc": score - one.word.weight, **view.parts(one.word)}
        return parts, answer.exact, posterior


@dataclass(frozen=True, slots=True)
class _Found:
    """A word that competes: its text, score, how far the trace misses it, its spelling's place."""

    text: str
    score: float
    miss: float
    place: int
    word: Over | None  # None for a free spelling


def _each_once(ranked: Sequence[_Found]) -> list[_Found]:
    """Return the words without hotwords that stand before in another spelling."""
    kept: dict[str, _Found] = {}
    others: list[_Found] = []
    for one in ranked:
        if one.text not in kept or one.word is None or not one.word.hot:
            kept.setdefault(one.text, one)
            others.append(one)
    return others


def _unseen(answer: Answer) -> float:
    """Return the largest share that words which were not looked at can have of all."""
    return 1.0 / (1.0 + math.exp(min(700.0, answer.log_found - answer.log_rest)))


def _interval(score: float, log_found: float, log_rest: float) -> tuple[float, float]:
    """Return the least and the most that exp(score) can be of all words together."""
    high = math.exp(min(0.0, score - log_found))
    return high / (1.0 + math.exp(min(700.0, log_rest - log_found))), high
