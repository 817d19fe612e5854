"""The prefix beam search against the sum over all alignments, and its two back ends."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import pytest
from beam_cases import NATIVE, ToyModel, decoder, log_softmax, random_case

from edgectc.core.tokens import Tokens, collapse
from edgectc.core.types import Decoded
from edgectc.decoding.decoders import beam
from edgectc.decoding.search import compiled
from edgectc.language.lexicon import Lexicon

WIDE = {"beam_size": 100_000, "beam_threshold": None, "token_threshold": None}


def hot_nats(words: tuple[str, ...], hotwords: Mapping[str, float], joined: bool) -> float:
    """Nats of the hotwords in a text, by looking at every place; one-letter symbols."""
    if joined:
        text = "".join(words)
        return sum(w * sum(text.startswith(h, i) for i in range(len(text)))
                   for h, w in hotwords.items())  # fmt: skip
    total = 0.0
    for phrase, weight in hotwords.items():
        sought = tuple(phrase.split())
        places = range(len(words) - len(sought) + 1)
        total += weight * sum(words[i : i + len(sought)] == sought for i in places)
    return total


def exhaustive(
    log_probs: np.ndarray,
    tokens: Tokens,
    options: beam.Options,
    *,
    lexicon: Lexicon | None = None,
    model: ToyModel | None = None,
    hotwords: Mapping[str, float] | None = None,
) -> list[tuple[str, float]]:
    """Every possible text with its score, by the formula of the class, best first."""
    T, V = log_probs.shape
    mass: dict[tuple[str, ...], float] = defaultdict(lambda: -math.inf)
    for path in itertools.product(range(V), repeat=T):
        symbols = [tokens.symbols[t] for t, _ in collapse(path, tokens.blank_id)]
        if options.separator is not None:
            words = tuple("".join(symbols).split(options.separator))
            words = tuple(word for word in words if word)
        else:
            words = ("".join(symbols),) if lexicon and symbols else tuple(symbols)
        score = sum(float(log_probs[t, v]) for t, v in enumerate(path))
        mass[words] = float(np.logaddexp(mass[words], score))
    single = options.separator is None and lexicon is None
    known = {} if lexicon is None else dict(zip(lexicon.words, lexicon.log_probs, strict=True))
    for word in itertools.chain.from_iterable(map(str.split, hotwords or {})):
        if known:
            known.setdefault(word, min(known.values()))
    found = []
    for words, total in mass.items():
        if total == -math.inf or (options.constrain and not known.keys() >= set(words)):
            continue
        score = total + hot_nats(words, hotwords or {}, single)
        if not single or model:
            score += options.word_score * len(words)
        if known:
            score += options.unknown_score * sum(word not in known for word in words)
        if model:
            state = model.start()
            for word in words:
                log_prob, state = model.score(state, word)
                score += options.lm_weight * log_prob
            score += options.lm_weight * model.finish(state)
        elif known:
            rarest = min(known.values())
            score += options.lm_weight * sum(known.get(word, rarest) for word in words)
        found.append(("".join(words) if single else " ".join(words), score))
    found.sort(key=lambda row: -row[1])
    return [] if not found or not found[0][0] else [row for row in found if row[0]]


def emissions(rng: np.random.Generator, T: int, V: int) -> np.ndarray:
    values = rng.normal(0.0, float(rng.choice([0.5, 2.0, 5.0])), (T, V))
    if rng.random() < 0.2:
        values[rng.random(values.shape) < 0.2] = -np.inf  # impossible tokens are legal
        values[:, -1] = np.maximum(values[:, -1], -2.0)
    return log_softmax(values)


def case(rng: np.random.Generator, kind: str) -> dict:
    """A random decoder of one kind: its tokens, options, lexicon, model and hotwords."""
    symbols = {"words": ["a", "b", "_"], "tokens": ["a", "b", "c"], "word": ["a", "b", "c"]}[kind]
    at = int(rng.integers(0, 4))
    symbols.insert(at, "#")
    letters = [s for s in symbols if s.isalpha()]
    made = {"tokens": Tokens(tuple(symbols), at), "model": None, "lexicon": None, "hotwords": {}}
    some = ["".join(w) for n in (1, 2, 3) for w in itertools.product(letters, repeat=n)]
    if kind == "word" or (kind == "words" and rng.random() < 0.6):
        words = rng.choice(some, int(rng.integers(1, 8)), replace=False).tolist()
        made["lexicon"] = Lexicon.from_counts({w: float(rng.uniform(0.1, 9)) for w in words})
    if rng.random() < 0.6:
        made["model"] = ToyModel()
    if rng.random() < 0.5:
        many = ["a b", "a", "b a b", "ab a", "bb"] if kind == "words" else ["ab", "b", "aba"]
        picked = rng.choice(many, int(rng.integers(1, 4)), replace=False).tolist()
        made["hotwords"] = {h: float(rng.uniform(-2, 4)) for h in picked}
    made["options"] = beam.Options(
        **WIDE,
        lm_weight=float(rng.choice([0.0, 0.4, 1.3])),
        word_score=float(rng.choice([0.0, 0.7, -1.1])),
        unknown_score=float(rng.choice([-3.0, 0.0, 0.8])),
        separator="_" if kind == "words" else None,
        constrain=made["lexicon"] is not None and rng.random() < 0.5,
    )
    return made


@pytest.mark.parametrize("backend", ["numpy", NATIVE])
@pytest.mark.parametrize("kind", ["words", "word", "tokens"])
@pytest.mark.parametrize("seed", range(12))
def test_a_wide_beam_is_the_sum_over_all_alignments(kind: str, seed: int, backend: str) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(2):
        made, log_probs = case(rng, kind), emissions(rng, int(rng.integers(1, 7)), 4)
        parts = {key: made[key] for key in ("lexicon", "model", "hotwords")}
        expected = exhaustive(log_probs, made["tokens"], made["options"], **parts)
        found = decoder(made, backend)(log_probs, nbest=10_000)
        assert len(found) == len(expected)
        scores = dict(expected)
        for hypothesis, (_, score) in zip(found, expected, strict=True):
            assert hypothesis.score == pytest.approx(score, abs=1e-9)
            assert hypothesis.score == pytest.approx(scores[hypothesis.text], abs=1e-9)


def same(a: Decoded, b: Decoded) -> None:
    assert [h.text for h in a] == [h.text for h in b]
    for x, y in zip(a, b, strict=True):
        assert x.score == pytest.approx(y.score, abs=1e-9)
        assert x.probability == pytest.approx(y.probability, abs=1e-9)
        assert x.timesteps == y.timesteps
        assert x.parts == pytest.approx(y.parts, abs=1e-9)


@pytest.mark.skipif(not compiled.LIBRARY.exists(), reason="the compiled search was not built here")
@pytest.mark.parametrize("seed", range(10))
def test_2_500_random_cases_agree(seed: int) -> None:
    rng = np.random.default_rng([1, seed])
    for _ in range(250):
        made, log_probs = random_case(rng)
        nbest = int(rng.integers(1, 12))
        one, two = (decoder(made, backend) for backend in ("numpy", "native"))
        assert (one.backend, two.backend) == ("numpy", "native")
        same(one(log_probs, nbest=nbest), two(log_probs, nbest=nbest))


@pytest.mark.parametrize("backend", ["numpy", NATIVE])
@pytest.mark.parametrize("seed", range(3))
def test_any_chunking_is_one_shot_to_the_bit(seed: int, backend: str) -> None:
    rng = np.random.default_rng([2, seed])
    for _ in range(60):
        made, log_probs = random_case(rng)
        decode = decoder(made, backend)
        stream, at = decode.stream(), 0
        while at < len(log_probs):
            end = at + int(rng.integers(1, 1 + len(log_probs) - at))
            stream.push(log_probs[at:end])
            if rng.random() < 0.3:  # looking does not touch
                stream.partial()
                stream.finish()
            at = end
        assert stream.finish(nbest=7) == decode(log_probs, nbest=7)


@pytest.mark.parametrize("backend", ["numpy", NATIVE])
def test_a_long_signal_forgets_prefixes_and_nothing_else(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    made = {
        "tokens": Tokens(("-", *"abcdefghij "), 0),
        "lexicon": None,
        "model": ToyModel(),
        "hotwords": {"ab": 1.0},
        "options": beam.Options(beam_size=40, token_threshold=None, separator=" "),
    }
    log_probs = log_softmax(rng.normal(0, 3.0, (700, 12)))
    decode = decoder(made, backend)
    stream = decode.stream()
    for row in log_probs:
        stream.push(row[None])
    assert stream.finish() == decode(log_probs)
    if backend == "numpy":
        from edgectc.decoding.search import beam_numpy

        once = decode(log_probs)
        monkeypatch.setattr(beam_numpy, "_SPARE", 10)
        assert decode(log_probs) == once
    else:
        same(decode(log_probs), decoder(made, "numpy")(log_probs))


@pytest.mark.parametrize("backend", ["numpy", NATIVE])
@pytest.mark.parametrize("seed", range(4))
def test_timesteps_are_the_surest_frames_of_the_best_path(seed: int, backend: str) -> None:
    rng = np.random.default_rng([4, seed])
    tokens = Tokens(("a", "#", "b"), 1)
    for _ in range(10):
        T = int(rng.integers(1, 8))
        log_probs = log_softmax(rng.normal(0.0, 2.0, (T, 3)))
        best: dict[str, tuple[float, list[int]]] = {}
        for path in itertools.product(range(3), repeat=T):
            text = tokens.decode(t for t, _ in collapse(path, 1))
            score = sum(log_probs[t, v] for t, v in enumerate(path))
            if text not in best or score > best[text][0]:
                groups = itertools.groupby(enumerate(path), key=lambda tv: tv[1])
                runs = [[t for t, _ in group] for token, group in groups if token != 1]
                frames = [max(run, key=lambda t: log_probs[t, path[t]]) for run in runs]
                best[text] = (score, frames)
        found = beam.create(beam.Options(**WIDE), tokens=tokens, backend=backend)(log_probs)
        for hypothesis in found:
            assert list(hypothesis.timesteps) == best[hypothesis.text][1]
