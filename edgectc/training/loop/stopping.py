"""Ctrl-C and SIGTERM wait for the end of a step, where the run is saved: nothing is cut in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """What a signal asked for; one more signal does not wait."""

    def __init__(self) -> None:
        """Hold no signal yet, and take none before `postponed`."""
        self._asked: list[int] = []
        self._before = {number: signal.getsignal(number) for number in _SIGNALS}

    @property
    def asked(self) -> bool:
        """Whether a signal waits."""
        return bool(self._asked)

    def keep(self, number: int, frame: FrameType | None) -> None:
        """Take a signal, as its handler."""
        self._asked.append(number)
        if len(self._asked) > 1:
            self.deliver()

    def deliver(self) -> None:
        """Let the signal that waits, if one does, do what it does elsewhere."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._asked:
            signal.raise_signal(self._asked.pop())


@contextmanager
def postponed(*, active: bool = True) -> Iterator[Stop]:
    """Yield what signals ask for while this lasts; what still waits is delivered at the end.

    Args:
        active: whether this process may choose when to stop: one of several may not.
    """
    stop = Stop()
    if not active or threading.current_thread() is not threading.main_thread():
        yield stop
        return
    for number in _SIGNALS:
        signal.signal(number, stop.keep)
    try:
        yield stop
    finally:
        stop.deliver()
