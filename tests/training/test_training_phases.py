"""A second phase begins with the best weights of the first, and goes on where it was stopped."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from edgectc.commands.cli import main
from edgectc.core.config import family_config
from edgectc.core.errors import ConfigError, EdgectcError
from edgectc.language.lexicon import Lexicon
from edgectc.training import phases
from edgectc.training.loop import checkpoints
from edgectc.training.loop.trainer import train


def config(**changes: Any) -> dict[str, Any]:
    values = copy.deepcopy(family_config("gru", "small"))
    values |= {"data": {"train": 40, "dev": 8}, "epochs": 2, "batch_size": 16, "augment": {}}
    return {**values, "validate_every": 1, "optimizer": {"lr": 2e-3, "clip": 2.0}, **changes}


def last(folder: Path) -> dict[str, torch.Tensor]:
    return dict(checkpoints.read(folder / "last.safetensors").model)


def equal(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], two[name]) for name in one)


def test_tables_are_merged_and_the_rest_stays() -> None:
    values = config(start="somewhere", then={"epochs": 1, "optimizer": {"lr": 1e-4}})
    first, second = phases.split(values)
    assert "then" not in first
    assert first["start"] == "somewhere"
    assert second["start"] == ""
    assert (second["epochs"], second["optimizer"]) == (1, {"lr": 1e-4, "clip": 2.0})
    assert first["optimizer"] == {"lr": 2e-3, "clip": 2.0}
    assert second["data"] == first["data"] == values["data"]
    assert phases.split(config()) == [config()]


def test_the_second_phase_begins_with_the_best_weights_of_the_first(tmp_path: Path) -> None:
    later = {"epochs": 1, "seed": 5, "optimizer": {"lr": 1e-3}}
    result = phases.run(config(then=later), tmp_path / "both", data=None, lexicon=None)
    assert result.checkpoint == tmp_path / "both" / "best.safetensors"
    best = tmp_path / "alone" / "best.safetensors"
    train(config(), tmp_path / "alone", data=None)
    assert equal(last(tmp_path / "alone"), last(tmp_path / "both" / "first"))
    by_hand = {**config(), **later, "optimizer": {"lr": 1e-3, "clip": 2.0}}
    train(by_hand, tmp_path / "hand", data=None, weights=best)
    assert equal(last(tmp_path / "both"), last(tmp_path / "hand"))
    train(by_hand, tmp_path / "anew", data=None)
    assert not equal(last(tmp_path / "both"), last(tmp_path / "anew"))


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_stop_in_either_phase_costs_no_bit(stop: int, tmp_path: Path) -> None:
    values = config(then={"epochs": 2, "optimizer": {"lr": 1e-3}})
    phases.run(values, tmp_path / "whole", data=None, lexicon=None)
    write, written = checkpoints.replace, []

    def once(path: Path, checkpoint: checkpoints.Checkpoint) -> None:
        write(path, checkpoint)
        written.append(path)
        if len(written) == stop:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "replace", once)
        with pytest.raises(KeyboardInterrupt):
            phases.run(values, tmp_path / "half", data=None, lexicon=None)
    phases.run(values, tmp_path / "half", data=None, lexicon=None)
    assert equal(last(tmp_path / "whole"), last(tmp_path / "half"))


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (3, "expected a table"),
        ({"model": {}}, "cannot change 'model'"),
        ({"then": {}}, "cannot change 'then'"),
        ({"epoch": 1}, "epochs"),
        ({"optimizer": {"rate": 1e-3}}, "rate"),
        ({"loss": {"mmi": 0.5}}, r"loss\.mmi"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_first_phase(
    then: Any, said: str, tmp_path: Path
) -> None:
    with pytest.raises(EdgectcError, match=said):
        phases.run(config(then=then), tmp_path / "run", data=None, lexicon=None)
    assert not (tmp_path / "run").exists()


def test_words_need_a_lexicon_in_the_second_phase_too(tmp_path: Path) -> None:
    values = copy.deepcopy(family_config("tcn", "small"))
    values |= {"then": {"loss": {"mmi": 0.5}}, "decoder": {"type": "greedy"}}
    with pytest.raises(ConfigError, match=r"loss\.mmi"):
        phases.run(values, tmp_path / "run", data=None, lexicon=Lexicon.from_counts({"a": 1.0}))
    assert not (tmp_path / "run").exists()


def test_the_command_trains_both_and_resumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        'epochs = 1\nbatch_size = 16\n[model.frontend]\ntype = "swipe"\n'
        '[model.features]\ntype = "swipe"\nkey_hidden = 8\nkey_in = 8\nkey_out = 8\n'
        '[model.encoder]\ntype = "tcn"\nchannels = 8\nfine = [1]\ncoarse = [1]\n'
        '[data]\nsynthetic_pool = 32\n[decoder]\ntype = "greedy"\n'
        "[then]\nepochs = 1\n[then.optimizer]\nlr = 1e-4\n"
    )
    out = tmp_path / "out"
    line = ["train", str(path), "--out", str(out), "--json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EDGECTC_DATA", raising=False)
        assert main(line) == 0
        about = json.loads(capsys.readouterr().out)
        assert about["checkpoint"] == str(out / "best.safetensors")
        assert json.loads((out / "config.json").read_text())["optimizer"]["lr"] == 1e-4
        assert json.loads((out / "first" / "config.json").read_text())["optimizer"]["lr"] != 1e-4
        (out / "config.json").unlink()  # as if the second phase had not begun
        (out / "last.safetensors").unlink()
        assert main([*line, "--resume"]) == 0
        assert main([*line, "--set", "then.epochs=0", "--resume"]) == 2  # another configuration
