"""Failures of training runs, as the field reports tell them; docs/failures.md is their index."""

from __future__ import annotations

import itertools
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import edgectc
from edgectc.core import config
from edgectc.core.errors import BundleMismatchError, ConfigError, NonFiniteError
from edgectc.core.metrics import error_rate
from edgectc.data import augmentation
from edgectc.training import overfitting, validation
from edgectc.training.loop import checkpoints, devices, trainer
from edgectc.training.loop.checkpoints import Checkpoint
from edgectc.training.loop.guards import StepGuard
from edgectc.training.loop.trainer import train
from edgectc.training.preparing import prepare
from edgectc.training.signal_task import Signals
from edgectc.training.task import Score

SOURCES = sorted(Path(edgectc.__file__).parent.rglob("*.py"))


def small(family: str = "gru", **changes: Any) -> dict[str, Any]:
    values = config.family_config(family, "small")
    values["data"] = {"train": 24, "dev": 6}
    values |= {"epochs": 1, "batch_size": 8, "validate_every": 1}
    return {**values, **changes}


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def watch_steps(monkeypatch: pytest.MonkeyPatch, look: Callable[[Any], None]) -> None:
    """Call ``look`` with the optimizer at the start of every step that it takes."""
    step = torch.optim.AdamW.step

    def watched(self: torch.optim.AdamW, *given: Any, **named: Any) -> Any:
        look(self)
        return step(self, *given, **named)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_deprecated_mixed_precision_calls_warned(precision: str, tmp_path: Path) -> None:
    """`torch.cuda.amp` printed a FutureWarning a step. Here a warning of torch is an error."""
    for path in SOURCES:
        assert "cuda.amp" not in path.read_text(encoding="utf-8"), path
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        warnings.simplefilter("error", DeprecationWarning)
        train(small(precision=precision), tmp_path, data=None)
    assert np.isfinite(rows_of(tmp_path)[-1]["loss"])


def test_the_schedule_stepped_before_the_optimizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first rate was skipped. The rate of a step is a function of its number."""
    rates: list[float] = []
    watch_steps(monkeypatch, lambda optimizer: rates.append(optimizer.param_groups[0]["lr"]))
    how = {"optimizer": {"lr": 0.01, "warmup": 0.0}, "schedule": {"type": "linear"}}
    train(small(**how), tmp_path, data=None)
    assert rates == pytest.approx([0.01, 0.01, 0.005]), "one step up, two down"


def test_the_learning_rate_argument_was_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fallback took its place. There is one place for it, and a misspelt one is refused."""
    rates: list[float] = []
    watch_steps(monkeypatch, lambda optimizer: rates.append(optimizer.param_groups[0]["lr"]))
    values = small(optimizer={"warmup": 0.0}, schedule={"type": "constant"})
    config.set_key(values, "optimizer.lr=3e-4")
    train(values, tmp_path / "a", data=None)
    assert set(rates) == {3e-4}
    with pytest.raises(ConfigError, match="did you mean 'lr'"):
        train(small(optimizer={"l_r": 3e-4}), tmp_path / "b", data=None)


def test_gradients_were_not_clipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A norm of 17 went into a step. None is longer than ``optimizer.clip``."""
    norms: list[float] = []

    def look(optimizer: Any) -> None:
        learnt = [p.grad for group in optimizer.param_groups for p in group["params"]]
        norms.append(
            float(torch.stack(torch._foreach_norm([g for g in learnt if g is not None])).norm())
        )

    watch_steps(monkeypatch, look)
    train(small(optimizer={"clip": 0.05}), tmp_path, data=None)
    assert len(norms) == 3
    assert max(norms) <= 0.05 * 1.001


def test_warm_up_was_missing_and_the_first_steps_exploded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    watch_steps(monkeypatch, lambda optimizer: rates.append(optimizer.param_groups[0]["lr"]))
    how = {"optimizer": {"lr": 0.01, "warmup": 0.5}, "schedule": {"type": "constant"}}
    train(small(epochs=2, **how), tmp_path, data=None)
    assert rates == pytest.approx([0.01 / 3, 0.02 / 3, 0.01, 0.01, 0.01, 0.01])


def test_the_best_checkpoint_followed_a_moving_average(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PER fell to 0.30 and rose to 0.39 while its average went on falling: 0.36 was kept."""
    told = [0.9, 0.30, 0.35, 0.39]
    values = iter(told)
    monkeypatch.setattr(trainer, "validate", lambda *_, **__: Score({"dev_per": next(values)}))
    averages = [sum(told[: i + 1]) / (i + 1) for i in range(4)]
    assert averages == sorted(averages, reverse=True), "an average says the last is best"
    result = train(small(epochs=4), tmp_path, data=None)
    assert (result.epoch, result.value) == (2, 0.30)


