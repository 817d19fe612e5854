"""What every result file says first: the command, and what it was measured on."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Sequence
from pathlib import Path

from edgectc.benchmarking.machine import describe

_HERE = describe()  # before the load that a bench makes itself


def heading(packages: Sequence[str], *, threads: int = 1, repeats: str) -> str:
    """Return two lines, the command that ran and its conditions.

    Args:
        packages: distributions whose versions matter; one that is not installed is left out.
        threads: threads that each measured call may use.
        repeats: what was measured how often.
    """
    versions = []
    for name in packages:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    told = [argument for argument in sys.argv[1:] if not argument.startswith("--out=")]
    if "--out" in told:
        at = told.index("--out")
        del told[at : at + 2]
    told = ["DATA" if Path(argument).is_absolute() else argument for argument in told]
    command = " ".join(["python", f"bench/{Path(sys.argv[0]).name}", *told])
    machine = (
        f"{_HERE['processor']}, {_HERE['cores']} shared cores, load {_HERE['load_1_min']}, "
        f"{', '.join(_HERE['gpus']) or 'no GPU'}; {_HERE['system']}, Python {_HERE['python']}"
    )
    plural = "s" if threads != 1 else ""
    return f"{command}\n{machine}, {', '.join(versions)}; {threads} thread{plural}; {repeats}\n"


def publish(text: str, out: Path | None) -> None:
    """Print a result, and write it if a file is wanted."""
    print(text)
    if out is not None:
        out.write_text(text, encoding="utf-8")
