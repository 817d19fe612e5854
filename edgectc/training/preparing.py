"""A run before its first step: settings, model, task, optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load as load_tensors
from torch import nn

from edgectc.core import registry, strict_json
from edgectc.core.config import dumps, from_dict, to_dict
from edgectc.core.contracts import Task
from edgectc.core.errors import BundleError, BundleMismatchError, ConfigError, UnknownNameError
from edgectc.core.files import read_plain
from edgectc.core.parallel import ONE, Workers
from edgectc.core.staging import write_bytes
from edgectc.core.types import JSON
from edgectc.data import sources
from edgectc.data.sources import Sources
from edgectc.formats import bundle as bundles
from edgectc.language.lexicon import Lexicon
from edgectc.networks.model import CtcModel
from edgectc.training.parameters import initialise
from edgectc.training.settings import Optimizer, Settings
from edgectc.training.sharded import are_shards
from edgectc.training.task import Run, check_feasible


def prepare(
    config: Mapping[str, JSON],
    *,
    data: Path | Sources | None,
    lexicon: Lexicon | None = None,
    cache: Path | None = None,
    workers: Workers = ONE,
) -> tuple[Settings, CtcModel, Task]:
    """Return a configuration's complete settings, its model before training, and its task.

    All training targets of the task are within reach of the model. PyTorch is left seeded, as a run
    goes on: see `edgectc.networks.torch_state.training`.

    Args:
        config: see `edgectc.training.settings.Settings`.
        data: the user's samples; None generates them.
        lexicon: words for the decoder.
        cache: folder of prepared samples, see `edgectc.training.cache`; None for none.
        workers: processes that prepare shards.

    Raises:
        ConfigError: the configuration cannot be honoured.
        InputError: no usable samples, or targets that CTC cannot emit.
    """
    settings = from_dict(Settings, config).completed()
    torch.manual_seed(settings.seed)
    model = CtcModel(settings.model)
    if settings.start:
        _start(model, settings.start)
    initialise(model, settings.init)
    run = Run(
        model,
        sources.of(data),
        lexicon,
        settings.decoder,
        settings.seed,
        settings.validation_rows,
        cache,
        workers,
    )
    if not workers.alone and not are_shards(run.data):
        raise ConfigError(
            "jobs and engine share out the preparation of shards, and these samples are none: make "
            "shards of them by `edgectc data shard`, or leave jobs and engine out",
            options=["jobs", "engine"],
        )
    task: Task = registry.create("tasks", settings.task_spec(), run=run)
    check_feasible(task.train, model)
    return settings, model, task


def make_optimizer(model: nn.Module, how: Optimizer) -> torch.optim.Optimizer:
    """Return the optimizer that the settings name."""
    weights = model.parameters()
    if how.type == "sgd":
        return torch.optim.SGD(
            weights, lr=how.lr, momentum=how.momentum, weight_decay=how.weight_decay
        )
    kind = torch.optim.AdamW if how.type == "adamw" else torch.optim.Adam
    return kind(weights, lr=how.lr, weight_decay=how.weight_decay, eps=how.eps)


def run_settings(run: Path) -> Settings:
    """Return the complete settings of a run.

    Raises:
        BundleError: its ``config.json`` is not there, or is not what `open_run` writes.
    """
    path = run / "config.json"
    try:
        return from_dict(Settings, strict_json.parse(read_plain(path))).completed()
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}") from error
    except (ConfigError, UnknownNameError) as error:
        raise BundleError(f"{path} is no run's config: {error}") from error


def open_run(out: Path, settings: Settings) -> None:
    """Make ``out`` this configuration's folder, or refuse to mix two runs in one.

    Raises:
        BundleMismatchError: it holds a run of another configuration.
    """
    path = out / "config.json"
    if path.exists():
        try:
            found = run_settings(out)
        except BundleError:
            found = None
        if found != settings:
            raise BundleMismatchError(
                f"{out} holds a run with another configuration; choose another out=DIR or remove"
                " it",
                options=["out"],
            )
    write_bytes(path, dumps(to_dict(settings)).encode())


def _start(model: CtcModel, place: str) -> None:
    """Give ``model`` the weights of a bundle, in place."""
    found = load_tensors(bundles.read(bundles.locate(place)).file("weights.safetensors"))
    try:
        model.load_state_dict(found)
    except RuntimeError as error:
        raise BundleMismatchError(f"start = {place!r} does not fit the model: {error}") from error
