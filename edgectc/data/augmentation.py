"""Random changes of recordings, (T, C) arrays, each safe on every valid one.

All take a recording and a generator and return a new float32 array; NaN (a value that was not seen)
stays NaN, finite values stay finite, and a strength of zero changes nothing. The time functions
never return fewer than ``least`` frames, so that a label that fits goes on fitting.
"""

from __future__ import annotations

import numpy as np

from edgectc.core.types import Array


def white_noise(signal: Array, rng: np.random.Generator, deviation: float) -> Array:
    """Return the recording with noise of its own on every value."""
    return _float(signal + rng.normal(0.0, 1.0, signal.shape) * deviation)


def constant_offset(signal: Array, rng: np.random.Generator, deviation: float) -> Array:
    """Return the recording with each channel moved by a constant."""
    return _float(signal + rng.normal(0.0, 1.0, (1, signal.shape[1])) * deviation)


def jitter(signal: Array, rng: np.random.Generator, deviation: float) -> Array:
    """Return the recording with each channel moved along a slow curve: five cosines over it."""
    T, C = signal.shape
    phase = np.arange(T)[:, None] / max(1, T - 1) * np.pi * np.arange(1, 6)
    curve = np.cos(phase) @ rng.normal(0.0, 1.0, (5, C)) * np.sqrt(2.0 / 5.0)
    return _float(signal + curve * deviation)


def affine(
    signal: Array,
    rng: np.random.Generator,
    *,
    dims: int = 3,
    rotation: float = 0.0,
    scale: float = 0.0,
    shift: float = 0.0,
) -> Array:
    """Return the points of the recording turned, resized and moved as one.

    A point whose x or y was not seen has neither after a turn.

    Args:
        signal: (T, P * dims), the coordinates of a point next to one another.
        rng: of the draws.
        dims: coordinates of a point, 2 or more; the turn is in the plane of the first two.
        rotation: standard deviation, in radians, about the origin.
        scale: of the logarithm of the size.
        shift: of each coordinate.
    """
    angle, size = rng.normal(0.0, 1.0) * rotation, np.exp(rng.normal(0.0, 1.0) * scale)
    move = rng.normal(0.0, 1.0, dims) * shift
    points = signal.reshape(len(signal), -1, dims).astype(np.float64)
    x, y = points[..., 0].copy(), points[..., 1].copy()
    points[..., 0] = np.cos(angle) * x - np.sin(angle) * y
    points[..., 1] = np.sin(angle) * x + np.cos(angle) * y
    return _float((points * size + move).reshape(signal.shape))


def warp(
    signal: Array,
    rng: np.random.Generator,
    *,
    pace: float,
    least: int = 1,
    most: int | None = None,
) -> Array:
    """Return the recording played at another pace, which also changes along it.

    Args:
        signal: (T, C), T >= 1.
        rng: of the draws.
        pace: standard deviation of the logarithm of the length, and of the pace along the way.
        least: frames that must remain.
        most: frames that may not be exceeded; None for twice as many as there are.
    """
    T = len(signal)
    if pace == 0.0:
        return _float(signal.copy())
    wanted = T * np.exp(np.clip(rng.normal(0.0, pace), -0.7, 0.7))
    frames = int(np.clip(round(wanted), min(least, T), max(T, min(2 * T, most or 2 * T))))
    frames = max(1, min(frames, most) if most is not None else frames)
    steps = np.exp(np.interp(np.linspace(0, 3, frames), np.arange(4), rng.normal(0.0, pace, 4)))
    place = np.concatenate([[0.0], np.cumsum(steps[1:])])
    place *= (T - 1) / max(float(place[-1]), 1e-9) if frames > 1 else 0.0
    low = np.clip(np.floor(place).astype(int), 0, T - 1)
    high = np.minimum(low + 1, T - 1)
    share = (np.clip(place, 0, T - 1) - low)[:, None]
    # A neighbour that was not seen must not wipe out one that was: weight zero is no weight.
    later = np.where(share > 0.0, signal[high], 0.0)
    return _float(np.where(share > 0.0, signal[low] * (1.0 - share) + later * share, signal[low]))


def drop_points(
    signal: Array, rng: np.random.Generator, share: float, *, dims: int = 1, missing: float = 0.0
) -> Array:
    """Return the recording without some points, for all of its time.

    Args:
        signal: (T, P * dims).
        rng: of the draws.
        share: chance of each point to be lost.
        dims: channels of a point.
        missing: what a lost value reads, 0 or NaN.
    """
    lost = np.repeat(rng.random(signal.shape[1] // dims) < share, dims)
    return _float(np.where(lost[None, :], missing, signal))


def time_masks(
    signal: Array,
    rng: np.random.Generator,
    *,
    chance: float,
    width: int,
    most: int = 2,
    missing: float = 0.0,
) -> Array:
    """Return the recording with up to ``most`` stretches of time wiped out.

    Args:
        signal: (T, C).
        rng: of the draws.
        chance: of a sample to have any.
        width: longest stretch, in frames; never more than a third of the recording.
        most: stretches.
        missing: what a lost value reads, 0 or NaN.

    Source: Park et al. 2019, "SpecAugment" (the time masks).
    """
    out, T = _float(signal.copy()), len(signal)
    widest = min(width, T // 3)
    if rng.random() >= chance or widest < 1:
        return out
    for _ in range(int(rng.integers(1, most + 1))):
        frames = int(rng.integers(1, widest + 1))
        start = int(rng.integers(0, T - frames + 1))
        out[start : start + frames] = missing
    return out


def _float(values: Array) -> Array:
    """As float32, the largest of which is where the rest ends."""
    limit = np.finfo(np.float32).max
    return np.clip(values, -limit, limit).astype(np.float32)
