"""Shards in real processes: ranks read disjoint rows and take one step; a killed run is resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import edgectc
from edgectc.core.config import family_config
from edgectc.training.loop import checkpoints

pytestmark = pytest.mark.slow

RUN = """
import json, os, sys, warnings
from pathlib import Path
from edgectc.data.sources import Sources
from edgectc.training import mixing
from edgectc.training.loop.trainer import train
from edgectc.training.swipes.arrays import SwipeArrays
mixing.BLOCK_ROWS, mixing.BUFFER_ROWS = 5, 40
plain, rank = SwipeArrays.batch, os.environ.get("RANK", "0")
def batch(self, rows, noise=None, share=None):
    with open(sys.argv[2] + ".rows" + rank, "a") as log:
        log.write(json.dumps((rows if share is None else rows[share]).tolist()) + "\\n")
    return plain(self, rows, noise, share)
SwipeArrays.batch = batch
config, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
train(config, out, data=Sources((Path(sys.argv[3]),)), device="cpu", threads=1)
"""


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    edgectc.synth_data("swipe", out=folder / "swipes.jsonl", count=120)
    edgectc.shard_data(folder / "swipes.jsonl", out=folder / "set", rows=25)
    return folder / "set"


def command(folder: Path, shards: Path, out: str, **changes: object) -> list[str]:
    values = family_config("transformer", "small")  # of no batch statistics
    values["data"] = {"synthetic": 0.2, "synthetic_pool": 30, "spliced": 0.2, "spliced_pool": 40}
    values["augment"] = {"views": 2, "mirror": 0.3, "rest": 0.2, "drop": 0.05}
    values |= {"decoder": {"type": "greedy"}, "validation_rows": 8, "batch_size": 8, "epochs": 2}
    values["model"]["encoder"] |= {"dropout": 0.0}
    values["optimizer"] = {"type": "sgd", "lr": 0.05}
    (folder / "run.py").write_text(RUN)
    (folder / "config.json").write_text(json.dumps({**values, **changes}))
    return [*map(str, (folder / "run.py", folder / "config.json", folder / out, shards))]


def rows(path: Path) -> list[list[int]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_two_ranks_read_disjoint_rows_and_take_the_step_of_one(
    shards: Path, tmp_path: Path
) -> None:
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for launch, out in (([], "one"), (torchrun, "two")):
        subprocess.run([sys.executable, *launch, *command(tmp_path, shards, out)], check=True)
    one, two = (checkpoints.read(tmp_path / out / "last.safetensors") for out in ("one", "two"))
    worst = max(float((one.model[name] - two.model[name]).abs().max()) for name in one.model)
    assert worst < 1e-6
    whole = rows(tmp_path / "one.rows0")
    halves = [rows(tmp_path / f"two.rows{rank}") for rank in (0, 1)]
    assert len(whole) > 15
    for batch, first, second in zip(whole, *halves, strict=True):
        assert first == batch[::2]
        assert second == (batch[1::2] or batch[:1])
    (once,) = (shards / "prepared").iterdir()
    assert (once / "sizes.json").is_file()


def test_a_killed_run_on_shards_goes_on_to_the_same_bits(shards: Path, tmp_path: Path) -> None:
    about = {"epochs": 4, "save_steps": 2, "ema": 0.9, "workers": 2, "bucket": True}
    subprocess.run([sys.executable, *command(tmp_path, shards, "whole", **about)], check=True)
    killed, last = 0, tmp_path / "cut" / "last.safetensors"
    for _ in range(12):
        before = last.stat().st_mtime_ns if last.exists() else 0
        process = subprocess.Popen([sys.executable, *command(tmp_path, shards, "cut", **about)])
        while process.poll() is None and killed < 3:
            if last.exists() and last.stat().st_mtime_ns != before:
                time.sleep(0.05 * killed)
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
                break
            time.sleep(0.002)
        if process.wait() == 0:
            break
    assert killed >= 2
    one, two = (checkpoints.read(tmp_path / o / "last.safetensors") for o in ("whole", "cut"))
    assert one.progress == two.progress
    for part in ("model", "ema", "optimizer", "rng"):
        mine, theirs = getattr(one, part), getattr(two, part)
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine), part
