"""How likely a text is by all its alignments, as another package counts them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

import numpy as np
import pytest


def spelled_mass(log_probs: np.ndarray, text: Sequence[int], blank: int) -> float:
    """Return the log-probability that (T, V) frames spell a text, as another package has it."""
    torch = pytest.importorskip("torch")
    rows, sizes = torch.tensor(log_probs, dtype=torch.float64)[:, None], (len(log_probs),)
    target = torch.tensor([list(text)], dtype=torch.int64)
    loss = torch.nn.functional.ctc_loss(rows, target, sizes, (len(text),), blank, reduction="none")
    return -float(loss)


def no_less_likely(
    found: Sequence[tuple[str, float]],
    expected: Sequence[tuple[str, float]],
    score_of: Callable[[str], float],
    tolerance: float,
) -> None:
    """Compare texts and scores of a search with those of one that lost alignments of some texts.

    By the score of all its alignments, the best text is no less likely than the one of then, nor is
    the second best found, and so on; no score is more than that; and all together are no less.

    Args:
        found: texts and scores in nats, the best first.
        expected: those of then.
        score_of: score of all alignments of a text.
        tolerance: nats that the network may differ by.
    """
    assert len(found) >= len(expected)
    trues = [sorted((score_of(text) for text, _ in one), reverse=True) for one in (found, expected)]
    for now, then in zip(*trues, strict=False):
        assert now >= then - tolerance, (found, expected)
    for (text, _), (before, _) in zip(found[:1], expected[:1], strict=False):
        assert score_of(text) >= score_of(before) - tolerance, (found, expected)
    assert all(score <= score_of(text) + tolerance for text, score in found), found
    now, then = (np.logaddexp.reduce([score for _, score in one]) for one in (found, expected))
    assert now >= then - tolerance, (found, expected)


def spelled(text: str, symbols: Sequence[str]) -> list[int]:
    """Return the tokens that write a word: é by e, and no apostrophe, where there is no key."""
    found = []
    for letter in text.lower():
        plain = unicodedata.normalize("NFD", letter)[0]
        found += [symbols.index(c) for c in (letter, plain) if c in symbols][:1]
    return found
