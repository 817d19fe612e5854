"""What `scripts/wheels` builds fits its tag, and what does not is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgectc.decoding.search import compiled

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "scripts"))
pytest.importorskip("hatchling")
wheels = pytest.importorskip("wheels", reason="needs lief")
HERE = "manylinux_2_17_x86_64"
COMPILER = shutil.which("gcc")
needs_compiler = pytest.mark.skipif(
    COMPILER is None or sys.platform != "linux" or os.uname().machine != "x86_64",
    reason="needs gcc on x86-64 Linux",
)


def built(tmp_path: Path, text: str, *libraries: str) -> bytes:
    source, library = tmp_path / "it.c", tmp_path / "it.so"
    source.write_text(text, encoding="ascii")
    command = [COMPILER or "", "-shared", "-fPIC", "-Wl,--no-as-needed", "-o", str(library)]
    subprocess.run([*command, str(source), *libraries], check=True)
    return library.read_bytes()


def stubs(*more: str) -> str:
    """All functions that Python calls, doing nothing."""
    names = (*(f"edgectc_{name}" for name in compiled.FUNCTIONS), *more)
    return "".join(f"void {name}(void) {{}}\n" for name in names)


@needs_compiler
def test_a_library_of_its_platform_passes(tmp_path: Path) -> None:
    wheels.check_library(built(tmp_path, stubs()), "it.whl", HERE)


@needs_compiler
@pytest.mark.parametrize(
    ("text", "libraries", "platform", "told"),
    [
        (stubs(), (), "manylinux_2_17_aarch64", "is for X86_64"),
        (stubs(), (), "macosx_11_0_arm64", "is for X86_64"),
        (stubs("helper"), (), HERE, "differ by ['helper']"),
        (stubs().replace("edgectc_abi", "edgectc_abc"), (), HERE, "edgectc_abi"),
        (stubs(), ("-lstdc++",), HERE, "needs libstdc++.so.6"),
    ],
)
def test_another_library_is_refused(
    tmp_path: Path, text: str, libraries: tuple[str, ...], platform: str, told: str
) -> None:
    with pytest.raises(SystemExit, match=r"it\.whl") as caught:
        wheels.check_library(built(tmp_path, text, *libraries), "it.whl", platform)
    assert told in str(caught.value)


def test_what_is_no_library_is_refused() -> None:
    with pytest.raises(SystemExit, match="is no library"):
        wheels.check_library(b"nothing of the kind", "it.whl", HERE)


def test_a_wheel_under_another_name_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "edgectc-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"")
    with pytest.raises(SystemExit, match=f"expected a wheel for {HERE}"):
        wheels.check(wheel, HERE)


def hook(out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Build a wheel of this tree by hatchling itself."""
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT, env={**os.environ, **environment}, text=True, capture_output=True, check=False,
    )  # fmt: skip


def test_no_wheel_is_named_for_a_platform_without_its_library(tmp_path: Path) -> None:
    done = hook(tmp_path, CC="false", EDGECTC_PLATFORM=HERE)
    assert done.returncode
    assert f"no library for {HERE}" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_wheel_without_a_compiler_is_for_every_platform(tmp_path: Path) -> None:
    done = hook(tmp_path, CC="false", EDGECTC_PLATFORM="")
    (wheel,) = tmp_path.iterdir()
    assert wheel.name.endswith("-py3-none-any.whl"), done.stderr
    assert "decode with numpy" in done.stderr
    with zipfile.ZipFile(wheel) as file:
        assert wheels.LIBRARY not in file.namelist()


@pytest.mark.slow
@needs_compiler
def test_a_build_leaves_the_library_of_the_source_tree_alone(tmp_path: Path) -> None:
    before = compiled.LIBRARY.stat() if compiled.LIBRARY.exists() else None
    assert hook(tmp_path, EDGECTC_PLATFORM=HERE).returncode == 0
    assert (compiled.LIBRARY.stat() if compiled.LIBRARY.exists() else None) == before
    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as file:
        assert wheels.LIBRARY in file.namelist()
