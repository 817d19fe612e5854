"""README is run from top to bottom, as a newcomer would: each command, each line of Python."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```(python)?\n(.*?)```", re.DOTALL)
# Commands that other checks run: the empty environments of `.ci/run` and `scripts/check-wheel`, the
# demos' own tests (tests/commands/test_demo_server.py, web_demo, android_demo), and this very test.
ELSEWHERE = (
    "pip install", "scripts/build-demo", "edgectc demo", "android_demo/build_apk",
    "scripts/quickstart", "scripts/test",
)  # fmt: skip

pytestmark = pytest.mark.slow


def blocks() -> list[tuple[bool, str]]:
    """Whether it is Python, and the text, of every block in order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [(kind == "python", code) for kind, code in BLOCK.findall(text)]


def commands() -> list[str]:
    lines = [line for python, code in blocks() if not python for line in code.splitlines()]
    return [line for line in lines if line.strip() and not line.startswith(ELSEWHERE)]


def test_every_line_of_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("torch", "onnx", "onnxscript", "executorch", "onnxruntime", "lightning"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGECTC_DATA", raising=False)  # README has none
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    session: dict[str, object] = {"__name__": "session"}
    ran = 0
    for python, code in blocks():
        if python:
            exec(compile(code, "README.md", "exec"), session)
            continue
        for line in code.splitlines():
            if not line.strip() or line.startswith(ELSEWHERE):
                continue
            words = shlex.split(line, comments=True)
            assert words[0] == "edgectc", line
            done = subprocess.run(
                [sys.executable, "-m", *words], text=True, capture_output=True, check=False
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            ran += 1
    assert ran == len(commands()) >= 12


def test_the_first_lines_answer_what_they_promise() -> None:
    first = next(code for python, code in blocks() if python)
    *before, last = first.strip().splitlines()
    expression, promised = last.split("  # ")
    program = "\n".join([*before, f"print({expression})"])
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=True
    )
    assert done.stdout.strip() == promised.strip('"')
