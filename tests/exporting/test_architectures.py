"""Architectures of others: their files answer as they do, and the page says what was measured."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2] / "bench"))

import architectures

import edgectc

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results" / "architectures.json"
PAGE = ROOT / "docs" / "architectures.md"


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return json.loads(RESULTS.read_text("utf-8"))


QUICK = {  # at most 3 s of one core each
    *("Transformer (share of the longest)", "Transformer (src_key_padding_mask)", "Wav2Letter"),
    *("CRNN", "TDS", "landmarks: conv + BiLSTM", "BiLSTM of the kit", "QuartzNet"),
}
EXPORTED = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name, row in architectures.ROWS.items()
    if row.whole and name != "BiLSTM with packing"  # which is refused
]


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTED)
def test_a_file_answers_as_the_network_does(name: str, tmp_path: Path) -> None:
    case = architectures.Case(architectures.ROWS[name])
    counts = {"counts": {"day_idx": 5}} if case.days else {}
    made = edgectc.export(
        case.network, target="onnx", sample=case.sample(), tokens=architectures.TOKENS,
        check_blank=False, out=tmp_path / "x.onnx", **case.row.options, **counts,
    )  # fmt: skip
    found = architectures.apart(case, made, architectures.by_hand(made))
    assert found["difference"] < 1e-5
    assert found["agreement"] == 1.0


def test_a_file_that_answers_otherwise_is_seen(tmp_path: Path) -> None:
    """The measure itself: another network's file is far off."""
    case, other = (architectures.Case(architectures.ROWS["SVTR"]) for _ in range(2))
    case.network.head.weight.data.mul_(1.2)
    made = edgectc.export(
        case.network, target="onnx", sample=case.sample(), tokens=architectures.TOKENS,
        check_blank=False, out=tmp_path / "x.onnx", **case.row.options,
    )  # fmt: skip
    found = architectures.apart(other, made, architectures.by_hand(made))
    assert architectures.wrong({"onnx 18": found}) == ["onnx 18"]
    assert architectures.wrong({"onnx 18": {"wrong": "3 frames"}}) == ["onnx 18"]


def test_nothing_is_wrong_in_silence(results: dict[str, Any]) -> None:
    assert {*results} <= {*architectures.ROWS}
    assert not {name: architectures.wrong(found) for name, found in results.items()
                if architectures.wrong(found)}  # fmt: skip
    for found in results.values():
        for one in found.values():
            # A refusal says why; what was stopped, after which seconds.
            assert "difference" in one or one.get("stopped", 0) > 60 or len(one["why"]) > 40


def test_a_cell_that_does_not_apply_is_none_that_was_not_measured() -> None:
    page = architectures.page({"SVTR": {"pte": {"stopped": 400.0}}, "FSMN with caches": {}}, "")
    lines = [[cell.strip() for cell in line.split("|")] for line in page.splitlines()]
    rows = {cells[1]: cells[2:-1] for cells in lines if len(cells) == 12}
    assert rows["SVTR (z)"] == [*"----", "> 400 s", *"---", ""]
    assert rows["FSMN with caches"] == [*[""] * 8, "-"]


def test_what_takes_too_long_is_stopped() -> None:
    case = architectures.Case(architectures.ROWS["SVTR"], limit=0.05)

    def never() -> None:
        while True:
            time.sleep(0)

    assert architectures.tried(case, never) == {"stopped": 0.05}


def test_the_page_is_that_of_the_results(results: dict[str, Any]) -> None:
    page = PAGE.read_text("utf-8")
    assert page == architectures.page(results, page.split("```")[1])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["FSMN with caches", "GRU with day index"])  # 100 s each
def test_every_format_answers_as_the_network_or_is_refused(name: str) -> None:
    found: dict[str, Any] = {}
    architectures.measure(name, found, lambda: None)
    assert architectures.wrong(found) == []
