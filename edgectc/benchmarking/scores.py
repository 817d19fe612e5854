"""Accuracy of answers: of swipes top-1 and top-3 by letters, else a token error rate."""

from __future__ import annotations

from collections.abc import Sequence

from edgectc.benchmarking.report import Figures
from edgectc.core.metrics import error_rate
from edgectc.language.spelling import letters


def score(
    pairs: Sequence[tuple[Sequence[str], Sequence[str]]], *, swipes: bool, separator: str
) -> Figures:
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
        **{
            f"top{k}": round(sum(w in said[:k] for w, said in answers) / len(answers), 5)
            for k in (1, 3)
        },
    }


def _tokens(said: Sequence[str], separator: str) -> list[str]:
    best = said[0] if said else ""
    return [token for token in best.split(separator) if token] if separator else list(best)
