"""`edgectc bench`."""

from __future__ import annotations

import argparse
import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgectc.core.errors import ConfigError

if TYPE_CHECKING:
    from edgectc.benchmarking.gate import Verdict
    from edgectc.benchmarking.report import Report


def arguments(one: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    one.add_argument("models", nargs="*", metavar="MODEL", help="bundles, artifacts, shipped names")
    one.add_argument("--device", default="cpu", metavar="D,...", help="cpu, cuda (default cpu)")
    one.add_argument(
        "--runtime",
        metavar="R,...",
        help="onnx, pte, eager, compiled; on cuda also bfloat16, float16, graphs (default: all)",
    )
    one.add_argument("--threads", default="1", metavar="N,...", help="thread counts (default 1)")
    one.add_argument(
        "--data", metavar="FILE", help="labelled swipes .jsonl or recordings .npz, for accuracy"
    )
    one.add_argument(
        "--split", default="all", help="of swipes: all, train, dev or test users (default all)"
    )
    one.add_argument("--lexicon", metavar="FILE", help="lexicon instead of the models' own")
    one.add_argument("--language-model", metavar="FILE", help="instead of the models' own")
    one.add_argument("--samples", type=int, default=100, help="samples to time (default 100)")
    one.add_argument("--limit", type=int, default=1000, help="samples to score (default 1000)")
    one.add_argument("--rounds", type=int, default=5, help="rounds a process (default 5)")
    one.add_argument("--processes", type=int, default=3, help="fresh processes (default 3)")
    one.add_argument("--html", metavar="FILE", help="write the page with charts")
    one.add_argument("--baseline", metavar="FILE", help="--json of an earlier run; exit 1 if worse")
    one.add_argument("--tolerance", metavar="X%", help="of the baseline (default 10%%)")
    one.add_argument("--trace", metavar="DIR", help="profile the operators; print the ten heaviest")


def run(options: Namespace) -> int:
    """Print the table; exit 1 if a figure is worse than the baseline, 3 if none was compared."""
    from edgectc.benchmarking import benchmark, gate, measure, page
    from edgectc.core.files import write_bytes

    if options.tolerance is not None and options.baseline is None:
        raise ConfigError("--tolerance is that of --baseline; give one, or leave it out")
    allowed = gate.tolerance(options.tolerance or "10%")
    baseline = gate.read(options.baseline) if options.baseline else None
    report = benchmark.bench(
        *options.models,
        devices=_list(options.device),
        runtimes=_list(options.runtime) if options.runtime else None,
        threads=_numbers(options.threads),
        data=options.data,
        split=options.split,
        lexicon=options.lexicon,
        language_model=options.language_model,
        timed=options.samples,
        scored=options.limit,
        settings=measure.Settings(processes=options.processes, rounds=options.rounds),
        trace=options.trace,
        say=lambda text: print(f"edgectc: {text}", file=sys.stderr),
    )
    verdicts = gate.compare(report, baseline, allowed) if baseline else []
    if baseline:
        report["verdicts"] = [verdict.to_json() for verdict in verdicts]
    if options.html:
        write_bytes(options.html, page.html(report).encode())
    if options.json:
        print(json.dumps(report, sort_keys=True))
    else:
        _print(report, verdicts, allowed)
    if baseline and all(verdict.verdict == "not_run" for verdict in verdicts):
        print("edgectc: error: no row could be compared with the baseline", file=sys.stderr)
        return 3
    return int(any(verdict.verdict == "worse" for verdict in verdicts))


def _print(report: Report, verdicts: Sequence[Verdict], allowed: float) -> None:
    from edgectc.benchmarking import tables
    from edgectc.core.console import table

    print(table(tables.HEADER, tables.lines(report)))
    print("\n".join(tables.notes(report)))
    for name, trace in report.get("traces", {}).items():
        print(f"\n{name}: {trace['reason'] or 'ten heaviest operators, ' + trace['file']}")
        if trace["operators"]:
            head = ["operator", "calls", "ms a sample", "share"]
            rows = [
                [o["name"], o["calls"], f"{o['ms']:.4f}", f"{o['share']:.1%}"]
                for o in trace["operators"]
            ]
            print(table(head, rows))
    if verdicts:
        print(f"\nbaseline, tolerance {allowed:.0%} beyond noise")
        rows = [
            [v.row, v.figure, v.verdict, _ratio(v) if v.ratio is not None else v.detail]
            for v in verdicts
        ]
        print(table(["row", "figure", "verdict", "now / baseline"], rows, right=False))


def _ratio(verdict: Verdict) -> str:
    if verdict.figure in ("top1", "error_rate"):
        return f"{verdict.ratio:+.2%} points gained"
    return f"{verdict.ratio:.3f} [{verdict.low:.3f}, {verdict.high:.3f}]"


def _list(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",")))


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in _list(text)]
    except ValueError as error:
        raise ConfigError(f"--threads is {text!r}, expected numbers such as 1,2") from error
