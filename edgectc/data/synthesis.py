"""Generated finger traces: for reference inputs, samples, tests and a share of training.

A swipe is a sum of overlapping minimum-jerk strokes from key to key, so corners are cut as a real
finger cuts them, plus aim error, slow tremor and a screen's clock.

Source: Flash & Hogan 1985 (minimum jerk); Quinn & Zhai 2018, "Modeling Gesture-Typing Movements"
(overlapping strokes through key targets).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.data.layouts import Layout
from edgectc.data.lexicons import Lexicon, spell
from edgectc.types import Array, Swipe


@dataclass(frozen=True)
class Style:
    """How a finger moves. Lengths in key units, times in milliseconds.

    Attributes:
        aim_x: standard deviation of the offset from a key's centre, along the row.
        aim_y: the same across rows (keys are taller than wide, so it is less of a key).
        drift: correlation of that offset between neighbouring letters.
        stroke_ms: time of a stroke of zero length.
        reach_ms: added time per square root of a key of distance.
        spread: standard deviation of the log of a trace's overall speed.
        overlap: mean share of a stroke in which the next one has already begun.
        tremor: standard deviation of the slow noise on the path.
        tick_ms: time between samples of the screen.
    """

    aim_x: float = 0.24
    aim_y: float = 0.16
    drift: float = 0.4
    stroke_ms: float = 120.0
    reach_ms: float = 95.0
    spread: float = 0.6
    overlap: float = 0.1
    tremor: float = 0.06
    tick_ms: float = 16.7


def swipe(
    letters: Sequence[str], layout: Layout, rng: np.random.Generator, style: Style | None = None
) -> Array:
    """Return a generated (n, 3) trace x, y, t_ms of ``letters`` (all on ``layout``), n >= 2."""
    style = style or Style()
    index = {letter: i for i, letter in enumerate(layout.letters)}
    keys = layout.centers[[index[letter] for letter in letters]] / layout.key_size
    targets = keys + _aim_errors(len(keys), rng, style)
    steps = np.diff(targets, axis=0)
    distance = np.hypot(steps[:, 0], steps[:, 1])
    pace = np.exp(rng.normal(0.0, style.spread))
    lasting = pace * (style.stroke_ms + style.reach_ms * np.sqrt(distance))
    lasting *= np.exp(rng.normal(0.0, 0.2, len(lasting)))
    overlap = np.clip(style.overlap + rng.normal(0.0, 0.15), -0.1, 0.5)
    starts = np.concatenate([[0.0], np.cumsum(lasting * (1.0 - overlap))])[:-1]
    end = float((starts + lasting).max()) if len(lasting) else 80.0 * pace
    t = _clock(end, rng, style)
    path = targets[0] + _minimum_jerk(t, starts, lasting) @ steps
    path += _tremor(len(t), rng, style)
    return np.column_stack([path * layout.key_size, t])


def generate(
    lexicon: Lexicon, boards: Sequence[Layout], *, count: int, words: int, seed: int
) -> Iterator[Swipe]:
    """Yield ``count`` generated swipes of the ``words`` most frequent entries.

    Words are drawn by the square root of their frequency, so that rare ones are seen too.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(-lexicon.log_probs, kind="stable")[:words]
    weights = np.exp(0.5 * (lexicon.log_probs[order] - lexicon.log_probs[order[0]]))
    for n, row in enumerate(rng.choice(order, size=count, p=weights / weights.sum())):
        board = boards[n % len(boards)]
        word = spell(lexicon.words[row], board.letters)
        if word:
            yield Swipe(swipe(word, board, rng), word, board.name)


def _aim_errors(n: int, rng: np.random.Generator, style: Style) -> Array:
    """AR(1) offsets: a hand that is off stays off for a while."""
    noise = rng.normal(0.0, 1.0, (n, 2)) * (style.aim_x, style.aim_y)
    for i in range(1, n):
        noise[i] = style.drift * noise[i - 1] + np.sqrt(1.0 - style.drift**2) * noise[i]
    return noise


def _clock(end: float, rng: np.random.Generator, style: Style) -> Array:
    ticks = np.arange(0.0, end + style.tick_ms, style.tick_ms)
    ticks[1:] += rng.uniform(-0.2, 0.2, len(ticks) - 1) * style.tick_ms
    return np.round(ticks)


def _minimum_jerk(t: Array, starts: Array, lasting: Array) -> Array:
    """(n, strokes) share of each stroke that is done at each time: 10 s^3 - 15 s^4 + 6 s^5."""
    s = np.clip((t[:, None] - starts) / lasting, 0.0, 1.0)
    return np.asarray(s**3 * (10.0 - 15.0 * s + 6.0 * s * s))


def _tremor(n: int, rng: np.random.Generator, style: Style) -> Array:
    """Noise smoothed over five samples, rescaled to its nominal size."""
    kernel = np.hanning(7)[1:-1]
    kernel /= np.sqrt((kernel**2).sum())
    raw = rng.normal(0.0, style.tremor, (n + len(kernel) - 1, 2))
    return np.stack([np.convolve(raw[:, i], kernel, mode="valid") for i in range(2)], axis=1)
