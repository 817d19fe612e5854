"""The say of the trace in ranking: against every alignment, and against every word."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import edgectc
from edgectc.core import metrics
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens
from edgectc.data.generators.swipes import swipe
from edgectc.decoding.decoders import lexicon
from edgectc.decoding.search.trace import Path
from edgectc.formats import layouts
from edgectc.language.lexicon import Lexicon

KEYS = {"a": np.array([0.0, 0.0]), "b": np.array([1.0, 0.0]), "c": np.array([0.4, 1.0])}
TOKENS = Tokens(("a", "b", "c", "<blank>"), blank_id=3)
WORDS = ["".join(w) for n in range(1, 5) for w in itertools.product("abc", repeat=n)]


def among_keys(points: np.ndarray) -> Path:
    return Path(points, tuple(KEYS), np.array([*KEYS.values()]))


def brute_miss(points: np.ndarray, word: str) -> float:
    """Every rising choice of one point a letter, written out."""
    n = len(points)
    sums = [
        sum(((points[i] - KEYS[c]) ** 2).sum() for i, c in zip(choice, word, strict=True))
        for choice in itertools.combinations_with_replacement(range(n), len(word))
    ]
    return math.sqrt(min(sums) / len(word))


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_a_miss_is_the_least_of_all_alignments(n: int) -> None:
    points = np.random.default_rng(n).normal(0.5, 0.7, (n, 2))
    path = among_keys(points)
    words = ("a", "ab", "ba", "aa", "abc", "cabb")
    wanted = [brute_miss(points, word) for word in words]
    assert [path.miss(word) for word in words] == pytest.approx(wanted)
    frames = np.log(np.full((12, len(TOKENS)), 1 / len(TOKENS)))
    for backend in ("numpy", "auto"):
        decode = lexicon.create(
            lexicon.Options(template_weight=1.0),
            tokens=TOKENS,
            lexicon=Lexicon.from_counts(dict.fromkeys(words, 1.0)),
            backend=backend,
        )
        ranked = decode(frames, nbest=len(words), trace=path)
        assert {h.text: -h.parts["template"] for h in ranked} == pytest.approx(
            dict(zip(words, wanted, strict=True))
        )


def test_a_trace_through_the_keys_misses_nothing_and_back_misses_much() -> None:
    path = among_keys(np.array([KEYS["a"], KEYS["c"], KEYS["b"]]))
    assert path.miss("acb") == path.miss("ab") == path.miss("accb") == 0.0
    assert path.miss("bca") > 0.5
    assert path.miss("") == path.miss("é") == 0.0  # letters without a key have no say


def log_probs(rng: np.random.Generator, frames: int) -> np.ndarray:
    logits = rng.normal(0.0, 2.0, (frames, 4))
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


@pytest.mark.parametrize("backend", ["numpy", "auto"])
@pytest.mark.parametrize("margin", [None, 0.5, 3.0])
@pytest.mark.parametrize("seed", range(6))
def test_the_proof_holds_with_a_trace(seed: int, margin: float | None, backend: str) -> None:
    rng = np.random.default_rng(seed)
    said = log_probs(rng, 6)
    path = among_keys(rng.normal(0.5, 0.5, (9, 2)))
    words = Lexicon(tuple(WORDS), rng.normal(-5.0, 1.0, len(WORDS)))
    how = {"letter_score": 0.5, "template_weight": 1.5}

    def made(weighed: int, **more: Any) -> lexicon.LexiconDecoder:
        options = lexicon.Options(**how, rescore_size=weighed, **more)
        return lexicon.create(options, tokens=TOKENS, lexicon=words, backend=backend)

    plain = made(1)(said, nbest=len(WORDS))
    expected = sorted((h.score - 1.5 * path.miss(h.text) for h in plain), reverse=True)
    every = made(1)(said, nbest=len(WORDS), trace=path)
    assert [h.score for h in every] == pytest.approx(expected)
    assert all(h.exact and h.posterior is None for h in every)
    assert every.best.parts["template"] == pytest.approx(-path.miss(every.best.text))
    assert sum(h.probability for h in every) == pytest.approx(1.0)
    for weighed in (1, 3, 8):  # what claims to be proven is right; what is not may be wrong
        found = made(weighed, margin=margin)(said, nbest=3, trace=path)
        assert len(found) == 3
        assert found[0].exact or margin or weighed < 8
        for place, hypothesis in enumerate(found):
            if hypothesis.exact:
                assert hypothesis.score == pytest.approx(expected[place])
    assert made(1)(said, nbest=3)[0].score == plain[0].score  # without a trace nothing changes


def test_a_trace_is_ignored_while_the_finger_moves() -> None:
    rng = np.random.default_rng(0)
    said, path = log_probs(rng, 6), among_keys(rng.normal(size=(9, 2)))
    words = Lexicon(tuple(WORDS), np.full(len(WORDS), -4.0))
    decode = lexicon.create(lexicon.Options(template_weight=9.0), tokens=TOKENS, lexicon=words)
    assert decode(said, partial=True, trace=path) == decode(said, partial=True)


def test_probability_is_shared_among_the_words_that_were_weighed() -> None:
    said = log_probs(np.random.default_rng(1), 6)
    words = Lexicon(tuple(WORDS), np.full(len(WORDS), -4.0))

    def best(**how: float) -> float:
        options = lexicon.Options(**how)  # type: ignore[arg-type]
        decode = lexicon.create(options, tokens=TOKENS, lexicon=words)
        return decode(said, nbest=1).best.probability

    assert best() == 1.0
    eight = lexicon.create(lexicon.Options(), tokens=TOKENS, lexicon=words)(said, nbest=8)
    assert best(rescore_size=8) == pytest.approx(eight.best.probability)
    scores = np.array([h.score for h in eight])
    assert best(rescore_size=8, temperature=2.0) == pytest.approx(
        1.0 / np.exp((scores - scores[0]) / 2.0).sum()
    )


@pytest.mark.parametrize(
    "how",
    [{"temperature": 0.0}, {"template_weight": -1.0}, {"rescore_size": 0}, {"temperature": np.nan}],
)
def test_senseless_options_are_refused(how: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        lexicon.Options(**how)  # type: ignore[arg-type]


def test_a_recognizer_hands_the_trace_on() -> None:
    layout = layouts.load("qwerty")
    points = swipe("hello", layout, np.random.default_rng(3))
    model = edgectc.load()
    model.preset = {**model.preset, "template_weight": 1.0, "rescore_size": 8}
    found = model(points)
    frames = model.frontend.frames(points, layout)[:, :2].astype(np.float32) / layout.key_size
    path = Path(frames, layout.letters, layout.centers / layout.key_size)
    assert found.best.parts["template"] == pytest.approx(-path.miss(found.best.text), abs=1e-5)


def test_calibration_error_by_hand() -> None:
    # two bins: stated 0.25 + 0.25, right 1 of 2; stated 1.0 + 0.75, right 1 of 2
    stated, right = [1.0, 0.25, 0.75, 0.25], [True, False, False, True]
    assert metrics.calibration_error(stated, right, bins=2) == pytest.approx((0.5 + 0.75) / 4)
    assert metrics.calibration_error([1.0, 1.0], [True, True]) == 0.0
    with pytest.raises(ValueError, match="expected two alike"):
        metrics.calibration_error([1.0], [True, False])
