"""`edgectc pack --init`: an untrained bundle of any family."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from edgectc.commands.cli import main
from edgectc.formats import bundle


def test_pack_init_makes_a_bundle_of_any_family(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pack", "--init", "gru", "--out", str(tmp_path / "mine"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(tmp_path / "mine")
    assert bundle.read(tmp_path / "mine").index.training["config"] == "gru-small"
    assert "random weights of seed 0" in (tmp_path / "mine/CARD.md").read_text()
    assert main(["decode", str(tmp_path / "mine"), "--input", "x.jsonl"]) == 2
    assert "takes no swipes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[task]", "[task]\nlayuots = []"), "unknown key 'tasks.layuots'; did you mean 'layouts'"),
        (("[task]", "[task]\ndata = {synthetic = 1}"), "say it in the table [data] alone"),
        (("[data]", "[data]\nsintetic = 1"), "unknown key 'tasks.data.sintetic'"),
        (("[task]", "[tsk]"), "unknown key 'tsk'; did you mean 'task'"),
        (("[model.frontend]", "[model.frontnd]"), "a model has the parts"),
    ],
)
def test_a_config_of_ones_own_is_read_as_training_reads_it(
    change: tuple[str, str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, out = tmp_path / "mine.toml", tmp_path / "mine"
    text = (resources.files("edgectc") / "configs/tcn-small.toml").read_text()
    mine.write_text(text)
    assert main(["pack", "--init", str(mine), "--out", str(out)]) == 0
    assert change[0] in text
    mine.write_text(text.replace(*change))
    assert main(["pack", "--init", str(mine), "--out", str(tmp_path / "other")]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either source"),
        (["run", "--init", "gru"], "either source"),
        (["--init", "gruu"], "did you mean 'gru'"),
        (["--init", "gru", "--config", "larg"], "unknown size"),
        (["--init", "gru", "--lexicon", "x", "--set", "a=1"], "--lexicon, --set belongs to a run"),
    ],
)
def test_pack_refuses_what_does_not_belong_together(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pack", *arguments, "--out", str(tmp_path / "x")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
