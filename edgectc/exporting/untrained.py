"""An untrained bundle of any family: seeded weights, reference cases, tokens, generated samples.

A family is a pair of files ``edgectc/configs/NAME-full.toml`` and ``NAME-small.toml``: a model
spec, the task whose samples are generated for it, and how it is trained. Such a bundle
exports, verifies and runs like a trained one; it only knows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from edgectc.core import registry
from edgectc.core.config import family_config, from_dict, load_toml
from edgectc.core.errors import ConfigError
from edgectc.data.recordings import samples_for
from edgectc.exporting import packing
from edgectc.formats import layouts
from edgectc.formats.bundle import Bundle
from edgectc.formats.layouts import Layout
from edgectc.networks.model import CtcModel
from edgectc.training.settings import Settings


@dataclass(frozen=True)
class Config:
    """A family at one size: model spec (`edgectc.networks.model`), task and decoder."""

    model: Mapping[str, Any]
    task: Mapping[str, Any]
    decoder: Mapping[str, Any]


def config(family: str, size: str = "small") -> Config:
    """Return a family's config, or that of a file whose name ends in ``.toml``.

    Raises:
        UnknownNameError: no such family, or it has no such size.
        ConfigError: the file cannot be read, or training would refuse it.
    """
    values = load_toml(family) if family.endswith(".toml") else family_config(family, size)
    first = {key: value for key, value in values.items() if key != "then"}  # of a later phase
    settings = from_dict(Settings, first).completed()
    decoder = settings.decoder if "decoder" in first else {"type": "greedy"}
    return Config(settings.model, settings.task, decoder)


def build(family: str, size: str = "small", *, seed: int = 0) -> CtcModel:
    """Return an untrained model with seeded weights; the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CtcModel(config(family, size).model)


def initialise(out: Path, family: str, size: str = "small", *, name: str, seed: int = 0) -> Bundle:
    """Write the bundle of an untrained model.

    Args:
        out: bundle directory to make or replace.
        family: name of the family, or a config file ``.toml``.
        size: "full" or "small"; of a family.
        name: name of the model.
        seed: of the weights and the generated samples.

    Raises:
        UnknownNameError: no such family or size.
    """
    chosen = config(family, size)
    model = build(family, size, seed=seed)
    by_name = _layouts(chosen, model.frontend.slots)
    samples = samples_for(chosen.model["frontend"], by_name.values(), frontend=model.frontend)
    named = Path(family).stem if family.endswith(".toml") else f"{family}-{size}"
    return packing.write(
        out,
        name=name,
        model=model,
        spec=chosen.model,
        layouts_by_name=by_name,
        recordings=samples.reference(seed=seed),
        decoder=registry.complete("decoders", chosen.decoder),
        training={"epoch": 0, "seed": seed, "config": named},
        notes={"samples.jsonl": samples.shipped(seed=seed)},
    )


def _layouts(chosen: Config, slots: int) -> dict[str, Layout]:
    """Return the keyboards that a config's task names, if the model takes any."""
    names = tuple(chosen.task.get("layouts", ()))
    if bool(names) != bool(slots):
        takes = f"keyboards of at most {slots} keys" if slots else "no keyboards"
        raise ConfigError(f"task.layouts is {[*names]}, and the model takes {takes}")
    return {name: layouts.load(name) for name in names}
