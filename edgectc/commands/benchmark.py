"""`edgectc bench`."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from edgectc.commands.arguments import Verbs, integers, names, values
from edgectc.core.messages import say


def declare(verbs: Verbs) -> None:
    """Declare the verb."""
    text = "Measure size, speed, memory and accuracy side by side."
    parser = verbs.add("bench", "benchmark.run", text)
    parser.add_argument(
        "models", nargs="*", metavar="MODEL", help="bundles, artifacts, shipped names"
    )
    parser.add_argument(
        "--device", type=names, default=("cpu",), metavar="D,...", help="cpu, cuda (default cpu)"
    )
    parser.add_argument(
        "--runtime",
        type=names,
        metavar="R,...",
        help="onnx, native, pte, litert, coreai, eager; on cuda also bfloat16, float16, graphs "
        "(default: all); compiled, by torch.compile, which takes minutes, where it is asked for",
    )
    parser.add_argument(
        "--threads", type=integers, default=(1,), metavar="N,...", help="thread counts (default 1)"
    )
    parser.add_argument(
        "--data", metavar="FILE", help="labelled swipes .jsonl or recordings .npz, for accuracy"
    )
    parser.add_argument(
        "--split", default="all", help="of swipes: all, train, dev or test users (default all)"
    )
    parser.add_argument("--lexicon", metavar="FILE", help="lexicon instead of the models' own")
    parser.add_argument("--language-model", metavar="FILE", help="instead of the models' own")
    parser.add_argument("--samples", type=int, default=100, help="samples to time (default 100)")
    parser.add_argument("--limit", type=int, default=1000, help="samples to score (default 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds a process (default 5)")
    parser.add_argument("--processes", type=int, default=3, help="fresh processes (default 3)")
    parser.add_argument(
        "--phones", nargs="+", default=(), metavar="FILE",
        help="results of the phone kit, shown beside; without MODEL, alone",
    )  # fmt: skip
    parser.add_argument("--html", metavar="FILE", help="write the page with charts")
    parser.add_argument(
        "--baseline", metavar="FILE", help="--json of an earlier run; exit 1 if worse"
    )
    parser.add_argument("--tolerance", metavar="X%", help="of the baseline (default 10%%)")
    parser.add_argument(
        "--trace", metavar="DIR", help="profile the operators; print the ten heaviest"
    )


def run(options: Namespace) -> int:
    """Print the table; exit 1 if a figure is worse than the baseline, 3 if none was compared."""
    from edgectc.benchmarking.benchmark import bench

    report = bench(*options.models, **values(options, without=["models"]))
    verdicts = report.get("verdicts", [])
    if options.json:
        print(json.dumps(report, sort_keys=True))
    else:
        _print(report)
        if verdicts:
            _print_verdicts(verdicts, options.tolerance)
    if options.baseline and all(verdict["verdict"] == "not_run" for verdict in verdicts):
        say("edgectc: error: no row could be compared with the baseline", always=True)
        return 3
    return int(any(verdict["verdict"] == "worse" for verdict in verdicts))


def _print(report: Any) -> None:
    from edgectc.benchmarking import tables
    from edgectc.core.console import print_table

    print_table(tables.HEADER, tables.lines(report))
    print("\n".join(tables.notes(report)))
    for name, trace in report.get("traces", {}).items():
        print(f"\n{name}: {trace['reason'] or 'ten heaviest operators, ' + trace['file']}")
        if trace["operators"]:
            head = ["operator", "calls", "ms a sample", "share"]
            rows = [
                [o["name"], o["calls"], f"{o['ms']:.4f}", f"{o['share']:.1%}"]
                for o in trace["operators"]
            ]
            print_table(head, rows)


def _print_verdicts(verdicts: Sequence[Mapping[str, Any]], tolerance: str | None) -> None:
    from edgectc.benchmarking import gate
    from edgectc.benchmarking.benchmark import TOLERANCE
    from edgectc.core.console import print_table

    allowed = gate.tolerance(tolerance or TOLERANCE)
    print(f"\nbaseline, tolerance {allowed:.0%} beyond noise")
    rows = [
        [v["row"], v["figure"], v["verdict"], _ratio(v) if v["ratio"] is not None else v["detail"]]
        for v in verdicts
    ]
    print_table(["row", "figure", "verdict", "now / baseline"], rows, right=False)


def _ratio(verdict: Mapping[str, Any]) -> str:
    if verdict["figure"] in ("top1", "error_rate"):
        return f"{verdict['ratio']:+.2%} points gained"
    return f"{verdict['ratio']:.3f} [{verdict['low']:.3f}, {verdict['high']:.3f}]"
