"""Where and in which precision a run computes; the rest is Lightning Fabric's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins import MixedPrecision
from lightning.fabric.strategies import DDPStrategy
from torch import Tensor, nn

from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.networks import torch_state

_DEVICES = ("auto", "cpu", "cuda")


class _Mixed(MixedPrecision):
    """Autocast that leaves the inputs alone.

    Fabric would round them too: in bfloat16 a time of 1.003 s is 1 s, and velocities are noise.
    """

    def convert_input(self, data: Any) -> Any:
        return data


def check(device: str) -> tuple[str, str]:
    """Return the kind and the number of a device that is there, "" for no number.

    Raises:
        UnknownNameError: no such kind.
        ConfigError: the device is not there, or several were asked for without torchrun.
    """
    kind, _, number = device.partition(":")
    if device.isdigit() and int(device) > 1:
        raise ConfigError(
            f"device {device}: several processes are started by torchrun; run: torchrun "
            f"--nproc-per-node {device} -m edgectc train ...",
            options=["device"],
        )
    if kind not in _DEVICES:
        raise UnknownNameError("device", device, _DEVICES)
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "cpu"
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "device 'cuda': torch sees no CUDA device; use device=cpu", options=["device"]
        )
    return kind, number


def is_first() -> bool:
    """Return whether this process is the first of torchrun's, or alone."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("RANK", "0") == "0"


def fabric(device: str, precision: str) -> Fabric:
    """Return a launched Fabric; under torchrun it is one of several processes.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision: see `edgectc.training.settings.Settings`.

    Raises:
        ConfigError: see `check`.
    """
    kind, number = check(device)
    torchrun = "TORCHELASTIC_RUN_ID" in os.environ
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if torchrun else 1
    world = int(os.environ.get("WORLD_SIZE", "1")) if torchrun else 1
    named = {"bf16": "bf16-mixed", "fp16": "16-mixed"}.get(choose(kind, precision))
    if kind == "cpu" and named == "16-mixed":
        torch_state.allow_float16()
    plugins: list[Any] = [_Mixed(named, device=kind)] if named else []  # type: ignore[arg-type]
    made = Fabric(
        accelerator=kind,
        devices=[int(number)] if number else local,
        num_nodes=max(1, world // local),
        strategy=_together() if world > 1 else "auto",
        plugins=plugins,
    )
    made.launch()
    return made


def _together() -> DDPStrategy:
    """Return how several processes step together: by their gradients, and nothing else.

    Batch statistics are not sent around before each step, which no training step reads; a
    validation and a checkpoint take those of the first process.
    """
    return DDPStrategy(broadcast_buffers=False, gradient_as_bucket_view=True)


def added_up(values: Sequence[float | Tensor], device: torch.device) -> list[float]:
    """Return the sums over all processes: one message, and no waiting for all of them before it."""
    together = torch.stack([torch.as_tensor(v, dtype=torch.float64, device=device) for v in values])
    torch.distributed.all_reduce(together)
    return list(together.tolist())


def choose(kind: str, precision: str) -> str:
    """Return the precision that "auto" stands for on a device; any other is itself."""
    if precision != "auto":
        return precision
    if kind == "cpu":
        return "fp32"
    return "bf16" if works(kind, torch.bfloat16) else "fp16"


def works(kind: str, dtype: torch.dtype) -> bool:
    """Return whether autocast to ``dtype`` computes a layer and its gradient there.

    It is tried, because the name of a card says little about its drivers.
    """
    try:
        layers = nn.Sequential(nn.Conv1d(4, 8, 3, padding=1), nn.Linear(8, 4)).to(kind)
        with torch.autocast(kind, dtype=dtype):
            out = layers(torch.ones(2, 4, 8, device=kind))
        out.float().sum().backward()
        gradient = next(layers.parameters()).grad
        return gradient is not None and bool(torch.isfinite(gradient).all())
    except (RuntimeError, NotImplementedError, AssertionError):
        return False
