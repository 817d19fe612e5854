"""Tables and progress for people, and keeping the chatter of other tool chains away from them.

Progress goes to standard error, so that output stays clean. Errors of a tool chain still come as
exceptions; only its logs, warnings and prints are held back.
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
from typing import TypeVar

from edgectc.core.messages import say

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
        line = text + self._left(count, now)
        end = "\n" if finished or not self.terminal else ""
        start = "\r" if self.terminal else ""
        say(f"{start}{line:<79}", end=end)

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
    """Hold back warnings, log records up to ERROR, and what Python prints to standard output."""
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
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "wb") as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
