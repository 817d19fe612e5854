"""Environments of their own for tool chains that do not go with ours: made on request, kept.

Each sees the packages of the Python that made it, torch among them, and its own before those.
"""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sysconfig
import tempfile
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgectc.core.errors import ExportError, MissingDependencyError, UnknownNameError

FOLDER = "EDGECTC_ENVIRONMENTS"  # variable: where they lie


@dataclass(frozen=True)
class Environment:
    """What is installed into one.

    Attributes:
        packages: as pip takes them.
        module: that must be importable.
    """

    packages: tuple[str, ...]
    module: str


KNOWN = {
    "coreai": Environment(("coreai-torch==0.4.3",), "coreai_torch"),
    "litert": Environment(("litert-torch==0.10.0", "ai-edge-litert==2.3.0"), "litert_torch"),
}


def place(name: str) -> Path:
    """Return the folder of an environment, whether it is there or not.

    Raises:
        UnknownNameError: there is no such environment.
    """
    if name not in KNOWN:
        raise UnknownNameError("environment", name, KNOWN)
    said = os.environ.get(FOLDER)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(said) if said else Path(cache) / "edgectc" / "environments") / name


def make(name: str) -> Path:
    """Make an environment, by pip and the index that pip is set to; one that is there is replaced.

    Returns:
        its folder.

    Raises:
        UnknownNameError: there is no such environment.
        ExportError: pip failed, or what it installed cannot be imported.
    """
    final, wanted = place(name), KNOWN[name]
    final.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=final.parent))
    try:
        venv.create(draft, with_pip=True, symlinks=os.name != "nt")
        inside = sysconfig.get_path("purelib", vars={"base": str(draft), "platbase": str(draft)})
        ours = [*site.getsitepackages(), sysconfig.get_path("purelib")]
        # Named so that it comes last: what is installed here goes before what is there.
        text = "".join(f"{folder}\n" for folder in dict.fromkeys(ours))
        (Path(inside) / "zz_outside.pth").write_text(text, encoding="utf-8")
        _checked(_ran(draft, ["-m", "pip", "install", "--quiet", *wanted.packages]), "pip")
        _checked(_ran(draft, ["-c", f"import {wanted.module}"]), f"importing {wanted.module}")
        shutil.rmtree(final, ignore_errors=True)
        os.replace(draft, final)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return final


def run(name: str, program: Path, arguments: Sequence[str], *, what: str) -> str:
    """Run a program inside an environment and return what it printed.

    Args:
        name: of the environment.
        program: a file of Python.
        arguments: of the program.
        what: it does, for messages.

    Raises:
        MissingDependencyError: the environment was not made yet.
        ExportError: the program failed; holds the last line that it wrote.
    """
    folder = place(name)
    if not _python(folder).is_file():
        raise MissingDependencyError(
            what,
            system=f"an environment of its own, which is made by: edgectc doctor --make {name}",
        )
    return _checked(_ran(folder, [str(program), *arguments]), what)


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _ran(folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    # A PYTHONPATH of ours would go before what the environment has.
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return subprocess.run(
        [str(_python(folder)), *arguments], capture_output=True, text=True, check=False,
        env=variables, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _checked(done: subprocess.CompletedProcess[str], what: str) -> str:
    if done.returncode == 0:
        return done.stdout
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    raise ExportError(f"{what} failed: {lines[-1] if lines else done.returncode}")
