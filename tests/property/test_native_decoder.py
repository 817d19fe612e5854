"""The compiled search against the plain one: equal words, scores and times on random cases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edgectc.data.lexicons import Lexicon
from edgectc.decoders import _native, lexicon
from edgectc.errors import ConfigError, UnknownNameError
from edgectc.tokens import Tokens

LETTERS = "abcdefg"
TOKENS = Tokens((*LETTERS, "<blank>"), len(LETTERS))
CASES_EACH = 500


@pytest.fixture(autouse=True)
def built() -> None:
    if not _native.LIBRARY.exists():
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


@pytest.mark.parametrize("seed", range(20))
def test_10_000_random_cases_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    options = lexicon.Options(
        lm_weight=float(rng.choice([0.0, 0.4, 2.0])),
        letter_score=float(rng.choice([0.0, 0.7, -1.5])),
        acoustic_scale=float(rng.choice([1.0, 0.6])),
    )
    entries = words(rng, int(rng.integers(1, 300)))
    one, two = (
        lexicon.create(options, tokens=TOKENS, lexicon=entries, backend=backend)
        for backend in ("numpy", "native")
    )
    assert (one.backend, two.backend) == ("numpy", "native")
    for _ in range(CASES_EACH):
        values, nbest = emissions(rng), int(rng.integers(1, 12))
        a, b = one(values, nbest=nbest), two(values, nbest=nbest)
        assert [h.text for h in a] == [h.text for h in b]
        for x, y in zip(a, b, strict=True):
            assert x.exact
            assert y.exact
            assert x.score == pytest.approx(y.score, abs=1e-9)
            assert x.probability == pytest.approx(y.probability, abs=1e-9)
            assert x.timesteps == y.timesteps


def test_long_garbage_falls_back_to_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    entries = words(rng, 300)
    values = np.full((40, len(TOKENS)), -np.log(len(TOKENS)))
    options = lexicon.Options(lm_weight=0.0)
    plain = lexicon.create(options, tokens=TOKENS, lexicon=entries, backend="numpy")
    native = lexicon.create(options, tokens=TOKENS, lexicon=entries, backend="native")
    monkeypatch.setattr(_native, "_BUDGET_BYTES", 16 * 41 * 20)
    assert native._native(np.log(np.full((40, 8), 0.125)), nbest=5, slack=1e-9) is None
    assert [h.text for h in native(values)] == [h.text for h in plain(values)]


def test_weights_too_far_apart_for_linear_bounds_use_numpy() -> None:
    entries = Lexicon(("a", "b"), np.array([-1.0, -1000.0]))
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
    monkeypatch.setattr(_native, "LIBRARY", tmp_path / "none.so")
    _native.library.cache_clear()
    entries = Lexicon.from_counts({"ab": 1.0})
    try:
        for _ in range(2):
            made = lexicon.create(lexicon.Options(), tokens=TOKENS, lexicon=entries)
            assert made.backend == "numpy"
        assert len([r for r in caplog.records if "compiled decoder is missing" in r.message]) == 1
        with pytest.raises(ConfigError, match="was not built"):
            lexicon.create(lexicon.Options(), tokens=TOKENS, lexicon=entries, backend="native")
    finally:
        _native.library.cache_clear()
    with pytest.raises(UnknownNameError, match="did you mean 'native'"):
        lexicon.create(lexicon.Options(), tokens=TOKENS, lexicon=entries, backend="natve")
