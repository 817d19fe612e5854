"""A verb in a process of its own: a crash of a tool chain, or a graph without end, is an error.

An artifact gets its name only when it has passed, and what a crash leaves is cleared away.
"""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgectc.core.errors import BundleError, ConfigError, EdgectcError, ExportError
from edgectc.core.messages import say
from edgectc.core.staging import sweep


class ChildError(EdgectcError):
    """An error that the child reported in its own words, with its exit code."""

    def __init__(self, message: str, code: int) -> None:
        self.exit_code = code
        super().__init__(message)


class ChildCrash(Exception):
    """A child that was ended by a signal; ``printed`` is what it had printed."""

    def __init__(self, message: str, printed: str) -> None:
        self.printed = printed
        super().__init__(message)


def made_by(arguments: Sequence[str], *, out: str | None) -> dict[str, Any]:
    """Return what a verb that writes one artifact printed as JSON.

    Args:
        arguments: of the command line; ``--isolate`` among them is dropped.
        out: file or folder that it writes to, None for here.

    Raises:
        ExportError: the child crashed.
        ChildError: the child ended with an error of its own.
    """
    kept = [argument for argument in arguments if argument != "--isolate"]
    try:
        about: dict[str, Any] = json.loads(run([*kept, "--json"]))
    except BaseException as error:  # the user's Ctrl-C too, which ends the child
        for folder in {Path(out or "."), Path(out or ".").parent}:
            sweep(folder)
        if isinstance(error, ChildCrash):
            raise ExportError(f"the tool chain {error}; {_made(error.printed)}") from error
        raise
    return about


def report(arguments: Sequence[str], *, source: str, time_limit: float) -> dict[str, Any]:
    """Return what a verb that checks a file printed as JSON, within a time.

    Args:
        arguments: of the command line, without ``--json``.
        source: names the file in messages.
        time_limit: in seconds; the process is killed then.

    Raises:
        ConfigError: the limit is no time.
        BundleError: it did not end in time, or crashed.
        ChildError: the child ended with an error of its own.
    """
    if not 0 < time_limit < math.inf:
        raise ConfigError(
            f"time_limit is {time_limit}, expected seconds above 0", options=["time_limit"]
        )
    try:
        about: dict[str, Any] = json.loads(
            run([arguments[0], "--json", *arguments[1:]], time_limit=time_limit)
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(
            f"{source}: the check had not ended after {time_limit:g} s and was stopped; a graph "
            "with a loop may run for ever, so do not use the file unless you know its maker; if it "
            "is only large or the machine busy, give a higher time_limit",
            options=["time_limit"],
        ) from error
    except ChildCrash as error:
        raise BundleError(f"{source}: the check {error}; do not use the file") from error
    return about


def run(arguments: Sequence[str], *, time_limit: float | None = None) -> str:
    """Return the standard output of ``edgectc ARGUMENTS`` in a process of its own.

    Raises:
        ChildCrash: it was ended by a signal.
        ChildError: it ended with an error of its own.
        subprocess.TimeoutExpired: it had not ended after ``time_limit`` seconds, and was killed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "edgectc", *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",  # a tool chain may print anything
        check=False,
        timeout=time_limit,
    )
    lines = done.stderr.strip().splitlines()
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        said = f"; last words: {lines[-1]}" if lines else ""
        raise ChildCrash(f"crashed ({name}){said}", done.stdout)
    if done.returncode and not done.stdout.strip():
        message = lines[-1] if lines else f"exit code {done.returncode}"
        raise ChildError(message.removeprefix("edgectc: error: "), done.returncode)
    for line in lines:
        say(line)
    return done.stdout


def _made(printed: str) -> str:
    """Say what a child that crashed had made: it prints its report when the file has its name."""
    try:
        return f"it had made {json.loads(printed)['path']}, which passed"
    except (ValueError, KeyError, TypeError):
        return "no file was made"
