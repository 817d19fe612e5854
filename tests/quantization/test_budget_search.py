"""The search for the fewest operators in float, on made-up figures."""

from __future__ import annotations

import pytest

from edgectc.core.errors import BudgetError, ConfigError
from edgectc.quantization.accuracy_drop import AccuracyDrop
from edgectc.quantization.budget_search import Budgets, Candidate, search
from edgectc.quantization.timing import Speed

NAMES = [f"op{i}" for i in range(24)]


class Made:
    """Points whose loss falls and whose speed falls with the number left in float."""

    def __init__(self, enough: int, fast: float = 2.0, dud: int = 0) -> None:
        self.enough, self.fast, self.dud, self.made = enough, fast, dud, list[int]()

    def __call__(self, kept: tuple[str, ...]) -> Candidate:
        assert kept == tuple(NAMES[: len(kept)])
        self.made.append(len(kept))
        if len(kept) < self.dud:
            return Candidate(kept, None, 0, None, None, None, "answered garbage")
        after = 0.1 if len(kept) >= self.enough else 0.15
        loss = AccuracyDrop("top-1 error", 0.1, after, (0.0, 1.0), 10, 1, 0, 1.0)
        return Candidate(kept, None, 1000, Speed(self.fast - len(kept) / 24, 1.0), loss, None)


@pytest.mark.parametrize("enough", [0, 1, 2, 3, 7, 12, 23])
def test_the_fewest_that_hold_are_left_in_float(enough: int) -> None:
    made = Made(enough)
    point, tried = search(NAMES, made, Budgets(max_drop=0.2))
    assert len(point.float_operators) == enough
    assert len(made.made) == len(set(made.made)) <= 10
    assert [len(p.float_operators) for p in tried] == sorted(made.made)


def test_a_budget_that_holds_at_once_costs_one_artifact() -> None:
    made = Made(0)
    search(NAMES, made, Budgets(max_drop=0.2, min_speedup=1.5))
    assert made.made == [0]


def test_garbage_never_holds_even_without_limits_on_it() -> None:
    point, _ = search(NAMES, Made(0, dud=4), Budgets(min_speedup=0.1))
    assert len(point.float_operators) == 4


def test_what_no_point_meets_is_refused_with_the_best_found() -> None:
    with pytest.raises(BudgetError, match=r"accuracy drop of at most 0\.2 points") as caught:
        search(NAMES, Made(99), Budgets(max_drop=0.2, min_speedup=1.0))
    assert "0 of 24 in float: accuracy drop +5.00 points, 2.00 times as fast" in str(caught.value)
    with pytest.raises(BudgetError, match="at least 3 times as fast"):
        search(NAMES, Made(0), Budgets(min_speedup=3.0))
    with pytest.raises(BudgetError, match="nothing that answers like the network: answered garb"):
        search(NAMES, Made(0, dud=99), Budgets(min_speedup=1.0))


def test_a_network_of_one_operator_is_tried_once() -> None:
    with pytest.raises(BudgetError):
        search(NAMES[:1], Made(9), Budgets(max_drop=0.1))


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"max_drop": float("nan")}, "max_drop is nan"),
        ({"max_drop": -0.1}, "max_drop is -0.1"),
        ({"min_speedup": 0.0}, "min_speedup is 0"),
        ({"min_speedup": float("inf")}, "min_speedup is inf"),
    ],
)
def test_limits_that_nothing_can_be_held_against(limits: dict[str, float], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Budgets(**limits)
