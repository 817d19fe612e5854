"""Whether this machine can do what edgectc does, and what to type where it cannot.

Nothing heavy is imported here: versions come from the packages' metadata, and `deep` imports each
package in a process of its own, so that a crash of one is a verdict.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from edgectc.core import privacy, toolchain_errors
from edgectc.core.errors import (
    EdgectcError,
    MissingDependencyError,
    UnknownNameError,
    install_line,
)

# What no extra can install as it should be: the line that works, for each.
_LINES = {
    "torch": 'pip install "torch=={tested}"  # first, and exactly: executorch fits no other',
    "pyctcdecode": "pip install pyctcdecode --no-deps  # by itself it wants numpy < 2",
    "pygtrie": "pip install pygtrie",
    "kenlm": "pip install kenlm  # is compiled: needs a C++ compiler",
}
_PEERS = ("pyctcdecode", "pygtrie")  # of the decoder "pyctcdecode"
_MODULES = {"pytest": "pytest"}  # where the module is not the package's name
# What worked with versions that were tried without all tests.
TRIED = {
    ("torch", "2.14.1"): "swipe-en-tiny to ONNX, and with executorch 1.5.1 to .pte, verified",
}
_DEEP_SECONDS = 120
_PYTHON = "3.11"  # the version that all is tested on
_WITHOUT_TORCH = ("3.12", "3.13", "3.14")  # on these, NumPy, the C library and ONNX Runtime


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: package or part.
        needed_by: extras that need it; empty for what is always there.
        found: version or state; "" for nothing.
        tested: version that was tested, "" where there is none.
        verdict: "ok", "untested", "missing" or "broken".
        fix: what to type, "" where nothing is to be done.
    """

    name: str
    needed_by: tuple[str, ...]
    found: str
    tested: str
    verdict: str
    fix: str = ""


def examine(*, deep: bool = False) -> list[Finding]:
    """Return what was found: packages, then the parts of edgectc, then the machine.

    Args:
        deep: import every package that is there, each in a process of its own.
    """
    return [*packages(deep=deep), *parts(), *machine()]


def needs() -> dict[str, tuple[str, ...]]:
    """Return the packages of each extra, and of the optional decoder "pyctcdecode"."""
    found: dict[str, list[str]] = {}
    try:
        lines = importlib.metadata.requires("edgectc") or ()
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingDependencyError(
            "edgectc doctor", package="edgectc", command="pip install ."
        ) from error
    for line in lines:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if name and extra and extra[1] != "dev":
            found.setdefault(extra[1], []).append(name[0])
    return {
        **{extra: tuple(names) for extra, names in sorted(found.items())},
        "pyctcdecode": _PEERS,
    }


@lru_cache(maxsize=1)
def tested() -> dict[str, str]:
    """Return the versions that were tested together, by lower-case name."""
    pins = (line.partition("==") for line in _constraints() if not line.startswith("#"))
    return {name.strip().lower(): version.strip() for name, _, version in pins}


def also_tested(name: str) -> tuple[str, ...]:
    """Return other versions of a package that were tested beside the same pins, oldest first."""
    start = f"# or {name.lower()}=="
    return tuple(line.removeprefix(start) for line in _constraints() if line.startswith(start))


@lru_cache(maxsize=1)
def _constraints() -> tuple[str, ...]:
    """Return the lines of ``constraints.txt`` that name a version."""
    here = Path(__file__).resolve().parents[1]
    for path in (here / "constraints.txt", here.parent / "constraints.txt"):
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            return tuple(line for line in lines if "==" in line)
    return ()


def packages(*, deep: bool = False) -> list[Finding]:
    """Return the verdict on every package that some extra needs."""
    by_package: dict[str, list[str]] = {"numpy": []}
    for extra, names in needs().items():
        for name in names:
            by_package.setdefault(name, []).append(extra)
    return _paired([_package(name, tuple(extras), deep) for name, extras in by_package.items()])


def _paired(findings: list[Finding]) -> list[Finding]:
    """Doubt executorch where torch is another one: its extension is built against that very one."""
    torch = next((one for one in findings if one.name == "torch"), None)
    if torch is None or torch.verdict != "untested":
        return findings
    fix = f"built against torch {torch.tested}, found {torch.found}: {torch.fix}"
    return [
        replace(one, verdict="untested", fix=fix)
        if one.name == "executorch" and one.verdict == "ok"
        else one
        for one in findings
    ]


