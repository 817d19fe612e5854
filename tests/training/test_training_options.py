"""What a config can ask for, each against what it says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from small_runs import config_of, difference, rows_of, run, still
from torch import nn

from edgectc.commands.cli import main
from edgectc.core.errors import BundleMismatchError, ConfigError, UnknownNameError
from edgectc.data import augmentation
from edgectc.exporting.untrained import initialise as untrained
from edgectc.networks.model import CtcModel
from edgectc.training.log import curves, records
from edgectc.training.loop import checkpoints, trainer
from edgectc.training.loop.schedules import learning_rate
from edgectc.training.loop.trainer import train
from edgectc.training.parameters import Average, Freezer, initialise
from edgectc.training.preparing import make_optimizer, prepare
from edgectc.training.runs import load_config
from edgectc.training.settings import Freeze, Init, Optimizer, Schedule
from edgectc.training.task import Metric, Score


def test_accumulation_takes_the_step_of_the_whole_batch(tmp_path: Path) -> None:
    def trained(**optimizer: object) -> dict[str, torch.Tensor]:
        # No Adam: it makes a step of any gradient, also of one that is rounding alone.
        how = {"type": "sgd", "lr": 0.05, **optimizer}
        return run(still(config_of(optimizer=how)), tmp_path / str(len(list(tmp_path.iterdir()))))

    plain = trained()
    for passes in (3, 16):
        assert difference(trained(accumulate=passes), plain) < 1e-6
    assert difference(trained(lr=0.051), plain) > 1e-4, "the comparison can fail"


@pytest.mark.parametrize(
    ("kind", "made"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam)]
)
def test_an_optimizer_is_given_what_was_asked_for(kind: str, made: type) -> None:
    how = Optimizer(type=kind, lr=0.02, weight_decay=1e-5, eps=0.1)
    found = make_optimizer(torch.nn.Linear(2, 2), how)
    assert type(found) is made
    assert {k: found.defaults[k] for k in ("lr", "weight_decay", "eps")} == {
        "lr": 0.02, "weight_decay": 1e-5, "eps": 0.1,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["adamw", "adam", "sgd"])
def test_optimizers_resume_with_their_moments(kind: str, tmp_path: Path) -> None:
    config = config_of(optimizer={"type": kind}, ema=0.9, epochs=3)
    whole = run(config, tmp_path / "whole")
    write, seen = checkpoints.replace, []

    def stop(path: Path, checkpoint: checkpoints.Checkpoint) -> None:
        write(path, checkpoint)
        seen.append(checkpoint.progress["epoch"])
        if seen == [1]:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            run(config, tmp_path / "half")
    found = run(config, tmp_path / "half")
    assert difference(found, whole) == 0.0
    one, two = (checkpoints.read(tmp_path / f / "last.safetensors") for f in ("whole", "half"))
    assert one.progress == two.progress
    for part in ("ema", "optimizer", "rng"):
        mine, theirs = getattr(one, part), getattr(two, part)
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert one.ema


def test_stopping_inside_an_epoch_costs_no_bit(tmp_path: Path) -> None:
    config = config_of(save_steps=2, epochs=3)
    whole = run(config, tmp_path / "whole")
    write, seen = checkpoints.replace, []

    def stop(path: Path, checkpoint: checkpoints.Checkpoint) -> None:
        write(path, checkpoint)
        seen.append((checkpoint.progress["epoch"], checkpoint.progress["batch"]))
        if seen[-1] == (1, 1):
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            run(config, tmp_path / "half")
    assert difference(run(config, tmp_path / "half"), whole) == 0.0
    one, two = rows_of(tmp_path / "whole"), rows_of(tmp_path / "half")
    for a, b in zip(one, two, strict=True):
        for name in ("epoch", "loss", "grad_norm", "mean_length", "skipped", "dev_per"):
            assert a[name] == b[name]


def test_schedules_have_their_shapes() -> None:
    def rates(warmup: float = 0.0, **shape: object) -> list[float]:
        how = Optimizer(lr=1.0, warmup=warmup)
        return [learning_rate(i, 100, how, Schedule(**shape)) for i in range(100)]

    assert rates(type="constant") == [1.0] * 100
    warm = rates(warmup=0.1, type="constant")
    assert warm[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert set(warm[10:]) == {1.0}
    line = rates(type="linear", floor=0.2)
    assert line[-1] == pytest.approx(0.2, abs=0.01)
    assert np.diff(line[1:]) == pytest.approx(np.diff(line[1:])[0])
    cosine = rates(type="cosine", floor=0.1)
    assert cosine[50] == pytest.approx(0.55, abs=0.02)
    assert cosine[-1] == pytest.approx(0.1, abs=0.01)
    cycle = rates(type="cyclic", floor=0.1, cycle=0.2)
    assert max(cycle) == 1.0
    assert min(cycle) == pytest.approx(0.1, abs=0.05)
    assert sum(a < b > c for a, b, c in zip(cycle, cycle[1:], cycle[2:], strict=False)) == 4


def test_one_cycle_is_torchs_own() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.5, total_steps=200, pct_start=0.301, cycle_momentum=False
    )
    shape, how = Schedule(type="one-cycle"), Optimizer(lr=0.5, warmup=0.3)
    for step in range(200):
        assert learning_rate(step, 200, how, shape) == pytest.approx(
            optimizer.param_groups[0]["lr"], rel=0.03, abs=1e-4
        )
        optimizer.step()
        theirs.step()


def test_a_plateau_cuts_the_rate_and_patience_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([0.9, 0.8, 0.8, 0.9, 0.85, 0.8, 0.99, 0.99])
    monkeypatch.setattr(
        trainer, "validate", lambda *_, **__: Score({"dev_per": next(values)}, (("a", "b"),))
    )
    shape = {"type": "plateau", "patience": 2, "factor": 0.1}
    result = train(
        config_of(schedule=shape, optimizer={"warmup": 0.0}, patience=4, epochs=50),
        tmp_path,
        data=None,
        lexicon=None,
    )
    rows = rows_of(tmp_path)
    assert [row["lr"] for row in rows] == pytest.approx([2e-3] * 4 + [2e-4] * 2)
    assert (result.epoch, result.value) == (2, 0.8)
    assert len(rows) == 6, "four validations without a better one"
    assert rows[0]["examples"] == [["a", "b"]]


def test_the_best_checkpoint_is_the_best_by_the_metric_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([0.5, 0.3, float("nan"), 0.4])
    monkeypatch.setattr(trainer, "validate", lambda *_, **__: Score({"dev_per": next(values)}))
    result = train(config_of(epochs=4), tmp_path, data=None, lexicon=None)
    assert (result.epoch, result.value) == (2, 0.3)
    saved = checkpoints.read(tmp_path / "best.safetensors")
    assert saved.progress == {"epoch": 2, "step": 6, "value": 0.3, "metric": "dev_per"}
    last = checkpoints.read(tmp_path / "last.safetensors")
    assert difference(dict(saved.model), dict(last.model)) > 0
    assert not Metric("top1", higher=True).better(float("nan"), None)
    assert Metric("top1", higher=True).better(0.2, 0.1)
    assert not Metric("cer").better(0.2, 0.1)


def test_frozen_parameters_and_their_norms_stay_and_thaw(tmp_path: Path) -> None:
    rules = [{"names": "encoder.encoders.*"}, {"names": "encoder.*", "until": 1}]
    config = config_of("mobilenetv3", epochs=3, freeze=rules)
    _, model, _ = prepare(config, data=None, lexicon=None)
    first = {k: v.clone() for k, v in model.state_dict().items()}
    once = run({**config, "epochs": 1}, tmp_path / "one")
    end = run(config, tmp_path / "end")
    learnt = {name for name, _ in model.named_parameters()}
    assert {name for name in first if name.startswith("encoder.")} - learnt, "running statistics"
    for name, value in first.items():
        if name.startswith("encoder."):
            assert torch.equal(once[name], value), name
        if name.startswith("encoder.encoders."):
            assert torch.equal(end[name], value), name
        elif name in learnt:
            assert not torch.equal(end[name], value), name
    with pytest.raises(ConfigError, match="no parameter is called 'haed"):
        Freezer(model, [Freeze("haed.*")])


def test_gains_change_the_first_weights() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 50), nn.Linear(50, 50))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    rules = [Init("0.*", 0.5), Init("1.*", 2.0, "orthogonal")]
    initialise(model, rules)
    assert torch.equal(model[0].weight, before["0.weight"] * 0.5)
    assert torch.equal(model[0].bias, before["0.bias"])
    square = model[1].weight @ model[1].weight.T
    torch.testing.assert_close(square, 4.0 * torch.eye(50), atol=1e-4, rtol=0)
    initialise(model, [Init("0.weight", 1.0, "xavier")])
    assert model[0].weight.abs().max() <= math.sqrt(6 / 80) + 1e-6
    with pytest.raises(UnknownNameError, match="did you mean 'xavier'"):
        Init("0.*", type="xavie")


def test_the_average_is_validated_and_kept(tmp_path: Path) -> None:
    run(config_of(ema=0.99), tmp_path)
    last = checkpoints.read(tmp_path / "last.safetensors")
    best = checkpoints.read(tmp_path / "best.safetensors")
    assert difference(dict(last.ema), dict(last.model)) > 0
    if best.progress["epoch"] == 2:
        assert difference(dict(best.model), dict(last.ema)) == 0
    model = nn.Linear(1, 1, bias=False)
    average = Average(model, 0.5)
    by_hand = float(model.weight.detach())
    for n, value in enumerate([1.0, 2.0, 4.0, 8.0]):
        model.weight.data.fill_(value)
        average.update(model)
        decay = min(0.5, (1 + n) / (10 + n))
        by_hand = decay * by_hand + (1 - decay) * value
    assert float(average.weights["weight"]) == pytest.approx(by_hand)


def test_training_starts_from_a_bundle(tmp_path: Path) -> None:
    bundle = untrained(tmp_path / "b", "gru", "small", name="start", seed=5)
    _, model, _ = prepare(config_of(start=str(bundle.path)), data=None, lexicon=None)
    _, other, _ = prepare(config_of(), data=None, lexicon=None)
    assert difference(model.state_dict(), other.state_dict()) > 0
    again = untrained(tmp_path / "c", "gru", "small", name="start", seed=5)
    _, same, _ = prepare(config_of(start=str(again.path)), data=None, lexicon=None)
    assert difference(model.state_dict(), same.state_dict()) == 0


def test_a_config_that_names_no_network_has_that_of_its_start(tmp_path: Path) -> None:
    bundle = untrained(tmp_path / "b", "gru", "small", name="start", seed=5)
    alone = {key: value for key, value in config_of().items() if key != "model"}
    values = load_config({**alone, "start": str(bundle.path)})
    _, model, _ = prepare(values, data=None, lexicon=None)
    _, named, _ = prepare(config_of(start=str(bundle.path)), data=None, lexicon=None)
    assert difference(model.state_dict(), named.state_dict()) == 0


def test_another_network_than_that_of_the_start_is_refused_by_what_differs(tmp_path: Path) -> None:
    bundle = untrained(tmp_path / "b", "gru", "small", name="start", seed=5)
    values = load_config(config_of(start=str(bundle.path)), ["model.encoder.layers=3"])
    wanted = r"model\.encoder\.layers is \d there, 3 here.*leave \[model\] out"
    with pytest.raises(BundleMismatchError, match=wanted):
        prepare(values, data=None, lexicon=None)
    del values["model"]
    prepare(load_config(values), data=None, lexicon=None)


def test_overfitting_says_whether_a_model_can_learn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Path(trainer.__file__).parents[2] / "configs/gru-small.toml"
    arguments = ["train", str(place), "--out", str(tmp_path), "--device", "cpu", "--json"]
    arguments += ["--set", "data.train=12", "--set", "data.dev=2", "--overfit", "4"]
    assert main(arguments) == 0
    learnt = json.loads(capsys.readouterr().out)
    assert learnt["reached"] is True
    assert learnt["token_error"] <= 0.01
    assert json.loads((tmp_path / "overfit.json").read_text())["reached"] is True
    assert not (tmp_path / "config.json").exists(), "it is no run"
    assert main([*arguments[:-1], "0"]) == 2
    assert main([*arguments, "--resume"]) == 2
    assert "leave --resume out" in capsys.readouterr().err
    assert main([*arguments[:-2], "--resume"]) == 2
    assert "holds no run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimiser": {}}, "did you mean 'optimizer'"),
        ({"optimizer": {"type": "adamv"}}, "did you mean 'adam'"),
        ({"schedule": {"type": "cosin"}}, "did you mean 'cosine'"),
        ({"optimizer": {"warmup": 1.5}}, "warmup is 1.5, expected .*< 1"),
        ({"optimizer": {"eps": 0.0}}, "eps is 0.0"),
        ({"optimizer": {"accumulate": 0}}, "accumulate is 0"),
        ({"precision": "fp8"}, "unknown precision 'fp8'"),
        ({"freeze": [{"name": "x"}]}, "did you mean 'names'"),
        ({"ema": 1.0}, "ema is"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_a_setting_that_cannot_be_honoured_is_refused(
    change: dict, message: str, tmp_path: Path
) -> None:
    with pytest.raises((ConfigError, UnknownNameError), match=message):
        run(config_of(**change), tmp_path)


def test_figures_go_to_tensorboard_where_it_is(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run(config_of(epochs=1), tmp_path)
    assert list((tmp_path / "tensorboard").glob("events.*"))
    row = rows_of(tmp_path)[0]
    wanted = "loss dev_per lr grad_norm bad_share mean_length samples_per_s memory_mb examples"
    assert {*wanted.split()} <= row.keys()
    assert row["samples_per_s"] > 0
    assert row["memory_mb"] > 50


def test_curves_are_drawn_of_what_there_is(tmp_path: Path) -> None:
    run(config_of(epochs=3, validate_every=2), tmp_path)
    svg = ElementTree.parse(tmp_path / "curves.svg").getroot()
    assert len(list(svg.findall(".//{*}circle"))) == 3 + 2 + 2
    texts = {one.text for one in svg.findall(".//{*}text")}
    assert {"epoch", "loss", "dev_per", "1", "3"} <= texts
    for rows in ([], [{"epoch": 1, "loss": None}], [{"epoch": 1, "loss": 2.0, "a<b": 0.5}]):
        curves.write(tmp_path / "x.svg", rows, "a<b")
        ElementTree.parse(tmp_path / "x.svg")
    flat = [{"epoch": i, "loss": 1.0, "m": 0.1 * i} for i in (1, 2)]
    curves.write(tmp_path / "x.svg", flat, "m")
    places = [
        one.get("cy") for one in ElementTree.parse(tmp_path / "x.svg").findall(".//{*}circle")
    ]
    assert places[0] == places[1], "the same loss, the same height"
    assert float(places[3]) < float(places[2]), "more is higher"


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of torch's own compiler
def test_a_compiled_network_learns_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever makes its kernels; here the graph that was found runs as it is."""
    plain = run(still(config_of()), tmp_path / "plain")
    made = []

    def compile_(self: torch.nn.Module) -> None:
        made.append(self)
        torch.nn.Module.compile(self, backend="eager")

    monkeypatch.setattr(CtcModel, "compile", compile_, raising=False)
    config = still(config_of(compile=True))
    compiled = run(config, tmp_path / "compiled")
    assert len(made) == 1
    assert compiled.keys() == plain.keys()
    assert difference(plain, compiled) < 1e-5


