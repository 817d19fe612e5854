"""Not a number: named, skipped, recovered from, and in the end refused."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgectc.config import family_config
from edgectc.errors import InputError, NonFiniteError
from edgectc.model import CtcModel
from edgectc.tasks._base import check_feasible, output_frames
from edgectc.tasks._signals import Signals
from edgectc.training import checkpoints
from edgectc.training.guards import StepGuard
from edgectc.training.trainer import train

GRU = {
    **family_config("gru", "small"),
    "data": {"train": 24, "dev": 6},
    "epochs": 2,
    "batch_size": 4,
    "validate_every": 1,
}


def guarded(limit: int = 20, back_off: int = 5) -> tuple[nn.Linear, StepGuard]:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    return model, StepGuard(model, optimizer, clip=1.0, limit=limit, back_off=back_off)


def good_step(model: nn.Linear, guard: StepGuard) -> bool:
    guard.optimizer.zero_grad()
    loss = model(torch.ones(1, 2)).sum()
    loss.backward()
    allowed = guard.allows(loss, lambda: ["fine"])
    if allowed:
        guard.optimizer.step()
    return allowed


def test_it_skips_then_stops_and_names_samples_and_tensor() -> None:
    model, guard = guarded(limit=2)
    assert good_step(model, guard)
    loss = model(torch.ones(1, 2)).sum()
    model.weight.grad[0, 1] = float("nan")
    assert not guard.allows(loss, lambda: ["s3"])
    with pytest.raises(NonFiniteError, match="gradient weight, samples s3, s4"):
        guard.allows(loss, lambda: ["s3", "s4"])
    assert guard.skipped == 2


def test_it_forgives_single_bad_steps() -> None:
    model, guard = guarded(limit=2)
    for _ in range(3):
        assert not guard.allows(torch.tensor(float("inf")), lambda: ["x"])
        assert good_step(model, guard)
    assert guard.scale == 1.0


def test_bad_steps_in_a_row_halve_the_rate_and_bring_good_weights_back() -> None:
    model, guard = guarded(back_off=3)
    guard.begin()
    kept = model.weight.detach().clone()  # gave a finite gradient, then moved on
    assert good_step(model, guard)
    assert good_step(model, guard)
    moved = model.weight.detach().clone()
    for _ in range(2):
        guard.allows(torch.tensor(float("nan")), lambda: ["x"])
    assert torch.equal(model.weight, moved)
    assert guard.scale == 1.0
    guard.allows(torch.tensor(float("nan")), lambda: ["x"])
    assert torch.equal(model.weight, kept)
    assert guard.scale == 0.5


def test_broken_weights_come_back_at_once_even_after_the_last_step() -> None:
    model, guard = guarded()
    kept = model.weight.detach().clone()
    model.weight.data[0, 0] = float("inf")
    guard.settle()
    assert torch.equal(model.weight, kept)
    assert guard.scale == 0.5
    for _ in range(9):
        model.weight.data[0, 0] = float("nan")
        guard.settle()
    model.weight.data[0, 0] = float("nan")
    with pytest.raises(NonFiniteError, match="halved 10 times"):
        guard.settle()


def test_broken_statistics_come_back_without_a_slower_rate() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    optimizer = torch.optim.AdamW(model.parameters())
    guard = StepGuard(model, optimizer, clip=1.0, limit=20)
    loss = model(torch.full((3, 2), float("nan"))).sum()
    loss.backward()
    assert not model[1].running_mean.isfinite().all()
    assert not guard.allows(loss, lambda: ["x"])
    assert model[1].running_mean.isfinite().all()
    assert guard.scale == 1.0


def test_targets_out_of_reach_are_named_before_training() -> None:
    model = CtcModel(GRU["model"])  # windows of 14 bins every 4
    frames = tuple(np.zeros((n, 16), np.float32) for n in (13, 14, 18, 22))
    assert output_frames(model, np.array([13, 14, 18, 22])).tolist() == [0, 1, 2, 3]
    day = {"day": np.zeros(1, np.int32)}

    def samples(labels: tuple[tuple[int, ...], ...]) -> Signals:
        names = tuple(f"row-{i}" for i in range(4))
        return Signals(frames, (day,) * 4, labels, names, 64, lambda signal, noise: signal)

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
    result = train(GRU, tmp_path / "run", data=data)
    assert (
        "training recordings: 29; dropped: {'train': {'not_finite': 1}}" in capsys.readouterr().err
    )
    assert result.metric == "dev_per"


def test_a_sample_that_turns_nan_is_skipped_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = Signals.batch

    def corrupt(self, rows, noise=None):
        made = batch(self, rows, noise)
        for n, row in enumerate(rows):
            if self.name(row) == "culprit":
                made.inputs["signal"][n, 5, 2] = float("nan")
        return made

    monkeypatch.setattr(Signals, "batch", corrupt)
    result = train(GRU, tmp_path / "run", data=recordings(tmp_path / "x.npz", 1.0))
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("skipped")]
    assert len(told) == GRU["epochs"]
    assert all(line.endswith("samples culprit") for line in told)
    assert all(x.isfinite().all() for x in checkpoints.read(result.checkpoint).model.values())


def test_an_exploding_rate_is_lowered_or_refused_and_never_the_best(tmp_path: Path) -> None:
    wild = {**GRU, "optimizer": {"lr": 1e37, "warmup": 0.0}, "epochs": 14}
    with pytest.raises(NonFiniteError, match=r"lower optimizer\.lr"):
        train(wild, tmp_path / "run", data=None)
    for path in (tmp_path / "run").glob("*.safetensors"):
        assert all(x.isfinite().all() for x in checkpoints.read(path).model.values())


def test_a_rate_that_explodes_now_and_then_is_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgectc.training import trainer

    rate, calls = trainer.learning_rate, itertools.count()

    def spiky(*arguments):
        return float("inf") if next(calls) == 8 else rate(*arguments)

    monkeypatch.setattr(trainer, "learning_rate", spiky)
    result = train(GRU, tmp_path / "run", data=None)
    lines = [json.loads(x) for x in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["skipped"] == 1
    assert checkpoints.read(tmp_path / "run/last.safetensors").progress["lr_scale"] == 0.5
    assert result.value is not None
