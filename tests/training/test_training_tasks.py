"""Every family trains, resumes, packs, and learns a few samples by heart."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgectc.commands.cli import main
from edgectc.core import metrics, registry
from edgectc.core.config import families, family_config
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.exporting.packing import pack
from edgectc.networks.model import CtcModel
from edgectc.training.loop import checkpoints
from edgectc.training.loop.trainer import Trainer, train
from edgectc.training.overfitting import learn_by_heart as overfit
from edgectc.training.overfitting import without_dropout
from edgectc.training.task import Metric, greedy_ids, token_error

METRICS = {"swipe": "dev_top1", "landmarks": "dev_wer", "neural": "dev_per"}


def small(family: str, **more: Any) -> dict[str, Any]:
    config = family_config(family, "small")
    swipes = config["task"]["type"] == "swipe"
    few = {"synthetic_pool": 24} if swipes else {"train": 24, "dev": 6}
    own = {"data": few, "epochs": 2, "batch_size": 8, "validation_rows": 6}
    greedy = {"decoder": {"type": "greedy"}} if swipes else {}
    return {**config, **own, **greedy, **more}


@pytest.mark.parametrize("family", families())
def test_every_family_trains_resumes_and_packs(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small(family, validate_every=1)
    whole = train(config, tmp_path / "whole", data=None)
    assert whole.metric == METRICS[config["task"]["type"]]
    write = checkpoints.write

    def stop(path: Path, checkpoint: checkpoints.Checkpoint) -> None:
        write(path, checkpoint)
        if path.name == "last.safetensors":
            raise KeyboardInterrupt

    half = tmp_path / "half"
    monkeypatch.setattr(checkpoints, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        train(config, half, data=None)
    monkeypatch.setattr(checkpoints, "write", write)
    train(config, half, data=None)
    one = checkpoints.read(tmp_path / "whole/last.safetensors")
    two = checkpoints.read(half / "last.safetensors")
    assert one.progress["epoch"] == two.progress["epoch"] == 2
    assert all(torch.equal(one.model[name], two.model[name]) for name in one.model)
    bundle = pack(tmp_path / "whole", tmp_path / "bundle", name=family)
    assert bundle.index.decoder["type"] == "greedy"
    assert bundle.index.training["epoch"] == whole.epoch


@pytest.mark.parametrize(
    "family", [pytest.param(f, marks=pytest.mark.slow if f == "i3d" else ()) for f in families()]
)
def test_every_family_learns_five_samples_by_heart(family: str, tmp_path: Path) -> None:
    config = family_config(family, "small")
    result = overfit(config, tmp_path, count=5)
    assert result.reached
    assert result.token_error <= 0.01
    assert json.loads((tmp_path / "overfit.json").read_text())["steps"] == result.steps


def test_one_step_is_not_enough_to_learn_by_heart(tmp_path: Path) -> None:
    result = overfit(small("gru"), tmp_path, count=5, limit=1)
    assert not result.reached
    assert result.steps == 1
    with pytest.raises(InputError, match="24 samples, expected 25"):
        overfit(small("gru"), tmp_path, count=25)


# The configurations that the notes on the teacher give, with fewer steps and a small network.
_CONSERVATIVE = {"optimizer": {"type": "adam", "lr": 0.01, "warmup": 0.025, "weight_decay": 0.0}}
_AGGRESSIVE = {
    "optimizer": {
        "type": "adamw", "lr": 0.02, "warmup": 0.033, "weight_decay": 0.01, "clip": 0.5,
    },
    "loss": {"smoothing": 0.02},
}  # fmt: skip
_CAREFUL = {
    "optimizer": {"type": "adam", "lr": 0.005, "warmup": 0.05, "weight_decay": 0.0},
    "init": [{"names": "head.*", "type": "xavier", "gain": 0.5}],
    "freeze": [{"names": "features.*", "until": 20}],
}


@pytest.mark.parametrize(
    ("config", "count", "dropout"),
    [(_CONSERVATIVE, 5, 0.1), (_AGGRESSIVE, 5, 0.05), (_CAREFUL, 3, 0.0)],
)
def test_overfitting_as_configured(
    config: dict, count: int, dropout: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    take_step = Trainer.take_step

    def look(self: Trainer, *given: Any) -> float | None:
        decay = self.inner.param_groups[0]["weight_decay"]
        drops = [m.p for m in self.unwrapped.modules() if isinstance(m, torch.nn.Dropout)]
        before = {n: p.clone() for n, p in self.unwrapped.named_parameters()}
        norm = take_step(self, *given)
        still = all(
            torch.equal(p, before[n])
            for n, p in self.unwrapped.named_parameters()
            if n.startswith("features.")
        )
        seen.append((still, decay, drops, given[2]))
        return norm

    monkeypatch.setattr(Trainer, "take_step", look)
    values = {**small("gru"), "schedule": {"type": "constant"}, **config}
    values["model"]["encoder"] |= {"dropout": dropout, "input_dropout": dropout}
    result = overfit(values, tmp_path, count=count, limit=400, as_configured=True)
    assert result.reached
    how = config["optimizer"]
    assert {decay for _, decay, _, _ in seen} == {how["weight_decay"]}
    own = [m.p for m in CtcModel(values["model"]).modules() if isinstance(m, torch.nn.Dropout)]
    assert seen[0][2] == own
    assert dropout in own
    rates = [rate for *_, rate in seen]
    warm = round(how["warmup"] * 400)
    assert rates[0] == pytest.approx(how["lr"] / warm)
    assert max(rates) == pytest.approx(how["lr"])
    until = 20 if "freeze" in config else 0
    assert [still for still, *_ in seen] == [n < until for n in range(len(seen))]


def test_what_overfitting_tells_follows_the_run(tmp_path: Path) -> None:
    result = overfit(small("gru"), tmp_path, count=3)
    told = json.loads((tmp_path / "overfit.json").read_text())
    steps = [row["step"] for row in result.curve]
    assert steps == sorted(steps)
    assert steps[-1] == result.steps
    assert result.curve[-1]["token_error"] == result.token_error
    assert result.curve[-1]["loss"] < result.curve[0]["loss"]
    assert all(row["grad_norm"] > 0 for row in result.curve)
    assert [row["name"] for row in told["predictions"]] == list(result.samples)
    pairs = [(row["target"].split(), row["said"].split()) for row in result.predictions]
    assert metrics.error_rate(pairs) == pytest.approx(result.token_error, abs=1e-5)


def test_overfitting_drops_nothing() -> None:
    for family in families():
        model = CtcModel(without_dropout(family_config(family, "small")["model"]))
        drops = [m.p for m in model.modules() if isinstance(m, torch.nn.modules.dropout._DropoutNd)]
        assert drops == [0.0] * len(drops)


def test_the_command_takes_a_name_and_fails_when_not_learnt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path), "--json"]
    few = ["--set", "data.train=24", "--set", "data.dev=2"]
    assert main(["train", "gru-small", "--overfit", "2", *few, *out]) == 0
    assert json.loads(capsys.readouterr().out)["reached"]
    still = ["--overfit-steps", "3"]
    assert main(["train", "gru-small", "--overfit", "2", *few, *still, *out]) == 1
    assert main(["train", "gru-smal", *out]) == 2
    assert "did you mean 'gru-small'" in capsys.readouterr().err
    epochs = ["--set", "epochs=1"]
    assert main(["train", "gru-small", *few, *epochs, *out]) == 0
    assert json.loads(capsys.readouterr().out)["dev_per"] > 0


def test_options_of_another_task_and_misspelt_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="synthetic"):
        train(small("gru", data={"synthetic": 0.5}), tmp_path, data=None)
    with pytest.raises(ConfigError, match="did you mean 'noise'"):
        train(small("gru", augment={"nois": 0.5}), tmp_path, data=None)
    with pytest.raises(UnknownNameError, match="did you mean 'neural'"):
        train(small("gru", task={"type": "neura"}), tmp_path, data=None)
    with pytest.raises(ConfigError, match="needs words"):
        train(small("tcn", decoder={"type": "lexicon"}), tmp_path, data=None)


def test_tasks_are_listed() -> None:
    assert registry.names("tasks") == ["landmarks", "neural", "swipe"]


def test_a_metric_knows_its_direction_and_never_takes_nan() -> None:
    up, down = Metric("top1", higher=True), Metric("per")
    assert up.better(0.2, 0.1)
    assert not up.better(0.1, 0.1)
    assert down.better(0.1, 0.2)
    for metric in (up, down):
        assert metric.better(0.5, None)
        assert not metric.better(math.nan, None)
        assert not metric.better(None, 0.5)


def test_token_error_counts_edits_of_best_paths() -> None:
    def path(*ids: int) -> np.ndarray:
        return np.log(np.eye(4)[list(ids)] + 1e-9)

    assert greedy_ids(path(1, 1, 0, 1, 2), 0) == [1, 1, 2]
    assert greedy_ids(np.zeros((0, 4)), 0) == []
    assert token_error([(1, 1, 2), (3,)], [path(1, 0, 1, 3), path(0)], 0) == 2 / 4


def npz(path: Path, **changes: Any) -> Path:
    arrays = {
        "signal": np.zeros((5, 16), np.float32),
        "length": np.array([2, 3]),
        "target": np.array(["AA", "B"]),
        "split": np.array(["train", "dev"]),
        "group": np.array(["day-0", "day-1"]),
    }
    arrays |= changes
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": None}, "lacks"),
        ({"length": np.array([2, 2])}, "add up to 4"),
        ({"length": np.array([6, -1])}, "whole lengths"),
        ({"length": np.array([5, 0])}, "1 empty"),
        ({"split": np.array(["train", "test"])}, "0 dev samples"),
        ({"split": np.array(["train", "tset"])}, "split is 'tset', expected one of train"),
        ({"target": np.array(["AA"])}, "got"),
        ({"signal": np.zeros(5)}, "got"),
        ({"target": np.array(["AA", object()], object)}, "cannot read"),
        ({"group": np.array(["day-9", "day-9"])}, "2 unknown_group"),
        ({"group": None}, "2 no_group .* expected one of the model's 3: day-0"),
        ({"target": np.array(["AA", ""])}, "empty_target"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        train(small("gru"), tmp_path / "run", data=npz(tmp_path / "x.npz", **changes))
    assert not (tmp_path / "run").exists()


def test_a_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 no archive")
    for name in ("x.npz", "missing.npz"):
        with pytest.raises(InputError, match=f"cannot read .*{name}"):
            train(small("gru"), tmp_path / "run", data=tmp_path / name)
    assert not (tmp_path / "run").exists()
