"""What a command writes, and where it calls: seen from outside, by strace."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STRACE = shutil.which("strace")
_CALLS = "trace=connect,sendto,sendmsg,sendmmsg,open,openat,creat,mkdir,mkdirat"
_INTERNET = re.compile(r"sa_family=AF_INET6?\b")
_MADE = re.compile(
    r"""\b(?:(?:open|openat)\((?:[^"]*)"(?P<opened>[^"]*)",[^)]*O_(?:CREAT|WRONLY|RDWR)"""
    r"""|(?:creat|mkdir|mkdirat)\((?:[^"]*)"(?P<made>[^"]*)")[^=]*=\s*(?P<result>-?\d+)"""
)


@dataclass(frozen=True)
class Seen:
    """What one command did.

    Attributes:
        code: its exit code.
        output: what it printed, errors too.
        written: files and folders that it opened to write, or made.
        addresses: calls that name an address of the internet, as strace prints them.
    """

    code: int
    output: str
    written: tuple[str, ...]
    addresses: tuple[str, ...]


def watch(command: Sequence[str], home: Path, environment: Mapping[str, str]) -> Seen:
    """Run a command, its children too, and return what it did; ``home`` is where it starts."""
    log = home.parent / f"{home.name}.strace"
    done = subprocess.run(
        [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-s",
            "4096",
            "-e",
            _CALLS,
            "-o",
            str(log),
            *command,
        ],
        cwd=home,
        env=dict(environment),
        capture_output=True,
        text=True,
    )
    lines = log.read_text(errors="replace").splitlines()
    found = (_MADE.search(line) for line in lines)
    written = {m["opened"] or m["made"] for m in found if m and int(m["result"]) >= 0}
    return Seen(
        done.returncode,
        done.stdout + done.stderr,
        tuple(sorted(os.path.join(home, name) for name in written)),
        tuple(line for line in lines if _INTERNET.search(line)),
    )
