"""What a training step hands to every term of the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Forward:
    """What one pass over a batch gave.

    Attributes:
        model: the network, for those who want to ask again.
        inputs: what it was given, by name, on its device.
        log_probs: (N, T', V) float32 what it answered, natural log.
        frames: (N,) int64 valid output frames.
        labels: token ids of each sample.
        blank_id: column of the blank.
        epoch: counted from 0.
        views: ways in which each sample is shown: the first N / views rows are one of each.
        layout_ids: see `edgectc.training.task.Batch`.
    """

    model: Callable[..., Tensor]
    inputs: Mapping[str, Tensor]
    log_probs: Tensor
    frames: Tensor
    labels: Sequence[Sequence[int]]
    blank_id: int
    epoch: int
    views: int = 1
    layout_ids: Sequence[int] = ()
