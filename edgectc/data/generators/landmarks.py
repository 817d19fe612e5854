"""Generated signing as body landmarks: for tests, samples and trials without a data set.

Each gloss is a smooth path of both hands through a few places, a hand shape and a mouth; glosses
follow one another with a movement between them, signers differ in size and place, points jitter,
and a hand or the face is lost for a while, as a tracker loses it (NaN).

A frame is pose, left hand, right hand, face: that many points, x, y, z each, in shoulder widths
from the middle of the shoulders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.types import Array, Recording


@dataclass(frozen=True)
class Style:
    """How signers sign. Lengths in shoulder widths, times in frames.

    Attributes:
        world: seed of the glosses; samples of one world can be learnt from another's.
        places: places that a hand passes in a gloss.
        frames: shortest and longest gloss.
        between: frames of the movement between glosses.
        glosses: fewest and most glosses of a sentence.
        size: standard deviation of the log size of a signer.
        shift: standard deviation of a signer's place.
        jitter: standard deviation of each coordinate.
        lost: chance that a hand or the face is lost for a while in a sentence.
    """

    world: int = 0
    places: int = 3
    frames: tuple[int, int] = (10, 16)
    between: int = 4
    glosses: tuple[int, int] = (1, 4)
    size: float = 0.1
    shift: float = 0.1
    jitter: float = 0.01
    lost: float = 0.15


@dataclass(frozen=True)
class Points:
    """How many points each part of the body has; the default is a whole-body tracker's 543."""

    pose: int = 33
    hand: int = 21
    face: int = 468

    @property
    def parts(self) -> tuple[int, ...]:
        """Points of pose, left hand, right hand and face."""
        return (self.pose, self.hand, self.hand, self.face)


def synthesize(
    count: int,
    *,
    seed: int,
    glosses: Sequence[str],
    points: Points | None = None,
    signers: int = 4,
    max_frames: int = 150,
    style: Style | None = None,
) -> Iterator[Recording]:
    """Yield ``count`` sentences; ``group`` is the signer.

    Args:
        count: samples to make.
        seed: of the sentences; glosses depend on ``style.world`` alone.
        glosses: what may be signed.
        points: of the body.
        signers: how many there are, used in turn.
        max_frames: frames of the longest sample; a sentence ends before it.
        style: how signers sign.
    """
    style, points = style or Style(), points or Points()
    world = np.random.default_rng([style.world, *points.parts])
    body = _body(points, world)
    signs = [_Sign.draw(points, world, style) for _ in glosses]
    sizes = np.exp(world.normal(0.0, style.size, signers))
    places = world.normal(0.0, style.shift, (signers, 3))
    rng = np.random.default_rng(seed)
    for n in range(count):
        sentence, lasting = _sentence(len(glosses), max_frames, rng, style)
        hands = _hands([signs[i] for i in sentence], lasting, style)
        frames = body + _moved(points, [signs[i] for i in sentence], lasting, hands, style)
        who = n % signers
        frames = frames * sizes[who] + places[who] + rng.normal(0.0, style.jitter, frames.shape)
        _lose(frames, points, rng, style)
        yield Recording(
            signal=frames.reshape(len(frames), -1).astype(np.float32),
            target=tuple(glosses[i] for i in sentence),
            name=f"landmarks-{seed}-{n}",
            group=f"signer-{who}",
        )


@dataclass(frozen=True)
class _Sign:
    """Places (2, places, 3) of the hands, shapes (2, hand, 3) of them, and the mouth (face, 3)."""

    places: Array
    shapes: Array
    mouth: Array

    @classmethod
    def draw(cls, points: Points, rng: np.random.Generator, style: Style) -> _Sign:
        rest = np.array([[[-0.4, 0.4, -0.3]], [[0.4, 0.4, -0.3]]])
        return cls(
            rest + rng.normal(0.0, 0.35, (2, style.places, 3)),
            rng.normal(0.0, 0.08, (2, points.hand, 3)),
            rng.normal(0.0, 0.02, (points.face, 3)),
        )


