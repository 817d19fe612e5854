"""How a file of another version is refused: in one line that says how to convert it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

import edgectc

T = TypeVar("T")
READERS = "bench data decode demo doctor eval inspect list verify".split()  # convert none


class RefusedError(Exception):
    """A command that failed: its last line, and its exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def command(*arguments: object, codes: Sequence[int] = (0,)) -> str:
    """Run ``edgectc ARGUMENTS``; return what it printed."""
    environment = {k: v for k, v in os.environ.items() if k != "EDGECTC_DATA"}
    done = subprocess.run(
        [sys.executable, "-m", "edgectc", *map(str, arguments)],
        capture_output=True, encoding="utf-8", env=environment, check=False,
    )  # fmt: skip
    if done.returncode not in codes:
        lines = done.stderr.strip().splitlines() or [""]
        raise RefusedError(lines[-1].removeprefix("edgectc: error: "), done.returncode)
    return done.stdout


def opens_or_says_how(open_it: Callable[[], T], path: Path) -> T:
    """Return what ``open_it`` gives, or skip if it refuses ``path`` as a refusal must be worded."""
    try:
        return open_it()
    except (RefusedError, edgectc.EdgectcError) as error:
        if wrong := wrong_refusal(str(error), error.exit_code, path):
            pytest.fail(f"{path.name} does not open, and its refusal {wrong}: {error}")
        pytest.skip(f"refused with the command that converts it: {error}")


def wrong_refusal(message: str, exit_code: int, path: Path) -> str:
    """Return what is wrong with a refusal; "" if it says all that it must."""
    if exit_code != 2:
        return f"has exit code {exit_code}, expected 2"
    if path.name not in message:
        return "does not name the file"
    if not re.search(r"\b(version|generation|schema_version) \d", message):
        return "does not name the version of the file"
    verbs = [verb for verb in re.findall(r"\bedgectc ([a-z][a-z-]*)", message) if verb != "reads"]
    if not verbs or verbs[0] in READERS:
        return "names no command that converts it"
    try:
        command(verbs[0], "--help")
    except RefusedError:
        return f"names the command {verbs[0]!r}, which is not there"
    return ""
