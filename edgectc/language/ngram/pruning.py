"""Leaving out the n-grams that a model misses least.

Source: Stolcke 1998, Entropy-based pruning of backoff language models, equations 4 to 7; the
probability of a context is its share of the text, because that of a Kneser-Ney model is far off
(Chelba et al. 2010, Study on interaction between entropy pruning and Kneser-Ney smoothing). Only of
a model that is mixed in there is no text, so that its own probabilities have to do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgectc.core.errors import BudgetError
from edgectc.core.types import Array
from edgectc.language.ngram.counting import Grams
from edgectc.language.ngram.lm_file import file_bytes
from edgectc.language.ngram.mixture import balance, rests


def shrink(levels: list[Grams], words: Sequence[str], max_bytes: int, *, quantized: bool) -> float:
    """Keep what fits into a `.lm` file of ``max_bytes``; return the threshold in nats a word.

    Raises:
        BudgetError: the single words alone do not fit.
    """
    before = [level.kept for level in levels]
    losses = [np.zeros(0), *(_losses(levels, n) for n in range(2, len(levels) + 1))]

    def size(threshold: float) -> int:
        _keep(levels, before, losses, threshold)
        kept = [int(level.kept.sum()) for level in levels]
        return file_bytes(words, kept, quantized=quantized)

    if size(-np.inf) <= max_bytes:
        return 0.0
    if (least := size(np.inf)) > max_bytes:
        raise BudgetError(
            f"{len(words)} words alone take {least} bytes, more than the {max_bytes} allowed; "
            "limit the vocabulary with top=N",
            options=["top"],
        )
    low, high = -50.0, 0.0  # natural logarithms of the threshold
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if size(np.exp(middle)) <= max_bytes else (middle, high)
    size(np.exp(high))
    balance(levels)
    return float(np.exp(high))


def _losses(levels: list[Grams], n: int) -> Array:
    """Return the relative entropy, in nats a word of text, that each n-gram is worth."""
    level, above = levels[n - 1], levels[n - 2]
    p, lower = np.exp(level.log_probs), np.exp(above.log_probs)[level.suffixes]
    own, other = rests(level, p, lower, len(above.words))
    own, other = own[level.parents], other[level.parents]
    after = np.log(own + p) - np.log(other + lower)
    change = p * (np.log(lower) + after - level.log_probs) + own * (
        after - np.log(own) + np.log(other)
    )
    return np.asarray(-above.shares[level.parents] * change)


def _keep(levels: list[Grams], before: list[Array], losses: list[Array], threshold: float) -> None:
    """Keep n-grams worth ``threshold``, and the contexts of those that are kept."""
    needed = np.zeros(0, bool)
    for n in range(len(levels), 1, -1):
        level = levels[n - 1]
        level.kept = before[n - 1] & (losses[n - 1] >= threshold)
        if len(needed):
            level.kept |= needed
        needed = np.bincount(level.parents, level.kept, minlength=len(levels[n - 2].words)) > 0
