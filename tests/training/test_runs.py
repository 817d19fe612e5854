"""A run by its public functions: configs by name, file or tables; what is refused at the door."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch_state

from edgectc.core.config import family_config
from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.training import runs
from edgectc.training.settings import Settings

GRU = family_config("gru", "small")


def test_a_config_is_a_name_a_file_or_its_tables(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[model.frontend]\ntype = 'neural'\n[optimizer]\nlr = 0.1\n")
    assert runs.load_config("gru-small") == GRU
    assert runs.load_config(file)["optimizer"] == {"lr": 0.1}
    before = copy.deepcopy(GRU)
    values = runs.load_config(GRU, ["optimizer.lr=0.5", "epochs=1"])
    assert (values["optimizer"]["lr"], values["epochs"]) == (0.5, 1)
    assert before == GRU  # a caller's tables are never changed
    with pytest.raises(UnknownNameError, match="did you mean 'gru-small'"):
        runs.load_config("gru-smal")


def test_what_cannot_begin_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(ConfigError, match="holds no run"):
        runs.train(GRU, out, resume=True)
    with pytest.raises(ConfigError, match="expected 1 or more"):
        runs.train(GRU, out, threads=0)
    with pytest.raises(ConfigError, match="missing key 'model'"):
        runs.train({"epochs": 1}, out)
    with pytest.raises(ConfigError, match="expected 1 or more samples"):
        runs.overfit(GRU, out, count=0)
    assert not out.exists()


def test_task_and_decoder_follow_the_frontend() -> None:
    for family, task, decoder in (("gru", "neural", "greedy"), ("tcn", "swipe", "lexicon")):
        settings = Settings(model=family_config(family, "small")["model"]).completed()
        assert settings.task["type"] == task
        assert settings.decoder == {"type": decoder}


def test_a_run_leaves_threads_and_random_numbers_to_the_caller(tmp_path: Path) -> None:
    small = ["epochs=1", "data.train=8", "data.dev=2", "batch_size=4", "validation_rows=2"]
    with torch_state.unchanged():
        runs.train(GRU, tmp_path / "run", overrides=small)
        runs.overfit(GRU, tmp_path / "heart", count=2, steps=2, overrides=small)
