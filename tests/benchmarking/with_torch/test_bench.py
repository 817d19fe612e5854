"""`edgectc bench` with the runtimes that need torch."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_schema import broken

from edgectc.benchmarking import benchmark, measure


@pytest.mark.parametrize(
    ("file", "runtime"),
    [("artifacts/swipe-en-int8-static.pte", "pte"), ("", "eager")],
)
def test_other_runtimes_run_too(shipped: Path, file: str, runtime: str) -> None:
    few = measure.Settings(processes=1, rounds=1, throughput_s=0)
    report = benchmark.measured([shipped / file], few, runtime=[runtime], samples=2)
    row = report["rows"][1]
    assert (row["status"], row["reason"]) == ("ok", "")
    assert row["threads_seen"] == 1
    assert not broken(report)
