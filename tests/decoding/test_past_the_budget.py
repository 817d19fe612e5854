"""Where the budget runs out, both searches hold the words of one textbook beam, truly scored.

They grow prefixes in orders of their own, the compiled one best first, the plain one by levels, so
they have met other words until then. What the beam finds is no worse for that.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from likelihood import spelled_mass

from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import lexicon
from edgectc.decoding.search import compiled
from edgectc.language.lexicon import Lexicon

LETTERS = "abcdefg"
TOKENS = Tokens((*LETTERS, "<blank>"), len(LETTERS))
TO_COME = 0.5


def words(rng: np.random.Generator, count: int) -> Lexicon:
    made = {"".join(rng.choice([*LETTERS], rng.integers(1, 7))) for _ in range(count)}
    return Lexicon.from_counts({word: float(rng.uniform(0.01, 100)) for word in sorted(made)})


def emissions(rng: np.random.Generator) -> np.ndarray:
    frames, sharpness = int(rng.integers(1, 20)), float(rng.choice([0.3, 1.0, 4.0]))
    values = rng.normal(0.0, sharpness, (frames, len(TOKENS)))
    return values - np.logaddexp.reduce(values, axis=1, keepdims=True)


def textbook(log_probs: np.ndarray, weights: dict[str, float], width: int) -> set[str]:
    """Return the words that a beam over prefixes ends with: a dictionary, letter by letter.

    Source: Hannun et al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition", with
    the best word that a prefix can become in place of a language model.
    """
    ahead: dict[str, float] = {}
    for word, weight in weights.items():
        for k in range(len(word) + 1):
            ahead[word[:k]] = max(weight, ahead.get(word[:k], -math.inf))
    beam = {"": (0.0, 1.0)}  # of each prefix the probability that ends in its letter, and in blank
    for row in np.exp(log_probs):
        after: dict[str, list[float]] = {}
        for prefix, (letter, blank) in beam.items():
            stays = after.setdefault(prefix, [0.0, 0.0])
            stays[1] += (letter + blank) * row[TOKENS.blank_id]
            if prefix:
                stays[0] += letter * row[TOKENS.ids[prefix[-1]]]
            for more in LETTERS:
                if prefix + more in ahead:
                    before = blank if prefix.endswith(more) else letter + blank
                    came = after.setdefault(prefix + more, [0.0, 0.0])
                    came[0] += before * row[TOKENS.ids[more]]
        best = sorted(after, key=lambda p: -math.log(sum(after[p]) or 1e-300) - ahead[p])[:width]
        beam = {prefix: (after[prefix][0], after[prefix][1]) for prefix in best}
    return {prefix for prefix in beam if prefix in weights}


def true_score(log_probs: np.ndarray, word: str, weight: float, partial: bool) -> float:
    ids = TOKENS.encode(word)
    if not partial:
        return spelled_mass(log_probs, ids, TOKENS.blank_id) + weight
    begun = [
        spelled_mass(log_probs, ids[:k], TOKENS.blank_id) - TO_COME * (len(ids) - k)
        for k in range(len(ids) + 1)
    ]
    return float(np.logaddexp.reduce(begun)) + weight


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_the_words_of_a_textbook_beam_are_found(
    backend: str, partial: bool, rng: np.random.Generator
) -> None:
    if backend == "native" and not compiled.LIBRARY.exists():
        pytest.skip("the compiled search was not built here")
    ran_out = 0
    for case in range(120):
        known, width = words(rng, 150), int(rng.choice([1, 3, 12]))
        weights = dict(zip(known.words, known.log_probs.tolist(), strict=True))
        options = lexicon.Options(budget=int(rng.choice([1, 2, 10, 70])), beam_size=width)
        made = lexicon.create(options, tokens=TOKENS, lexicon=known, backend=backend)
        log_probs = emissions(rng)
        found = {h.text: h for h in made(log_probs, nbest=len(weights), partial=partial)}
        for text, one in found.items():
            assert one.score == pytest.approx(
                true_score(log_probs, text, weights[text], partial), abs=1e-8
            ), case
        if all(one.exact for one in found.values()):
            continue
        ran_out += 1
        assert not any(one.exact for one in found.values()), case
        beam = textbook(log_probs, weights, width)
        possible = {w for w in beam if true_score(log_probs, w, weights[w], partial) > -600}
        assert possible <= found.keys(), case
    assert ran_out >= 60
