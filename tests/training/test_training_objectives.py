"""Losses against textbook forms, and a student against its teacher and its labels."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import config_of, difference, run
from torch.nn import functional as F

from edgectc.core.errors import ConfigError
from edgectc.exporting.untrained import initialise as untrained
from edgectc.networks.model import CtcModel
from edgectc.training.loop import checkpoints, devices
from edgectc.training.loop.trainer import Trainer
from edgectc.training.objectives import losses
from edgectc.training.preparing import prepare
from edgectc.training.task import Batch


def parts(made: Trainer, batch: Batch) -> tuple:
    frames = torch.tensor([made.unwrapped.output_length(int(n)) for n in batch.inputs["length"]])
    return made.unwrapped(**batch.inputs), frames, batch.labels, made.task.blank_id


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
