"""An untrained bundle of any family: seeded weights, reference cases, tokens, generated samples.

A family is a pair of files ``edgectc/configs/NAME-full.toml`` and ``NAME-small.toml``: a model
spec, the task whose samples are generated for it, and how it is trained. Such a bundle
exports, verifies and runs like a trained one; it only knows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from edgectc.core import registry
from edgectc.core.config import family_config, from_dict
from edgectc.exporting import packing, reference_recordings
from edgectc.formats import layouts
from edgectc.formats.bundle import Bundle
from edgectc.networks.model import CtcModel


@dataclass(frozen=True)
class Task:
    """What the model is for.

    Attributes:
        type: "swipe", "landmarks" or "neural": the type of the frontend.
        layouts: keyboards of swipes, the default first.
    """

    type: str
    layouts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.type == "swipe") != bool(self.layouts):
            raise ValueError("a swipe task names its layouts, and no other task does")


@dataclass(frozen=True)
class Config:
    """A family at one size: model spec (`edgectc.networks.model`), task and decoder."""

    model: Mapping[str, Any]
    task: Task
    decoder: Mapping[str, Any] = field(default_factory=lambda: {"type": "greedy"})


def config(family: str, size: str = "small") -> Config:
    """Return a shipped config.

    Raises:
        UnknownNameError: no such family, or it has no such size.
    """
    found = family_config(family, size)
    return from_dict(Config, {f.name: found[f.name] for f in fields(Config) if f.name in found})


def build(family: str, size: str = "small", *, seed: int = 0) -> CtcModel:
    """Return an untrained model with seeded weights; the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CtcModel(config(family, size).model)


def initialise(out: Path, family: str, size: str = "small", *, name: str, seed: int = 0) -> Bundle:
    """Write the bundle of an untrained model.

    Args:
        out: bundle directory to make or replace.
        family: name of the family.
        size: "full" or "small".
        name: name of the model.
        seed: of the weights and the generated samples.

    Raises:
        UnknownNameError: no such family or size.
    """
    about = config(family, size)
    model = build(family, size, seed=seed)
    boards = {board: layouts.load(board) for board in about.task.layouts}
    made = reference_recordings.generate(about.task.type, model.frontend, boards, seed=seed)
    return packing.write(
        out,
        name=name,
        model=model,
        spec=about.model,
        boards=boards,
        recordings=made.recordings,
        decoder=registry.complete("decoders", about.decoder),
        training={"epoch": 0, "seed": seed, "config": f"{family}-{size}"},
        notes={"samples.jsonl": made.samples},
    )
