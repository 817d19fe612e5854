"""Runs of the small configs on a few generated samples."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import torch

from edgectc.core.config import family_config
from edgectc.training.loop import checkpoints
from edgectc.training.loop.trainer import train


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
