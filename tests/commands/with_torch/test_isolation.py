"""A crash of a tool chain, in a process of its own, is one clean error and leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import edgectc
from edgectc.commands.cli import main
from edgectc.core.errors import install_line
from edgectc.exporting import untrained


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("packed") / "gru"
    return untrained.initialise(place, "gru", name="gru").path


def planted(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shadow a package of the tool chain in child processes."""
    package = folder / "planted" / "onnxscript"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(code)
    paths = [str(package.parent), str(Path(edgectc.__file__).parents[1])]
    monkeypatch.setenv("PYTHONPATH", ":".join(paths))


def test_a_segmentation_fault_is_one_error(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    planted(tmp_path, "import ctypes; ctypes.string_at(0)", monkeypatch)
    out = tmp_path / "out"
    out.mkdir()
    arguments = ["export", str(bundle), "--target", "onnx", "--out", str(out), "--isolate"]
    assert main(arguments) == 4
    error = capsys.readouterr().err
    assert error.startswith("edgectc: error: the tool chain crashed (SIGSEGV)")
    assert len(error.splitlines()) == 1
    assert list(out.iterdir()) == []


@pytest.mark.slow
def test_a_crash_after_the_work_says_what_was_made(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import atexit, os; atexit.register(os.abort)")
    paths = [str(tmp_path), str(Path(edgectc.__file__).parents[1])]
    monkeypatch.setenv("PYTHONPATH", ":".join(paths))
    out = tmp_path / "x.onnx"
    arguments = ["export", str(bundle), "--target", "onnx", "--out", str(out), "--isolate"]
    assert main(arguments) == 4
    error = capsys.readouterr().err
    assert f"crashed (SIGABRT); it had made {out}, which passed" in error.replace("\n", " ")
    assert edgectc.verify(out).status == "pass"


@pytest.mark.slow
def test_the_childs_own_errors_keep_their_words_and_code(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    arguments = ["export", "--target", "onnx", "--out", str(tmp_path), "--isolate"]
    assert main([*arguments[:1], str(tmp_path / "none"), *arguments[1:]]) == 2
    assert "no bundle or artifact at" in capsys.readouterr().err
    assert main([*arguments, "--opset", "13"]) == 2
    assert "expected 14..25" in capsys.readouterr().err
    planted(tmp_path, "raise ImportError('gone', name='onnxscript')", monkeypatch)
    assert main([*arguments[:1], str(bundle), *arguments[1:]]) == 3
    assert install_line("export-onnx") in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["planted"]


@pytest.mark.slow
def test_an_isolated_export_is_like_any_other(bundle: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "deep" / "x.onnx"
    arguments = ["export", str(bundle), "--target=onnx", f"--out={out}", "--isolate", "--json"]
    assert main(arguments) == 0
    about = json.loads(capsys.readouterr().out)
    assert (about["path"], about["status"]) == (str(out), "pass")
    assert about["bytes"] == out.stat().st_size
    assert [p.name for p in out.parent.iterdir()] == ["x.onnx"]
    assert edgectc.verify(out).status == "pass"
