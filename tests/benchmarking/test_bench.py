"""`edgectc bench`: figures from simulated clocks, the gate, the page, and one real small run."""

from __future__ import annotations

import html.parser
import itertools
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from bench_reports import HERE, report_of
from bench_schema import broken

from edgectc.benchmarking import (
    benchmark,
    charts,
    gate,
    machine,
    measure,
    operator_trace,
    page,
    plan,
    rows,
    scores,
    tables,
    worker,
)
from edgectc.commands import cli
from edgectc.core.errors import ConfigError, UnknownNameError

ROOT = Path(__file__).parents[2]

# ---- timing ---------------------------------------------------------------------------------


def test_stages_get_the_time_between_their_ends() -> None:
    times = iter([0, 5, 25, 125, 1000, 1001, 1011, 1111])
    seen = []
    stages = (lambda x: x + 1, lambda x: x * 10, seen.append)
    spent = worker.measure_round(stages, [0, 1], clock=lambda: next(times))
    assert spent == [[5, 20, 100], [1, 10, 100]]
    assert seen == [10, 20], "the answer of a stage goes to the next"


def test_a_busy_moment_does_not_count() -> None:
    spent = np.ones((9, 50, 3))
    spent[4] *= 100.0  # one round met something
    spent[:, :, 1] += np.arange(50) / 10
    figures = rows.latencies(spent)
    assert figures["p50_ms"] == pytest.approx(3 + 2.45, abs=0.11)
    assert figures["resample_p50_ms"] == 1.0
    assert figures["p99_ms"] < 9, "over samples"
    assert figures["p99_all_ms"] > 200, "over calls: what the user met is not hidden"
    assert figures["distribution_ms"] == sorted(figures["distribution_ms"])


@pytest.mark.parametrize("n", [6, 10, 15, 25])
def test_the_interval_covers_the_median_as_it_says(n: int, rng: np.random.Generator) -> None:
    hits = 0
    for _ in range(2000):
        low, high = rows.interval(rng.standard_cauchy(n) + 5.0)  # wild values in every draw
        hits += low <= 5.0 <= high
    assert hits / 2000 > 0.93


def test_the_interval_holds_its_p50_on_a_busy_machine() -> None:
    """Each round disturbs another sample: no sample's median moves, and every round's does."""
    spent = np.zeros((9, 5, 3))
    spent[..., 1] = [0.3, 0.4, 1.0, 5.0, 6.0]
    spent[range(9), [round_ % 3 for round_ in range(9)], 1] += 10.0
    spent *= np.linspace(0.9, 1.1, 9)[:, None, None]
    p50, medians = rows.latencies(spent)["p50_ms"], rows.per_round(spent)["p50_ms"]
    assert rows.interval(medians)[0] > 4 * p50
    low, high = rows.around(p50, medians)
    assert 0.85 * p50 < low < p50 < high < 1.15 * p50


def test_few_values_have_a_wide_interval() -> None:
    assert rows.interval([10.0, 11.0, 12.0]) == (8.0, 14.0)
    assert rows.interval([10.0]) == (10.0, 10.0)
    assert rows.around(2.0, np.array([1.0, 3.0])) == (0.0, 5.0), "a time is not below nothing"


# ---- rows -----------------------------------------------------------------------------------


def test_a_bundle_has_its_weights_and_artifacts(shipped: Path) -> None:
    found = plan.subjects([None])
    names = sorted(p.name for p in (shipped / "artifacts").iterdir())
    assert sorted(s.name for s in found) == sorted([*names, "swipe-en"])
    assert found[-1].target == ""
    made = plan.plans(found, devices=["cpu"], runtimes=None, threads=[1, 2])
    keys = [one.key() for one in made]
    assert ("swipe-en.onnx", "onnx", "cpu", 2) in keys
    assert len(keys) == len(set(keys))
    # The first call of torch.compile took 167 s on a busy machine: never unasked.
    assert "compiled" not in {one.runtime for one in made}
    (asked,) = plan.plans(found[-1:], devices=["cpu"], runtimes=["compiled"], threads=[1])
    assert asked.runtime == "compiled"


def test_the_page_names_every_runtime() -> None:
    page = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
    table = page.partition("| runtime |")[2].partition("\n\n")[0]
    assert {*re.findall(r"`(\w+)`", table)} == {*plan.RUNTIMES}


