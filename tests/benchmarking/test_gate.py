"""The gate of `edgectc bench`: what is worse than before, on machines that others use, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_reports import report_of
from bench_schema import broken

import edgectc
from edgectc.benchmarking import gate, measure, plan, rows
from edgectc.benchmarking.workload import Workload
from edgectc.core.errors import ConfigError
from edgectc.formats import bundle as bundles


def worse(now: dict[str, Any], then: dict[str, Any], allowed: float = 0.1) -> set[str]:
    return {v.figure for v in gate.compare(now, then, allowed) if v.verdict == "worse"}


def test_unchanged_code_raises_no_alarm() -> None:
    baseline = report_of(0)
    alarms = [seed for seed in range(1, 151) if worse(report_of(seed), baseline)]
    assert not alarms


def test_a_slow_down_of_a_fifth_is_caught() -> None:
    baseline = report_of(0)
    caught = ["p50_ms" in worse(report_of(seed, factor=1.2), baseline) for seed in range(1, 101)]
    assert np.mean(caught) >= 0.95


def test_a_speed_up_is_no_alarm_and_is_told() -> None:
    verdicts = gate.compare(report_of(1, factor=0.6), report_of(0), 0.1)
    assert {v.verdict for v in verdicts if v.figure == "p50_ms"} == {"better"}


def test_a_slower_machine_is_no_slow_down() -> None:
    """All times double, the yardstick's too; what does not carry over is not compared."""
    then, now = report_of(0), report_of(1)
    now["machine"] = {**now["machine"], "processor": "slower"}
    for key in ("p50_ms", "load_ms", "peak_rss_bytes"):
        now["rows"][1][key] *= 2
    verdicts = {v.figure: v for v in gate.compare(now, then, 0.1)}
    assert verdicts["p50_ms"].verdict == "same"
    assert verdicts["load_ms"].verdict == verdicts["peak_rss_bytes"].verdict == "not_run"


@pytest.mark.parametrize(
    ("change", "figure"),
    [
        ({"peak_rss_bytes": 1.2e8}, "peak_rss_bytes"),
        ({"top1": 0.89}, "top1"),
        ({"error_rate": 0.06}, "error_rate"),
    ],
)
def test_memory_and_accuracy_are_guarded(change: dict[str, float], figure: str) -> None:
    assert worse(report_of(1, **change), report_of(0)) == {figure}


def test_a_larger_file_is_caught() -> None:
    now = report_of(1)
    now["rows"][1]["size_bytes"] = 1101
    assert worse(now, report_of(0)) == {"size_bytes"}


def test_memory_that_a_pte_plans_is_told_by_method_and_guarded() -> None:
    place = bundles.locate("swipe-en") / "artifacts" / "swipe-en-int8-static.pte"
    (subject,) = plan.subjects([place])
    assert subject.planned["forward"] > 1000
    assert subject.planned == edgectc.inspect(str(place))["contents"]["planned_bytes"]
    record = measure.Record(plan.Plan(subject, "pte", "cpu", 1), reason="not now")
    told = rows.row(record, Workload((), 60, True, "simulated", "d"))
    assert told["planned_bytes"] == subject.planned
    then, now = report_of(0), report_of(1)
    then["rows"][1]["planned_bytes"] = {"forward_32": 4000, "forward": 8000}
    now["rows"][1]["planned_bytes"] = {"forward_32": 4000, "forward": 9000}
    assert worse(now, then) == {"planned_bytes"}
    assert broken(now) == []


def test_accuracy_of_few_samples_is_not_compared_and_the_number_needed_is_told() -> None:
    """Half a point is what may be lost; one of 60 is more than that, one of 200 is not."""
    now, then = report_of(1, top1=0.5, units=60), report_of(0)
    found = {v.figure: v for v in gate.compare(now, then, 0.1)}["top1"]
    assert found.verdict == "not_run"
    assert "give 200 labelled samples or more" in found.detail
    enough = report_of(1, top1=0.5, units=200, labelled=200)
    assert worse(enough, then) == {"top1"}


def test_accuracy_on_other_samples_is_not_compared() -> None:
    now = report_of(1, top1=0.5)
    now["samples"]["digest"] = "other"
    verdicts = {v.figure: v.verdict for v in gate.compare(now, report_of(0), 0.1)}
    assert verdicts["top1"] == "not_run"


def test_rows_that_are_missing_are_told() -> None:
    now, then = report_of(1), report_of(0)
    now["rows"][1]["artifact"] = "other.onnx"
    told = {(v.row, v.verdict, v.detail) for v in gate.compare(now, then, 0.1)}
    assert ("other.onnx onnx cpu 1", "not_run", "no such row in the baseline") in told
    assert ("m.onnx onnx cpu 1", "not_run", "not measured") in told


@pytest.mark.parametrize(
    ("text", "value"), [("10%", 0.1), ("0.25", 0.25), (" 5 % ", 0.05), ("0", 0)]
)
def test_a_tolerance_is_a_share(text: str, value: float) -> None:
    assert gate.tolerance(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "ten", "-1%", "100%", "nan", "10"])
def test_a_bad_tolerance_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected a share"):
        gate.tolerance(text)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": [], "schema_version": 9}', "\x00"])
def test_a_bad_baseline_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(ConfigError, match=r"^baseline"):
        gate.read(tmp_path / "b.json")
