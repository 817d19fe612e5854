"""Half precision trains, whatever it rounds; a device that is not there is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import config_of, rows_of, run
from torch import nn

from edgectc.core.config import families
from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.training.loop import devices
from edgectc.training.loop.trainer import Trainer, train
from edgectc.training.preparing import prepare


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