def test_a_phoneme_error_rate_was_called_cer(tmp_path: Path) -> None:
    """The name of a metric is its unit, and the unit is what is counted."""
    train(small(), tmp_path, data=None)
    assert {"dev_per"} == {k for k in rows_of(tmp_path)[0] if re.fullmatch("dev_(per|cer|wer)", k)}
    _, _, signing = prepare(small("mobilenetv3"), data=None)
    assert signing.metric.name == "dev_wer"
    said = [(["AA", "SIL"], ["AE", "SIL"])]
    assert error_rate(said) == 0.5
    assert error_rate([("".join(a), "".join(b)) for a, b in said]) == 0.2, "letters, not phonemes"


def test_a_model_with_nan_weights_was_saved(tmp_path: Path) -> None:
    """It exported without a word, and quantization then failed with "scale issue"."""
    path = tmp_path / "best.safetensors"
    checkpoints.write(path, Checkpoint({"w": torch.ones(3)}, {"epoch": 1}))
    with pytest.raises(NonFiniteError, match="model//w is not finite"):
        checkpoints.write(path, Checkpoint({"w": torch.tensor([1.0, float("nan")])}, {}))
    assert torch.equal(checkpoints.read(path).model["w"], torch.ones(3)), "the good one stays"


def test_a_nan_gradient_at_step_4200_ended_the_model() -> None:
    """The weights come back, the rate is halved, and the samples are named."""
    model = torch.nn.Linear(2, 1)
    good = model.weight.detach().clone()
    guard = StepGuard(model, torch.optim.AdamW(model.parameters()), limit=3, back_off=5)
    model.weight.data.fill_(float("nan"))
    assert not guard.finite()
    guard.bad_step("gradient of neural-0-5", steps=10_000, broken=True)
    assert guard.finite()
    assert torch.equal(model.weight, good)
    assert guard.scale == 0.5


def test_resuming_lost_the_optimizer_and_guessed_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights were loaded alone, the step was read off a log. Here not a bit differs."""
    train(small(epochs=2), tmp_path / "whole", data=None)
    write = checkpoints.write

    def stop(path: Path, checkpoint: Checkpoint) -> None:
        write(path, checkpoint)
        if path.name == "last.safetensors":
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        train(small(epochs=2), tmp_path / "half", data=None)
    monkeypatch.setattr(checkpoints, "write", write)
    train(small(epochs=2), tmp_path / "half", data=None)
    one, two = (checkpoints.read(tmp_path / f"{n}/last.safetensors") for n in ("whole", "half"))
    assert one.progress["epoch"] == two.progress["epoch"] == 2
    for part in ("model", "optimizer"):
        mine, theirs = getattr(one, part), getattr(two, part)
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_resuming_with_other_settings_mixed_two_runs(tmp_path: Path) -> None:
    """The checkpoint fitted, the number of days did not."""
    train(small(), tmp_path, data=None)
    other = small()
    other["model"]["frontend"]["days"] = ["day-0", "day-1"]
    with pytest.raises(BundleMismatchError):
        train(other, tmp_path, data=None)


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_validation_ran_out_of_memory(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run died at its first validation. The batch is halved until it fits."""
    _, model, task = prepare(small(), data=None)
    sizes, compute = [], validation._log_probs

    def short(model: Any, inputs: Any, device: torch.device) -> torch.Tensor:
        sizes.append(len(inputs["length"]))
        if sizes[-1] > 2:
            if device == "cpu":
                torch.empty(2**55, dtype=torch.uint8)  # what torch itself says there
            raise torch.OutOfMemoryError("CUDA out of memory")
        return compute(model, inputs, device)

    monkeypatch.setattr(validation, "_log_probs", short)
    assert len(list(validation.answers(model.eval(), task, batch_size=6))) == 6
    assert sizes[0] == 6
    assert max(sizes[-3:]) <= 2


