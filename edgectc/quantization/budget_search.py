"""How many operators to leave in float so that the budgets hold: the worst first, as few as can be.

Operators are ranked by how sensitive the answers are to each alone. The number left in float
doubles until the budgets hold, then halves its way back to the fewest; each candidate is an
artifact that was made, run and timed, once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edgectc.core.contracts import Converted, Runner
from edgectc.core.errors import BudgetError, ConfigError
from edgectc.quantization.accuracy_drop import AccuracyDrop, Closeness
from edgectc.quantization.timing import Speed


@dataclass(frozen=True)
class Budgets:
    """What quantization may cost and must gain; None is no limit.

    Attributes:
        max_drop: points of the model's error rate.
        min_speedup: times faster than float32 on this machine.
    """

    max_drop: float | None = None
    min_speedup: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no measurement can be held against.

        Raises:
            ConfigError: a limit is not finite, a drop below 0, or a speed-up not above it.
        """
        drop, speedup = self.max_drop, self.min_speedup
        if drop is not None and not 0 <= drop < math.inf:
            raise ConfigError(
                f"max_drop is {drop:g}, expected points of error, 0 or more", options=["max_drop"]
            )
        if speedup is not None and not 0 < speedup < math.inf:
            raise ConfigError(
                f"min_speedup is {speedup:g}, expected a factor above 0", options=["min_speedup"]
            )

    @property
    def any(self) -> bool:
        """Return whether there is a limit at all."""
        return self.max_drop is not None or self.min_speedup is not None


@dataclass(frozen=True)
class Candidate:
    """One artifact that was tried.

    Attributes:
        float_operators: left in float, most sensitive first.
        converted: what the target made; not compared.
        bytes: size of the file.
        speed: against float32; None where the runtime is not here.
        drop: of accuracy; None where there are no labelled recordings.
        closeness: of the log_probs; None likewise.
        why_not: what kept it from passing on its own; "" if it runs and answers like the network.
        runner: runs it; None where it did not pass. Not compared.
    """

    float_operators: tuple[str, ...]
    converted: Converted
    bytes: int
    speed: Speed | None
    drop: AccuracyDrop | None
    closeness: Closeness | None
    why_not: str = ""
    runner: Runner | None = field(default=None, compare=False, repr=False)

    def holds(self, budgets: Budgets) -> bool:
        """Return whether the budgets hold here."""
        if self.why_not:
            return False
        if budgets.min_speedup is not None:
            if self.speed is None or self.speed.speedup < budgets.min_speedup:
                return False
        if budgets.max_drop is None:
            return True
        # A hair, because a share of rows is no exact binary number.
        return self.drop is not None and self.drop.points <= budgets.max_drop + 1e-9

    def row(self) -> list[str]:
        """Return the cells of a table."""
        size = f"{self.bytes / 1e6:.2f}" if self.bytes else "-"
        times = "-" if self.speed is None else f"{self.speed.speedup:.2f}"
        points = "-" if self.drop is None else f"{self.drop.points:+.2f}"
        return [str(len(self.float_operators)), size, times, points, self.why_not]


HEADER = ["in float", "MB", "times faster", "accuracy drop", ""]


def search(
    worst_first: Sequence[str],
    attempt: Callable[[tuple[str, ...]], Candidate],
    budgets: Budgets,
    *,
    first: Candidate | None = None,
) -> tuple[Candidate, list[Candidate]]:
    """Return the point with the fewest operators in float that holds, and all that were tried.

    Args:
        worst_first: operators, the one that is most sensitive first.
        attempt: makes and measures an artifact with some operators left in float.
        budgets: to hold.
        first: what was made with none in float; None if nothing was yet.

    Raises:
        BudgetError: no point holds; names the best that were found.
    """
    tried: dict[int, Candidate] = {} if first is None else {0: first}

    def point(count: int) -> Candidate:
        if count not in tried:
            tried[count] = attempt(tuple(worst_first[:count]))
        return tried[count]

    most = max(len(worst_first) - 1, 0)  # all of them in float would be no quantization
    counts, step = [0], 1
    while counts[-1] < most:
        counts.append(min(step, most))
        step *= 2
    failed = -1
    for count in counts:
        if point(count).holds(budgets):
            low, high = failed, count
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if point(middle).holds(budgets) else (middle, high)
            return tried[high], [tried[n] for n in sorted(tried)]
        failed = count
    points = [tried[n] for n in sorted(tried)]
    raise BudgetError(_refusal(points, budgets, len(worst_first)))


def _refusal(points: Sequence[Candidate], budgets: Budgets, operators: int) -> str:
    asked = []
    if budgets.max_drop is not None:
        asked.append(f"an accuracy drop of at most {budgets.max_drop:g} points")
    if budgets.min_speedup is not None:
        asked.append(f"at least {budgets.min_speedup:g} times as fast")
    ran = [p for p in points if not p.why_not]
    found = "; ".join(
        f"{len(p.float_operators)} of {operators} in float: {_told(p)}" for p in _best(ran)
    )
    if not ran:
        found = f"nothing that answers like the network: {points[0].why_not}"
    return (
        f"no quantized network meets the budget of {' and '.join(asked)}; best found: {found}; "
        "no file was made"
    )


def _told(point: Candidate) -> str:
    lost = (
        "accuracy not measured"
        if point.drop is None
        else f"accuracy drop {point.drop.points:+.2f} points"
    )
    fast = "" if point.speed is None else f"{point.speed.speedup:.2f} times as fast, "
    return f"{lost}, {fast}{point.bytes / 1e6:.2f} MB"


def _best(points: Sequence[Candidate]) -> list[Candidate]:
    """Return the points that no other beats in both loss and speed."""

    def figures(point: Candidate) -> tuple[float, float]:
        lost = 0.0 if point.drop is None else point.drop.points
        return lost, 0.0 if point.speed is None else -point.speed.speedup

    def beaten(one: Candidate) -> bool:
        mine = figures(one)
        others = [figures(p) for p in points if p is not one]
        return any(o[0] <= mine[0] and o[1] <= mine[1] and o != mine for o in others)

    return [p for p in points if not beaten(p)]
