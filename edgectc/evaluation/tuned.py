"""What a choice of a decoder's weights comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from edgectc.core.errors import InputError
from edgectc.core.types import JSON

LEAST_LABELS = 100  # words or symbols, of which one is a point


@dataclass(frozen=True)
class Tuned:
    """The outcome of `edgectc.evaluation.tuning.tune`.

    Attributes:
        preset: decoder preset with the chosen weights.
        rows: recordings that were decoded.
        before: figure ``metric`` of the preset that was there.
        after: of the chosen one.
        gain: 95 % interval of what is gained, paired, by user, signer or day where known; above 0
            is better.
        calibration: expected calibration error of the best text's probability, before and after,
            see `edgectc.core.metrics.calibration_error`.
        dropped: reason to count of the rows that could not be used.
        metric: "top-1", the share of right words, or the name of an error rate.
        units: words or symbols that were counted.
    """

    preset: Mapping[str, JSON]
    rows: int
    before: float
    after: float
    gain: tuple[float, float]
    calibration: tuple[float, float]
    dropped: Mapping[str, int] = field(default_factory=dict)
    metric: str = "top-1"
    units: int = 0


def check_resolves(units: int, rows: int, least: int) -> None:
    """Refuse to write weights that so few recordings cannot tell from others.

    Args:
        units: words or symbols of all labels.
        rows: recordings that they are of.
        least: fewest units.

    Raises:
        InputError: reason ``few_samples``; says how many recordings it takes.
    """
    if units >= least:
        return
    needed = math.ceil(least * rows / max(units, 1))
    raise InputError(
        f"{rows} labelled recordings cannot tell weights apart: one error is "
        f"{100.0 / max(units, 1):.2g} points; give {needed} recordings or more with data=FILE, or "
        f"write them all the same with min_labels={units}",
        reason="few_samples",
        options=["data", "min_labels"],
    )
