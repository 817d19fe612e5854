"""Tables and progress for people, and keeping the chatter of other tool chains away from them.

Progress goes to standard error. Of a tool chain, what it says is held back, and no exception.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager, redirect_stdout
from typing import TypeAlias, TypeVar

from edgectc.core import messages, terminal

T = TypeVar("T")
Rows: TypeAlias = Iterable[Sequence[object]]  # of cells, as `str` has them


def table(header: Sequence[str], rows: Rows, *, right: bool = True) -> str:
    """Return an aligned text table: first column left, the rest right unless ``right`` is off."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        align = str.rjust if right else str.ljust
        rest = (align(cell, width) for cell, width in zip(row[1:], widths[1:], strict=True))
        return "  ".join([row[0].ljust(widths[0]), *rest]).rstrip()

    return "\n".join([line(header), "  ".join("-" * width for width in widths), *map(line, cells)])


def print_table(header: Sequence[str], rows: Rows, *, right: bool = True) -> None:
    """Print a `table`; on a terminal with the package rich, one that fits it, verdicts coloured."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not terminal.print_table(header, cells, right=right):
        print(table(header, cells, right=right))


class ProgressLine:
    """One line on standard error: rewritten on a terminal, in a log a new one every minute.

    Args:
        total: items in all; None if that is not known.
        start: items that were finished before.
        shown: off: nothing is printed at all.
    """

    def __init__(self, total: int | None, *, start: int = 0, shown: bool = True) -> None:
        self.total, self.start, self.shown = total, start, shown
        self.terminal = sys.stderr.isatty()
        self.began = self.printed = time.monotonic()

    def update(self, count: int, text: str) -> None:
        """Print ``text`` and the time that is left after ``count`` items, if it is time."""
        now, finished = time.monotonic(), count == self.total
        if not self.shown or not self._due(now, finished):
            return
        self.printed = now
        bar = terminal.bar(count, self.total) if self.terminal and self.total else ""
        line = bar + text + self._left(count, now)
        end = "\n" if finished or not self.terminal else ""
        start = terminal.CLEARED if bar else "\r" if self.terminal else ""
        messages.say(f"{start}{line:<79}", end=end)

    def _due(self, now: float, finished: bool) -> bool:
        if self.terminal:
            return finished or now - self.printed >= 0.1
        # A log that had no line so far was short and needs no last one.
        return now - self.printed >= 60.0 or (finished and self.printed != self.began)

    def _left(self, count: int, now: float) -> str:
        if self.total is None:
            return ""
        per_item_s = (now - self.began) / max(1, count - self.start)
        return f", {clock(per_item_s * (self.total - count))} left"


def progress(items: Iterable[T], label: str, *, total: int | None = None) -> Iterator[T]:
    """Yield ``items`` while a `ProgressLine` shows their count."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    line = ProgressLine(total)
    for count, item in enumerate(items, 1):
        yield item
        line.update(count, f"{label} {count}/{total or '?'}")


def clock(seconds: float) -> str:
    """Return a duration as people read it: "0:09", "12:30" or "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def suppress_output() -> Iterator[None]:
    """Hold back warnings, log records up to ERROR, and what Python prints to standard output.

    Where more is to be said (`edgectc.core.messages.level`), all of it goes to standard error.
    """
    if messages.level() > 0:
        with redirect_stdout(sys.stderr):
            yield
        return
    previous = logging.root.manager.disable
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(previous)


@contextmanager
def suppress_stderr() -> Iterator[None]:
    """Hold back what native code writes to standard error, which Python's logging cannot reach."""
    if messages.level() > 0:
        yield
        return
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "wb") as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
