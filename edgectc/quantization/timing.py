"""Speed of two networks on this machine, in turns, so that a busy one slows both alike."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.contracts import Runner
from edgectc.core.types import Array

_ROUNDS = 9
_SECONDS = 0.25  # of one runner in one round, about
_MOST_CALLS = 40


@dataclass(frozen=True)
class Speed:
    """Median milliseconds of one call in float32 and quantized, taken in turns."""

    before_ms: float
    after_ms: float

    @property
    def speedup(self) -> float:
        """Return how many times faster the quantized network is."""
        return self.before_ms / self.after_ms


def compare_speed(before: Runner, after: Runner, inputs: Sequence[Mapping[str, Array]]) -> Speed:
    """Return the median time of one call of each runner, one thread, in turns."""
    runners = (before, after)
    for runner in runners:
        runner.run(inputs[0])
    start = time.perf_counter()
    before.run(inputs[0])
    once = max(time.perf_counter() - start, 1e-6)
    calls = max(1, min(_MOST_CALLS, int(_SECONDS / once)))
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(_ROUNDS):
        for which in (0, 1) if turn % 2 else (1, 0):
            for i in range(calls):
                sample = inputs[(turn * calls + i) % len(inputs)]
                start = time.perf_counter()
                runners[which].run(sample)
                seconds[which].append(time.perf_counter() - start)
    old_ms, new_ms = (1e3 * float(np.median(times)) for times in seconds)
    return Speed(old_ms, new_ms)
