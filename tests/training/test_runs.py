"""A run by its public functions: configs by name, file or tables; what is refused at the door."""

from __future__ import annotations

import copy
import functools
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import torch_state

import edgectc
from edgectc.core.config import family_config
from edgectc.core.errors import BundleError, BundleMismatchError, ConfigError, UnknownNameError
from edgectc.core.staging import claimed
from edgectc.training import runs, signal_task, vocabulary
from edgectc.training.loop import checkpoints, stopping
from edgectc.training.loop.trainer import Trainer
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


@pytest.mark.parametrize(
    ("part", "value", "says"),
    [
        ("frontend", None, r"a model has the parts .*got \['encoder', 'features'\]"),
        ("encoder", None, r"a model has the parts .*got \['features', 'frontend'\]"),
        ("frontend", {}, r"model.frontend: expected \{'type': NAME"),
        ("encoder", "gru", r"model.encoder: expected \{'type': NAME"),
        ("encoder", {"type": "gru", "channels": 0}, "model.encoder: no 'gru' can be made"),
        ("features", {"type": "neural", "sigma": 0.0}, "features: kernel must be"),
        ("encoder", {"type": "transformer", "heads": 0}, "encoders: integer modulo by zero"),
    ],
)
def test_a_model_that_cannot_be_is_refused_by_its_part(
    part: str, value: object, says: str, tmp_path: Path
) -> None:
    config = copy.deepcopy(GRU)
    config["model"][part] = value
    if value is None:
        del config["model"][part]
    for run in (runs.train, functools.partial(runs.overfit, count=2)):
        with pytest.raises(ConfigError, match=says):
            run(config, tmp_path / "run")


@pytest.mark.parametrize("shrink", [0, 32])
@pytest.mark.parametrize("family", ["i3d", "mobilenetv3"])
def test_a_network_without_channels_is_refused(family: str, shrink: int, tmp_path: Path) -> None:
    change = [f"model.encoder.shrink={shrink}"]
    with pytest.raises(ConfigError, match=r"^model"):
        runs.train(f"{family}-small", tmp_path / "run", overrides=change)


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


def test_one_run_at_a_time_trains_in_a_folder(tmp_path: Path) -> None:
    with claimed(tmp_path / "run"):
        script = f"import edgectc; edgectc.train('gru-small', out={str(tmp_path / 'run')!r})"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "is being written by another process" in done.stderr
    assert [*tmp_path.iterdir()] == []


def nothing_is_prepared(*_: object, **__: object) -> None:
    raise AssertionError("samples were read before the refusal")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["freeze=[{names='nowhere.*'}]"], "no parameter is called 'nowhere"),
        (["distillation={teacher='swipe-en-tiny', epochs=1}"], "has other inputs"),
        (["loss.mmi=0.5"], "this run has none"),
        (["then={epochs=1, loss={mmi=0.5}}"], "this run has none"),
        (["then={freeze=[{names='nowhere.*'}]}"], "no parameter is called 'nowhere"),
    ],
)
def test_what_needs_no_samples_is_refused_before_any_is_read(
    change: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_task, "_prepared", nothing_is_prepared)
    with pytest.raises(ConfigError, match=says):
        runs.train(GRU, tmp_path / "run", overrides=change)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("run", [runs.train, functools.partial(runs.overfit, count=2)])
def test_a_device_that_is_not_there_is_refused_before_samples_are_read(
    run: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_task, "_prepared", nothing_is_prepared)
    for device in ("cuda:99", "tpu", "4"):
        with pytest.raises((ConfigError, UnknownNameError), match="device"):
            run(GRU, tmp_path / "run", device=device)


def test_a_folder_of_another_run_is_refused_before_samples_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ["epochs=1", "data.train=8", "data.dev=2", "batch_size=4", "validation_rows=2"]
    runs.train(GRU, tmp_path / "run", overrides=small)
    monkeypatch.setattr(signal_task, "_prepared", nothing_is_prepared)
    with pytest.raises(BundleMismatchError, match="another configuration"):
        runs.train(GRU, tmp_path / "run", overrides=[*small, "epochs=2"])


def test_a_second_trainer_and_a_place_for_no_bundle_are_refused_before_data_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of data whose glosses are to be found, which takes a pass over all of them."""
    monkeypatch.setattr(vocabulary, "complete", nothing_is_prepared)
    monkeypatch.setattr(runs, "_recordings", nothing_is_prepared)
    with ThreadPoolExecutor(1) as other, claimed(tmp_path / "run"):
        second = other.submit(runs.train, GRU, tmp_path / "run")
        with pytest.raises(ConfigError, match="is being written by another process"):
            second.result()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("mine")
    with pytest.raises(BundleError, match=r"holds 'a.jpg', which is no part of a bundle"):
        edgectc.train(GRU, out=tmp_path / "run", bundle=tmp_path / "photos")


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Hear Ctrl-C, which a shell's background job ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("steps", [3, 6])  # within an epoch, and after its last step
def test_ctrl_c_is_saved_at_the_end_of_the_step(
    steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ["epochs=2", "data.train=24", "data.dev=2", "batch_size=4", "validation_rows=2"]
    runs.train(GRU, tmp_path / "whole", overrides=small)
    take_step, taken = Trainer.take_step, list[int]()

    def interrupted(self: Trainer, *given: Any) -> float | None:
        taken.append(self.step)
        if len(taken) == steps:
            signal.raise_signal(signal.SIGINT)
        return take_step(self, *given)

    monkeypatch.setattr(Trainer, "take_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runs.train(GRU, tmp_path / "cut", overrides=small)
    assert taken == [*range(steps)]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    runs.train(GRU, tmp_path / "cut", overrides=small, resume=True)
    assert taken[steps] == steps
    assert len(taken) == 12
    whole, cut = (
        checkpoints.read(tmp_path / name / "last.safetensors").model for name in ("whole", "cut")
    )
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


@pytest.mark.usefixtures("ctrl_c")
def test_a_second_signal_does_not_wait() -> None:
    reached: list[str] = []

    def twice() -> None:
        with stopping.postponed() as stop:
            signal.raise_signal(signal.SIGINT)
            reached.append(f"asked: {stop.asked}")
            signal.raise_signal(signal.SIGINT)
            reached.append("went on")

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert reached == ["asked: True"]
    with pytest.raises(KeyboardInterrupt), stopping.postponed():
        signal.raise_signal(signal.SIGINT)  # and one that is never asked for is not lost
    with stopping.postponed():
        pass
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_what_a_killed_run_left_is_cleared_when_it_is_run_again(tmp_path: Path) -> None:
    out = tmp_path / "run"
    overrides = ["epochs=1", "data.train=8", "data.dev=4"]
    runs.train(GRU, out, overrides=overrides)
    kept = sorted(path.name for path in out.iterdir())
    for name in (".last.safetensors.edgectc-lock", ".best.safetensors.edgectc-lock"):
        (out / name).touch()
    (out / ".last.safetensors.edgectc-new").write_bytes(b"half")
    runs.train(GRU, out, overrides=overrides)  # complete: no checkpoint is written again
    assert sorted(path.name for path in out.iterdir()) == kept
