"""Training on a CUDA device: what a machine without one can only skip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from edgectc.core.config import families, family_config
from edgectc.exporting import untrained
from edgectc.training.loop import checkpoints, devices
from edgectc.training.loop.trainer import train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]


def small(family: str, **more: Any) -> dict[str, Any]:
    config = family_config(family, "small")
    swipes = config["task"]["type"] == "swipe"
    config["data"] = {"synthetic_pool": 40} if swipes else {"train": 40, "dev": 8}
    few = {"epochs": 2, "batch_size": 8, "validate_every": 1, "validation_rows": 8, "augment": {}}
    return {**config, **few, **more}


def trained(out: Path, config: dict[str, Any], device: str = "cuda") -> list[dict[str, Any]]:
    train(config, out, data=None, device=device)
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("family", families())
def test_every_family_answers_as_on_the_cpu(family: str) -> None:
    model = untrained.build(family).eval()
    generator = torch.Generator().manual_seed(0)
    inputs = {}
    for name, about in model.frontend.input_contract().items():
        shape = [4, *about["shape"][1:]]
        if about["dtype"] == "float32":
            inputs[name] = torch.rand(shape, generator=generator)
        else:
            most = model.frontend.options.max_frames if name == "length" else 1
            inputs[name] = torch.full(shape, most, dtype=torch.int32)
    with torch.inference_mode():
        here = model(**inputs)
        there = model.cuda()(**{name: one.cuda() for name, one in inputs.items()}).cpu()
    assert torch.allclose(here, there, atol=2e-3)


@pytest.mark.parametrize("family", families())
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_every_family_trains(family: str, precision: str, tmp_path: Path) -> None:
    rows = trained(tmp_path, small(family, precision=precision, workers=2))
    assert [row["skipped"] for row in rows] == [0, 0]
    assert rows[-1]["loss"] is not None
    assert rows[-1]["memory_mb"] > 0


def test_the_first_loss_is_that_of_the_cpu(tmp_path: Path) -> None:
    """Before any step has been taken, without dropout, both see the same samples."""
    config = small("gru", epochs=1, batch_size=64)
    config["model"]["encoder"] |= {"dropout": 0.0, "input_dropout": 0.0}
    found = [trained(tmp_path / d, config, d)[0]["loss"] for d in ("cpu", "cuda")]
    assert found[1] == pytest.approx(found[0], rel=1e-3)


def test_a_stopped_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device's generator is part of a checkpoint; sums on it are not always the same bits."""
    config = small("mobilenetv3", epochs=3)
    whole = trained(tmp_path / "whole", config)
    write = checkpoints.replace

    def stop(path: Path, checkpoint: checkpoints.Checkpoint) -> None:
        write(path, checkpoint)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "half", config)
    found = trained(tmp_path / "half", config)
    assert [row["epoch"] for row in found] == [1, 2, 3]
    assert found[-1]["loss"] == pytest.approx(whole[-1]["loss"], rel=1e-2)


def test_auto_is_what_works_there() -> None:
    tried = "bf16" if devices.works("cuda", torch.bfloat16) else "fp16"
    assert devices.choose("cuda", "auto") == tried
