"""The tutorials of training: every command is one, and each page runs as it stands."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from edgectc.commands import cli
from edgectc.commands.cli import build_verbs

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "tutorials").glob("train_*.md"))
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
SHOWN = re.compile(r"^    (edgectc .*)$", re.MULTILINE)


def commands(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return [line for block in BLOCK.findall(text) for line in block.splitlines()]


def test_each_task_has_its_page() -> None:
    assert [page.stem for page in PAGES] == ["train_phonemes", "train_signs", "train_swipes"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_has_the_flags_that_it_is_given(page: Path) -> None:
    lines = commands(page) + SHOWN.findall(page.read_text(encoding="utf-8"))
    verbs = [shlex.split(line) for line in lines if line.startswith("edgectc ")]
    assert {words[1] for words in verbs} >= {"data", "train", "quantize", "eval"}
    for words in verbs:
        build_verbs().root.parse_args(words[1:])


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_as_it_stands(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one process, which spares a minute of imports; the flags are those of a shell."""
    for package in ("torch", "onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGECTC_DATA", raising=False)
    for line in commands(page):
        if line.startswith("edgectc "):
            code = cli.main(shlex.split(line)[1:])
            said = capsys.readouterr()
            assert code == 0, f"{line}\n{said.out}{said.err}"
        else:
            subprocess.run(["bash", "-c", line], check=True)
    (artifact,) = tmp_path.glob("*-int8.onnx")
    assert artifact.stat().st_size > 1000
    summary = (tmp_path / "run/summary.html").read_text()
    assert "<svg" in summary
    assert "Figures on" in summary
