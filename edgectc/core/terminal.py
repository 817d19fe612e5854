"""Tables and bars by the package rich, on terminals and where it is installed.

It is imported for output alone, never for ``--help``, and leaves colours out where NO_COLOR is set.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO

_STYLES = {
    "better": "green", "ok": "green", "pass": "green",
    "not_run": "yellow", "untested": "yellow", "warning": "yellow",
    "broken": "bold red", "error": "bold red", "fail": "bold red", "missing": "red",
    "worse": "bold red",
}  # fmt: skip
_BAR_CELLS = 16
CLEARED = "\r\033[2K"  # to the start of the line, and nothing on it


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: bool) -> bool:
    """Print a table to standard output; return False if that is no place for one.

    Args:
        header: of the columns.
        rows: their cells.
        right: align all but the first column to the right.
    """
    console = _console(sys.stdout)
    if console is None:
        return False
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(header):
        made.add_column(Text(name), justify="right" if right and place else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    console.print(made)
    return True


def bar(count: int, total: int) -> str:
    """Return a bar of what is done, for a line on standard error; "" if that is no place for one.

    Args:
        count: items that are finished.
        total: items in all, 1 or more.
    """
    console = _console(sys.stderr)
    if console is None:
        return ""
    from rich.progress_bar import ProgressBar

    console.file = io.StringIO()
    console.print(ProgressBar(total, count, width=_BAR_CELLS), end="")
    return f"{console.file.getvalue()} "


def _console(stream: TextIO) -> Any:
    """Return a console, None where there is no rich or no terminal that can do more than type."""
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(file=stream, force_terminal=True, highlight=False)
