"""One weight at a time, in shrinking steps, as long as a figure rises.

Source: Hooke & Jeeves 1961, "Direct Search Solution of Numerical and Statistical Problems".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from edgectc.core.console import progress
from edgectc.core.types import JSON

_HALVINGS = 3

Steps = Mapping[str, tuple[float, float]]  # first step and lower limit of each weight


def climb(
    start: Mapping[str, JSON],
    names: Sequence[str],
    steps: Steps,
    value: Callable[[Mapping[str, JSON]], float],
) -> dict[str, JSON]:
    """Return the preset with the weights ``names`` moved to where ``value`` is highest.

    Args:
        start: preset of a decoder; a weight that it does not hold is 0.
        names: weights to move.
        steps: of each of them.
        value: of a preset; the more the better.
    """
    best, height = dict(start), value(start)
    rounds = [(n, name) for n in range(_HALVINGS) for name in names]
    for halvings, name in progress(rounds, "weight"):
        step, least = steps[name]
        step /= 2**halvings
        for direction in (step, -step):
            while (moved := round(_weight(best, name) + direction, 4)) >= least:
                found = value({**best, name: moved})
                if found <= height:
                    break
                best, height = {**best, name: moved}, found
    return best


def _weight(preset: Mapping[str, JSON], name: str) -> float:
    value = preset.get(name, 0.0)
    assert isinstance(value, (int, float))
    return value
