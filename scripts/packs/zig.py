"""Zig's C compiler, which holds the headers and libraries of every platform."""

from __future__ import annotations

import importlib.util
import os
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_RELEASE = ROOT / ".venv" / "release" / "bin" / "python"  # what scripts/packages makes


class PackageError(RuntimeError):
    """Why a package cannot be built."""


def command() -> list[str]:
    """Return what Zig is called by: $ZIG, this Python's package, or that of the release tools.

    Raises:
        PackageError: it is nowhere.
    """
    if given := os.environ.get("ZIG"):
        return shlex.split(given)
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang"]
    if _RELEASE.exists():
        return [str(_RELEASE), "-m", "ziglang"]
    raise PackageError("no Zig here; run scripts/packages, which installs it, or name it in $ZIG")


def sources() -> list[str]:
    """Return the files of the library that hosts link."""
    listed: list[str] = _build()["sources"](beam=False, network=True)
    return listed


def flags() -> list[str]:
    """Return the flags of every compiler, those that find the headers included."""
    listed: list[str] = _build()["flags"]()
    return listed


def compiled(target: str, options: list[str], out: Path) -> Path:
    """Compile and link for a platform by Zig's name; return the file.

    Raises:
        PackageError: the compiler refused.
    """
    run([*command(), "cc", "-target", target, *flags(), *options, "-o", str(out)])
    return out


def run(line: list[str], **how: object) -> str:
    """Run a program and return what it printed.

    Raises:
        PackageError: it failed.
    """
    done = subprocess.run(line, capture_output=True, text=True, check=False, **how)  # type: ignore[call-overload]
    if done.returncode:
        told = (done.stderr or done.stdout)[-3000:]
        raise PackageError(f"{' '.join(line[:4])} ... failed ({done.returncode}):\n{told}")
    return str(done.stdout)


def _build() -> dict[str, object]:
    return runpy.run_path(str(ROOT / "native" / "build.py"))