def test_the_warm_up_may_begin_at_a_share_of_the_rate() -> None:
    """As torch's LinearLR, whose steps count from the one before the first."""
    how = Optimizer(lr=3e-4, warmup=0.25, warmup_start=0.1)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=3e-4)
    peer = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=5)
    for step in range(5):
        optimizer.step()
        peer.step()
        ours = learning_rate(step, 20, how, Schedule(type="constant"))
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)


def test_large_gradients_are_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(config_of(optimizer={"warn_norm": 1e-6}), tmp_path / "low")
    said = capsys.readouterr().err
    assert "warning: epoch 1: the median norm of the gradients is" in said
    assert "warn_norm" in said
    run(config_of(optimizer={"warn_norm": 1e9}), tmp_path / "high")
    assert "warning" not in capsys.readouterr().err


def test_the_average_of_the_metric_is_logged_and_goes_on_after_a_stop(tmp_path: Path) -> None:
    run(config_of(epochs=3), tmp_path)
    values = [row["dev_per"] for row in rows_of(tmp_path)]
    means = [row["dev_per_average"] for row in rows_of(tmp_path)]
    assert means == [pytest.approx(np.mean(values[: n + 1]), abs=1e-5) for n in range(3)]
    log = records.Records(tmp_path, done=2, step=0, metric="dev_per")
    log.epoch(0, {"epoch": 3, "dev_per": 0.5}, ())
    log.close()
    last = rows_of(tmp_path)[-1]
    assert last["dev_per_average"] == pytest.approx(np.mean([*values[:2], 0.5]), abs=1e-5)


def test_a_recording_has_no_more_masks_than_said() -> None:
    rng, signal = np.random.default_rng(0), np.ones((90, 2), np.float32)
    seen = set()
    for _ in range(300):
        out = augmentation.time_masks(signal, rng, chance=1.0, width=3, most=3)
        wiped = (out[:, 0] == 0).astype(int)
        seen.add(int((np.diff(np.concatenate([[0], wiped])) == 1).sum()))
    assert seen == {1, 2, 3}
    config = config_of(augment={"masks": 0})
    with pytest.raises((ConfigError, ValueError), match="masks"):
        prepare(config, data=None, lexicon=None)


def test_the_number_of_masks_reaches_the_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def masks(signal: np.ndarray, rng: object, **how: object) -> np.ndarray:
        seen.append(how["most"])
        return signal

    monkeypatch.setattr(augmentation, "time_masks", masks)
    task = prepare(config_of(augment={"mask": 1.0, "masks": 5}), data=None, lexicon=None)[2]
    task.train.batch(np.arange(2), torch.Generator().manual_seed(0))
    assert seen == [5, 5]
