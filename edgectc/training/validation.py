"""The network's answers to the dev samples, and the task's verdict on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgectc.core.contracts import Task
from edgectc.core.types import Array
from edgectc.networks.model import CtcModel
from edgectc.training.task import HeldOut, Score, merged, output_frames


def validate(
    model: CtcModel, task: Task, *, batch_size: int, rank: int = 0, world: int = 1
) -> Score:
    """Return the task's figures of ``model``, in evaluation mode and full precision.

    If an answer is not finite the metric is None, which is never the best, and
    ``dev_not_finite`` counts such answers.

    Args:
        model: to be scored.
        task: with the dev samples.
        batch_size: of the network.
        rank: number of this process, which scores every ``world``-th sample from there on.
        world: how many processes there are; `torch.distributed` connects them.
    """
    was_training, broken = model.training, 0
    rows = np.arange(rank, task.dev_rows, world)
    model.eval()

    def finite(found: Iterator[Array]) -> Iterator[Array]:
        nonlocal broken
        for one in found:
            if not np.isfinite(one).all():
                broken += 1
                one = np.full(one.shape, -math.log(one.shape[1]))
            yield one

    try:
        found = finite(_answers(model, len(rows), lambda i: task.dev_inputs(rows[i]), batch_size))
        score = task.score(found) if world == 1 else task.score(found, rows)
    finally:
        model.train(was_training)
    if world > 1:
        parts: list[Any] = [None] * world
        torch.distributed.all_gather_object(parts, (score, broken))
        score, broken = merged([part for part, _ in parts]), sum(count for _, count in parts)
    if not broken:
        return score
    return replace(score, figures={"dev_not_finite": broken, task.metric.name: None})


def answers(model: CtcModel, task: Task, *, batch_size: int) -> Iterator[Array]:
    """Yield log_probs (T', V) float64 of every dev sample in order.

    A batch that does not fit in memory is halved, and so are those after it.
    """
    yield from _answers(model, task.dev_rows, task.dev_inputs, batch_size)


def measure(model: CtcModel, held_out: HeldOut, *, batch_size: int) -> Score:
    """Return the figures of samples that no weight and no checkpoint was chosen by."""
    model.eval()
    return held_out.score(_answers(model, len(held_out), held_out.inputs, batch_size))


def _answers(
    model: CtcModel, count: int, inputs_of: Callable[[Array], dict[str, Tensor]], batch_size: int
) -> Iterator[Array]:
    device = next(model.parameters()).device
    start, size = 0, batch_size
    while start < count:
        rows = np.arange(start, min(start + size, count))
        inputs = inputs_of(rows)
        try:
            found = _log_probs(model, inputs, device)
        except (MemoryError, RuntimeError) as error:
            if size == 1 or not _of_memory(error):
                raise
            size = (size + 1) // 2
            if device.type == "cuda":
                torch.cuda.empty_cache()
            continue
        frames = output_frames(model, inputs["length"].numpy())
        for one, valid in zip(found, frames, strict=True):
            yield one[:valid].double().log_softmax(-1).numpy()
        start += len(rows)


def _of_memory(error: Exception) -> bool:
    """Return whether memory ran out; on the CPU torch says so in words alone."""
    named = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return named or "can't allocate memory" in str(error) or "not enough memory" in str(error)


@torch.inference_mode()
def _log_probs(model: CtcModel, inputs: dict[str, Tensor], device: torch.device) -> Tensor:
    return model(**{k: v.to(device) for k, v in inputs.items()}).float().cpu()
