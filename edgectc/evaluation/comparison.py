"""Two systems on the same swipes, and controls that an honest evaluation must fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgectc.core import metrics
from edgectc.core.types import Swipe
from edgectc.data.rows import Chosen
from edgectc.evaluation.accuracy import Answer, Figures, answer
from edgectc.runtime.recognizer import Recognizer

CONTROL_LIMIT = 0.1  # top-1 above this says that the evaluation does not measure the swipes
_CONTROL_ROWS = 500
_OTHER_LAYOUTS = ("dvorak", "qwerty")


def compare(ours: Sequence[Answer], theirs: Sequence[Answer]) -> Figures:
    """Return how the first of two systems differs from the second in top-1, paired by swipe.

    Args:
        ours: answers of the first system.
        theirs: answers of the second to the same swipes.

    Returns:
        ``top1`` (of both), ``only_first`` and ``only_second`` (swipes one alone got right),
        ``mcnemar_p``, and ``difference`` as ``{"value", "low", "high"}`` (95 %, by user
        where there are several).
    """
    first, second = (np.array([a.right() for a in answers]) for answers in (ours, theirs))
    users = [a.user for a in ours]
    groups = users if len(set(users)) > 1 else None
    difference = first.astype(float) - second
    low, high = metrics.interval(difference, groups) or (None, None)
    if low == high and low is not None:  # nothing differs, which so many swipes do not prove
        reach = metrics.rule_of_three(len(ours))
        low, high = low - reach, low + reach
    alone = int((first & ~second).sum()), int((second & ~first).sum())
    return {
        "top1": [round(float(first.mean()), 5), round(float(second.mean()), 5)],
        "only_first": alone[0],
        "only_second": alone[1],
        "mcnemar_p": metrics.mcnemar(*alone),
        "difference": {"value": round(float(difference.mean()), 5), "low": low, "high": high},
    }


def controls(
    recognizer: Recognizer, swipes: Chosen[Swipe], answers: Sequence[Answer]
) -> dict[str, float]:
    """Return top-1 of two evaluations that must come out near zero, by name.

    ``shuffled labels`` compares every answer with the label of another swipe; ``wrong layout``
    reads at most 500 swipes on a keyboard they were not made on.
    """
    order = np.random.default_rng(0).permutation(len(answers))
    words = [answers[i].word for i in np.roll(order, 1)]
    moved = [replace(answers[i], word=word).right() for i, word in zip(order, words, strict=True)]
    rows = swipes.take(order[:_CONTROL_ROWS].tolist())
    wrong = [replace(row, layout=_other(row.layout), context=()) for row in rows]
    misread, _ = answer(recognizer, wrong)
    return {
        "shuffled labels": round(float(np.mean(moved)), 5),
        "wrong layout": round(float(np.mean([a.right() for a in misread])), 5),
    }


def _other(layout: str) -> str:
    return next(name for name in _OTHER_LAYOUTS if name != layout)
