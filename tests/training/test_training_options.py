"""What a config can ask for, each against what it says."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgectc.commands.cli import main
from edgectc.core.config import families, family_config
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.exporting.untrained import initialise as untrained
from edgectc.networks.model import CtcModel
from edgectc.training import validation
from edgectc.training.log import curves
from edgectc.training.loop import checkpoints, devices, trainer
from edgectc.training.loop.feeding import Feeder, bucketed, cut
from edgectc.training.loop.schedules import learning_rate
from edgectc.training.loop.trainer import Trainer, train
from edgectc.training.objectives import losses
from edgectc.training.parameters import Average, Freezer, initialise
from edgectc.training.preparing import make_optimizer, prepare
from edgectc.training.settings import Freeze, Init, Optimizer, Schedule
from edgectc.training.task import Batch, Metric, Score


def config_of(family: str = "gru", **changes: object) -> dict:
    values = copy.deepcopy(family_config(family, "small"))
    values["data"] = {"train": 40, "dev": 8}
    values |= {"epochs": 2, "batch_size": 16, "validate_every": 1, "augment": {}, "optimizer": {}}
    return {**values, **changes}


def still(config: dict) -> dict:
    """The same without chance: no dropout, so that two ways of computing can be compared."""
    config["model"]["encoder"] |= {"dropout": 0.0, "input_dropout": 0.0}
    return config


def run(config: dict, out: Path) -> dict[str, torch.Tensor]:
    train(config, out, data=None, lexicon=None)
    return dict(checkpoints.read(out / "last.safetensors").model)


def rows_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def difference(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> float:
    return max(float((one[name] - two[name]).abs().max()) for name in one)


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


def test_ctc_is_the_mean_of_per_label_losses() -> None:
    log_probs = torch.randn(3, 9, 5, generator=torch.manual_seed(0)).log_softmax(2)
    frames, labels = torch.tensor([9, 5, 3]), [(1, 1, 2), (3,), (4, 1)]
    each = losses.ctc(log_probs, frames, labels, 0, "none") / torch.tensor([3.0, 1.0, 2.0])
    assert float(losses.ctc(log_probs, frames, labels, 0)) == pytest.approx(float(each.mean()))
    p = log_probs[2, :3].exp()
    a, b, blank = p[:, 4], p[:, 1], p[:, 0]
    paths = (
        a[0] * a[1] * b[2] + a[0] * b[1] * b[2] + a[0] * blank[1] * b[2]
        + blank[0] * a[1] * b[2] + a[0] * b[1] * blank[2]
    )  # fmt: skip
    assert float(each[2]) == pytest.approx(-math.log(float(paths)) / 2, rel=1e-5)


def test_smoothing_is_the_cross_entropy_of_what_can_be_used() -> None:
    scores = torch.randn(2, 4, 6, generator=torch.manual_seed(0))
    scores[0, :, 4] = -1e4  # a key that this layout does not have
    log_probs = scores.log_softmax(2)
    found = losses.smoothing(log_probs, torch.tensor([4, 2]))
    used = [0, 1, 2, 3, 5]
    one = -log_probs[0][:, used].mean(1).mean()
    two = -log_probs[1, :2].mean(1).mean()
    assert float(found) == pytest.approx(float((one + two) / 2), rel=1e-5)
    even = torch.full((1, 3, 6), -math.log(6.0))
    assert float(losses.smoothing(even, torch.tensor([3]))) == pytest.approx(math.log(6.0))


def test_distillation_is_the_divergence_without_the_blank() -> None:
    generator = torch.manual_seed(0)
    student = torch.randn(2, 5, 4, generator=generator).log_softmax(2)
    teacher = torch.randn(2, 5, 4, generator=generator).log_softmax(2)
    frames, T = torch.tensor([5, 3]), 2.0

    def found(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(losses.distillation(a, b, frames, blank_id=0, temperature=T))

    total = 0.0
    for i, n in enumerate((5, 3)):
        p = (teacher[i, :n, 1:] / T).softmax(1)
        q = (student[i, :n, 1:] / T).log_softmax(1)
        total += float(F.kl_div(q, p, reduction="batchmean")) * T * T
    assert found(student, teacher) == pytest.approx(total / 2, rel=1e-5)
    assert found(teacher, teacher) == pytest.approx(0.0, abs=1e-6)
    blankless = teacher.clone()
    blankless[:, :, 0] = -5.0
    assert found(student, blankless) == pytest.approx(found(student, teacher), rel=1e-6)
    padded = teacher.clone()
    padded[1, 3:] = 9.0
    assert found(student, padded) == pytest.approx(found(student, teacher), rel=1e-6)


def test_a_student_follows_its_teacher_then_the_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = untrained(tmp_path / "teacher", "gru", "small", name="teacher", seed=3)
    teacher = {"teacher": str(bundle.path), "epochs": 1}
    plain = run(config_of(), tmp_path / "plain")
    taught = run(config_of(distillation=teacher), tmp_path / "taught")
    assert difference(plain, taught) > 1e-4
    compared = json.loads((tmp_path / "taught/distillation.json").read_text())
    for name in ("teacher", "student"):
        assert compared[name]["parameters"] == sum(
            value.numel() for value in CtcModel(config_of()["model"]).parameters()
        )
        assert 0 < compared[name]["ms_per_sample"] < 1000
    best = checkpoints.read(tmp_path / "taught/best.safetensors").progress["value"]
    assert compared["student"]["dev_per"] == pytest.approx(best, abs=0.02)
    assert "student" in capsys.readouterr().err
    assert not (tmp_path / "plain/distillation.json").exists()
    config = config_of(distillation={**teacher, "epochs": 2, "weight": 1.0})
    settings, model, task = prepare(config, data=None, lexicon=None)
    made = Trainer(settings, model, task, tmp_path, devices.fabric("cpu", "fp32"))
    batch = task.train.batch(np.arange(8))
    made.unwrapped.eval()
    apart = [float(made._loss(batch).detach())]
    made.model.load_state_dict(made.teacher.state_dict(), strict=False)
    apart.append(float(made._loss(batch).detach()))
    made.epoch = 2
    assert float(made._loss(batch).detach()) == pytest.approx(
        float(losses.ctc(*parts(made, batch)).detach()), rel=1e-5
    )
    assert apart[1] < 0.1 * apart[0]
    config["model"]["encoder"]["stride"] = 2
    with pytest.raises(ConfigError, match="other length map"):
        run(config, tmp_path / "other")


def parts(made: Trainer, batch: Batch) -> tuple:
    frames = torch.tensor([made.unwrapped.output_length(int(n)) for n in batch.inputs["length"]])
    return made.unwrapped(**batch.inputs), frames, batch.labels, made.task.blank_id


def test_training_starts_from_a_bundle(tmp_path: Path) -> None:
    bundle = untrained(tmp_path / "b", "gru", "small", name="start", seed=5)
    _, model, _ = prepare(config_of(start=str(bundle.path)), data=None, lexicon=None)
    _, other, _ = prepare(config_of(), data=None, lexicon=None)
    assert difference(model.state_dict(), other.state_dict()) > 0
    again = untrained(tmp_path / "c", "gru", "small", name="start", seed=5)
    _, same, _ = prepare(config_of(start=str(again.path)), data=None, lexicon=None)
    assert difference(model.state_dict(), same.state_dict()) == 0


def test_mixed_precision_trains_without_rounding_the_inputs(tmp_path: Path) -> None:
    assert devices.works("cpu", torch.bfloat16)
    run(config_of(precision="bf16", epochs=1), tmp_path)
    assert math.isfinite(rows_of(tmp_path)[0]["loss"])
    seen = []

    class Probe(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append((x.dtype, self.layer(x).dtype, x.clone()))
            return self.layer(x)

    fabric = devices.fabric("cpu", "bf16")
    value = torch.tensor([[1.003]])
    fabric.setup(Probe())(value)
    assert seen[0][:2] == (torch.float32, torch.bfloat16)
    assert torch.equal(seen[0][2], value)


def half_and_single(family: str, out: Path, half: str, **changes: object) -> list[dict]:
    config = config_of(family, decoder={"type": "greedy"}, **changes)
    if config["task"]["type"] == "swipe":
        config["data"] = {"synthetic_pool": 40}
    for precision in (half, "fp32"):
        train({**config, "precision": precision}, out / precision, data=None)
    rows = [rows_of(out / precision)[-1] for precision in (half, "fp32")]
    assert [row["skipped"] for row in rows] == [0, 0]
    return rows


@pytest.mark.parametrize("family", families())
def test_every_family_trains_in_bf16(family: str, tmp_path: Path) -> None:
    half, single = half_and_single(family, tmp_path, "bf16", epochs=1)
    assert half["loss"] == pytest.approx(single["loss"], rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("family", families())
def test_every_family_trains_in_fp16(family: str, tmp_path: Path) -> None:
    """The first steps only lower the loss scale, so that it is behind at first."""
    half, single = half_and_single(family, tmp_path, "fp16", epochs=3, batch_size=4)
    assert half["loss"] == pytest.approx(single["loss"], rel=0.6)


def test_an_fp16_overflow_lowers_the_scale_and_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, model, task = prepare(config_of(precision="fp16"), data=None, lexicon=None)
    made = Trainer(settings, model, task, tmp_path, devices.fabric("cpu", "fp16"))
    made.scaler._init_scale = 2.0**120
    rows = np.arange(8)
    assert made.take_step(task.train.batch(rows), rows, 1e-3) is None
    assert (made.stats.bad, made.guard.in_a_row) == (0, 0)
    assert made.scaler.get_scale() == 2.0**119
    made.scaler.load_state_dict({**made.scaler.state_dict(), "scale": 1024.0})
    assert made.take_step(task.train.batch(rows), rows, 1e-3) is not None
    assert made.stats.good == 1


@pytest.mark.parametrize("device", ["4", "cuda", "cudo"])
def test_devices_that_are_not_there_are_refused(device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises((ConfigError, UnknownNameError), match=r"torchrun|device=cpu|mean 'cuda'"):
        devices.fabric(device, "fp32")


def test_another_error_of_validation_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    _, model, task = prepare(config_of(), data=None)

    def broken(*given: object) -> torch.Tensor:
        raise RuntimeError("sizes do not match")

    monkeypatch.setattr(validation, "_log_probs", broken)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        list(validation.answers(model.eval(), task, batch_size=4))


def test_validation_halves_its_batch_where_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    _, model, task = prepare(config_of(), data=None, lexicon=None)
    model.eval()
    whole = list(validation.answers(model, task, batch_size=8))
    sizes, compute = [], validation._log_probs

    def short(model: CtcModel, inputs: dict, device: torch.device) -> torch.Tensor:
        sizes.append(len(inputs["length"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return compute(model, inputs, device)

    monkeypatch.setattr(validation, "_log_probs", short)
    found = list(validation.answers(model, task, batch_size=8))
    assert sizes == [8, 4, 2, 2, 2, 2]
    for one, two in zip(whole, found, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)

    def none(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(validation, "_log_probs", none)
    with pytest.raises(torch.OutOfMemoryError):
        list(validation.answers(model, task, batch_size=8))


def test_batches_made_ahead_are_the_same_and_errors_arrive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, _, task = prepare(config_of(), data=None, lexicon=None)
    plan = [np.arange(i, i + 8) for i in range(0, 40, 8)]

    def made(workers: int) -> list:
        noise = torch.Generator().manual_seed(1)
        return list(Feeder(task.train, torch.device("cpu"), workers).feed(plan, noise))

    def same(one: list, two: list) -> bool:
        return all(
            torch.equal(a.batch.inputs["signal"], b.batch.inputs["signal"])
            and torch.equal(a.noise, b.noise)
            and np.array_equal(a.rows, b.rows)
            for a, b in zip(one, two, strict=True)
        )

    assert same(made(0), made(0))
    assert same(made(1), made(3)), "the number of workers changes nothing"
    assert not same(made(0), made(1)), "but each of their batches has draws of its own"
    # A single thread on the way to a device takes the draws of none.
    ahead = Feeder(task.train, torch.device("cpu"))._ahead(plan, torch.Generator().manual_seed(1))
    assert same(made(0), list(ahead))
    # After any batch, its noise continues the stream.
    noise = torch.Generator()
    noise.set_state(made(2)[1].noise)
    rest = list(Feeder(task.train, torch.device("cpu"), 2).feed(plan[2:], noise))
    assert same(made(2)[2:], rest)

    def broken(*_: object) -> Batch:
        raise InputError("the disk went away", reason="unreadable_file")

    monkeypatch.setattr(type(task.train), "batch", broken)
    with pytest.raises(InputError, match="went away"):
        made(2)


def test_buckets_hold_every_row_once_and_like_lengths() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 1000, 1003)
    rows = rng.permutation(1003)
    found = bucketed(rows, lengths, rng, 16)
    assert sorted(found) == list(range(1003))

    def spread(order: np.ndarray) -> float:
        return float(np.mean([np.ptp(lengths[order[i : i + 16]]) for i in range(0, 992, 16)]))

    assert spread(found) < 0.1 * spread(rows)
    means = [lengths[found[i : i + 16]].mean() for i in range(0, 800, 16)]
    assert abs(np.corrcoef(means, range(50))[0, 1]) < 0.5, "short batches do not come first"
    for n in (0, 1, 15, 16, 17):
        assert sorted(bucketed(rng.permutation(n), lengths, rng, 16)) == list(range(n))


@pytest.mark.parametrize("family", families())
def test_a_batch_cut_to_its_longest_gives_the_same_answers(family: str) -> None:
    values = config_of(family)
    values |= {"decoder": {"type": "greedy"}}
    values["data"] = {"synthetic_pool": 30} if values["task"]["type"] == "swipe" else values["data"]
    _, model, task = prepare(values, data=None)
    model.eval()
    short = np.argsort(np.asarray(task.train.lengths), kind="stable")[:4]
    whole = task.train.batch(short)
    less = cut(whole, model.window)
    first = next(iter(whole.inputs))
    longest = int(whole.inputs["length"].max())
    assert longest <= less.inputs[first].shape[1] <= longest + 16
    with torch.inference_mode():
        one, two = model(**whole.inputs), model(**less.inputs)
    for a, b, n in zip(one, two, whole.inputs["length"].tolist(), strict=True):
        valid = model.output_length(n)
        torch.testing.assert_close(a[:valid], b[:valid], atol=2e-5, rtol=0)


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
        ({"optimizer": {"warmup": 1.5}}, "warmup and"),
        ({"optimizer": {"eps": 0.0}}, "eps > 0"),
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
