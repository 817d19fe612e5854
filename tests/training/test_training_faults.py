"""Planted faults: each ends as described, is named, and costs nothing that was learnt before."""

from __future__ import annotations

import errno
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgectc.commands.cli import main
from edgectc.core.config import dumps, family_config
from edgectc.core.errors import BundleError, InputError, NonFiniteError, UnknownNameError
from edgectc.networks.model import CtcModel
from edgectc.training.log.records import EpochStats, Records
from edgectc.training.loop import checkpoints, trainer
from edgectc.training.loop.guards import StepGuard, first_bad
from edgectc.training.loop.trainer import train
from edgectc.training.preparing import prepare
from edgectc.training.signal_task import Signals
from edgectc.training.task import Batch, check_feasible, output_frames


def config_of(family: str = "gru", **changes: object) -> dict:
    values = family_config(family, "small")
    values["data"] = {"train": 40, "dev": 8}
    values |= {"epochs": 4, "batch_size": 16, "validate_every": 1}
    return {**values, **changes}


def run(config: dict, out: Path) -> None:
    train(config, out, data=None, lexicon=None)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(checkpoints.read(path).model)


def same(one: Path, two: Path) -> bool:
    a, b = weights(one), weights(two)
    return all(torch.equal(a[name], b[name]) for name in a)


def poison(monkeypatch: pytest.MonkeyPatch, *, every: bool) -> None:
    """Make sample 5, or every sample, NaN on its way to the network."""
    plain = Signals.batch

    def batch(self: Signals, rows: np.ndarray, noise: object = None) -> Batch:
        made = plain(self, rows, noise)
        for place, row in enumerate(rows):
            if noise is not None and (every or row == 5):
                made.inputs["signal"][place, 0, 0] = float("nan")
        return made

    monkeypatch.setattr(Signals, "batch", batch)


@pytest.mark.parametrize("family", ["gru", "mobilenetv3"])
def test_a_nan_sample_is_skipped_and_counted(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, every=False)
    run(config_of(family), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["skipped"] for row in rows] == [1, 1, 1, 1]
    word = {"gru": "neural", "mobilenetv3": "landmarks"}[family]
    assert all(
        row["bad_steps"] == [f"loss nan, first input 'signal' of {word}-0-5"] for row in rows
    )
    assert all(row["bad_share"] == pytest.approx(1 / 3, abs=1e-5) for row in rows)
    assert all(np.isfinite(row["loss"]) and row["loss"] > 0 for row in rows)
    for name in ("last", "best"):  # the norm's running statistics have seen the NaN, and are well
        saved = weights(tmp_path / f"{name}.safetensors")
        assert all(torch.isfinite(value).all() for value in saved.values())


def test_loss_scaling_survives_a_nan_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, every=False)
    run(config_of(precision="fp16"), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["skipped"] for row in rows] == [1, 1, 1, 1]
    assert rows[-1]["loss"] > 0


def test_nothing_but_nan_stops_and_names_tensor_and_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(config_of(epochs=2), tmp_path)
    (tmp_path / "config.json").unlink()
    poison(monkeypatch, every=True)
    with pytest.raises(NonFiniteError, match=r"4 in a row.*input 'signal' of neural-0-\d+"):
        run(config_of(epochs=9, bad_steps=4), tmp_path)
    assert all(torch.isfinite(v).all() for v in weights(tmp_path / "last.safetensors").values())
    assert checkpoints.read(tmp_path / "last.safetensors").progress["epoch"] >= 2


