"""Accuracy of answers: of swipes top-1 and top-3 by letters, else a token error rate.

Intervals are 95 %, by user, signer or day where there are several, as those of `edgectc eval`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

from edgectc.core import metrics
from edgectc.language.spelling import letters


class Score(TypedDict, total=False):
    """How many answers were counted and how good they are, as shares."""

    labelled: int
    units: int
    error_rate: float
    error_rate_interval: list[float] | None
    top1: float
    top1_interval: list[float] | None
    top3: float


def score(
    pairs: Sequence[tuple[Sequence[str], Sequence[str]]],
    groups: Sequence[str | None],
    *,
    swipes: bool,
    separator: str,
) -> Score:
    """Return ``labelled``, ``error_rate``, and of swipes ``top1`` and ``top3``.

    ``units`` are the words, or else the symbols, of all labels: one of them is the least that can
    change.

    Args:
        pairs: symbols that were meant (of a swipe its word alone) and the texts, best first.
        swipes: words are compared by their letters, as `edgectc eval` does.
        groups: who or which day each is from.
        separator: what stands between the symbols of a text.
    """
    if not pairs:
        return {"labelled": 0}
    if not swipes:
        tokens = [(list(meant), _tokens(said, separator)) for meant, said in pairs]
        lengths = [len(meant) for meant, _ in tokens]
        return {
            "labelled": len(pairs),
            "units": sum(lengths),
            "error_rate": round(metrics.error_rate(tokens), 5),
            "error_rate_interval": _interval(
                [metrics.edit_distance(*pair) for pair in tokens], groups, lengths
            ),
        }
    answers = [
        (letters(meant[0]), list(dict.fromkeys(map(letters, said)))) for meant, said in pairs
    ]
    rate = metrics.error_rate([(word, said[0] if said else "") for word, said in answers])
    return {
        "labelled": len(pairs),
        "units": len(pairs),
        "error_rate": round(rate, 5),
        "top1": _among(answers, 1),
        "top1_interval": _interval(
            [float(word in texts[:1]) for word, texts in answers], groups, [1] * len(answers), 1.0
        ),
        "top3": _among(answers, 3),
    }


def _interval(
    values: Sequence[float],
    groups: Sequence[str | None],
    counts: Sequence[int],
    most: float = math.inf,
) -> list[float] | None:
    """Return low and high of ``sum(values) / sum(counts)``, None of one sample."""
    names = [group or "" for group in groups]
    span = metrics.interval(values, names if len({*names}) > 1 else None, counts=counts)
    if span is None:
        return None
    low, high = span
    if high - low < 1e-12:  # nothing to go by
        reach = metrics.rule_of_three(len(values))
        low, high = low - reach, high + reach
    return [round(max(0.0, low), 5), round(min(most, high), 5)]


def _among(answers: Sequence[tuple[str, list[str]]], k: int) -> float:
    """Return the share of words that are among the first ``k`` texts."""
    return round(sum(word in texts[:k] for word, texts in answers) / len(answers), 5)


def _tokens(said: Sequence[str], separator: str) -> list[str]:
    best = said[0] if said else ""
    return [token for token in best.split(separator) if token] if separator else list(best)
