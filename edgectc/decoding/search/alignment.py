"""One label sequence against the frames: its probability, and where its letters are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgectc.core.types import Array


def forward(log_probs: Array, labels: Sequence[Sequence[int]]) -> Array:
    """Return (n,) the natural log of each label's probability, summed over all alignments.

    Args:
        log_probs: (T, K+1), the blank last.
        labels: letters of each sequence, 0..K-1.

    Source: Graves et al. 2006, "Connectionist Temporal Classification", section 4.1.
    """
    emitted, skip = _states(log_probs, labels)
    score = _first(emitted)
    for t in range(1, len(log_probs)):
        before = score.copy()
        before[:, 1:] = np.logaddexp(before[:, 1:], score[:, :-1])
        before[:, 2:] = np.logaddexp(before[:, 2:], score[:, :-2] + skip[:, 2:])
        score = before + emitted[t]
    rows = np.arange(len(labels))
    ends = 2 * np.array([len(label) for label in labels])
    return np.asarray(np.logaddexp(score[rows, ends], score[rows, ends - 1]))


def align(log_probs: Array, labels: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Return, for each label sequence, the frame where its best path is surest of each letter.

    Args:
        log_probs: (T, K+1), the blank last.
        labels: letters of each sequence, 0..K-1; T must allow all of them.

    Source: Viterbi over the label with blanks between, Graves et al. 2006, section 4.1.
    """
    if not labels:
        return []
    emitted, skip = _states(log_probs, labels)
    ways = np.full((3, *skip.shape), -np.inf)  # stay, next, skip
    score = _first(emitted)
    came = np.zeros(emitted.shape, np.int8)
    for t in range(1, len(log_probs)):
        ways[0], ways[1, :, 1:], ways[2, :, 2:] = score, score[:, :-1], score[:, :-2]
        ways[2] += skip
        ways.argmax(axis=0, out=came[t])
        score = ways.max(axis=0) + emitted[t]
    return [
        _frames(score[row], came[:, row], emitted[:, row], len(label))
        for row, label in enumerate(labels)
    ]


def _states(log_probs: Array, labels: Sequence[Sequence[int]]) -> tuple[Array, Array]:
    """Return what each state emits (T, n, S), and 0 where it may skip a blank, else -inf (n, S)."""
    blank = log_probs.shape[1] - 1
    states = np.full((len(labels), 2 * max(map(len, labels)) + 1), blank)
    for row, label in enumerate(labels):
        states[row, 1 : 2 * len(label) : 2] = label
    skip = np.zeros(states.shape)  # from the letter before, over the blank between
    skip[:, :2] = -np.inf
    skip[:, 2:][(states[:, 2:] == blank) | (states[:, 2:] == states[:, :-2])] = -np.inf
    return log_probs[:, states], skip


def _first(emitted: Array) -> Array:
    score = np.full(emitted.shape[1:], -np.inf)
    score[:, :2] = emitted[0, :, :2]
    return score


def _frames(score: Array, came: Array, emitted: Array, letters: int) -> tuple[int, ...]:
    """Walk one best path back; ``score`` (S,), ``came`` and ``emitted`` (T, S)."""
    # Of equal paths the earlier one, as in the steps before.
    state = 2 * letters - int(score[2 * letters - 1] > score[2 * letters])
    best = [(-math.inf, -1)] * letters
    for t in range(len(came) - 1, -1, -1):
        if state % 2:
            best[state // 2] = max(best[state // 2], (float(emitted[t, state]), -t))
        state -= int(came[t, state])
    return tuple(-negative for _, negative in best)
