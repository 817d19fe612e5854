"""bench/second_opinion.py: the artifacts in other builds of ONNX Runtime."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "second_opinion.py"
# A Python whose ONNX Runtime answers a little otherwise.
SICK = """
import runpy, sys
import onnxruntime
real = onnxruntime.InferenceSession.run
onnxruntime.InferenceSession.run = lambda *given: [one + 0.01 for one in real(*given)]
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def asked(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def artifact(shipped: Path) -> Path:
    return shipped / "artifacts" / "swipe-en.onnx"


@pytest.mark.slow
def test_the_same_runtime_answers_the_same(artifact: Path) -> None:
    done = asked("python", artifact)
    assert done.returncode == 0, done.stderr
    row = done.stdout.splitlines()[-1].split()
    assert (row[0], row[-1]) == ("swipe-en.onnx", "0")
    assert "pass" in row


@pytest.mark.slow
def test_another_answer_is_seen(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "sick.py").write_text(SICK)
    done = asked("python", "--with", f"{sys.executable} {tmp_path / 'sick.py'}", artifact)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].split()[-1] == "0.01"


@pytest.mark.slow
def test_onnxruntime_web(artifact: Path) -> None:
    done = asked("web", artifact)
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_runtime_in_another_python(artifact: Path) -> None:
    """For aarch64: EDGECTC_OTHER_PYTHON='qemu-aarch64-static ... python3', see docs/matrix.md."""
    other = os.environ.get("EDGECTC_OTHER_PYTHON")
    if not other:
        pytest.skip("EDGECTC_OTHER_PYTHON names no other Python with onnxruntime")
    done = asked("python", "--with", other, artifact)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_not_there_is_said(artifact: Path, tmp_path: Path) -> None:
    done = asked("python", "--with", f"{sys.executable} -c pass", artifact)
    assert done.returncode == 3
    assert "not run: the other runtime ended with 0" in done.stderr
