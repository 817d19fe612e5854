"""A recognizer whose bundle changes: without a language model, tuned, packed with other words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from traces import trace

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import ConfigError, InputError


def test_a_model_without_one_refuses_a_context(copied: Path) -> None:
    index = json.loads((copied / "bundle.json").read_text())
    del index["language_model"]
    shutil.rmtree(copied / "artifacts")
    (copied / "bundle.json").write_text(json.dumps(index))
    loaded = edgectc.load(copied, runner="eager")
    with pytest.raises(InputError, match="carries no word language model"):
        loaded(trace("hello"), context=["say"])
    with pytest.raises(ConfigError, match="names no language model"):
        edgectc.load(copied, runner="eager", lm_required=True)


def test_tune_writes_the_preset_into_a_bundle(
    copied: Path, capsys: pytest.CaptureFixture[str], shipped: Path
) -> None:
    samples = str(copied / "samples.jsonl")
    tuned = ["tune-decoder", str(copied), "--data", samples, "--split", "all", "--update"]
    tuned += ["--min-labels", "1"]
    assert cli.main([*tuned, "--json", "--runner", "onnx"]) == 0
    out, err = capsys.readouterr()
    assert "export" in err
    preset = json.loads(out)["preset"]
    assert json.loads((copied / "bundle.json").read_text())["decoder"] == preset
    assert not list(copied.glob("artifacts/*")), "an artifact with the old preset was left"
    artifact = next(shipped.glob("artifacts/*.onnx"))
    assert cli.main(["tune-decoder", str(artifact), *tuned[2:]]) == 2


def test_a_bundle_is_packed_again_with_other_words(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "few.tsv"
    words.write_text("# edgectc lexicon 1\nhello\t-1.0\nedge\t-2.0\n")
    out = tmp_path / "small"
    assert cli.main(["pack", str(copied), "--lexicon", str(words), "--licence", "CC0",
                     "--out", str(out), "--name", "small"]) == 0  # fmt: skip
    index = json.loads((out / "bundle.json").read_text())
    assert (index["name"], index["lexicon"]["file"]) == ("small", "few.tsv")
    assert index.get("language_model") is None
    assert edgectc.load(out)(trace("hello")).best.text == "hello"
    assert cli.main(["pack", str(copied), "--licence", "x", "--out", str(out)]) == 2
    assert "exchanged together" in capsys.readouterr().err
