"""Error rates against an independent oracle, and the interval against its own promise."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgectc.core import metrics
from edgectc.core.metrics import (
    argmax_agreement,
    bootstrap,
    edit_distance,
    error_rate,
    max_abs_difference,
    mean_abs_difference,
    sqnr_db,
)


@cache
def oracle(a: str, b: str) -> int:
    """The definition, read from the front: no table and no order of filling it."""
    if not a or not b:
        return len(a) + len(b)
    if a[0] == b[0]:
        return oracle(a[1:], b[1:])
    return 1 + min(oracle(a[1:], b[1:]), oracle(a[1:], b), oracle(a, b[1:]))


@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_edit_distance_agrees_with_the_definition(a: str, b: str) -> None:
    assert edit_distance(a, b) == oracle(a, b)
    assert edit_distance(list(a), list(b)) == oracle(a, b)


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 2), ("same", "same", 0)],
)
def test_edit_distance_of_known_pairs(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == distance


def test_error_rate_sums_before_it_divides() -> None:
    # The mean of the single rates would be (1/1 + 0/9) / 2 = 0.5.
    assert error_rate([("a", "b"), ("abcdefghi", "abcdefghi")]) == pytest.approx(0.1)


def test_error_rate_counts_words_when_given_words() -> None:
    assert error_rate([("see you soon".split(), "sea you soon".split())]) == pytest.approx(1 / 3)


def test_error_rate_may_exceed_one() -> None:
    assert error_rate([("a", "bcd")]) == 3.0


@pytest.mark.parametrize("pairs", [[], [("", "")], [("", "abc")]])
def test_error_rate_without_reference_is_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match="no reference"):
        error_rate(pairs)


def test_bootstrap_is_reproducible_and_holds_the_figure() -> None:
    values = np.random.default_rng(1).random(200)
    low, high = bootstrap(values, seed=3)
    assert (low, high) == bootstrap(values, seed=3)
    assert (low, high) != bootstrap(values, seed=4)
    assert low < values.mean() < high


def test_bootstrap_matches_the_normal_interval_of_a_mean() -> None:
    values = np.random.default_rng(2).normal(5.0, 2.0, 400)
    error = values.std() / np.sqrt(len(values))
    low, high = bootstrap(values, samples=4000)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_bootstrap_of_a_ratio_divides_sums() -> None:
    # Every group has the ratio 1/4 whatever its size, so no draw can give another.
    values, counts = [1, 2, 3, 10], [4, 8, 12, 40]
    assert bootstrap(values, ["a", "b", "b", "c"], counts=counts) == (0.25, 0.25)


def _by_user(seed: int) -> tuple[np.ndarray, list[str]]:
    """Twenty swipes of each of 40 users, around the user's own mean; the true mean is 0."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0.0, 1.0, (40, 1)) + rng.normal(0.0, 0.5, (40, 20))
    return values.ravel(), [f"user{i // 20}" for i in range(800)]


