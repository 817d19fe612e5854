"""Tables and progress for people. Standard error for progress, so that output stays clean."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import TypeVar

T = TypeVar("T")


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, right: bool = True) -> str:
    """Return an aligned text table: first column left, the rest right unless ``right`` is off."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        align = str.rjust if right else str.ljust
        rest = (align(cell, width) for cell, width in zip(row[1:], widths[1:], strict=True))
        return "  ".join([row[0].ljust(widths[0]), *rest]).rstrip()

    return "\n".join([line(header), "  ".join("-" * width for width in widths), *map(line, cells)])


def progress(items: Iterable[T], label: str, *, total: int | None = None) -> Iterator[T]:
    """Yield ``items`` while showing count, rate and time left on standard error.

    A terminal gets one line that is rewritten; a log gets a line every tenth of the way.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    live, began, shown = sys.stderr.isatty(), time.monotonic(), 0.0
    for n, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        spent = now - began
        finished = n == total
        tenth = bool(total) and n * 10 // (total or 1) != (n - 1) * 10 // (total or 1)
        if (live and (now - shown > 0.1 or finished)) or (not live and spent > 5 and tenth):
            shown = now
            left = f", {spent / n * (total - n):.0f} s left" if total else ""
            end = "\n" if finished or not live else ""
            start = "\r" if live else ""
            print(
                f"{start}{label} {n}/{total or '?'}{left}   ", end=end, file=sys.stderr, flush=True
            )
