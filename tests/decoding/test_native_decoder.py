"""The compiled search against the plain one: equal words, scores and times on random cases."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.core.errors import ConfigError, MissingDependencyError, UnknownNameError
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import lexicon
from edgectc.decoding.search import compiled
from edgectc.language.lexicon import Lexicon

ROOT = Path(edgectc.__file__).parents[1]
LETTERS = "abcdefg"
TOKENS = Tokens((*LETTERS, "<blank>"), len(LETTERS))
CASES_EACH = 500


@pytest.fixture(autouse=True)
def built() -> None:
    if not compiled.LIBRARY.exists():
        pytest.skip("the compiled search was not built here (no C compiler at install time)")


def words(rng: np.random.Generator, count: int) -> Lexicon:
    made = {"".join(rng.choice(list(LETTERS), rng.integers(1, 7))) for _ in range(count)}
    return Lexicon.from_counts({word: float(rng.uniform(0.01, 100)) for word in sorted(made)})


def emissions(rng: np.random.Generator) -> np.ndarray:
    T, sharpness = int(rng.integers(1, 25)), float(rng.choice([0.3, 1.0, 4.0, 12.0]))
    values = rng.normal(0.0, sharpness, (T, len(TOKENS)))
    if rng.random() < 0.2:
        values[rng.random(values.shape) < 0.2] = -np.inf  # impossible tokens are legal
        values[:, -1] = 0.0
    return values - np.logaddexp.reduce(values, axis=1, keepdims=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_10_000_random_cases_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    options = lexicon.Options(
        lm_weight=float(rng.choice([0.0, 0.4, 2.0])),
        letter_score=float(rng.choice([0.0, 0.7, -1.5])),
        acoustic_scale=float(rng.choice([1.0, 0.6])),
        unknown_score=-2.0 if seed % 10 == 9 else None,
        blank_penalty=float(rng.choice([0.0, 1.0])),
        budget=2000,
        no_word_score=[None, 0.0][seed // 2 % 2],
        # The bounds of one word prove free spellings that the others leave without proof.
        posterior_width=None if seed % 2 and seed % 10 != 9 else 1.0,
    )
    entries = words(rng, int(rng.integers(1, 300)))
    one, two = (
        lexicon.create(options, tokens=TOKENS, lexicon=entries, backend=backend)
        for backend in ("numpy", "native")
    )
    assert (one.backend, two.backend) == ("numpy", "native")
    for _ in range(CASES_EACH):
        values, nbest = emissions(rng), int(rng.integers(1, 12))
        unfinished = bool(rng.random() < 0.2)
        a, b = (made(values, nbest=nbest, partial=unfinished) for made in (one, two))
        # A free spelling may go without proof on noise; every word has one.
        assert all(sum(not h.exact for h in found) <= (seed % 10 == 9) for found in (a, b))
        a, b = ([h for h in found if h.exact] for found in (a, b))
        assert [h.text for h in a][: len(b)] == [h.text for h in b][: len(a)]
        for x, y in zip(a, b, strict=False):
            assert x.score == pytest.approx(y.score, abs=1e-9)
            assert x.timesteps == y.timesteps
            if x.posterior and y.posterior:  # two proofs of one truth
                assert max(x.posterior[0], y.posterior[0]) <= 1e-12 + min(
                    x.posterior[1], y.posterior[1]
                )


def test_without_budget_the_beam_answers_and_says_so() -> None:
    rng = np.random.default_rng(0)
    entries = words(rng, 300)
    flat = np.full((40, len(TOKENS)), -np.log(len(TOKENS)))
    noise = rng.normal(0.0, 1.0, (40, len(TOKENS)))
    noise -= np.logaddexp.reduce(noise, axis=1, keepdims=True)
    exact = lexicon.create(lexicon.Options(), tokens=TOKENS, lexicon=entries)
    for backend in ("numpy", "native"):
        short = lexicon.Options(budget=1, beam_size=400)
        made = lexicon.create(short, tokens=TOKENS, lexicon=entries, backend=backend)
        for values in (flat, noise):
            got, best = made(values), exact(values)
            # A beam that is as wide as the lexicon misses nothing, but it has proven nothing.
            assert [h.text for h in got] == [h.text for h in best]
            assert [h.score for h in got] == pytest.approx([h.score for h in best], abs=1e-9)
            assert not any(h.exact for h in got)
            assert all(h.exact for h in best)


def test_narrow_beams_agree() -> None:
    rng = np.random.default_rng(1)
    entries = words(rng, 300)
    for beam_size in (1, 5, 40):
        options = lexicon.Options(budget=1, beam_size=beam_size)
        one, two = (
            lexicon.create(options, tokens=TOKENS, lexicon=entries, backend=backend)
            for backend in ("numpy", "native")
        )
        found = 0
        for _ in range(100):
            values = emissions(rng)
            # numpy's search still makes its first dive before it gives up, so it may find more.
            a = {h.text: h.score for h in one(values, nbest=300)}
            for h in two(values, nbest=300):
                found += 1
                assert a[h.text] == pytest.approx(h.score, abs=1e-9)
        assert found


def test_weights_too_far_apart_for_linear_bounds_use_numpy() -> None:
    entries = Lexicon(("a", "b"), np.array([500.0, -500.0]))
    decoder = lexicon.create(lexicon.Options(), tokens=TOKENS, lexicon=entries, backend="native")
    assert decoder.backend == "numpy"
    values = np.log(np.full((3, len(TOKENS)), 1 / len(TOKENS)))
    assert [h.text for h in decoder(values)] == ["a", "b"]


def test_eight_threads_through_one_decoder() -> None:
    rng = np.random.default_rng(1)
    decoder = lexicon.create(
        lexicon.Options(), tokens=TOKENS, lexicon=words(rng, 200), backend="native"
    )
    inputs = [emissions(rng) for _ in range(400)]
    alone = [decoder(values) for values in inputs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(decoder, inputs)) == alone


def test_a_missing_library_is_said_once_and_numpy_decodes(
    monkeypatch: pytest.MonkeyPatch, tmp_path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiled, "LIBRARY", tmp_path / "none.so")
    compiled.library.cache_clear()
    entries = Lexicon.from_counts({"ab": 1.0})
    try:
        for _ in range(2):
            made = lexicon.create(lexicon.Options(), tokens=TOKENS, lexicon=entries)
            assert made.backend == "numpy"
        assert len([r for r in caplog.records if "compiled decoder is missing" in r.message]) == 1
        with pytest.raises(ConfigError, match="was not built"):
            lexicon.create(lexicon.Options(), tokens=TOKENS, lexicon=entries, backend="native")
    finally:
        compiled.library.cache_clear()
    with pytest.raises(UnknownNameError, match="did you mean 'native'"):
        lexicon.create(lexicon.Options(), tokens=TOKENS, lexicon=entries, backend="natve")


@pytest.mark.slow
def test_in_a_source_tree_the_message_builds_the_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "native", tmp_path / "native")
    inside = tmp_path / compiled.LIBRARY.relative_to(ROOT)
    inside.parent.mkdir(parents=True)
    monkeypatch.setattr(compiled, "LIBRARY", inside)
    compiled.library.cache_clear()
    try:
        with pytest.raises(MissingDependencyError) as caught:
            edgectc.load(runner="native")
        (command,) = re.findall(r"run: (python .*) \(", str(caught.value))
        assert subprocess.run([sys.executable, *shlex.split(command)[1:]]).returncode == 0
        compiled.library.cache_clear()
        assert edgectc.load(runner="native")(edgectc.sample("hello")).best.text == "hello"
    finally:
        compiled.library.cache_clear()


def test_a_library_of_other_sources_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = Path(np.linalg._umath_linalg.__file__)  # loads, and has none of our functions
    monkeypatch.setattr(compiled, "LIBRARY", other)
    compiled.library.cache_clear()
    try:
        entries = Lexicon.from_counts({"ab": 1.0})
        made = lexicon.create(lexicon.Options(), tokens=TOKENS, lexicon=entries)
        assert made.backend == "numpy"
        assert "reinstall edgectc" in caplog.text
    finally:
        compiled.library.cache_clear()
