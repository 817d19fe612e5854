"""Private, resumable state of a run: safetensors for tensors, JSON for the rest, never pickle."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from edgectc.core import strict_json
from edgectc.core.config import check_version
from edgectc.core.errors import BundleError, NonFiniteError
from edgectc.core.files import read_plain
from edgectc.core.messages import say
from edgectc.core.staging import write_bytes

VERSION = 1
_SEPARATOR = "//"


@dataclass(frozen=True)
class Best:
    """The best validation so far, as checkpoints keep it.

    Attributes:
        epoch: in or after which it was; 0 if there was none.
        step: of the run.
        value: of the task's metric; None if there was none.
    """

    epoch: int = 0
    step: int = 0
    value: float | None = None


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run between two steps.

    Attributes:
        model: weights by name.
        progress: plain JSON values: where the run is, and what it needs to go on.
        optimizer: tensors by ``PARAMETER//KEY``.
        ema: averaged weights by name; empty for none.
        rng: states of random generators, (n,) or (processes, n) uint8.
    """

    model: Mapping[str, Tensor]
    progress: Mapping[str, Any]
    optimizer: Mapping[str, Tensor] = field(default_factory=dict)
    ema: Mapping[str, Tensor] = field(default_factory=dict)
    rng: Mapping[str, Tensor] = field(default_factory=dict)


_PARTS = ("model", "optimizer", "ema", "rng")


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write one checkpoint file, whole or not at all.

    Raises:
        NonFiniteError: a tensor is NaN or Inf; such a state is never written.
        OSError: there is no room; the file that was there stays.
    """
    tensors = {}
    for part in _PARTS:
        for name, tensor in getattr(checkpoint, part).items():
            tensors[f"{part}{_SEPARATOR}{name}"] = tensor.detach().cpu().contiguous().clone()
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise NonFiniteError(f"refusing to write {path}: {name} is not finite")
    text = json.dumps(checkpoint.progress, sort_keys=True, allow_nan=False)
    write_bytes(path, save(tensors, metadata={"progress": text, "version": str(VERSION)}))


def replace(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint as `write` does and keep the one before as ``previous.safetensors``."""
    if path.exists():
        before = path.with_name("previous.safetensors")
        spare = path.with_name(".previous.safetensors")
        spare.unlink(missing_ok=True)
        try:
            os.link(path, spare)
        except OSError:  # a file system without links
            shutil.copyfile(path, spare)
        spare.replace(before)
    write(path, checkpoint)


def read(path: Path) -> Checkpoint:
    """Return the checkpoint in ``path``.

    Raises:
        BundleError: the file is missing, cut short, not a checkpoint, or of another version.
    """
    try:
        raw = read_plain(path)
        tensors = load(raw)
        about = strict_json.safetensors_notes(raw)
        version = int(about.get("version", VERSION))  # the first ones state none
        check_version("it", version, VERSION)
        progress = strict_json.parse(about["progress"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise BundleError(f"cannot read checkpoint {os.fspath(path)!r}: {error}") from error
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
    for name, tensor in tensors.items():
        part, _, key = name.partition(_SEPARATOR)
        if part not in parts:
            raise BundleError(f"{path} is no checkpoint: it holds {name!r}")
        parts[part][key] = tensor
    return Checkpoint(progress=progress, **parts)


def newest(folder: Path) -> Checkpoint | None:
    """Return the last checkpoint of a run that can be read; None if there is none yet.

    One that cannot be read is told on standard error.

    Raises:
        BundleError: there are some and none can be read.
    """
    broken: list[BundleError] = []
    for name in ("last.safetensors", "previous.safetensors"):
        if (folder / name).exists():
            try:
                checkpoint = read(folder / name)
            except BundleError as error:
                broken.append(error)
                continue
            for problem in broken:
                say(f"edgectc: {problem}; going on from {name}")
            return checkpoint
    if broken:
        raise BundleError(
            f"{broken[0]}; no other checkpoint can be read: choose another out=DIR, or remove "
            f"{folder} to begin anew",
            options=["out"],
        )
    return None


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the tensors and numbers of an optimizer's state."""
    return {
        f"{index}{_SEPARATOR}{key}": torch.as_tensor(value)
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
        if value is not None
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put `optimizer_tensors` back, in place."""
    state = optimizer.state_dict()
    state["state"] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(_SEPARATOR)
        state["state"].setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict(state)
