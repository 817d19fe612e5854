"""A process that may not write: read-only folders for root too, full disks, small files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

# Root may write anywhere, until it gives that up.
_DROPPED = "-dac_override,-dac_read_search,-fowner"


@cache
def bound() -> tuple[str, ...] | None:
    """What to put before a command so that permissions bind it; None if nothing does."""
    if os.name == "nt":
        return None
    if os.geteuid() != 0:
        return ()
    given_up = ("setpriv", f"--bounding-set={_DROPPED}")
    works = shutil.which("setpriv") and not subprocess.run([*given_up, "true"]).returncode
    return given_up if works else None


@cache
def small_disks() -> bool:
    """Whether a file system of a given size can be made here."""
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run(command, capture_output=True).returncode
    )


def on_a_small_disk(command: Sequence[str], place: Path, size: str) -> list[str]:
    """Return a command that runs with a disk of a size mounted at ``place``, then lists it."""
    script = (
        'mount -t tmpfs -o size="$1" tmpfs "$2" && p="$2" && shift 2 && "$@"; code=$?; '
        'echo "left: $(ls -A "$p" | tr "\\n" " ")"; exit $code'
    )
    return ["unshare", "--mount", "sh", "-c", script, "sh", size, str(place), *command]


def small_files(most: int) -> Callable[[], None]:
    """Return what makes a process refuse to write files of more bytes, before it starts."""
    import resource

    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def python(script: str, *, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run a script of Python."""
    return subprocess.run([*before, sys.executable, "-c", script], capture_output=True, text=True)
