"""docs/evaluation.md: each block of commands is run from top to bottom in an empty folder."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "evaluation.md"
BLOCKS = re.findall(r"## (\w+)\n```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("name", "code"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_a_block_runs_as_it_stands(
    name: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("torch", "onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGECTC_DATA", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for line in code.splitlines():
        words = shlex.split(line)
        assert words[0] == "edgectc"
        done = subprocess.run(
            [sys.executable, "-m", *words], text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    (written,) = tmp_path.glob("*.jsonl")
    rows = [json.loads(row) for row in written.read_text().splitlines()]
    assert rows
    assert all(row["reference"] for row in rows)


def test_both_families_have_a_block() -> None:
    assert [name for name, _ in BLOCKS] == ["Signs", "Phonemes"]