def _body(points: Points, rng: np.random.Generator) -> Array:
    """Return (P, 3): where the points are at rest."""
    pose = rng.uniform((-0.6, -0.8, -0.1), (0.6, 1.0, 0.1), (points.pose, 3))
    hands = rng.normal(0.0, 0.06, (2 * points.hand, 3))
    face = rng.uniform((-0.2, -0.8, -0.1), (0.2, -0.3, 0.1), (points.face, 3))
    return np.concatenate([pose, hands, face])


def _sentence(
    known: int, max_frames: int, rng: np.random.Generator, style: Style
) -> tuple[list[int], list[int]]:
    """Return gloss indices and their frames; at least one, and no gloss twice in a row."""
    low, high = style.glosses
    sentence: list[int] = []
    lasting: list[int] = []
    for _ in range(rng.integers(low, high + 1)):
        frames = int(rng.integers(style.frames[0], style.frames[1] + 1))
        if sentence and sum(lasting) + len(sentence) * style.between + frames > max_frames:
            break
        choices = [i for i in range(known) if i not in sentence[-1:]]
        if not choices:
            break
        sentence.append(int(rng.choice(choices)))
        lasting.append(min(frames, max_frames))
    return sentence, lasting


def _hands(signs: list[_Sign], lasting: list[int], style: Style) -> Array:
    """Return (2, T, 3): minimum-jerk strokes from place to place, and from gloss to gloss."""
    pieces = []
    for i, (sign, frames) in enumerate(zip(signs, lasting, strict=True)):
        if i:
            ends = np.stack([signs[i - 1].places[:, -1], sign.places[:, 0]], axis=1)
            pieces.append(_stroke(ends, np.linspace(0.0, 1.0, style.between + 2)[1:-1]))
        pieces.append(_stroke(sign.places, np.linspace(0.0, style.places - 1.0, frames)))
    return np.concatenate(pieces, axis=1)


def _stroke(places: Array, at: Array) -> Array:
    """Return (2, n, 3): the path through places (2, k, 3) at times 0..k-1."""
    first = np.clip(at.astype(int), 0, places.shape[1] - 2)
    s = (at - first)[None, :, None]
    share = s**3 * (10.0 - 15.0 * s + 6.0 * s * s)
    return np.asarray(places[:, first] * (1.0 - share) + places[:, first + 1] * share)


def _moved(
    points: Points, signs: list[_Sign], lasting: list[int], hands: Array, style: Style
) -> Array:
    """Return (T, P, 3): how far each point is from rest."""
    T = hands.shape[1]
    shift = np.zeros((T, sum(points.parts), 3))
    # The arms follow the hands: later pose points more than earlier ones.
    follow = np.linspace(0.0, 0.5, points.pose)[None, :, None]
    shift[:, : points.pose] = follow * hands.mean(0)[:, None]
    left, right = points.pose, points.pose + points.hand
    face = right + points.hand
    shift[:, left:right] = hands[0][:, None]
    shift[:, right:face] = hands[1][:, None]
    start = 0
    for sign, frames in zip(signs, lasting, strict=True):
        now = slice(start, start + frames)
        shift[now, left:right] += sign.shapes[0]
        shift[now, right:face] += sign.shapes[1]
        shift[now, face:] += sign.mouth
        start += frames + style.between
    return shift


def _lose(frames: Array, points: Points, rng: np.random.Generator, style: Style) -> None:
    """Set a hand or the face to NaN for a third of the time, now and then; in place."""
    edges = np.cumsum((0, *points.parts))
    for part in (1, 2, 3):
        if rng.random() < style.lost:
            first = int(rng.integers(0, len(frames)))
            gone = slice(first, first + len(frames) // 3 + 1)
            frames[gone, edges[part] : edges[part + 1]] = np.nan
