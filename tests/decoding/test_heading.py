"""What a moving finger is bound for, in the ranks of partial signals: against all their texts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgectc.core import registry
from edgectc.core.tokens import Tokens
from edgectc.decoding.search.trace import Path
from edgectc.language.lexicon import Lexicon

LETTERS = "abcde"
TABLE = Tokens((*LETTERS, "#", "<blank>"), 6)  # "#" is in no word
CENTRES = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.5, 1.0], [1.5, 1.0]])
TO_COME = 0.5


def all_texts(log_probs: np.ndarray) -> dict[str, float]:
    """Return log P of every text, its alignments added up frame by frame, by last token."""
    sums = {("", ""): 0.0}
    for row in log_probs:
        after: dict[tuple[str, str], float] = {}
        for (text, last), mass in sums.items():
            for token, symbol in enumerate((*LETTERS, "#", "")):
                longer = text if symbol in ("", last) else text + symbol
                key = (longer, symbol)
                after[key] = np.logaddexp(after.get(key, -np.inf), mass + row[token])
        sums = after
    texts: dict[str, float] = {}
    for (text, _), mass in sums.items():
        texts[text] = float(np.logaddexp(texts.get(text, -np.inf), mass))
    return texts


def random_case(rng: np.random.Generator, frames: int, letters: int) -> tuple[np.ndarray, Path]:
    values = rng.normal(0, rng.choice([0.5, 2.0, 4.0]), (frames, letters + 2))
    log_probs = values - np.logaddexp.reduce(values, axis=1, keepdims=True)
    points = np.cumsum(rng.normal(0, 0.4, (int(rng.integers(1, 12)), 2)), axis=0)
    seconds = np.cumsum(rng.uniform(0, 0.02, len(points)))
    centres = CENTRES if letters == len(LETTERS) else rng.uniform(0, 3, (letters, 2))
    return log_probs, Path(points, "abcdefghij"[:letters], centres, seconds)


def decoder(tokens: Tokens, known: Lexicon, backend: str, letter_score: float):
    spec = {"type": "lexicon", "template_weight": 0.5, "unknown_letter_score": -9.0}
    return registry.create(
        "decoders",
        {**spec, "letter_score": letter_score},
        tokens=tokens,
        lexicon=known,
        backend=backend,
    )


@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_scores_are_those_of_all_beginnings(backend: str, rng: np.random.Generator) -> None:
    for _ in range(25):
        words = {
            "".join(rng.choice([*LETTERS], rng.integers(1, 5))): float(rng.integers(1, 50))
            for _ in range(12)
        }
        known, letter_score = Lexicon.from_counts(words), float(rng.choice([0.0, 1.2, -0.8]))
        log_probs, trace = random_case(rng, int(rng.integers(1, 6)), len(LETTERS))
        heading = trace.heading(LETTERS)
        assert heading is not None
        share = math.exp(np.logaddexp.reduce(np.delete(log_probs[-1], 5)))
        whole, before = all_texts(log_probs), all_texts(log_probs[:-1])
        expected = {}
        for word, weight in zip(known.words, known.log_probs, strict=True):
            terms = []
            for k in range(len(word) + 1):
                seen = math.exp(whole.get(word[:k], -np.inf)) * (1 - heading.passing)
                if k < len(word):  # one that "#" shares the last frame with is no less likely
                    ahead = heading.ahead[LETTERS.index(word[k])] * heading.passing
                    most = share / max(share, 0.01)
                    seen += math.exp(before.get(word[:k], -np.inf)) * ahead * most
                terms.append(seen * math.exp(letter_score * k - TO_COME * (len(word) - k)))
            expected[word] = math.log(sum(terms)) + weight
        found = decoder(TABLE, known, backend, letter_score)(
            log_probs, nbest=20, partial=True, trace=trace
        )
        assert {h.text: h.score for h in found} == pytest.approx(expected, abs=1e-9)


def test_bounds_drop_no_word_and_both_searches_agree(rng: np.random.Generator) -> None:
    letters = "abcdefgh"
    tokens = Tokens((*letters, "#", "<blank>"), 9)
    for _ in range(25):
        words = {
            "".join(rng.choice([*letters], rng.integers(1, 9))): float(np.exp(rng.normal(0, 2)))
            for _ in range(600)
        }
        known, letter_score = Lexicon.from_counts(words), float(rng.choice([0, 1.2, -0.8, -2.5]))
        log_probs, trace = random_case(rng, int(rng.integers(1, 30)), len(letters))
        every = decoder(tokens, known, "numpy", letter_score)
        all_words = every(log_probs, nbest=len(words), partial=True, trace=trace)
        for backend in ("numpy", "auto"):
            made = decoder(tokens, known, backend, letter_score)
            for nbest in (1, 3):
                found = made(log_probs, nbest=nbest, partial=True, trace=trace)
                best = list(all_words)[:nbest]
                assert [h.text for h in found] == [h.text for h in best]
                assert [h.score for h in found] == pytest.approx([h.score for h in best], abs=1e-8)
                assert all(h.exact for h in found)


def test_a_key_ahead_is_likelier_and_the_more_so_the_faster_the_finger() -> None:
    row = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [1.0, 3.0]])
    points = np.column_stack([np.linspace(0.0, 1.5, 16), np.zeros(16)])

    def heading(duration: float):
        return Path(points, LETTERS, row, np.linspace(0.0, duration, 16)).heading(LETTERS)

    slow, fast, rests = heading(5.0), heading(0.05), heading(1e9)
    assert slow.passing < 0.05 < 0.5 < fast.passing < 0.8
    assert rests.passing < 1e-9
    a, b, c, d, e = fast.ahead
    assert d > c > 1 > max(b, e)  # far ahead, near ahead, aside, behind
    assert min(b, e) > a  # far behind
    assert Path(points, LETTERS, row).heading(LETTERS) is None  # nobody knows how fast
    still = Path(np.zeros((3, 2)), LETTERS, row, np.zeros(3)).heading(LETTERS)
    assert still.passing == 0
    unknown = Path(points, LETTERS, row, np.full(16, np.nan)).heading(LETTERS)
    assert unknown.passing == 0
    no_key = Path(points, "abcd", row[:4], np.linspace(0.0, 0.05, 16)).heading(LETTERS)
    assert no_key.ahead[4] == 1.0
