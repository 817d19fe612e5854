"""Kills a writer at every file-system event of its own, and looks at what is left.

The writer runs in a fork, so that a hundred kills take one import. Its events are those that Python
audits (a file opened to write, a rename, a removal, a folder made or removed) and those of
`edgectc.core.staging` that it does not: the exchange of two names, and what is put on disk.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgectc.core import staging

_CHANGES = {
    "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate",
    "os.chmod",
}  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass
class Found:
    """What kills did.

    Attributes:
        events: what the writer does where no one kills it.
        kills: how many were made.
        lost: kills after which what was there before was gone or could not be read.
        half_written: kills after which something else was there than before or at the end.
        other_ends: kills after which the next run made something else than an undisturbed one.
        leftovers: kills after which a file was left over by the next run, and which.
    """

    events: list[str] = field(default_factory=list)
    kills: int = 0
    lost: list[str] = field(default_factory=list)
    half_written: list[str] = field(default_factory=list)
    other_ends: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)


def at_every_event(
    write: Callable[[Path], object],
    place: Path,
    *,
    prepare: Callable[[Path], object] = lambda place: None,
    read: Callable[[Path], str],
    end: Callable[[Path], str] | None = None,
    most: int | None = None,
) -> Found:
    """Return what was found after a kill at each event of ``write``.

    Args:
        write: writes into the folder that it is given.
        place: where to work.
        prepare: what was done there before, e.g. an older file.
        read: opens what is there as a user does; returns what tells it from another; raises if it
            is not whole.
        end: what tells the result of one whole run from another; None for ``read``.
        most: kill at so many events, evenly spread; None for all.
    """
    found = Found()
    home = _fresh(place, prepare)
    before = read(home / "work")
    found.events = _events(write, home)
    end = end or read
    after, result, names = read(home / "work"), end(home / "work"), _names(home)
    count = len(found.events)
    most = count if most is None else min(most, count)
    for index in ((2 * i + 1) * count // (2 * most) for i in range(most)):
        home = _fresh(place, prepare)
        where = f"{index} {found.events[index]}"
        if not _killed(write, home, index):
            continue
        found.kills += 1
        try:
            if read(home / "work") not in (before, after):
                found.half_written.append(where)
        except Exception as error:
            found.lost.append(f"{where}: {type(error).__name__}: {error}")
        _in_fork(write, home, -1)
        if end(home / "work") != result:
            found.other_ends.append(where)
        left = sorted(_names(home) - names)
        if left:
            found.leftovers.append(f"{where}: {left}")
    return found


def _fresh(place: Path, prepare: Callable[[Path], object]) -> Path:
    home = place / "killed"
    shutil.rmtree(home, ignore_errors=True)
    (home / "work").mkdir(parents=True)
    (home / "tmp").mkdir()
    prepare(home / "work")
    return home


def _names(home: Path) -> set[str]:
    names = {path.relative_to(home).as_posix() for path in home.rglob("*")}
    return {name for name in names if "tfevents" not in name}  # a log, one more for each start


def _events(write: Callable[[Path], object], home: Path) -> list[str]:
    """Return the events of an undisturbed run."""
    _in_fork(write, home, -1)
    log = home.parent / "events"
    events = log.read_text().splitlines()
    log.unlink()
    return events


def _killed(write: Callable[[Path], object], home: Path, index: int) -> bool:
    """Tell whether the writer came to the event and was killed there."""
    return _in_fork(write, home, index) == -signal.SIGKILL


def _in_fork(write: Callable[[Path], object], home: Path, index: int) -> int:
    """Run ``write`` in a fork that is killed at event ``index``; return how it ended."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code not in (0, -signal.SIGKILL):
            raise AssertionError(f"the writer failed: {(home.parent / 'error').read_text()}")
        return code
    try:
        log = os.open(home.parent / "events", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        tempfile.tempdir = str(home / "tmp")
        _watch(home, index, log)
        write(home / "work")
    except BaseException:
        tempfile.tempdir = None
        with open(home.parent / "error", "w") as file:
            traceback.print_exc(file=file)
        os._exit(1)
    os._exit(0)


def _watch(home: Path, index: int, log: int) -> None:
    """Count the events under ``home``, note each, and end this process at one of them."""
    seen = 0

    def event(name: str, path: Any) -> None:
        nonlocal seen
        if not isinstance(path, (str, bytes, os.PathLike)) or not os.path.realpath(
            os.fsdecode(path)
        ).startswith(str(home)):
            return
        if seen == index:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1
        os.write(log, f"{name} {os.path.relpath(os.fsdecode(path), home)}\n".encode())

    def audit(name: str, arguments: tuple[Any, ...]) -> None:
        if name in _CHANGES:
            event(name, arguments[0])
        elif name == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES:
            event(name, arguments[0])

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(path: Path, *rest: Path) -> Any:
            event(name, path)
            return call(path, *rest)

        return counting

    for name in ("_sync", "_exchanged"):
        setattr(staging, name, counted(name, getattr(staging, name)))
    sys.addaudithook(audit)