def _package(name: str, extras: tuple[str, ...], deep: bool) -> Finding:
    pinned = tested().get(name.lower(), "")
    smallest = min(extras, key=lambda extra: len(needs()[extra]), default="")
    fix = _LINES.get(name, install_line(smallest) if extras else "pip install numpy")
    fix = fix.format(tested=pinned)
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, extras, "", pinned, "missing", fix)
    problem = _import_problem(_MODULES.get(name, name.replace("-", "_"))) if deep else ""
    if problem:
        return Finding(name, extras, found, pinned, "broken", f"{problem}; {fix}")
    known = (pinned, *also_tested(name))
    if not pinned or found.partition("+")[0] in known:
        return Finding(name, extras, found, ", ".join(known), "ok")
    fix = f'pip install "{name}=={pinned}"'
    if what := TRIED.get((name, found.partition("+")[0])):
        fix = f"tried alone: {what}; all tests: {fix}"
    return Finding(name, extras, found, ", ".join(known), "untested", fix)


def _import_problem(module: str) -> str:
    """Return why a module cannot be imported, "" if it can."""
    if module == "executorch":  # the package itself is empty: its extension is what breaks
        module = "executorch.extension.pybindings.portable_lib"
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"import {module}"],
            capture_output=True, encoding="utf-8", errors="replace", timeout=_DEEP_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"importing it takes more than {_DEEP_SECONDS} s"
    if done.returncode < 0:
        return (
            f"importing it kills Python with signal {-done.returncode} (built for another torch?)"
        )
    lines = done.stderr.strip().splitlines()
    if not done.returncode or not lines:
        return ""
    known = toolchain_errors.find(done.stderr)
    return f"importing it fails: {lines[-1][:160]}{f'; that is: {known.cause}' if known else ''}"


def parts() -> list[Finding]:
    """Return the verdict on the compiled decoder and on each shipped model."""
    from edgectc.decoding.search.compiled import LIBRARY, remedy
    from edgectc.formats import bundle

    compiler = os.environ.get("CC") or next(filter(shutil.which, ("cc", "gcc", "clang")), "")
    found = [
        Finding("compiled decoder", (), "built", "", "ok")
        if LIBRARY.is_file()
        else Finding(
            "compiled decoder", (), "", "", "missing",
            f"decoding works with numpy, slower; {remedy()}",
        ),
        Finding("C compiler", (), compiler or "none (needed at install time alone)", "", "ok"),
    ]  # fmt: skip
    for name in bundle.shipped_names():
        try:
            model = bundle.read(bundle.locate(name))
            for file in model.index.files:
                model.file(file)
            found.append(Finding(f"model {name}", (), f"{len(model.index.files)} files", "", "ok"))
        except EdgectcError as error:
            fix = f"{error}; reinstall edgectc"
            found.append(Finding(f"model {name}", (), "damaged", "", "broken", fix))
    return found


def machine() -> list[Finding]:
    """Return facts of the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    few = "" if threads else "OMP_NUM_THREADS=1 is fastest for small networks on a busy machine"
    python = platform.python_version()
    short = ".".join(python.split(".")[:2])
    with_torch = importlib.util.find_spec("torch") is not None
    same = short == _PYTHON or (short in _WITHOUT_TORCH and not with_torch)
    fix = "" if same else f"python{_PYTHON} -m venv, if a package has no wheel for this one"
    may_report = ", ".join(f"{name} ({why})" for name, why in privacy.reporting().items())
    facts = {
        "system": (f"{platform.system()} {platform.machine()}, {cores} cores", ""),
        "OMP_NUM_THREADS": (threads or "not set", few),
        "CUDA": ("yes" if shutil.which("nvidia-smi") else "no nvidia-smi", ""),
        "EDGECTC_DATA": (os.environ.get("EDGECTC_DATA", "not set"), ""),
        "telemetry": (
            f"possible: {may_report}" if may_report else "off, of dependencies too",
            f"set {' '.join(f'{name}=1' for name in privacy.OPT_OUTS.values())}"
            if may_report
            else "",
        ),
    }
    return [
        Finding(
            "Python",
            (),
            python,
            f"{_PYTHON}; without torch to {_WITHOUT_TORCH[-1]}",
            "ok" if same else "untested",
            fix,
        ),
        *(Finding(name, (), found, "", "ok", fix) for name, (found, fix) in facts.items()),
    ]


def lacking(findings: list[Finding], need: str) -> list[Finding]:
    """Return what is missing or broken of an extra.

    Raises:
        UnknownNameError: there is no such extra.
    """
    known = needs()
    if need not in known:
        raise UnknownNameError("extra", need, known)
    bad = ("missing", "broken")
    return [one for one in findings if need in one.needed_by and one.verdict in bad]
