"""Ranges of activations: histograms of what was seen, and four ways to cut their tails.

An activation is stored in 256 steps between two ends. The widest ends clip nothing and make each
step coarse; narrower ones clip a few values and resolve the rest better. Zero is always inside, and
exactly one of the steps, because padding and ReLU make it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgectc.core.errors import InputError, NonFiniteError, UnknownNameError
from edgectc.core.types import Array

BINS = 2048
LEVELS = 256
LEAST_SAMPLES = 64  # fewer say too little about the tails
_TAIL = 1e-4  # share of values that the percentile calibrator gives up, both ends together
_GRID = 40  # candidates for one end
_NARROWEST = 0.1  # of an end

Range = tuple[float, float]


@dataclass
class Histogram:
    """Counts of finite values between two ends, in `BINS` bins.

    Attributes:
        low: least value seen, at most 0.
        high: largest value seen, at least 0.
        counts: (BINS,) float64.
    """

    low: float = 0.0
    high: float = 0.0
    counts: Array = field(default_factory=lambda: np.zeros(BINS))

    def widen(self, values: Array) -> None:
        """Move the ends over ``values``; before the first `add`.

        Raises:
            NonFiniteError: a value is NaN or Inf.
        """
        if values.size:
            low, high = float(values.min()), float(values.max())
            if not (np.isfinite(low) and np.isfinite(high)):
                raise NonFiniteError(f"activations reach from {low} to {high}, expected finite")
            self.low, self.high = min(self.low, low), max(self.high, high)

    def add(self, values: Array) -> None:
        """Count ``values``; what lies outside the ends is counted at them."""
        if self.high > self.low:
            clipped = np.clip(values, self.low, self.high)
            self.counts += np.histogram(clipped, BINS, (self.low, self.high))[0]

    def rectified(self) -> Histogram:
        """Return the histogram of max(value, 0)."""
        if self.low >= 0.0 or self.high <= 0.0:
            return Histogram(0.0, self.high, self.counts.copy() * (self.high > 0.0))
        centers = self.centers()
        made = Histogram(0.0, self.high)
        kept = np.maximum(centers, 0.0)
        made.counts = np.histogram(kept, BINS, (0.0, self.high), weights=self.counts)[0]
        return made

    def centers(self) -> Array:
        """Return (BINS,) the middle of each bin."""
        width = (self.high - self.low) / BINS
        return self.low + width * (np.arange(BINS) + 0.5)


def minmax(seen: Histogram) -> Range:
    """Return the ends of what was seen: nothing is clipped."""
    return seen.low, seen.high


def percentile(seen: Histogram) -> Range:
    """Return the ends that leave out the outermost 0.01 % of the values."""
    total = seen.counts.sum()
    if not total:
        return minmax(seen)
    share = np.cumsum(seen.counts) / total
    edges = np.linspace(seen.low, seen.high, BINS + 1)
    low = edges[np.searchsorted(share, _TAIL / 2, side="right")]
    high = edges[min(int(np.searchsorted(share, 1.0 - _TAIL / 2)) + 1, BINS)]
    return min(float(low), 0.0), max(float(high), 0.0)


def mse(seen: Histogram) -> Range:
    """Return the ends with the least squared error of the stored values."""
    centers = seen.centers()

    def error(low: float, high: float) -> float:
        scale, zero = parameters((low, high))
        steps = np.clip(np.round(centers / scale) + zero, 0, LEVELS - 1)
        return float(seen.counts @ (centers - (steps - zero) * scale) ** 2)

    return _narrowed(seen, error)


def entropy(seen: Histogram) -> Range:
    """Return the ends whose steps keep most of the distribution, by relative entropy.

    With as many bins as levels nothing is ever merged and the widest range always wins; hence
    `BINS` is eight times `LEVELS`. The bin of zero is left out: zero is a step of its own, and the
    many zeros of a ReLU, spread over the bins around them, would buy ever finer steps.

    Source: Migacz 2017, "8-bit Inference with TensorRT".
    """
    edges = np.linspace(seen.low, seen.high, BINS + 1)
    counts = seen.counts.copy()
    counts[np.clip(np.searchsorted(edges, 0.0, side="right") - 1, 0, BINS - 1)] = 0.0
    if not counts.sum():
        return minmax(seen)

    def divergence(low: float, high: float) -> float:
        first = int(np.searchsorted(edges, low, side="right")) - 1
        last = max(int(np.searchsorted(edges, high)), first + 1)
        inside = counts[first:last]
        kept = inside.copy()
        kept[0] += counts[:first].sum()
        kept[-1] += counts[last:].sum()
        level = np.arange(len(inside)) * min(LEVELS, len(inside)) // len(inside)
        mass = np.bincount(level, inside)
        filled = np.bincount(level, inside > 0)
        merged = np.where(inside > 0, (mass / np.maximum(filled, 1))[level], 0.0)
        # A clipped tail that fell on an empty bin has no counterpart: infinitely far.
        if (kept[merged == 0] > 0).any():
            return float("inf")
        if not merged.sum():
            return float("inf")
        p, q = kept[kept > 0] / kept.sum(), merged[kept > 0] / merged.sum()
        return float(p @ np.log(p / q))

    return _narrowed(seen, divergence)


def _narrowed(seen: Histogram, cost: Callable[[float, float], float]) -> Range:
    """Return the cheapest ends: both ends together first, then each by itself."""
    low, high = minmax(seen)
    if not seen.counts.sum():
        return low, high
    shares = np.linspace(1.0, _NARROWEST, _GRID)
    both: list[Range] = [(low * s, high * s) for s in shares]
    low, high = min(both, key=lambda ends: cost(*ends))
    high = min((high * s for s in shares), key=lambda end: cost(low, end))
    low = min((low * s for s in shares), key=lambda end: cost(end, high))
    return float(low), float(high)


CALIBRATORS: dict[str, Callable[[Histogram], Range]] = {
    "entropy": entropy,
    "minmax": minmax,
    "mse": mse,
    "percentile": percentile,
}


def calibrator(name: str) -> Callable[[Histogram], Range]:
    """Return a calibrator by name.

    Raises:
        UnknownNameError: no such calibrator.
    """
    if name not in CALIBRATORS:
        raise UnknownNameError("calibrator", name, CALIBRATORS)
    return CALIBRATORS[name]


def parameters(ends: Range) -> tuple[float, int]:
    """Return (scale, zero point) of uint8 steps: value = scale * (step - zero point)."""
    low, high = min(ends[0], 0.0), max(ends[1], 0.0)
    scale = (high - low) / (LEVELS - 1)
    if scale < float(np.finfo(np.float32).tiny):  # nothing but zeros was seen
        return 1.0, 0
    return scale, round(-low / scale)


def stratified(
    lengths: Sequence[int], count: int, *, seed: int, strata: int = 8, left_out: str = ""
) -> list[int]:
    """Return ``count`` rows, ascending, as many of the short ones as of the long ones.

    Args:
        lengths: (n,) frames of each sample.
        count: rows wanted; all are taken where there are no more.
        seed: of the choice within a stratum.
        strata: parts of equal size, by length.
        left_out: what the message ends with where there are too few.

    Raises:
        InputError: reason ``few_samples``: fewer than `LEAST_SAMPLES` are there or wanted.
    """
    usable = min(len(lengths), count)
    if usable < LEAST_SAMPLES:
        raise InputError(
            f"{usable} usable recordings to calibrate with, expected {LEAST_SAMPLES} or more: "
            "fewer do not show how far activations reach; give more with calibration=FILE or "
            f"samples=N{left_out}",
            options=["calibration", "samples"],
            reason="few_samples",
        )
    rng = np.random.default_rng(seed)
    order = np.argsort(np.asarray(lengths), kind="stable")
    parts = [rng.permutation(part) for part in np.array_split(order, strata)]
    chosen: list[int] = []
    for rank in range(max(len(part) for part in parts)):
        chosen += [int(part[rank]) for part in parts if rank < len(part)]
    return sorted(chosen[:usable])