def test_long_samples_filled_the_memory(tmp_path: Path) -> None:
    """They are dropped or cut, by choice, and counted; no batch is longer than the model."""
    lengths = np.array([64, 900, 50])
    np.savez(
        tmp_path / "x.npz",
        signal=np.random.default_rng(0).normal(size=(lengths.sum(), 16)).astype(np.float32),
        length=lengths,
        target=np.array(["AA"] * 3),
        split=np.array(["train", "train", "dev"]),
        group=np.array(["day-0"] * 3),
    )
    _, model, task = prepare({**small(), "data": {"too_long": "drop"}}, data=tmp_path / "x.npz")
    assert dict(task.dropped) == {"too_long": 1}
    assert max(task.train.lengths) <= model.frontend.options.max_frames


def test_bfloat16_was_chosen_by_the_name_of_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried: a device whose driver cannot do it gets fp16."""
    assert devices.choose("cpu", "auto") == "fp32"
    tried: list[torch.dtype] = []

    def fails(kind: str, dtype: torch.dtype) -> bool:
        tried.append(dtype)
        return False

    monkeypatch.setattr(devices, "works", fails)
    assert devices.choose("cuda", "auto") == "fp16"
    assert tried == [torch.bfloat16]


def test_augmentation_broke_the_shape_of_a_trace() -> None:
    """Dropped points left 17 numbers where (n, 3) was expected; a warp met a 1-D array."""
    rng = np.random.default_rng(0)
    for frames, columns in itertools.product((1, 2, 3, 17), (1, 3)):
        signal = rng.normal(size=(frames, columns)).astype(np.float32)
        for made in (
            augmentation.drop_points(signal, rng, 0.9),
            augmentation.warp(signal, rng, pace=0.5),
            augmentation.jitter(signal, rng, 0.5),
        ):
            assert made.ndim == 2
            assert made.shape[1] == columns
            assert len(made) >= 1
            assert np.isfinite(made).all()


def test_the_memorisation_test_was_run_with_dropout() -> None:
    """A model that could not learn five samples had dropout 0.3; the test has none."""
    spec = config.family_config("i3d", "full")["model"]
    assert re.search(r"'dropout': 0\.[1-9]", str(registry_complete(spec)))
    assert not re.search(r"dropout': 0\.[1-9]", str(overfitting.without_dropout(spec)))


def registry_complete(spec: dict[str, Any]) -> dict[str, Any]:
    from edgectc.core import registry

    return {
        kind: registry.complete(kind if kind == "features" else f"{kind}s", dict(part))
        for kind, part in spec.items()
        if isinstance(part, dict) and kind in ("encoder", "features")
    }


def test_a_nan_sample_made_every_later_loss_nan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bad step is skipped and named; the others learn."""
    plain = Signals.batch

    def batch(self: Signals, rows: Any, noise: Any = None) -> Any:
        made = plain(self, rows, noise)
        for place, row in enumerate(rows):
            if noise is not None and row == 5:
                made.inputs["signal"][place, 0, 0] = float("nan")
        return made

    monkeypatch.setattr(Signals, "batch", batch)
    train(small(), tmp_path, data=None)
    (row,) = rows_of(tmp_path)
    assert row["skipped"] == 1
    assert "neural-0-5" in row["bad_steps"][0]
    assert np.isfinite(row["loss"])


def test_targets_that_ctc_cannot_emit_are_dropped_or_cut_before_training(tmp_path: Path) -> None:
    """Reshaping lengths hid it, and the loss was infinite."""
    lengths = np.array([20, 20, 20, 50])  # two frames out of 20 with a window of 14
    np.savez(
        tmp_path / "x.npz",
        signal=np.random.default_rng(0).normal(size=(lengths.sum(), 16)).astype(np.float32),
        length=lengths,
        target=np.array(["AA AA AA", "AA", "AA B AA", "AA"]),
        split=np.array(["train", "train", "train", "dev"]),
        group=np.array(["day-0"] * 4),
    )
    for choice, labels in {"drop": ["AA"], "truncate": ["AA", "AA", "AA B"]}.items():
        config = {**small(), "data": {"infeasible": choice}}
        _, model, task = prepare(config, data=tmp_path / "x.npz")
        symbols = model.frontend.tokens().symbols
        said = [" ".join(symbols[i] for i in label) for label in task.train.labels]
        assert sorted(said) == labels
        assert sum(task.dropped.values()) == 2


def test_checkpoints_were_pickles() -> None:
    """`torch.load` of a stranger's file runs what is in it. No module can do that."""
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\btorch\.(load|save)\(|^\s*(import|from) pickle", text, re.M), path
        assert "allow_pickle=True" not in text, path