def test_too_many_bad_steps_of_an_epoch_stop_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bad batch in three is not "in a row", and is no training either."""
    poison(monkeypatch, every=False)
    config = config_of(batch_size=2, bad_steps=1)
    with pytest.raises(NonFiniteError, match="neural-0-5"):
        run(config, tmp_path)


def test_an_exploding_rate_backs_off_and_goes_on(tmp_path: Path, monkeypatch) -> None:
    """One wild rate, in the second step: the weights come back, the rest of the run is slower."""
    rate, calls = trainer.learning_rate, itertools.count()

    def spiky(*arguments: object) -> float:
        return 1e38 if next(calls) == 1 else rate(*arguments)

    monkeypatch.setattr(trainer, "learning_rate", spiky)
    sgd = {"type": "sgd", "momentum": 0.0, "weight_decay": 0.0, "lr": 1e-2, "warmup": 0.0}
    run(config_of(optimizer=sgd, schedule={"type": "constant"}, batch_size=4), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows[0]["skipped"] >= 1
    assert rows[-1]["skipped"] == 0
    scale = checkpoints.read(tmp_path / "last.safetensors").progress["guard"][0]
    assert scale < 1
    assert rows[-1]["lr"] == pytest.approx(1e-2 * scale)


def test_a_hopeless_rate_stops(tmp_path: Path) -> None:
    optimizer = {"type": "sgd", "lr": 1e30, "momentum": 0.0, "warmup": 0.0}
    config = config_of(optimizer=optimizer, epochs=30)
    with pytest.raises(NonFiniteError, match=r"lower optimizer\.lr"):
        run(config, tmp_path)
    assert not (tmp_path / "best.safetensors").exists() or all(
        torch.isfinite(v).all() for v in weights(tmp_path / "best.safetensors").values()
    )


def test_weights_that_blow_up_are_put_back_at_once() -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(model.parameters())
    guard = StepGuard(model, optimizer, limit=20, back_off=5)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert guard.finite()
    guard.good_step(49)
    kept, moment = model.weight.clone(), optimizer.state[model.weight]["exp_avg"].clone()
    optimizer.state[model.weight]["exp_avg"].fill_(7.0)
    model.weight.data[0, 1] = float("inf")
    assert not guard.finite()
    guard.bad_step("a weight", steps=100, broken=True)
    assert torch.equal(model.weight, kept)
    assert torch.equal(optimizer.state[model.weight]["exp_avg"], moment)
    assert guard.scale == 0.5


def test_a_good_step_forgives_the_bad_ones_before() -> None:
    model = nn.Linear(2, 1)
    guard = StepGuard(model, torch.optim.SGD(model.parameters()), limit=2, back_off=5)
    guard.bad_step("x", steps=1000)
    assert guard.in_a_row == 1
    guard.good_step(0)
    guard.bad_step("x", steps=1000)
    guard.good_step(1)
    guard.bad = 0
    guard.bad_step("x", steps=1000)
    with pytest.raises(NonFiniteError, match="2 in a row: the cause"):
        guard.bad_step("the cause", steps=1000)


def test_the_first_bad_tensor_is_found_on_the_way_from_input_to_gradient() -> None:
    names = ["a", "b"]
    inputs = {"signal": torch.zeros(2, 3), "length": torch.tensor([1, 1])}
    batch, fine = Batch(inputs, ((1,), (1,))), torch.zeros(2)
    model = nn.Linear(3, 1)
    model(inputs["signal"]).sum().backward()
    assert "overflowed" in first_bad(model, batch, fine, names)
    model.bias.grad[0] = float("nan")
    assert first_bad(model, batch, fine, names) == "gradient bias, samples a, b"
    assert first_bad(model, batch, torch.tensor([0.0, float("inf")]), names) == "loss of b"
    model.weight.data[0, 0] = float("nan")
    assert first_bad(model, batch, fine, names) == "weight weight, samples a, b"
    inputs["signal"][0, 1] = float("inf")
    assert first_bad(model, batch, fine, names) == "input 'signal' of a"


def test_targets_out_of_reach_are_named_before_training() -> None:
    model = CtcModel(config_of()["model"])  # windows of 14 bins every 4
    frames = tuple(np.zeros((n, 16), np.float32) for n in (13, 14, 18, 22))
    assert output_frames(model, np.array([13, 14, 18, 22])).tolist() == [0, 1, 2, 3]
    day = {"day": np.zeros(1, np.int32)}

    def samples(labels: tuple[tuple[int, ...], ...]) -> Signals:
        names = tuple(f"row-{i}" for i in range(4))
        least = (1,) * 4
        return Signals(
            frames, (day,) * 4, labels, names, "signal", 64, least, lambda x, rng, least: x,
            np.array([13, 14, 18, 22]),
        )  # fmt: skip

    with pytest.raises(InputError, match=r"row-0 \(1 > 0\), row-2 \(3 > 2\); ") as caught:
        check_feasible(samples(((1,), (1,), (5, 5), (5, 5))), model)
    assert caught.value.reason == "label_too_long"


def recordings(path: Path, planted: float) -> Path:
    """36 recordings of noise; ``planted`` lies in the one called culprit."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(36 * 40, 16)).astype(np.float32)
    signal[7 * 40 + 3] = planted
    names = [f"row-{i}" for i in range(36)]
    names[7] = "culprit"
    np.savez(
        path,
        signal=signal,
        length=np.full(36, 40),
        target=np.array(["AA B SIL"] * 36),
        split=np.array(["train"] * 30 + ["dev"] * 6),
        name=np.array(names),
        group=np.array([f"day-{i % 3}" for i in range(36)]),
    )
    return path


def test_a_planted_nan_is_dropped_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = recordings(tmp_path / "x.npz", float("nan"))
    result = train(config_of(), tmp_path / "run", data=data)
    assert (
        "training recordings: 29, dev: 6, test: 0 (as the rows say); "
        "dropped or cut: train: 1 not_finite (culprit: " in capsys.readouterr().err
    )
    assert result.metric == "dev_per"


