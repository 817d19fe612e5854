"""Each tutorial is run from top to bottom, and ends in what it promises."""

from __future__ import annotations

from pathlib import Path

import pages
import pytest

TUTORIALS = pages.ROOT / "docs" / "tutorials"

pytestmark = pytest.mark.slow


def needs(*packages: str) -> None:
    for package in packages:
        pytest.importorskip(package)


def test_an_own_network_and_its_8_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second page goes on where the first one ends, as it says."""
    needs("torch", "executorch", "safetensors")
    printed = pages.run(TUTORIALS / "own_network.md", tmp_path, monkeypatch)
    printed |= pages.run(TUTORIALS / "int8.md", tmp_path, monkeypatch)
    refused = [said for line, said in printed.items() if line.endswith("# refused")]
    assert len(refused) == 2
    shown = (TUTORIALS / "own_network.md").read_text(encoding="utf-8")
    assert refused[0].splitlines()[-1][:60] in " ".join(shown.split())
    verified = [said for line, said in printed.items() if line.startswith("edgectc verify")]
    assert ["verdict: pass" in said for said in verified] == [True, True]
    assert (tmp_path / "net-int8.pte").stat().st_size < (tmp_path / "net.pte").stat().st_size
    assert not (tmp_path / "never.pte").exists()


def test_own_keyboard_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("torch", "lightning", "onnx", "onnxscript", "onnxruntime")
    printed = pages.run(TUTORIALS / "own_data.md", tmp_path, monkeypatch)
    assert "verdict: pass" in printed["edgectc verify mine.onnx"]
    assert (tmp_path / "check.html").is_file()


def test_every_tutorial_is_run_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    ours = {page.name for page in TUTORIALS.glob("*.md") if not page.name.startswith("train_")}
    assert {name for name in ours if name not in text} == set()
