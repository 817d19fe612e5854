"""Ranges: the calibrators agree, zero stays zero, padding and odd data do not break them."""

from __future__ import annotations

import numpy as np
import pytest

from edgectc.core.errors import InputError, NonFiniteError, UnknownNameError
from edgectc.exporting.lowering import calibration
from edgectc.exporting.lowering.calibration import (
    BINS,
    CALIBRATORS,
    LEVELS,
    Histogram,
    parameters,
    stratified,
)

NAMES = sorted(CALIBRATORS)


def seen(values: np.ndarray) -> Histogram:
    made = Histogram()
    made.widen(values)
    for part in np.array_split(values, 3):
        made.add(part)
    return made


def stored(values: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """What uint8 steps make of the values."""
    scale, zero = parameters(ends)
    return (np.clip(np.round(values / scale) + zero, 0, LEVELS - 1) - zero) * scale


def sqnr(values: np.ndarray, ends: tuple[float, float]) -> float:
    return 10 * np.log10((values**2).sum() / ((values - stored(values, ends)) ** 2).sum())


SHAPES = {
    "normal": lambda rng: rng.normal(0.3, 1.0, 60_000),
    "laplace": lambda rng: rng.laplace(0.0, 1.0, 60_000),
    "rectified": lambda rng: np.maximum(rng.normal(-0.5, 1.0, 60_000), 0.0),
    "uniform": lambda rng: rng.uniform(-1.0, 3.0, 60_000),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_every_calibrator_stores_well(name: str, shape: str, rng: np.random.Generator) -> None:
    values = SHAPES[shape](rng)
    found = {n: sqnr(values, CALIBRATORS[n](seen(values))) for n in NAMES}
    assert found[name] > 28.0
    assert found[name] > found["mse"] - 8.0  # within reason of the best


@pytest.mark.parametrize("shape", SHAPES)
def test_no_other_calibrator_beats_mse_at_squared_error(
    shape: str, rng: np.random.Generator
) -> None:
    values = SHAPES[shape](rng)
    best = sqnr(values, calibration.mse(seen(values)))
    assert all(sqnr(values, CALIBRATORS[n](seen(values))) <= best + 0.3 for n in NAMES)


def test_entropy_is_not_minmax_by_another_name(rng: np.random.Generator) -> None:
    values = rng.laplace(0.0, 1.0, 60_000)
    values[0] = 60.0  # an outlier that minmax spends its steps on
    low, high = calibration.entropy(seen(values))
    assert high < 30.0
    assert low > -30.0
    assert calibration.minmax(seen(values))[1] == 60.0
    assert sqnr(values[1:], (low, high)) > sqnr(values[1:], calibration.minmax(seen(values))) + 2


def test_percentile_leaves_out_the_share_it_says(rng: np.random.Generator) -> None:
    values = rng.normal(0.0, 1.0, 200_000)
    low, high = calibration.percentile(seen(values))
    outside = ((values < low) | (values > high)).mean()
    assert 0.2e-4 < outside < 2e-4


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "values",
    [np.zeros(100), np.full(100, 3.0), np.full(100, -3.0), np.array([1e-30, -1e-30] * 50)],
    ids=["zeros", "one value", "one negative value", "denormal"],
)
def test_odd_activations_have_usable_steps(name: str, values: np.ndarray) -> None:
    low, high = CALIBRATORS[name](seen(values))
    assert low <= 0.0 <= high
    scale, zero = parameters((low, high))
    assert np.isfinite(scale)
    assert scale > 0
    assert 0 <= zero < LEVELS


@pytest.mark.parametrize("ends", [(-1.0, 3.0), (0.0, 6.0), (-2.0, 0.0), (-0.001, 100.0)])
def test_zero_is_stored_as_zero(ends: tuple[float, float]) -> None:
    assert stored(np.zeros(1), ends)[0] == 0.0


def test_rectified_histogram_is_that_of_rectified_values(rng: np.random.Generator) -> None:
    values = rng.normal(0.0, 1.0, 50_000)
    ours, direct = seen(values).rectified(), seen(np.maximum(values, 0.0))
    assert (ours.low, ours.high) == (direct.low, direct.high)
    assert ours.counts.sum() == len(values)
    width = ours.high / BINS
    for share in (0.6, 0.9, 0.99):
        a, b = (np.searchsorted(np.cumsum(h.counts), share * len(values)) for h in (ours, direct))
        assert abs(int(a) - int(b)) * width < 0.01


def test_histogram_names_what_is_not_finite() -> None:
    with pytest.raises(NonFiniteError, match="activations reach from"):
        Histogram().widen(np.array([1.0, np.inf]))
    with pytest.raises(NonFiniteError, match="nan"):
        Histogram().widen(np.array([1.0, np.nan]))


def test_an_unknown_calibrator_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'entropy'"):
        calibration.calibrator("entropi")


def test_strata_hold_short_and_long_alike(rng: np.random.Generator) -> None:
    lengths = np.concatenate([np.full(900, 10), np.full(100, 60)]).tolist()
    chosen = stratified(lengths, 200, seed=3)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == 200
    assert 15 <= sum(lengths[i] == 60 for i in chosen) <= 30
    assert chosen == stratified(lengths, 200, seed=3)
    assert chosen != stratified(lengths, 200, seed=4)


@pytest.mark.parametrize(("there", "wanted"), [(63, 500), (500, 63), (0, 64)])
def test_too_few_samples_are_refused(there: int, wanted: int) -> None:
    with pytest.raises(InputError, match="expected 64 or more") as caught:
        stratified([5] * there, wanted, seed=0)
    assert caught.value.reason == "few_samples"
    assert len(stratified([5] * 64, 64, seed=0)) == 64
