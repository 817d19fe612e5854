"""What only real processes show: several of them take one step, and a killed one is not missed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from edgectc.core.config import family_config
from edgectc.training.loop import checkpoints

pytestmark = pytest.mark.slow

RUN = """
import json, sys, warnings
from pathlib import Path
from edgectc.training.loop.trainer import train
config, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
train(config, out, data=None, lexicon=None, device="cpu", threads=1)
"""


def config_of(family: str, **changes: object) -> dict:
    values = family_config(family, "small")
    values["data"] = {"train": 41, "dev": 8}
    if values["task"]["type"] == "swipe":
        values["data"] = {"synthetic_pool": 41}
        values |= {"decoder": {"type": "greedy"}, "validation_rows": 8}
    return {**values, "batch_size": 8, "validate_every": 1, **changes}


def prepared(folder: Path, config: dict) -> list[str]:
    (folder / "run.py").write_text(RUN)
    (folder / "config.json").write_text(json.dumps(config))
    return [str(folder / "run.py"), str(folder / "config.json")]


def weights(out: Path) -> dict[str, torch.Tensor]:
    return dict(checkpoints.read(out / "last.safetensors").model)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_processes_take_the_steps_of_one(tmp_path: Path, accumulate: int) -> None:
    """Batches of 8 and a last one of 1: its share is empty for one of the two."""
    optimizer = {"type": "sgd", "lr": 0.05, "accumulate": accumulate}
    config = config_of("gru", epochs=4, optimizer=optimizer, loss={"smoothing": 0.1})
    config["model"]["encoder"] |= {"dropout": 0.0, "input_dropout": 0.0}
    script = prepared(tmp_path, config)
    subprocess.run([sys.executable, *script, str(tmp_path / "one")], check=True)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run([*launch, *script, str(tmp_path / "two")], check=True)
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert checkpoints.read(tmp_path / "two/best.safetensors").progress["step"] % 6 == 0
    worst = max(float((one[name] - two[name]).abs().max()) for name in one)
    assert worst < 1e-6
    first = json.loads((tmp_path / "one/metrics.jsonl").read_text().splitlines()[0])
    other = json.loads((tmp_path / "two/metrics.jsonl").read_text().splitlines()[0])
    assert other["loss"] == pytest.approx(first["loss"], abs=2e-5)


KILLED = [
    *(("mobilenetv3", seed) for seed in range(3)),
    *(pytest.param(family, 0, marks=pytest.mark.slow)
      for family in ("tcn", "transformer", "conformer", "i3d", "gru")),
]  # fmt: skip


@pytest.mark.parametrize(("family", "seed"), KILLED)
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path, family: str, seed: int) -> None:
    """SIGKILL at random moments, again and again, until the run is through."""
    config = config_of(family, epochs=12, save_steps=2, ema=0.9)
    script = prepared(tmp_path, config)
    subprocess.run([sys.executable, *script, str(tmp_path / "whole")], check=True)
    out, rng, killed = tmp_path / "killed", random.Random(seed), 0
    for _ in range(40):
        process = subprocess.Popen([sys.executable, *script, str(out)], stderr=subprocess.DEVNULL)
        before = (out / "last.safetensors").stat().st_mtime_ns if killed else 0
        while process.poll() is None and killed < 4:
            last = out / "last.safetensors"
            if last.exists() and last.stat().st_mtime_ns != before:
                time.sleep(rng.random() * 0.3)
                break
            time.sleep(0.005)
        if killed < 4 and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        if process.wait() == 0:
            break
    assert killed >= 2
    assert process.returncode == 0
    one, two = (checkpoints.read(f / "last.safetensors") for f in (tmp_path / "whole", out))
    assert one.progress == two.progress
    for part in ("model", "ema", "optimizer", "rng"):
        mine, theirs = getattr(one, part), getattr(two, part)
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine), part
    logged = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in logged] == list(range(1, 13))


def test_a_validation_of_two_processes_is_that_of_one(tmp_path: Path) -> None:
    """Within an epoch too, whose line in the log has a part of an epoch."""
    config = config_of("gru", epochs=2, validate_steps=4, optimizer={"type": "sgd", "lr": 0.05})
    config["model"]["encoder"] |= {"dropout": 0.0, "input_dropout": 0.0}
    script = prepared(tmp_path, config)
    subprocess.run([sys.executable, *script, str(tmp_path / "one")], check=True)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run([*launch, *script, str(tmp_path / "two")], check=True)
    one, two = (
        [json.loads(line) for line in (tmp_path / out / "metrics.jsonl").read_text().splitlines()]
        for out in ("one", "two")
    )
    assert [row["step"] for row in one] == [4, 6, 8, 12]
    assert [row["epoch"] for row in one] == [0.666667, 1, 1.333333, 2]
    for mine, theirs in zip(one, two, strict=True):
        assert {key: mine[key] for key in ("dev_per", "examples", "step")} == {
            key: theirs[key] for key in ("dev_per", "examples", "step")
        }