def test_an_artifact_that_a_bundle_lacks_is_a_row_with_a_reason(
    shipped: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(shipped, bare, ignore=shutil.ignore_patterns("artifacts"))
    for runtime in ("onnx", "pte"):
        (row,) = plan.plans(plan.subjects([bare]), devices=["cpu"], runtimes=[runtime], threads=[1])
        assert "edgectc export" in row.reason or "not installed" in row.reason


def test_the_same_file_twice_is_one_row(shipped: Path) -> None:
    artifact = shipped / "artifacts" / "swipe-en.onnx"
    assert len(plan.subjects([artifact, str(artifact)])) == 1


def test_equal_names_become_paths(shipped: Path, tmp_path: Path) -> None:
    data = (shipped / "artifacts" / "swipe-en.onnx").read_bytes()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.onnx").write_bytes(data)
    names = {s.name for s in plan.subjects([tmp_path / f / "m.onnx" for f in ("a", "b")])}
    assert names == {str(tmp_path / f / "m.onnx") for f in ("a", "b")}


def test_unknown_names_are_refused(shipped: Path) -> None:
    found = plan.subjects([None])
    with pytest.raises(UnknownNameError, match="cuda"):
        plan.plans(found, devices=["cudaa"], runtimes=None, threads=[1])
    with pytest.raises(UnknownNameError, match="onnx"):
        plan.plans(found, devices=["cpu"], runtimes=["onx"], threads=[1])
    with pytest.raises(ConfigError, match="1 or more"):
        plan.plans(found, devices=["cpu"], runtimes=None, threads=[0])
    with pytest.raises(ConfigError, match="suffix"):
        plan.plans(found[:1], devices=["cpu"], runtimes=["pte"], threads=[1])


def test_scores_are_counted_by_hand() -> None:
    said = [(["it's"], ["its", "it"]), (["cat"], ["car", "cat", "cart"]), (["a"], [])]
    found = scores.score(said, ["a", "b", "b"], swipes=True, separator="")
    assert found["units"] == 3
    low, high = found["top1_interval"]
    assert low <= found["top1"] <= high
    assert (found["top1"], found["top3"]) == (
        pytest.approx(1 / 3, abs=1e-5),
        pytest.approx(2 / 3, abs=1e-5),
    )
    assert found["error_rate"] == pytest.approx((0 + 1 + 1) / 7, abs=1e-5)
    said = [(["AA", "B"], ["AA SIL"]), (["K"], [""])]
    found = scores.score(said, [None, None], swipes=False, separator=" ")
    assert found["error_rate"] == pytest.approx(2 / 3, abs=1e-5)
    assert found["units"] == 3


def test_scores_without_an_error_are_no_certainty() -> None:
    said = [(["AA", "B"], ["AA B"])] * 20
    found = scores.score(said, [None] * 20, swipes=False, separator=" ")
    assert found["error_rate"] == 0.0
    assert found["error_rate_interval"] == [0.0, pytest.approx(3 / 20)]


def test_operators_of_an_onnx_profile_are_summed() -> None:
    events = [
        {"cat": "Session", "name": "run", "dur": 999, "args": {}},
        {"cat": "Node", "name": "n1_kernel_time", "dur": 500, "args": {"op_name": "Conv"}},
        {"cat": "Node", "name": "n2_kernel_time", "dur": 500, "args": {"op_name": "Conv"}},
        {"cat": "Node", "name": "n3_kernel_time", "dur": 250, "args": {"op_name": "Relu"}},
        {"cat": "Node", "name": "n3_fence_before", "dur": 77, "args": {"op_name": "Relu"}},
    ]
    assert operator_trace.onnx_operators(events) == [
        {"name": "Conv", "calls": 2, "ms": 1.0, "share": 0.0},
        {"name": "Relu", "calls": 1, "ms": 0.25, "share": 0.0},
    ]


# ---- the page -------------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    """Tags that are open, and whatever would fetch something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetches: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        self.fetches += [str(v) for k, v in attrs if k in ("src", "href") and v != "data:,"]
        self.fetches += [tag] if tag == "script" else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else_and_is_closed() -> None:
    report = report_of(0)
    report["rows"][1]["artifact"] = "<b>&.onnx"
    other = {**report["rows"][1], "runtime": "pte", "p50_ms": 3.0, "top1": 0.95}
    report["rows"] += [other, {**other, "status": "not_run", "reason": "no <device>"}]
    report["verdicts"] = [vars(v) for v in gate.compare(report, report_of(1), 0.1)]
    text = page.html(report)
    seen = Page(text)
    assert not seen.open
    assert not seen.fetches
    assert "<b>&.onnx" not in text
    assert "&lt;b&gt;&amp;.onnx" in text
    assert "nan" not in text.lower()
    assert text.count("<svg") == 3


def test_a_page_without_a_row_that_ran_says_so() -> None:
    report = report_of(0)
    report["rows"] = [{**report["rows"][1], "status": "not_run", "reason": "why"}]
    assert "Nothing ran" in page.html(report)


def test_rows_that_did_not_run_are_told_by_reason() -> None:
    report = report_of(0)
    lost = {**report["rows"][1], "status": "not_run", "reason": "no luck"}
    report["rows"] += [lost, {**lost, "threads": 2}, {**lost, "runtime": "pte", "reason": "why"}]
    assert tables.notes(report)[2:] == [
        "not run, no luck: m.onnx onnx cpu",
        "not run, why: m.onnx pte cpu",
    ]


def test_the_front_joins_what_nothing_beats() -> None:
    points = [(2.0, 80.0, {}), (1.0, 70.0, {}), (3.0, 75.0, {}), (4.0, 90.0, {})]
    assert [p[:2] for p in charts._front(points)] == [(1.0, 70.0), (2.0, 80.0), (4.0, 90.0)]


# ---- the verb -------------------------------------------------------------------------------


def test_nothing_to_run_is_no_error(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(machine, "gpus", lambda: ())
    assert cli.main(["bench", "--device", "cuda", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert not broken(report)
    assert {row["status"] for row in report["rows"]} == {"not_run"}
    assert {row["reason"] for row in report["rows"]} == {"no CUDA device on this machine"}
    assert cli.main(["bench", "--device", "cuda"]) == 0
    assert "no CUDA device" in capsys.readouterr().out


def test_a_bench_end_to_end(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    few = ["--samples", "6", "--rounds", "3", "--processes", "2"]
    artifact = shipped / "artifacts" / "swipe-en.onnx"
    arguments = [
        "bench",
        str(artifact),
        "--runtime",
        "onnx",
        "--data",
        str(shipped / "samples.jsonl"),
        *few,
    ]
    extra = ["--html", str(tmp_path / "b.html"), "--trace", str(tmp_path / "t"), "--json"]
    assert cli.main([*arguments, *extra]) == 0
    text = capsys.readouterr().out
    report = json.loads(text)
    assert not broken(report)
    yardstick, row = report["rows"]
    assert (yardstick["artifact"], row["artifact"]) == ("yardstick", "swipe-en.onnx")
    assert row["threads_seen"] == row["threads"] == 1
    assert 0 < row["decode_p50_ms"] < row["p50_ms"] <= row["p90_ms"] <= row["p99_ms"]
    assert row["first_call_ms"] < row["cold_ms"]
    assert row["load_ms"] < row["cold_ms"]
    assert row["peak_rss_bytes"] > report["floor"]["peak_rss_bytes"]
    assert row["size_bytes"] == artifact.stat().st_size
    assert row["top1"] > 0.5
    assert len(row["series"]["p50_ms"]) == row["rounds"] == 6
    (traced,) = report["traces"].values()
    assert "Conv" in [operator["name"] for operator in traced["operators"]]
    assert Path(traced["file"]).is_file()
    assert not Page((tmp_path / "b.html").read_text(encoding="utf-8")).open

    baseline = json.loads(text)
    baseline["rows"][1]["size_bytes"] //= 2
    (tmp_path / "base.json").write_text(json.dumps(baseline))
    gated = [*arguments, "--baseline", str(tmp_path / "base.json"), "--tolerance", "90%"]
    assert cli.main(gated) == 1
    told = capsys.readouterr().out
    assert "size_bytes" in told
    assert "worse" in told


def test_samples_are_read_once_for_all_rows(shipped: Path, monkeypatch) -> None:
    asked = []
    choose = benchmark.workload.choose
    monkeypatch.setattr(
        benchmark.workload, "choose", lambda *a, **k: (asked.append(a), choose(*a, **k))[1]
    )
    monkeypatch.setattr(measure, "run", lambda *a, **k: ([], {}))
    benchmark.bench(shipped, runtime=["onnx", "eager"], threads=[1, 2], samples=2)
    assert len(asked) == 1


def test_a_worker_that_dies_is_the_reason_of_a_row(tmp_path: Path) -> None:
    (tmp_path / "w.py").write_text("import os, sys\nsys.stdin.readline()\nos._exit(7)\n")
    subject = plan.Subject("m", Path("m"), "onnx", 1, {})
    record = measure.Record(plan.Plan(subject, "onnx", "cpu", 1))
    process = measure._Process([str(tmp_path / "w.py")], 1, str(tmp_path))
    try:
        measure._guarded(record, lambda: process.ask("load"))
    finally:
        process.close()
    assert record.reason == "its process ended with code 7 at 'load'"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--samples", "0"], ["--rounds", "0"], ["--processes", "-1"], ["--threads", "x"],
        ["--tolerance", "10%"], ["--lexicon", "nowhere.tsv"], ["--data", "nowhere.jsonl"],
        ["--split", "dev"],
        ["--device", "tpu"], ["--runtime", "onx"], ["nowhere.onnx"], ["--baseline", "nowhere"],
    ],
)  # fmt: skip
def test_mistakes_are_refused_before_anything_runs(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setattr(measure, "run", lambda *a, **k: pytest.fail("it ran"))
    try:
        code = cli.main(["bench", *arguments])
    except SystemExit as stop:  # of the parser
        code = int(stop.code or 0)
    assert code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_memory_is_that_of_this_process() -> None:
    peak = machine.peak_rss_bytes()
    assert peak is not None
    assert 10e6 < peak < 1e11


def test_machines_are_the_same_by_what_matters() -> None:
    assert machine.same(HERE, {**HERE, "load_1_min": 9})
    for key, other in itertools.product(("processor", "cores", "gpus"), (None,)):
        assert not machine.same(HERE, {**HERE, key: other})
