"""Error rates, and how far to trust them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from edgectc.core.types import Array

Symbol = TypeVar("Symbol", bound=Hashable)

_MANY = 10  # groups; of fewer a bootstrap is too narrow
# 97.5th percentile of Student's t with 1, 2 ... 8 degrees of freedom.
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306)
SQNR_LIMIT_DB = 200.0  # stands for no noise at all; float32 reaches about 140


def edit_distance(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """Return the least insertions, deletions and substitutions that turn ``a`` into ``b``.

    Source: Wagner & Fischer 1974, "The String-to-String Correction Problem".
    """
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            best = diagonal if left == right else 1 + min(diagonal, row[j], row[j - 1])
            diagonal, row[j] = row[j], best
    return row[-1]


def alignment(
    a: Sequence[Symbol], b: Sequence[Symbol]
) -> list[tuple[Symbol | None, Symbol | None]]:
    """Return which items of ``a`` became which of ``b``, in order, with the fewest edits.

    ``(x, y)`` is a match or a substitution, ``(x, None)`` a deletion, ``(None, y)`` an insertion.
    Of alignments with as few edits the one is taken that pairs items as late as it can.

    Source: Wagner & Fischer 1974, "The String-to-String Correction Problem".
    """
    costs = np.zeros((len(a) + 1, len(b) + 1), np.int64)
    costs[:, 0], costs[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i, left in enumerate(a, start=1):
        for j, right in enumerate(b, start=1):
            pair = costs[i - 1, j - 1] + (left != right)
            costs[i, j] = min(pair, costs[i - 1, j] + 1, costs[i, j - 1] + 1)
    i, j = len(a), len(b)
    found: list[tuple[Symbol | None, Symbol | None]] = []
    while i or j:
        if i and j and costs[i, j] == costs[i - 1, j - 1] + (a[i - 1] != b[j - 1]):
            i, j = i - 1, j - 1
            found.append((a[i], b[j]))
        elif i and costs[i, j] == costs[i - 1, j] + 1:
            i -= 1
            found.append((a[i], None))
        else:
            j -= 1
            found.append((None, b[j]))
    return found[::-1]


def error_rate(pairs: Iterable[tuple[Sequence[Hashable], Sequence[Hashable]]]) -> float:
    """Return summed edit distance over summed reference length; it may exceed 1.

    The name of the figure is the name of the unit: character error rate on strings, word error
    rate on lists of words, phoneme error rate on lists of phonemes.

    Args:
        pairs: (reference, hypothesis), one a sample; both strings or both lists of tokens.

    Raises:
        ValueError: the references hold no token, so there is no rate.
    """
    errors = length = 0
    for reference, hypothesis in pairs:
        errors += edit_distance(reference, hypothesis)
        length += len(reference)
    if length == 0:
        raise ValueError("error_rate got no reference token, expected at least one")
    return errors / length


def bootstrap(
    values: ArrayLike,
    groups: Sequence[Hashable] | None = None,
    *,
    counts: ArrayLike | None = None,
    samples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return (low, high), the percentile bootstrap interval of ``sum(values) / sum(counts)``.

    Samples of one user are alike, so their number says little: with ``groups``, whole groups are
    drawn with replacement, each with its sum of values and of counts.

    Args:
        values: (n,) figure of each sample, e.g. 1 or 0 for right or wrong, or its edit distance.
        groups: (n,) who made each sample; None draws single samples.
        counts: (n,) denominator of each sample, e.g. its reference length; None is 1 each, and
            the figure is the mean.
        samples: draws.
        seed: of the draws; the same seed gives the same interval.
        level: coverage asked for, 0..1.

    Raises:
        ValueError: lengths differ, a value is not finite, fewer than two groups, or a group whose
            counts sum to zero.

    Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapters 8 and 13.
    """
    top, bottom = _group_sums(values, counts, groups)
    n = len(top)
    if n < 2:
        raise ValueError(
            f"bootstrap got {n} groups, expected 2 or more: one says nothing of others"
        )
    if not 0.0 < level < 1.0 or samples < 1:
        raise ValueError(f"expected level in 0..1 and samples >= 1, got {level} and {samples}")
    rng = np.random.default_rng(seed)
    figures = np.empty(samples)
    for i in range(samples):  # one draw at a time: all at once would take samples x n memory
        drawn = rng.integers(n, size=n)
        figures[i] = top[drawn].sum() / bottom[drawn].sum()
    low, high = np.quantile(figures, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def interval(
    values: ArrayLike, groups: Sequence[Hashable] | None = None, *, counts: ArrayLike | None = None
) -> tuple[float, float] | None:
    """Return (low, high), the 95 % interval of ``sum(values) / sum(counts)``; None of one group.

    Of ten groups or more it is `bootstrap`'s. Of fewer, whose draws repeat each other and come out
    too narrow, it is Student's around the ratio, from how far each group's sum is from it.

    Args:
        values: (n,) figure of each sample, e.g. its edit distance.
        groups: (n,) who made each sample; None takes single samples.
        counts: (n,) denominator of each sample; None is 1 each.

    Raises:
        ValueError: as `bootstrap`.

    Source: Cochran 1977, "Sampling Techniques", section 2.11, the variance of a ratio.
    """
    top, bottom = _group_sums(values, counts, groups)
    n = len(top)
    if n >= _MANY:
        return bootstrap(values, groups, counts=counts)
    if n < 2:
        return None
    ratio = float(top.sum() / bottom.sum())
    spread = float(((top - ratio * bottom) ** 2).sum()) * n / (n - 1)
    reach = _STUDENT[n - 2] * math.sqrt(spread) / float(bottom.sum())
    return ratio - reach, ratio + reach


def rule_of_three(trials: float) -> float:
    """Return the highest rate, 95 % sure, of what happened in none of so many trials, 0..1.

    Source: Hanley & Lippman-Hand 1983, "If Nothing Goes Wrong, Is Everything All Right?".
    """
    return min(1.0, 3.0 / trials) if trials > 0 else 1.0


def wilson(hits: float, trials: int) -> tuple[float, float]:
    """Return (low, high), the 95 % interval of a rate, which holds at 0 and 1 too.

    Raises:
        ValueError: fewer than one trial, or hits outside 0..trials.

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    if trials < 1 or not 0 <= hits <= trials:
        raise ValueError(f"wilson got {hits} of {trials}, expected 0..trials of 1 or more")
    z, rate = 1.959963984540054, hits / trials
    middle = rate + z * z / (2 * trials)
    reach = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    whole = 1 + z * z / trials
    return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)


def calibration_error(probability: ArrayLike, right: ArrayLike, *, bins: int = 15) -> float:
    """Return the mean distance between stated probability and share of right answers.

    Samples are sorted by probability and dealt into bins of equal size; each bin counts by it.

    Args:
        probability: (n,) stated probability that the answer is right, 0..1.
        right: (n,) whether it was.
        bins: most bins; fewer samples make fewer.

    Raises:
        ValueError: no samples, or another number of answers.

    Source: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities", with the equal-mass bins
    of Nguyen & O'Connor 2015.
    """
    stated, was = np.asarray(probability, np.float64), np.asarray(right, np.float64)
    if stated.ndim != 1 or stated.shape != was.shape or not len(stated):
        raise ValueError(
            f"calibration_error got {stated.shape} and {was.shape}, expected two alike"
        )
    order = np.argsort(stated, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return float(sum(abs(stated[p].sum() - was[p].sum()) for p in parts) / len(order))


def sqnr_db(pairs: Iterable[tuple[Array, Array]]) -> float:
    """Return the signal-to-quantization-noise ratio, 10 log10(sum of squares / sum of errors^2).

    Equal values have no noise, -inf where -inf is expected among them.

    Args:
        pairs: (expected, answer), each two arrays of one shape; sums go over all of them.

    Returns:
        Decibels: the more the closer; 200 for no difference at all, -200 where a difference is not
        finite, 0 where nothing but zeros is expected and something else came.
    """
    signal = noise = 0.0
    for expected, answer in pairs:
        difference = _difference(expected, answer)
        if not np.isfinite(difference).all():
            return -SQNR_LIMIT_DB
        whole = np.asarray(expected, np.float64)
        signal += float((whole[np.isfinite(whole)] ** 2).sum())
        noise += float((difference**2).sum())
    if not noise:
        return SQNR_LIMIT_DB
    return 10.0 * math.log10(signal / noise) if signal else 0.0


def argmax_agreement(pairs: Iterable[tuple[Array, Array]]) -> float:
    """Return the share of frames whose likeliest token is the expected one, 0..1; 1 of none.

    Args:
        pairs: (expected, answer), each (T, V); V may differ between pairs.
    """
    same = frames = 0
    for expected, answer in pairs:
        if len(expected):
            same += int((expected.argmax(-1) == answer.argmax(-1)).sum())
            frames += len(expected)
    return same / frames if frames else 1.0


def mean_abs_difference(pairs: Iterable[tuple[Array, Array]]) -> float:
    """Return the mean of |answer - expected| over all values of all pairs; 0 of none.

    Args:
        pairs: (expected, answer), each two arrays of one shape.
    """
    total, count = 0.0, 0
    for expected, answer in pairs:
        total += float(np.abs(_difference(expected, answer)).sum())
        count += np.asarray(expected).size
    return total / count if count else 0.0


def max_abs_difference(expected: Array, answer: Array) -> float:
    """Return the largest |answer - expected|: inf if one is not finite, 0 of empty arrays."""
    difference = np.abs(_difference(expected, answer))
    return float(np.where(np.isnan(difference), np.inf, difference).max(initial=0.0))


def _difference(expected: Array, answer: Array) -> Array:
    """Return answer - expected in float64, 0 where both are the same infinity or both NaN."""
    a, b = np.asarray(answer, np.float64), np.asarray(expected, np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, a) - np.where(same, 0.0, b)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value that two systems err alike, from samples one alone got right.

    Exact: under that hypothesis each such sample is a fair coin. It takes samples to be
    independent; those of one person are not, so look at an interval by person too.

    Raises:
        ValueError: a count is below 0.

    Source: McNemar 1947, "Note on the sampling error of the difference between correlated
    proportions", in its exact form.
    """
    if min(only_first, only_second) < 0:
        raise ValueError(f"mcnemar got {only_first} and {only_second}, expected counts >= 0")
    n, least = only_first + only_second, min(only_first, only_second)
    logs = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
        for k in range(least + 1)
    ]
    return min(1.0, 2.0 * sum(math.exp(value) for value in logs))


def _group_sums(
    values: ArrayLike, counts: ArrayLike | None, groups: Sequence[Hashable] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return (G,) sums of values and (G,) sums of counts, one a group."""
    top = np.asarray(values, dtype=np.float64)
    bottom = np.ones_like(top) if counts is None else np.asarray(counts, dtype=np.float64)
    members = range(len(top)) if groups is None else groups
    if top.ndim != 1 or bottom.shape != top.shape or len(members) != len(top):
        raise ValueError("bootstrap expects values, counts and groups of one length (n,)")
    if not (np.isfinite(top).all() and np.isfinite(bottom).all()):
        raise ValueError("bootstrap got a value or count that is NaN or infinite")
    if groups is not None:
        ids: dict[Hashable, int] = {}
        index = [ids.setdefault(group, len(ids)) for group in groups]
        sums = np.zeros((2, len(ids)))
        np.add.at(sums[0], index, top)
        np.add.at(sums[1], index, bottom)
        top, bottom = sums
    if (bottom <= 0).any():
        raise ValueError("bootstrap got a group whose counts sum to zero; drop it")
    return top, bottom
