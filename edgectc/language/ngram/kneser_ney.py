"""Interpolated modified Kneser-Ney estimation in flat arrays.

    P(w | h) = max(c(h w) - D(c), 0) / c(h) + g(h) P(w | h')
    D(1), D(2), D(3 and more) from the counts of counts of each order

The longest n-grams have their counts, shorter ones the number of different words before them; those
that begin a sentence have their counts, as nothing can be before them. At the bottom is the even
distribution over all words but ``<s>``.

Source: Chen & Goodman 1998, An empirical study of smoothing techniques, section 3, equations 23 to
26; pruning by counts and the mass it frees as in Heafield et al. 2013.
"""

from __future__ import annotations

import numpy as np

from edgectc.core.types import Array
from edgectc.language.ngram.counting import Grams

FALLBACK = (0.5, 1.0, 1.5)  # discounts where the counts of counts give none


def estimate(levels: list[Grams], source: int) -> tuple[list[tuple[float, ...]], list[Array]]:
    """Return discounts and probabilities of each order for one text, and set its back-offs.

    Args:
        levels: n-grams, and which of them are kept.
        source: which text.
    """
    discounts: list[tuple[float, ...]] = []
    probabilities: list[Array] = []
    for n, level in enumerate(levels, start=1):
        adjusted = level.counts[source]
        if n < len(levels):
            above = levels[n]
            before = np.bincount(above.suffixes[above.counts[source] > 0], minlength=len(adjusted))
            adjusted = np.where(level.begins, adjusted, before)
        if n == 1:
            adjusted = adjusted * ~level.begins
        discounts.append(_discounts(adjusted))
        lower = probabilities[-1] if probabilities else np.zeros(0)
        probabilities.append(_interpolated(levels, n, adjusted, discounts[-1], lower))
    return discounts, probabilities


def _discounts(adjusted: Array) -> tuple[float, ...]:
    n1, n2, n3, n4 = (int((adjusted == i).sum()) for i in (1, 2, 3, 4))
    if not (n1 and n2 and n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    discounts = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    # A discount of 0 would leave nothing for unseen words.
    in_range = all(0 < d <= i for i, d in enumerate(discounts, start=1))
    return discounts if in_range else FALLBACK


def _interpolated(
    levels: list[Grams], n: int, adjusted: Array, discount: tuple[float, ...], lower: Array
) -> Array:
    """Return the probabilities of a level and set the back-offs of the one above it.

    ``lower`` are the probabilities of the level above, where the suffixes are found.
    """
    level = levels[n - 1]
    contexts = 1 if n == 1 else len(levels[n - 2].words)
    total = np.bincount(level.parents, adjusted, minlength=contexts)
    counted = total > 0
    total[~counted] = 1.0
    taken = np.array([0.0, *discount])[np.minimum(adjusted, 3)]
    # What is discounted from the kept ones and all of the rest goes to the shorter context.
    freed = np.where(level.kept, taken, adjusted)
    share = np.bincount(level.parents, freed, minlength=contexts) / total
    share[~counted] = 1.0
    own = (adjusted - taken) * level.kept / total[level.parents]
    if n == 1:
        even = ~level.begins / (len(level.words) - 1)
        return np.asarray(own + share[0] * even)
    has_child = np.bincount(level.parents, level.kept, minlength=contexts) > 0
    levels[n - 2].backoffs = np.log(np.where(has_child, share, 1.0))
    return np.asarray(own + share[level.parents] * lower[level.suffixes])
