"""A verb in a process of its own, so that a crash of a tool chain is an error like any other.

An artifact gets its name only when it has passed, and what a crash leaves is cleared away.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgectc.core.errors import EdgectcError, ExportError
from edgectc.core.messages import say
from edgectc.core.staging import sweep


class ChildError(EdgectcError):
    """An error that the child reported in its own words, with its exit code."""

    def __init__(self, message: str, code: int) -> None:
        self.exit_code = code
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
    except BaseException:  # the user's Ctrl-C too, which ends the child
        for folder in {Path(out or "."), Path(out or ".").parent}:
            sweep(folder)
        raise
    return about


def run(arguments: Sequence[str]) -> str:
    """Return the standard output of ``edgectc ARGUMENTS`` in a process of its own.

    Raises:
        ExportError: it was ended by a signal; the message names it.
        ChildError: it ended with an error of its own.
    """
    done = subprocess.run(
        [sys.executable, "-m", "edgectc", *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",  # a tool chain may print anything
        check=False,
    )
    lines = done.stderr.strip().splitlines()
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        said = f"; last words: {lines[-1]}" if lines else ""
        raise ExportError(f"the tool chain crashed ({name}){said}; {_made(done.stdout)}")
    if done.returncode not in (0, 1) or (done.returncode and not done.stdout.strip()):
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
