"""Columns of an n-gram model in one byte a number: 256 different values and a book of them."""

from __future__ import annotations

import numpy as np

from edgectc.core.types import Array
from edgectc.language.ngram.tables import Column, Level, NGrams


def quantize(ngrams: NGrams) -> NGrams:
    """Return the model with at most 256 different numbers a column, a byte each.

    What is exactly 0 stays 0. Distributions sum to 1 only nearly afterwards.
    """
    levels = []
    for level in ngrams.levels:
        log_probs = level.log_probs[:]
        backoffs = None
        if level.backoffs is not None:
            values = level.backoffs[:]
            backoffs = _coded(values, _centres(values, np.ones(len(values))))
        # An error in a likely n-gram is paid more often, and takes more mass from the others.
        coded = _coded(log_probs, _centres(log_probs, np.exp(log_probs / 2)))
        levels.append(Level(level.words, coded, backoffs, level.starts))
    return NGrams(ngrams.words, tuple(levels))


def _centres(values: Array, weights: Array) -> Array:
    """Return at most 256 ascending numbers that stand for ``values``.

    Each is the weighted mean of those near it: equal shares of the weight at first, then settled
    by Lloyd's iteration.

    Source: Lloyd 1982, Least squares quantization in PCM.
    """
    distinct = np.unique(values)
    if len(distinct) <= 256:
        return distinct
    order = np.argsort(values, kind="stable")
    order = order[values[order] != 0.0]
    ranked, weights = values[order], weights[order] + 1e-9 * weights.max()
    share = np.cumsum(weights) / weights.sum()
    middles = np.searchsorted(share, (np.arange(253) + 0.5) / 253).clip(0, len(ranked) - 1)
    # The ends have centres of their own: -99 for <s> must not pull rare words down.
    centres = np.unique([ranked[0], *ranked[middles], ranked[-1]])
    for _ in range(20):
        nearest = _nearest(centres, ranked)
        weight = np.bincount(nearest, weights, minlength=len(centres))
        total = np.bincount(nearest, weights * ranked, minlength=len(centres))
        centres = np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), centres)
    zero = [0.0] if len(ranked) < len(values) else []
    return np.unique(np.append(centres, zero).astype(np.float32)).astype(np.float64)


def _coded(values: Array, centres: Array) -> Column:
    book = np.zeros(256, np.float32)
    book[: len(centres)] = centres
    return Column(_nearest(centres, values).astype(np.uint8), book)


def _nearest(centres: Array, values: Array) -> Array:
    """Return the place of the nearest of some ascending numbers for each value."""
    return np.searchsorted((centres[1:] + centres[:-1]) / 2, values)
