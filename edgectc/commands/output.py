"""What several verbs print alike."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgectc.core import messages

if TYPE_CHECKING:  # holds numpy arrays; building the parser stays light
    from edgectc.core.types import Report


def print_json(value: Any, *, sort_keys: bool = True) -> None:
    """Print one line of JSON; dataclasses and paths as their plain values."""
    from edgectc.core.config import to_dict

    print(json.dumps(to_dict(value), sort_keys=sort_keys, default=str))


def print_readable(document: Mapping[str, Any], *, sort_keys: bool = False) -> None:
    """Print one line of JSON with letters of all alphabets, as escapes where they do not fit."""
    text = json.dumps(document, sort_keys=sort_keys, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(document, sort_keys=sort_keys)
    print(text)


def print_next(*words: str | Path) -> None:
    """Print a command that goes on from here; its paths may be pasted as they are."""
    if messages.level() >= 0:
        print(f"next: edgectc {shlex.join(str(word) for word in words)}")


def report_dict(report: Report) -> dict[str, Any]:
    """Return a report as JSON has it."""
    checks = [{"name": c.name, "status": c.status, "detail": c.detail} for c in report.checks]
    figures, needed = dict(report.figures), list(report.needed)
    return {"status": report.status, "checks": checks, "figures": figures, "needed": needed}


def report_of(document: Mapping[str, Any]) -> Report:
    """Return the report whose JSON form `report_dict` made."""
    from edgectc.core.types import Check, Report

    checks = tuple(Check(c["name"], c["status"], c["detail"]) for c in document["checks"])
    return Report(checks, document["figures"], tuple(document["needed"]))


def print_report(report: Report) -> None:
    """Print a report as a table."""
    from edgectc.core.console import print_table

    rows = [[check.name, check.status, check.detail] for check in report.checks]
    print_table(["check", "verdict", "what was seen"], rows, right=False)
    print(f"verdict: {report.status}")
