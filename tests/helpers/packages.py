"""The packages of the C library, built by the script that users run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgectc.formats.layouts import Layout
from edgectc.runtime.keyboard import Key

ROOT = Path(__file__).parents[2]


def build(name: str, out: Path) -> Path:
    """Return a package's folder; skip the test where there is no Zig."""
    command = [sys.executable, str(ROOT / "scripts" / "packages.py"), name, "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 4 and "no Zig here" in done.stderr:
        pytest.skip("needs Zig's compiler: scripts/packages installs it")
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.split(": ", 1)[1].strip())


def java(classes: Path, library: Path) -> None:
    """Compile the Android library's classes, and its C for this machine; skip without compilers."""
    if not shutil.which("javac") or not shutil.which("cc"):
        pytest.skip("needs a JDK and a C compiler")
    code = (
        "import sys; from pathlib import Path; from packs import aar; "
        "aar.classes(Path(sys.argv[1])); aar.host_library(Path(sys.argv[2]) / aar.NAME)"
    )
    command = [sys.executable, "-c", code, str(classes), str(library)]
    done = subprocess.run(command, cwd=ROOT / "scripts", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def latinime(library: Path, host: Path, target: str = "") -> None:
    """Compile the library before an AOSP keyboard's own and a host's of C, for a machine's Java."""
    code = (
        "import sys; from pathlib import Path; from packs import latinime; "
        "library, host, source, target = sys.argv[1:]; "
        "latinime.host_library(Path(library), target); "
        "latinime.java_library([source], Path(host), target)"
    )
    given = [str(host), str(ROOT / "tests" / "helpers" / "latinime" / "host.c"), target]
    command = [sys.executable, "-c", code, str(library), *given]
    done = subprocess.run(command, cwd=ROOT / "scripts", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def latinime_for_arm64(work: Path) -> Path:
    """Compile the library before an AOSP keyboard's own for arm64; skip where there is no Zig."""
    code = (
        "import sys; from pathlib import Path; from packs import latinime; "
        "print(latinime.android_library('arm64-v8a', Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(work)]
    done = subprocess.run(command, cwd=ROOT / "scripts", capture_output=True, text=True)
    if "no Zig here" in done.stderr:
        pytest.skip("needs Zig's compiler: scripts/packages installs it")
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def board(layout: Layout) -> list[Key]:
    """Return the keys of a layout in the letter area, and one of its whole size."""
    width, height = layout.key_size
    return [("", 0.0, 0.0, 1.0, 1.0)] + [
        (letter, x - width / 2, y - height / 2, width, height)
        for letter, (x, y) in zip(layout.letters, layout.centers, strict=True)
    ]
