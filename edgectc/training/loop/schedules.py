"""The learning rate of a step: a function of the step alone, so it can neither lag nor lead."""

from __future__ import annotations

import math

from edgectc.training.settings import Optimizer, Schedule


def learning_rate(
    step: int, total: int, optimizer: Optimizer, schedule: Schedule | None = None
) -> float:
    """Return the rate of step ``step``, counted from 0, of ``total``; a cosine by default.

    A plateau's cuts depend on validation and come on top, see `edgectc.training.loop.trainer`.

    Source: Smith 2017, "Cyclical Learning Rates"; Smith & Topin 2019, "Super-Convergence".
    """
    schedule = schedule or Schedule()
    peak, low = optimizer.lr, optimizer.lr * schedule.floor
    warm = max(1, round(optimizer.warmup * total))
    if schedule.type == "one-cycle":
        first = peak / 25.0
        if step < warm:
            return _cosine(step / warm, first, peak)
        return _cosine((step - warm) / max(1, total - 1 - warm), peak, max(low, first * 1e-4))
    if step < warm:
        first = optimizer.warmup_start
        return peak * (first + (1.0 - first) * (step + 1) / warm)
    held = min(total, warm + round(schedule.hold * total))
    done = max(0.0, (step - held) / max(1, total - held))
    if schedule.type == "cosine":
        return low + (peak - low) * 0.5 * (1.0 + math.cos(math.pi * done))
    if schedule.type == "linear":
        return peak + (low - peak) * done
    if schedule.type == "cyclic":
        place = (step - warm) / max(1, round(schedule.cycle * total)) % 1.0
        return low + (peak - low) * abs(1.0 - 2.0 * place)
    return peak


def _cosine(done: float, start: float, end: float) -> float:
    """Half a cosine from ``start`` to ``end``."""
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))
