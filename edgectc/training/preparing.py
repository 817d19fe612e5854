"""A run before its first step: settings, model, task, optimizer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from edgectc.core.staging import claimed, write_bytes
from edgectc.core.types import JSON
from edgectc.data import sources
from edgectc.data.sources import Sources
from edgectc.formats import bundle as bundles
from edgectc.language.lexicon import Lexicon
from edgectc.networks.model import CtcModel
from edgectc.training.objectives import mmi
from edgectc.training.objectives.distillation import load_teacher
from edgectc.training.parameters import Freezer, initialise
from edgectc.training.settings import Optimizer, Settings, Spec
from edgectc.training.sharded import are_shards
from edgectc.training.task import Run, check_feasible

CONFIG = "config.json"  # of a run
_SHOWN = 4  # differences of two networks


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
        _start(model, settings.model, settings.start)
    initialise(model, settings.init)
    refuse_early(settings, model, lexicon)
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


def refuse_early(settings: Settings, model: CtcModel, lexicon: Lexicon | None) -> None:
    """Raise what a trainer would raise when the samples have been prepared, which takes long.

    Raises:
        ConfigError: parameters that are not there, a teacher that does not fit, or ``loss.mmi``
            without words.
    """
    Freezer(model, settings.freeze)
    load_teacher(settings, model)
    if settings.loss.mmi and (settings.decoder.get("type") != "lexicon" or lexicon is None):
        mmi.term(None)


def make_optimizer(model: nn.Module, how: Optimizer) -> torch.optim.Optimizer:
    """Return the optimizer that the settings name."""
    # On the CPU, too, all weights in one call: the same bits in half of the time.
    weights = model.parameters()
    if how.type == "sgd":
        return torch.optim.SGD(
            weights, lr=how.lr, momentum=how.momentum, weight_decay=how.weight_decay, foreach=True
        )
    kind = torch.optim.AdamW if how.type == "adamw" else torch.optim.Adam
    return kind(weights, lr=how.lr, weight_decay=how.weight_decay, eps=how.eps, foreach=True)


def run_settings(run: Path) -> Settings:
    """Return the complete settings of a run.

    Raises:
        BundleError: its ``config.json`` is not there, or is not what `open_run` writes.
    """
    path = run / CONFIG
    try:
        return from_dict(Settings, strict_json.parse(read_plain(path))).completed()
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}") from error
    except (ConfigError, UnknownNameError) as error:
        raise BundleError(f"{path} is no run's config: {error}") from error


@contextmanager
def owned(out: Path) -> Iterator[None]:
    """Be the one process that trains in a folder, which can be written.

    Raises:
        ConfigError: another one does.
        WriteError: it cannot be written.
    """
    with claimed(out):
        if out.is_dir():
            with claimed(out / CONFIG):
                pass
        yield


def check_run(config: Mapping[str, JSON], out: Path) -> None:
    """Refuse to mix two runs in one folder.

    Raises:
        ConfigError: the configuration cannot be read.
        BundleMismatchError: ``out`` holds a run of another configuration.
    """
    settings = from_dict(Settings, config).completed()
    path = out / CONFIG
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


def open_run(out: Path, settings: Settings) -> None:
    """Make ``out``, which `check_run` has seen, this configuration's folder."""
    write_bytes(out / CONFIG, dumps(to_dict(settings)).encode())


def _start(model: CtcModel, spec: Spec, place: str) -> None:
    """Give ``model``, which is made of ``spec``, the weights of a bundle, in place."""
    bundle = bundles.read(bundles.locate(place))
    found, ours = load_tensors(bundle.file("weights.safetensors")), model.state_dict()
    if {k: v.shape for k, v in found.items()} != {k: v.shape for k, v in ours.items()}:
        raise BundleMismatchError(
            f"start = {place!r} has another network ({_differences(bundle.index.model, spec)}); "
            "leave [model] out of the config, and the network is that of the bundle"
        )
    model.load_state_dict(found)


def _differences(theirs: Spec, ours: Spec) -> str:
    """Return the first places where two model specs differ, for people."""
    told = []
    for part, kind in reversed(registry.MODEL_PARTS):
        there, here = (registry.complete(kind, spec[part]) for spec in (theirs, ours))
        told += [
            f"model.{part}.{key} is {there.get(key)!r} there, {here.get(key)!r} here"
            for key in dict.fromkeys([*there, *here])
            if there.get(key) != here.get(key)
        ]
    return "; ".join(told[:_SHOWN])
