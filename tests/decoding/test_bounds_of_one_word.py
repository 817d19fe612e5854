"""Bounds that hold for one word alone lose no word: every word scored by the textbook instead."""

from __future__ import annotations

import numpy as np
import pytest

from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import lexicon
from edgectc.language.lexicon import Lexicon

LETTERS = "abcdefgh"
TOKENS = Tokens((*LETTERS, "<blank>"), len(LETTERS))


def forward(log_probs: np.ndarray, word: str) -> float:
    """Return log P(word), the forward algorithm of Graves et al. 2006, section 4.1."""
    blank = len(LETTERS)
    states = [blank]
    for letter in word:
        states += [LETTERS.index(letter), blank]
    alpha = np.full(len(states), -np.inf)
    alpha[:2] = log_probs[0, states[:2]]
    for row in log_probs[1:]:
        before = alpha.copy()
        for s, token in enumerate(states):
            terms = [before[s], before[s - 1] if s else -np.inf]
            if s > 1 and token != blank and token != states[s - 2]:
                terms.append(before[s - 2])
            alpha[s] = np.logaddexp.reduce(terms) + row[token]
    return float(np.logaddexp.reduce(alpha[-2:]))


def case(rng: np.random.Generator, frames: int, words: int) -> tuple[Lexicon, np.ndarray]:
    """Return words and log_probs that are mostly flat, as of a sloppy stroke."""
    made = {"".join(rng.choice([*LETTERS], rng.integers(1, 8))) for _ in range(words)}
    values = rng.normal(0.0, rng.choice([0.2, 0.7, 2.0, 6.0]), (frames, len(TOKENS)))
    log_probs = values - np.logaddexp.reduce(values, axis=1, keepdims=True)
    return Lexicon.from_counts(
        {w: float(np.exp(rng.normal(0, 2))) for w in sorted(made)}
    ), log_probs


def decoder(
    entries: Lexicon, width: float | None, letter_score: float, **more: float
) -> lexicon.LexiconDecoder:
    options = lexicon.Options(letter_score=letter_score, posterior_width=width, **more)  # type: ignore[arg-type]
    return lexicon.create(options, tokens=TOKENS, lexicon=entries)


def test_the_best_words_are_those_of_the_textbook(rng: np.random.Generator) -> None:
    for _ in range(120):
        entries, log_probs = case(rng, int(rng.integers(1, 26)), int(rng.integers(1, 160)))
        letter_score = float(rng.choice([0.0, 1.2, -0.9]))
        expected = {
            word: score
            for word, weight in zip(entries.words, entries.log_probs, strict=True)
            if (score := forward(log_probs, word) + weight + letter_score * len(word)) > -np.inf
        }
        nbest = int(rng.integers(1, 9))
        found = decoder(entries, None, letter_score)(log_probs, nbest=nbest)
        best = sorted(expected.values(), reverse=True)[:nbest]
        assert [h.score for h in found] == pytest.approx(best, abs=1e-8)
        assert [h.score for h in found] == pytest.approx(
            [expected[h.text] for h in found], abs=1e-8
        )
        assert all(h.exact and h.posterior is None for h in found)


def test_free_spellings_are_the_same(rng: np.random.Generator) -> None:
    for _ in range(40):
        entries, log_probs = case(rng, int(rng.integers(3, 12)), 30)
        one, all_below = (
            decoder(entries, width, 0.0, unknown_score=2.0, unknown_letter_score=-0.5, budget=10**6)
            for width in (None, 1.0)
        )
        a, b = one(log_probs, nbest=4), all_below(log_probs, nbest=4)
        assert [h.text for h in a] == [h.text for h in b]
        assert [h.score for h in a] == pytest.approx([h.score for h in b], abs=1e-9)


def test_a_word_is_proven_with_fewer_prefixes(rng: np.random.Generator) -> None:
    proven = {None: 0, 1.0: 0}
    for _ in range(30):
        entries, _ = case(rng, 1, 3000)
        values = rng.normal(0.0, 1.0, (24, len(TOKENS)))
        for i, letter in enumerate(str(rng.choice([w for w in entries.words if len(w) == 7]))):
            values[3 * i : 3 * i + 2, LETTERS.index(letter)] += 6.0
            values[3 * i + 2, -1] += 6.0
        log_probs = values - np.logaddexp.reduce(values, axis=1, keepdims=True)
        for width in proven:
            found = decoder(entries, width, 0.7, budget=100)(log_probs, nbest=1)
            proven[width] += found.best.exact
    assert proven[None] > 1.5 * proven[1.0] > 0