def test_bootstrap_by_user_covers_and_by_sample_does_not() -> None:
    grouped = single = 0
    for seed in range(200):
        values, users = _by_user(seed)
        low, high = bootstrap(values, users, samples=300, seed=seed)
        grouped += low < 0.0 < high
        low, high = bootstrap(values, samples=100, seed=seed)
        single += low < 0.0 < high
    assert 0.89 <= grouped / 200 <= 0.99
    assert single / 200 < 0.6


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.0], {}, "one says nothing"),
        ([1.0, 2.0], {"groups": ["a", "a"]}, "one says nothing"),
        ([1.0, float("nan")], {}, "NaN"),
        ([1.0, 2.0], {"groups": ["a"]}, "one length"),
        ([1.0, 2.0], {"counts": [1.0]}, "one length"),
        ([1.0, 2.0], {"counts": [1.0, 0.0]}, "sum to zero"),
        ([1.0, 2.0], {"level": 1.0}, "level"),
        ([1.0, 2.0], {"samples": 0}, "samples"),
    ],
)
def test_bootstrap_refuses(values: list[float], options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap(values, **options)  # type: ignore[arg-type]


def test_metrics_stand_on_the_ground_floor() -> None:
    code = "import sys, edgectc.core.metrics; print(*[m for m in sys.modules if 'ctc.data' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# Three values of 3, 4, 0 have a power of 25; errors of 0.3 and 0.4 have 0.25, a hundredth: 20 dB.
_EXPECTED = np.array([[3.0, 4.0, 0.0]])
_ANSWER = np.array([[3.3, 4.0, -0.4]])


def test_sqnr_is_signal_over_noise_in_decibels() -> None:
    assert sqnr_db([(_EXPECTED, _ANSWER)]) == pytest.approx(20.0)
    assert sqnr_db([(_EXPECTED, 2.0 * _EXPECTED)]) == pytest.approx(0.0)
    assert sqnr_db([(_EXPECTED, 11.0 * _EXPECTED)]) == pytest.approx(-20.0)


def test_sqnr_sums_before_it_divides() -> None:
    # Twice the signal over the same noise: 3 dB more, not a mean of 20 and infinity.
    pairs = [(_EXPECTED, _ANSWER), (_EXPECTED, _EXPECTED)]
    assert sqnr_db(pairs) == pytest.approx(20.0 + 10.0 * np.log10(2.0))


def test_sqnr_at_its_edges() -> None:
    masked = np.array([[-np.inf, 1.0]])
    assert sqnr_db([(_EXPECTED, _EXPECTED)]) == 200.0
    assert sqnr_db([]) == 200.0
    assert sqnr_db([(masked, masked)]) == 200.0
    assert sqnr_db([(masked, np.array([[-np.inf, 2.0]]))]) == pytest.approx(0.0)
    assert sqnr_db([(masked, np.array([[0.0, 1.0]]))]) == -200.0
    assert sqnr_db([(_EXPECTED, np.full_like(_EXPECTED, np.nan))]) == -200.0
    assert sqnr_db([(np.zeros((1, 2)), np.ones((1, 2)))]) == 0.0


def test_argmax_agreement_is_a_share_of_frames() -> None:
    expected = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    answer = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert argmax_agreement([(expected, answer)]) == 0.75
    assert argmax_agreement([(expected, expected)]) == 1.0
    # Three of four and none of one, counted by frames; pairs may have other columns.
    other = (np.array([[9.0, 0.0, 0.0]]), np.array([[0.0, 9.0, 0.0]]))
    assert argmax_agreement([(expected, answer), other]) == 0.6
    assert argmax_agreement([(np.zeros((0, 2)), np.zeros((0, 2)))]) == 1.0


def test_mean_and_largest_difference_of_known_arrays() -> None:
    assert mean_abs_difference([(_EXPECTED, _ANSWER)]) == pytest.approx(0.7 / 3)
    assert mean_abs_difference([(_EXPECTED, _ANSWER), (_EXPECTED, _EXPECTED)]) == pytest.approx(
        0.7 / 6
    )
    assert mean_abs_difference([]) == 0.0
    assert max_abs_difference(_EXPECTED, _ANSWER) == pytest.approx(0.4)
    assert max_abs_difference(_EXPECTED, np.full_like(_EXPECTED, np.nan)) == np.inf
    assert max_abs_difference(np.zeros((0, 2)), np.zeros((0, 2))) == 0.0


def test_intervals_where_nothing_went_wrong() -> None:
    """By hand: 10 of 10 by Wilson is [1 / (1 + z^2 / 10), 1]; none of 300 is at most 1 %."""
    low, high = metrics.wilson(10, 10)
    assert low == pytest.approx(1 / (1 + 1.959964**2 / 10))
    assert high == pytest.approx(1.0)
    assert metrics.wilson(0, 10)[0] == pytest.approx(0.0)
    assert metrics.wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert metrics.rule_of_three(300) == pytest.approx(0.01)
    assert metrics.rule_of_three(2) == 1.0
    with pytest.raises(ValueError, match=r"expected 0\.\.trials"):
        metrics.wilson(3, 2)