def test_recordings_that_are_too_long_are_dropped_or_cut_by_choice_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lengths = np.array([64, 65, 900, 40, 65, 50])  # the model takes 64
    targets = np.array(["AA", "B", "AA B", "AA", " ".join(["AA"] * 9), "AA"])
    np.savez(
        tmp_path / "x.npz",
        signal=np.random.default_rng(0).normal(size=(lengths.sum(), 16)).astype(np.float32),
        length=lengths,
        target=targets,  # nine of a kind need 14 + 16 * 4 frames
        split=np.array(["train"] * 5 + ["dev"]),
        group=np.array(["day-0"] * 6),
    )
    found = {}
    for choice in ("drop", "truncate"):
        config = {**config_of(), "data": {"too_long": choice}}
        _, _, task = prepare(config, data=tmp_path / "x.npz")
        found[choice] = (task.train.lengths.tolist(), dict(task.dropped))
    assert found["drop"] == ([64, 40], {"too_long": 3})
    assert found["truncate"] == ([64, 64, 64, 40], {"truncated": 2, "label_too_long": 1})
    assert "train: 2 truncated; 1 label_too_long (x-4: " in capsys.readouterr().err
    with pytest.raises(UnknownNameError, match="did you mean 'truncate'"):
        prepare({**config_of(), "data": {"too_long": "truncat"}}, data=None)


def test_a_cut_checkpoint_costs_an_epoch_not_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(config_of(), tmp_path / "whole")
    run(config_of(), tmp_path / "cut")
    last = tmp_path / "cut/last.safetensors"
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    run(config_of(), tmp_path / "cut")
    assert same(tmp_path / "whole/last.safetensors", last)
    assert "going on from previous.safetensors" in capsys.readouterr().err
    logs = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("whole", "cut")]
    epochs = [[json.loads(line)["epoch"] for line in log.splitlines()] for log in logs]
    assert epochs == [[1, 2, 3, 4]] * 2
    last.write_bytes(b"")
    (tmp_path / "cut/previous.safetensors").write_bytes(b"")
    with pytest.raises(BundleError, match=r"cannot read checkpoint .* choose another out=DIR"):
        run(config_of(), tmp_path / "cut")


def test_a_full_disk_stops_and_a_later_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(config_of(), tmp_path / "whole")
    file, out, write = tmp_path / "c.toml", tmp_path / "out", Path.write_bytes
    room = 2  # checkpoints

    def full(self: Path, content: bytes) -> int:
        nonlocal room
        if self.name.startswith(".last.safetensors"):
            room -= 1
            if room < 0:
                write(self, content[: len(content) // 2])
                raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, content)

    file.write_text(toml(config_of()))
    arguments = ["train", str(file), "--out", str(out), "--device", "cpu"]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert main(arguments) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"cannot write {out / 'last.safetensors'}: No space left on device; make room" in said
    assert checkpoints.read(out / "last.safetensors").progress["epoch"] == 2
    assert not list(out.glob(".last*")), "the half file is gone"
    assert main(arguments) == 0
    assert same(out / "last.safetensors", tmp_path / "whole/last.safetensors")


def toml(values: dict, where: str = "") -> str:
    plain = {k: v for k, v in values.items() if not isinstance(v, dict)}
    text = "".join(f"{k} = {json.dumps(v)}\n" for k, v in plain.items())
    for key, value in values.items():
        if isinstance(value, dict):
            text += f"\n[{where}{key}]\n" + toml(value, f"{where}{key}.")
    return text


def test_weights_that_no_step_has_changed_are_never_the_best(tmp_path: Path) -> None:
    """One step an epoch and every one refused: that was "best: epoch 2" once."""
    optimizer = {"type": "sgd", "lr": 1e38, "clip": 1e38, "momentum": 0.0, "warmup": 0.0}
    config = config_of(epochs=2, batch_size=64, optimizer=optimizer)
    found = train(config, tmp_path, data=None)
    assert [found.epoch, found.value] == [0, None]
    assert not (tmp_path / "best.safetensors").exists()


def test_an_epoch_without_a_good_step_has_no_loss() -> None:
    """It was logged as 0.0 once, which looks like success."""
    assert EpochStats(bad=3).figures()["loss"] is None
    assert EpochStats(bad=3).figures()["bad_share"] == 1.0
    assert json.loads(dumps(EpochStats().figures()))["loss"] is None


def test_a_log_line_cut_by_a_crash_is_dropped(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    log.write_text('{"epoch": 1}\n{"epoch": 2}\n{"epoch": 3}\n{"epo')
    Records(tmp_path, done=2, step=0).close()
    assert log.read_text() == '{"epoch": 1}\n{"epoch": 2}\n'
