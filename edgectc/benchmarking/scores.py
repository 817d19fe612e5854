"""Accuracy of answers: of swipes top-1 and top-3 by letters, else a token error rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from edgectc.core.metrics import error_rate
from edgectc.language.spelling import letters


class Score(TypedDict, total=False):
    """How many answers were counted and how good they are, as shares."""

    labelled: int
    error_rate: float
    top1: float
    top3: float


def score(
    pairs: Sequence[tuple[Sequence[str], Sequence[str]]], *, swipes: bool, separator: str
) -> Score:
    """Return ``labelled``, ``error_rate``, and of swipes ``top1`` and ``top3``.

    Args:
        pairs: symbols that were meant (of a swipe its word alone) and the texts, best first.
        swipes: words are compared by their letters, as `edgectc eval` does.
        separator: what stands between the symbols of a text.
    """
    if not pairs:
        return {"labelled": 0}
    if not swipes:
        tokens = [(list(meant), _tokens(said, separator)) for meant, said in pairs]
        return {"labelled": len(pairs), "error_rate": round(error_rate(tokens), 5)}
    answers = [
        (letters(meant[0]), list(dict.fromkeys(map(letters, said)))) for meant, said in pairs
    ]
    rate = error_rate([(word, said[0] if said else "") for word, said in answers])
    return {
        "labelled": len(pairs),
        "error_rate": round(rate, 5),
        "top1": _among(answers, 1),
        "top3": _among(answers, 3),
    }


def _among(answers: Sequence[tuple[str, list[str]]], k: int) -> float:
    """Return the share of words that are among the first ``k`` texts."""
    return round(sum(word in texts[:k] for word, texts in answers) / len(answers), 5)


def _tokens(said: Sequence[str], separator: str) -> list[str]:
    best = said[0] if said else ""
    return [token for token in best.split(separator) if token] if separator else list(best)
