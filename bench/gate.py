"""Does the gate keep quiet on unchanged code, and does it catch a slow-down of a fifth? For real.

    python bench/gate.py [--runs 10] [--out FILE]

One baseline, then so many benches of the same code, then one whose network was made 20 % slower by
spinning. Prints every verdict on p50 and whether any figure raised an alarm.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _result import heading, publish

from edgectc.benchmarking import benchmark, gate
from edgectc.benchmarking.measure import Settings
from edgectc.core.console import table
from edgectc.formats import bundle

TOLERANCE = 0.1
PLANTED = 0.2


def slow_worker() -> int:
    """A worker whose every stage of the network and of decoding takes a fifth longer."""
    from edgectc.benchmarking import worker
    from edgectc.runtime.recognizer import Recognizer

    def slower(work: Any) -> Any:
        def spun(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            answer = work(*arguments, **named)
            until = began + (time.perf_counter() - began) * (1 + PLANTED)
            while time.perf_counter() < until:
                pass
            return answer

        return spun

    Recognizer.run = slower(Recognizer.run)  # type: ignore[method-assign]
    Recognizer.decode = slower(Recognizer.decode)  # type: ignore[method-assign]
    return worker.main()


def measured(worker: tuple[str, ...] | None = None) -> Mapping[str, Any]:
    more = {} if worker is None else {"worker": worker}
    settings = Settings(processes=3, rounds=6, throughput_s=0, **more)  # type: ignore[arg-type]
    artifact = bundle.locate(None) / "artifacts" / "swipe-en.onnx"
    return benchmark.measured([artifact], settings, runtime=["onnx"])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.worker:
        return slow_worker()
    baseline = measured()
    rows, alarms = [], 0
    for number in range(options.runs + 1):
        planted = number == options.runs
        now = measured((__file__, "--worker") if planted else None)
        verdicts = gate.compare(now, baseline, TOLERANCE)
        p50 = next(v for v in verdicts if v.figure == "cpu_p50_ms")
        worse = ", ".join(v.figure for v in verdicts if v.verdict == "worse")
        alarms += bool(worse) and not planted
        name = f"{PLANTED:.0%} slower" if planted else f"unchanged, run {number + 1}"
        shown = f"{p50.ratio:.3f} [{p50.low:.3f}, {p50.high:.3f}]"
        row, load = now["rows"][1], now["machine"]["load_1_min"]
        rows.append([name, load, row["p50_ms"], f"{row['waited_share']:.1%}", shown, worse])
        print(rows[-1], file=sys.stderr)
    head = ["code", "load", "p50 ms", "waited", "CPU p50 now / baseline", "alarms"]
    repeats = f"3 processes of 6 rounds of 100 samples; tolerance {TOLERANCE:.0%}"
    caught = "caught" if rows[-1][-1] else "MISSED"
    publish(
        f"{heading(('onnxruntime',), repeats=repeats)}\n{table(head, rows, right=False)}\n\n"
        f"false alarms: {alarms} of {options.runs}; planted: {caught}\n",
        options.out,
    )
    return int(alarms > 0 or not rows[-1][-1])


if __name__ == "__main__":
    sys.exit(main())
