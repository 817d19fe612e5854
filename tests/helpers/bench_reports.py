"""What `edgectc bench` would have written on a machine that others use, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgectc.benchmarking import measure, plan, rows
from edgectc.benchmarking.workload import Workload

HERE = {"processor": "P", "cores": 2, "architecture": "x86_64", "gpus": []}


class Clock:
    """A machine that others use too: slow drift for all, noise and spikes for each reading."""

    def __init__(self, seed: int, waited: float) -> None:
        self.rng, self.waited = np.random.default_rng(seed), waited
        self.load = 0.0

    def round(self, ms: np.ndarray, factor: float) -> dict[str, Any]:
        rng = self.rng
        self.load = 0.9 * self.load + rng.normal(0.0, 0.15)  # up to about twice as slow
        busy = float(np.exp(self.load))
        spent = ms[:, None] * np.array([0.1, 0.5, 0.4]) * busy * factor
        spent = spent * np.exp(rng.normal(0.0, 0.05, spent.shape))
        spent[rng.random(len(ms)) < 0.02] *= 8.0
        own = float(np.exp(rng.normal(0.0, 0.03)))
        found: dict[str, Any] = {"waited_share": self.waited}
        for clock in ("", "cpu_"):
            wait = 1.0 + (self.waited * 30 * rng.random() if not clock else 0.0)
            found[f"{clock}spent_ns"] = (spent * 1e6 * own * wait).tolist()
            found[f"{clock}floor_ns"] = [90.0, 90.0, 90.0]
            found[f"{clock}yardstick_ns"] = 0.4e6 * busy * float(np.exp(rng.normal(0.0, 0.02)))
        return found


def report_of(
    seed: int, *, factor: float = 1.0, waited: float = 0.0, **more: Any
) -> dict[str, Any]:
    """What a bench would have written on such a machine."""
    clock = Clock(seed, waited)
    ms = np.random.default_rng(7).lognormal(0.0, 0.7, 60)
    subject = plan.Subject("m.onnx", Path("m.onnx"), "onnx", 1000, {})
    record = measure.Record(plan.Plan(subject, "onnx", "cpu", 1))
    record.rounds = [clock.round(ms, factor) for _ in range(15)]
    loads = 300.0 * np.exp(clock.rng.normal(0.0, 0.05, 3))
    record.cold = [{"load_ms": x, "cold_ms": x + 9, "first_call_ms": 9.0} for x in loads]
    record.more = {"threads_seen": 1, "cpu_s": 1.0, "peak_rss_bytes": 10**8, "labelled": 60}
    record.more |= {"top1": 0.9, "top3": 0.95, "error_rate": 0.05, **more}
    samples = Workload((), 60, True, "simulated", "d")
    reference = rows.reference([record])
    assert reference is not None
    return {
        "schema_version": 1,
        "machine": {**HERE, "memory_bytes": 1, "system": "S", "python": "3", "versions": {}}
        | {"load_1_min": 1.0},
        "settings": {"processes": 3, "rounds": 5},
        "samples": {"source": "simulated", "digest": "d", "labelled": True},
        "floor": {"process_ms": 20.0, "peak_rss_bytes": 1},
        "rows": [reference, rows.row(record, samples)],
    }
