"""All packages of the C library say one version, one ABI, and are made of one list of sources."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgectc
from edgectc.decoding.search import compiled

ROOT = Path(__file__).parents[2]
FACTS = "import json; from packs import facts; print(json.dumps([facts.version(), facts.abi()]))"
MODULE = "@import CEdgectc;\nint main(void) { return edgectc_abi() != EDGECTC_ABI; }\n"


def _read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_one_version_and_one_abi() -> None:
    """What packages are stamped with, from where it is written; their own tests read the stamps."""
    told = subprocess.run(
        [sys.executable, "-c", FACTS], cwd=ROOT / "scripts", capture_output=True, check=True
    )
    assert json.loads(told.stdout) == [edgectc.__version__, compiled.ABI]
    assert int(re.findall(r"#define EDGECTC_ABI (\d+)", _read("native/include/edgectc.h"))[0]) == (
        compiled.ABI
    )
    assert re.findall(r"const ABI = (\d+);", _read("native/npm/library.js")) == [str(compiled.ABI)]
    assert "edgectc/core/version.py" in _read("native/CMakeLists.txt")
    assert "EDGECTC_ABI" in _read("native/CMakeLists.txt")
    # SwiftPM has versions as tags alone; no other file of a package holds one to fall behind.
    for path in ("Package.swift", "native/npm/package.json", "native/java/AndroidManifest.xml"):
        assert edgectc.__version__ not in _read(path)


def test_swift_compiles_the_one_list_of_sources() -> None:
    text = _read("Package.swift")
    assert 'path: "native", sources: ["src"]' in text
    listed = runpy.run_path(str(ROOT / "native" / "build.py"))["read"]()
    groups = ("engine", "beam", "network", "keyboard")
    on_disk = {path.relative_to(ROOT).as_posix() for path in (ROOT / "native/src").rglob("*.c")}
    assert {name for group in groups for name in listed[group]} == on_disk
    assert (ROOT / "native" / "include" / "module.modulemap").is_file()


def test_the_wrapper_in_swift_calls_what_the_header_has() -> None:
    """As far as it goes without a compiler of Swift, which is not run here."""
    header = {*re.findall(r"\b(edgectc_\w+)\(", _read("native/include/edgectc.h"))}
    called = {*re.findall(r"\b(edgectc_keyboard_\w+)\(", _read("native/swift/Keyboard.swift"))}
    assert called <= header
    assert header - called <= {name for name in header if "_keyboard_" not in name} | {
        f"edgectc_keyboard_{name}" for name in ("cancel", "log_probs", "words", "take_words")
    }


def test_the_module_map_is_a_module(tmp_path: Path) -> None:
    clang = next((found for v in range(22, 13, -1) if (found := shutil.which(f"clang-{v}"))), None)
    clang = shutil.which("clang") or clang
    if clang is None:
        pytest.skip("needs clang")
    (tmp_path / "host.m").write_text(MODULE, encoding="ascii")
    modules = ["-fmodules", f"-fmodules-cache-path={tmp_path / 'cache'}"]
    include = f"-I{ROOT / 'native' / 'include'}"
    done = subprocess.run(
        [clang, *modules, "-fsyntax-only", "-Werror", include, str(tmp_path / "host.m")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
