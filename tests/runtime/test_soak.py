"""Threads and many models of one process: `scripts/soak.py`, for a second."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="needs /proc")
def test_answers_stay_and_memory_is_flat(shipped: Path) -> None:
    soak = runpy.run_path(str(ROOT / "scripts" / "soak.py"))
    lines = (shipped / "samples.jsonl").read_text().splitlines()
    traces = [json.loads(line)["points"] for line in lines]
    many = soak["threads"](None, traces, 8, 1.0)
    assert many.calls >= 8 * 20
    assert not many.different
    models = soak["cycles"](None, traces, 12)
    assert models.calls == 12
    assert not models.different
    assert models.holds


def test_what_grows_or_changes_is_seen() -> None:
    soak = runpy.run_path(str(ROOT / "scripts" / "soak.py"))["Soak"]
    assert soak(9, 0, [100.0, 100.0, 104.0]).holds
    assert not soak(9, 0, [100.0, 100.0, 106.0]).holds
    assert not soak(9, 1, [100.0, 100.0, 100.0]).holds
