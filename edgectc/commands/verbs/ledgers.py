"""`edgectc.report`: how a keyboard does in use, from ledgers without text."""

from __future__ import annotations

from typing import Any

from edgectc.core.arguments import File, FileName, checked
from edgectc.core.errors import ConfigError
from edgectc.core.staging import write_bytes
from edgectc.evaluation import ledger, ledger_page

HEADER = ("figure", "value", "95 %", "of", "budget", "")


@checked
def report(
    *files: FileName, budgets: str | None = None, html: File | None = None
) -> dict[str, Any]:
    """Return the figures of ledgers together: ``words``, ``by``, ``figures``, ``verdicts`` ...

    Args:
        files: ledgers, see docs/ledger.md.
        budgets: ``NAME=VALUE,...`` to hold the figures to, e.g. ``first=0.9,p95_ms=50``.
        html: file to write a page with charts to.

    Raises:
        ConfigError: no file, or a budget for what is no figure.
        InputError: a file is no ledger, or all of them hold no word.
    """
    if not files:
        raise ConfigError("no ledger was named, expected one or more", options=["files"])
    asked = ledger.budgets(budgets) if budgets is not None else {}
    entries = [entry for file in files for entry in ledger.read(file)]
    made = ledger.summary(entries)
    made["verdicts"] = ledger.judged(made["figures"], asked)
    if html is not None:
        write_bytes(html, ledger_page.html(made, rows(made), HEADER).encode())
    return made


def rows(made: dict[str, Any]) -> list[list[str]]:
    """Return the rows of the table of a report."""
    verdicts = {one["figure"]: one for one in made["verdicts"]}
    lines = []
    for name in ledger.BUDGETS:
        figure, verdict = made["figures"].get(name), verdicts.get(name)
        if figure is None and verdict is None:
            continue
        low, high = (figure or {}).get("interval", (None, None))
        lines.append([
            name, _shown(name, figure and figure["value"]),
            f"{_shown(name, low)} to {_shown(name, high)}" if low is not None else "-",
            str(figure["of"]) if figure else "0",
            _shown(name, verdict and verdict["budget"]), verdict["verdict"] if verdict else "",
        ])  # fmt: skip
    return lines


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f} ms" if name.endswith("_ms") else f"{100 * value:.1f} %"
