"""Work that a fork must not cut in half.

A forked child has one thread, and a copy of every lock as it was: what another thread held stays
held for ever, in Python, in the C library and in ONNX Runtime. So a fork waits for the calls that
are in flight, and none begins meanwhile.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from edgectc.core.errors import ConfigError

_LONGEST = 10.0  # seconds that a fork waits


class _Depth(threading.local):
    """How many calls of this thread lie in each other."""

    depth = 0


_lock = threading.RLock()
_changed = threading.Condition(_lock)
_in_flight, _forking = 0, False
_own = _Depth()
_parallel = 0  # the process that has run several threads


class _Whole:
    """What `whole` returns; one for all calls, as what it counts lies outside."""

    def __enter__(self) -> None:
        global _in_flight
        if not _own.depth:
            with _lock:
                while _forking:
                    _changed.wait()
                _in_flight += 1
        _own.depth += 1

    def __exit__(self, *_: Any) -> None:
        global _in_flight
        _own.depth -= 1
        if not _own.depth:
            with _lock:
                _in_flight -= 1
                if _forking:  # it waits for the last one
                    _changed.notify_all()


_WHOLE = _Whole()


def whole() -> _Whole:
    """Let no fork happen inside; calls may lie in each other."""
    return _WHOLE


def check_threads(threads: int, *, always: bool = False) -> None:
    """Note how many threads PyTorch or ExecuTorch are about to run.

    Threads do not outlive a fork, and the child would wait for them for ever.

    Args:
        threads: of the call.
        always: one thread, too, waits for those that are gone.

    Raises:
        ConfigError: this process was forked from one in which several threads have run.
    """
    global _parallel
    if (threads > 1 or always) and _parallel not in (0, os.getpid()):
        remedy = "" if always else "take threads=1, or "
        raise ConfigError(
            f"threads is {threads}, and this process was forked from one that ran several, which "
            f"no longer are; {remedy}start processes with spawn",
            options=["threads"],
        )
    if threads > 1:
        _parallel = os.getpid()


def _before() -> None:
    global _forking
    mine = int(_own.depth > 0)  # a fork from inside such a call
    with _changed:
        _changed.wait_for(lambda: not _forking, _LONGEST)
        _forking = True
        _changed.wait_for(lambda: _in_flight <= mine, _LONGEST)


def _in_parent() -> None:
    global _forking
    with _changed:
        _forking = False
        _changed.notify_all()


def _in_child() -> None:
    global _lock, _changed, _in_flight, _forking
    _lock = threading.RLock()
    _changed = threading.Condition(_lock)
    _in_flight, _forking = int(_own.depth > 0), False


if sys.platform != "win32":  # which has no fork
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
