"""Generated finger traces: for reference inputs, samples, tests and a share of training.

A swipe is a sum of overlapping minimum-jerk strokes from key to key, so corners are cut as a real
finger cuts them, plus aim error, slow tremor and a screen's clock.

Source: Flash & Hogan 1985 (minimum jerk); Quinn & Zhai 2018, "Modeling Gesture-Typing Movements"
(overlapping strokes through key targets).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgectc.core.errors import UnknownNameError
from edgectc.core.types import Array, Swipe
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import spell


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
        low: mean offset from a key's centre down the rows: fingers touch below what they aim at.
        end_aim: factor of the aim error of the last letter, which no later one corrects.
        rest_ms: median time that a finger stays at a letter, if it does; 0 for never.
        rest_share: share of the letters at which it does; always at the first and the last.
        rest_spread: standard deviation of the log of that time.
        double_ms: median time that it stays longer at a double letter.
        bow: standard deviation of a stroke's bend, as a share of its length.
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
    low: float = 0.0
    end_aim: float = 1.0
    rest_ms: float = 0.0
    rest_share: float = 0.3
    rest_spread: float = 0.8
    double_ms: float = 0.0
    bow: float = 0.0


# Fitted to the statistics of `edgectc.data.movement` on the training users of How We Swipe, by
# random search; docs/notes/generated_swipes.md has the figures on other users.
FITTED = Style(
    aim_x=0.226,
    aim_y=0.15,
    stroke_ms=100.0,
    reach_ms=80.0,
    spread=0.5,
    overlap=0.12,
    tremor=0.03,
    low=0.08,
    end_aim=1.5,
    rest_ms=70.0,
    rest_share=0.33,
    rest_spread=0.9,
    double_ms=150.0,
    bow=0.104,
)


def swipe(
    letters: Sequence[str], layout: Layout, rng: np.random.Generator, style: Style | None = None
) -> Array:
    """Return a generated (n, 3) trace x, y, t_ms of ``letters`` (all on ``layout``), n >= 2."""
    style = style or Style()
    index = {letter: i for i, letter in enumerate(layout.letters)}
    keys = layout.centers[[index[letter] for letter in letters]] / layout.key_size
    aims = _aim_errors(len(keys), rng, style)
    aims[:, 1] += style.low
    aims[-1] *= style.end_aim
    targets = keys + aims
    steps = np.diff(targets, axis=0)
    distance = np.hypot(steps[:, 0], steps[:, 1])
    pace = np.exp(rng.normal(0.0, style.spread))
    lasting = pace * (style.stroke_ms + style.reach_ms * np.sqrt(distance))
    lasting *= np.exp(rng.normal(0.0, 0.2, len(lasting)))
    overlap = np.clip(style.overlap + rng.normal(0.0, 0.15), -0.1, 0.5)
    starts = np.concatenate([[0.0], np.cumsum(lasting * (1.0 - overlap))])[:-1]
    rests = _rests(keys, pace, rng, style)
    starts += np.cumsum(rests)[:-1]
    end = float((starts + lasting).max()) if len(lasting) else 80.0 * pace
    t = _clock(end + float(rests[-1]), rng, style)
    share = _minimum_jerk(t, starts, lasting)
    path = targets[0] + share @ steps
    if style.bow:
        across = np.stack([-steps[:, 1], steps[:, 0]], axis=1)
        bends = rng.normal(0.0, style.bow, (len(steps), 1)) * across
        path += (4.0 * share * (1.0 - share)) @ bends
    path += _tremor(len(t), rng, style)
    return np.column_stack([path * layout.key_size, t])


def generate(
    lexicon: Lexicon,
    choice: Sequence[Layout],
    *,
    count: int,
    words: int,
    seed: int,
    style: Style | None = None,
) -> Iterator[Swipe]:
    """Yield ``count`` generated swipes of the ``words`` most frequent entries.

    Words are drawn by the square root of their frequency, so that rare ones are seen too.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(-lexicon.log_probs, kind="stable")[:words]
    weights = np.exp(0.5 * (lexicon.log_probs[order] - lexicon.log_probs[order[0]]))
    for n, row in enumerate(rng.choice(order, size=count, p=weights / weights.sum())):
        layout = choice[n % len(choice)]
        word = spell(lexicon.words[row], layout.letters)
        if word:
            yield Swipe(swipe(word, layout, rng, style), word, layout.name)


def again(
    swipes: Iterable[Swipe], rng: np.random.Generator, style: Style | None = None
) -> Iterator[Swipe]:
    """Yield a generated swipe for each labelled one that a shipped layout can spell."""
    for real in swipes:
        if real.word and real.layout in layouts.names():
            layout = layouts.shipped(real.layout)
            word = spell(real.word, layout.letters)
            if word:
                yield replace(real, points=swipe(word, layout, rng, style))


def named_style(name: str) -> Style:
    """Return the style called ``plain`` or ``fitted``.

    Raises:
        UnknownNameError: no such style.
    """
    styles = {"plain": Style(), "fitted": FITTED}
    if name not in styles:
        raise UnknownNameError("style", name, styles)
    return styles[name]


def _aim_errors(n: int, rng: np.random.Generator, style: Style) -> Array:
    """AR(1) offsets: a hand that is off stays off for a while."""
    noise = rng.normal(0.0, 1.0, (n, 2)) * (style.aim_x, style.aim_y)
    for i in range(1, n):
        noise[i] = style.drift * noise[i - 1] + np.sqrt(1.0 - style.drift**2) * noise[i]
    return noise


def _rests(keys: Array, pace: float, rng: np.random.Generator, style: Style) -> Array:
    """Return (n,) times for which a finger stays at each letter before it goes on."""
    if not style.rest_ms:
        return np.zeros(len(keys))
    stays = rng.random(len(keys)) < style.rest_share
    stays[[0, -1]] = True
    double = np.concatenate([[False], (keys[1:] == keys[:-1]).all(1)])
    usual = np.where(double, style.double_ms, style.rest_ms * stays)
    return np.asarray(usual * pace * np.exp(rng.normal(0.0, style.rest_spread, len(keys))))


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
