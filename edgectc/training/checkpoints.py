"""Private, resumable state of a run: safetensors for tensors, JSON for the rest, never pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from edgectc.errors import BundleError, NonFiniteError
from edgectc.files import write_bytes

_SEPARATOR = "//"


@dataclass(frozen=True)
class Checkpoint:
    """Model weights, optimizer state and progress at the end of an epoch."""

    model: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    progress: Mapping[str, Any]


def write(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Any) -> None:
    """Write one checkpoint file, whole or not at all.

    Raises:
        NonFiniteError: a weight is NaN or Inf; such a state is never written.
    """
    tensors = {f"model{_SEPARATOR}{k}": v.contiguous() for k, v in model.state_dict().items()}
    bad = [k for k, v in tensors.items() if not torch.isfinite(v).all()]
    if bad:
        raise NonFiniteError(f"refusing to write {path}: {bad[0]} is not finite")
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer{_SEPARATOR}{index}{_SEPARATOR}{key}"] = torch.as_tensor(value)
    write_bytes(path, save(tensors, metadata={"progress": json.dumps(progress, sort_keys=True)}))


def read(path: Path) -> Checkpoint:
    """Return the checkpoint in ``path``.

    Raises:
        BundleError: the file is missing, cut short or not a checkpoint.
    """
    try:
        raw = path.read_bytes()
        tensors = load(raw)
        size = int.from_bytes(raw[:8], "little")
        progress = json.loads(json.loads(raw[8 : 8 + size])["__metadata__"]["progress"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise BundleError(f"cannot read checkpoint {os.fspath(path)!r}: {error}") from error
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}}
    for name, tensor in tensors.items():
        part, _, key = name.partition(_SEPARATOR)
        parts[part][key] = tensor
    return Checkpoint(parts["model"], parts["optimizer"], progress)


def restore(checkpoint: Checkpoint, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put a checkpoint back into a model and its optimizer, in place."""
    model.load_state_dict(dict(checkpoint.model))
    state = optimizer.state_dict()
    for name, tensor in checkpoint.optimizer.items():
        index, _, key = name.partition(_SEPARATOR)
        state["state"].setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict(state)
