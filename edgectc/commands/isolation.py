"""A verb in a process of its own, so that a crash of a tool chain is an error like any other.

The child writes into a folder of ours; what it made gets its name only after the child has ended
well, so a crash at any moment leaves nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgectc.core.errors import ConfigError, EdgectcError, ExportError


class ChildError(EdgectcError):
    """An error that the child reported in its own words, with its exit code."""

    def __init__(self, message: str, code: int) -> None:
        self.exit_code = code
        super().__init__(message)


@contextmanager
def made_by(arguments: Sequence[str], *, out: str | None) -> Iterator[dict[str, Any]]:
    """Yield what a verb that writes one artifact printed as JSON, then give the artifact its name.

    Args:
        arguments: of the command line; ``--isolate`` among them is dropped.
        out: file or folder to write to, None for here; ``path`` of the JSON says which.

    Raises:
        ExportError: the child crashed, or left no artifact.
        ChildError: the child ended with an error of its own.
    """
    final = Path(out or ".")
    folder = out is None or out.endswith(os.sep)
    named = not folder and (not final.is_dir() or final.suffix == ".mlpackage")
    home = final.parent if named else final
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".edgectc-", dir=home) as scratch:
        target = Path(scratch) / final.name if named else Path(scratch)
        # The last of two --out counts.
        kept = [argument for argument in arguments if argument != "--isolate"]
        printed = run([*kept, "--json", "--out", str(target)])
        about = json.loads(printed)
        made = Path(about["path"])
        if not made.exists():
            raise ExportError(f"the child process left no {made.name}; no file was made")
        about["path"] = str(final if named else home / made.name)
        yield about
        _rename(made, Path(about["path"]))


def run(arguments: Sequence[str]) -> str:
    """Return the standard output of ``edgectc ARGUMENTS`` in a process of its own.

    Raises:
        ExportError: it was ended by a signal; the message names it.
        ChildError: it ended with an error of its own.
    """
    done = subprocess.run(
        [sys.executable, "-m", "edgectc", *arguments], capture_output=True, text=True, check=False
    )
    lines = done.stderr.strip().splitlines()
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        said = f"; last words: {lines[-1]}" if lines else ""
        raise ExportError(f"the tool chain crashed ({name}){said}; no file was made")
    if done.returncode not in (0, 1) or (done.returncode and not done.stdout.strip()):
        message = lines[-1] if lines else f"exit code {done.returncode}"
        raise ChildError(message.removeprefix("edgectc: error: "), done.returncode)
    for line in lines:
        print(line, file=sys.stderr)
    return done.stdout


def _rename(made: Path, final: Path) -> None:
    if final.is_dir():
        if not (final / "Manifest.json").is_file():
            raise ConfigError(f"{final} is a folder and no artifact; choose another --out")
        old = made.parent / f"{made.name}.old"
        final.rename(old)
        made.rename(final)
        shutil.rmtree(old)
    else:
        made.replace(final)
