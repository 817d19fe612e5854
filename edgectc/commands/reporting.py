"""`edgectc report`."""

from __future__ import annotations

import json
from argparse import Namespace

from edgectc.commands.arguments import Verbs, values
from edgectc.core.messages import say


def declare(verbs: Verbs) -> None:
    """Declare the verb."""
    text = "Tell how a keyboard does in use, from its ledgers, which hold no text."
    parser = verbs.add("report", "reporting.run", text)
    parser.add_argument("files", nargs="+", metavar="FILE", help="ledgers, see docs/ledger.md")
    parser.add_argument(
        "--budgets",
        metavar="NAME=VALUE,...",
        help="first, picked, undone, foreseen, calibration (0 to 1), p50_ms, p95_ms; exit 1 if "
        "one is missed",
    )
    parser.add_argument("--html", metavar="FILE", help="write the page with charts")


def run(options: Namespace) -> int:
    """Print the figures; exit 1 if a budget is missed, 3 if none could be held against a figure."""
    from edgectc.commands.verbs import ledgers
    from edgectc.core.console import print_table

    report = ledgers.report(*options.files, **values(options, without=["files"]))
    if options.json:
        print(json.dumps(report, sort_keys=True))
    else:
        by = ", ".join(f"{count:,} by {way}" for way, count in report["by"].items() if count)
        print(f"{report['words']:,} words: {by}")
        print_table(ledgers.HEADER, ledgers.rows(report))
    verdicts = [one["verdict"] for one in report["verdicts"]]
    if verdicts and all(verdict == "not_run" for verdict in verdicts):
        say("edgectc: error: the ledgers note nothing that a budget is for", always=True)
        return 3
    return int("missed" in verdicts)
