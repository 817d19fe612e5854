"""What SIGTERM does to a verb: it ends, like Ctrl-C, with its temporary files removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """Somebody asked this process to end, with SIGTERM."""


@contextmanager
def cleaning_up() -> Iterator[None]:
    """Let SIGTERM, like Ctrl-C, end what is done here with its temporary files removed."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated

    main_thread = threading.current_thread() is threading.main_thread()
    if not main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield  # whoever calls this function has a way of his own
        return
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
