"""The best weights of a run on the samples that are kept for its end."""

from __future__ import annotations

from pathlib import Path

import torch

from edgectc.core.config import dumps
from edgectc.core.messages import say
from edgectc.core.staging import write_bytes
from edgectc.networks.model import CtcModel
from edgectc.training.loop import checkpoints
from edgectc.training.settings import Settings
from edgectc.training.task import HeldOut
from edgectc.training.validation import measure


def score_best(
    out: Path, settings: Settings, held_out: HeldOut, device: torch.device, epoch: float
) -> None:
    """Score the best weights on what neither weights nor checkpoint were chosen by.

    Writes ``test.json``.
    """
    model = CtcModel(settings.model)
    model.load_state_dict(dict(checkpoints.read(out / "best.safetensors").model))
    score = measure(model.to(device), held_out, batch_size=settings.validation_batch)
    figures = {**score.figures, "rows": len(held_out), "epoch": epoch}
    write_bytes(out / "test.json", dumps(figures).encode())
    told = ", ".join(f"{key} {figure}" for key, figure in score.figures.items())
    say(f"test: {told} of {len(held_out)} rows")
