"""The figures that a manifest states, by value on cases made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest

from edgectc.core.contracts import Runner
from edgectc.core.schemes import Scheme
from edgectc.core.types import Array
from edgectc.evaluation import verification
from edgectc.formats.reference import Case
from edgectc.runtime.recognizer import Recognizer


class Frontend:
    """Takes (1, 4, 1) frames and a length."""

    options = SimpleNamespace(max_frames=4, padding="masked")
    max_frames, padding = 4, "masked"

    def input_contract(self) -> dict[str, dict[str, object]]:
        return {"signal": {"dtype": "float32"}, "length": {"dtype": "int32"}}

    def context(self, setting: object) -> dict[str, Array]:
        return {}


class Answers(Runner):
    """Answers a table of log_probs by the first value of its input, whatever the padding."""

    name = "hand-made"

    def __init__(self, *tables: Array) -> None:
        self.tables = tables

    def run(self, inputs: Mapping[str, Array]) -> Array:
        answer = np.zeros((1, 4, 3), np.float32)
        table = self.tables[int(inputs["signal"][0, 0, 0])]
        answer[0, : len(table)] = table
        return answer


class Leaks(Answers):
    """Adds what the padding holds to every value."""

    def run(self, inputs: Mapping[str, Array]) -> Array:
        tail = inputs["signal"][0, int(inputs["length"][0]) :]
        return super().run(inputs) + np.float32(0.001) * np.abs(tail).sum()


def case(number: int, log_probs: Array) -> Case:
    trace = np.zeros((4, 1), np.float32)
    trace[0] = number
    return Case(f"case-{number}", "", trace, len(log_probs), log_probs)


def compared(runner: Runner, *expected: Array, **scheme: float) -> tuple[str, dict[str, float]]:
    loaded = Recognizer(
        name="tables", frontend=Frontend(), runner=runner, stride=1, window=1, layouts=(),
        decoder={"type": "greedy"}, lexicon=None,
    )  # fmt: skip
    cases = [case(number, table) for number, table in enumerate(expected)]
    limits = Scheme(**{"atol": 1e-4, **scheme})
    checks, figures = verification.compare_numbers(loaded, cases, limits)
    return checks[0].status, figures


EXPECTED = np.array([[-3.0, -4.0, 0.0], [0.0, -3.0, -4.0]], np.float32)  # squares sum to 50
OTHER = np.array([[-5.0, 0.0, -5.0]], np.float32)  # and to 50


def test_figures_of_equal_answers() -> None:
    status, figures = compared(Answers(EXPECTED, OTHER), EXPECTED, OTHER)
    assert status == "pass"
    assert figures == {
        "max_abs_diff": 0.0,
        "mean_abs_diff": 0.0,
        "sqnr_db": 200.0,
        "argmax_agreement": 1.0,
        "padding_leak": 0.0,
    }


def test_figures_of_known_errors() -> None:
    got = EXPECTED + np.float32([[0.0, 0.0, 0.0], [-6.0, 8.0, 0.0]])  # squares of errors: 100
    status, figures = compared(Answers(got, OTHER), EXPECTED, OTHER, atol=8.5)
    assert status == "pass"
    # Signal 100 over noise 100; of three frames one says another token; 14 over nine values.
    assert figures["sqnr_db"] == pytest.approx(0.0)
    assert figures["argmax_agreement"] == pytest.approx(2 / 3)
    assert figures["mean_abs_diff"] == pytest.approx(14 / 9)
    assert figures["max_abs_diff"] == pytest.approx(8.0)
    assert compared(Answers(got, OTHER), EXPECTED, OTHER, atol=7.5)[0] == "fail"


def test_a_tenth_of_the_noise_is_twenty_decibels() -> None:
    got = EXPECTED * np.float32(1.1)
    assert compared(Answers(got), EXPECTED)[1]["sqnr_db"] == pytest.approx(20.0, abs=1e-4)


def test_only_likely_tokens_are_limited() -> None:
    got = EXPECTED + np.float32([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])  # where P is e^-4
    status, figures = compared(Answers(got), EXPECTED, likely=0.1)
    assert (status, figures["max_abs_diff"], figures["mean_abs_diff"]) == ("pass", 0.0, 0.0)
    assert figures["sqnr_db"] == pytest.approx(10 * np.log10(50))


def test_what_the_padding_changes() -> None:
    _, figures = compared(Leaks(EXPECTED), EXPECTED)
    assert figures["padding_leak"] > 0.001


def test_no_answer_proves_nothing() -> None:
    assert compared(Answers(EXPECTED[:0]), EXPECTED[:0])[0] == "fail"
