"""Signing as body landmarks to glosses; measured by the word error rate of glosses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from edgectc.data import landmarks
from edgectc.tasks._base import Metric, Run
from edgectc.tasks._signals import Data, SignalTask, splits


@dataclass(frozen=True)
class Augment:
    """Random change of each recording; standard deviations in shoulder widths.

    Attributes:
        jitter: of each coordinate.
        scale: of the logarithm of the size of the body.
    """

    jitter: float = 0.01
    scale: float = 0.05


@dataclass(frozen=True)
class Options:
    """Where recordings come from and how they are changed."""

    data: Data = field(default_factory=Data)
    augment: Augment = field(default_factory=Augment)


def create(options: Options, *, run: Run) -> SignalTask:
    """Return the task; without ``run.data``, a ``.npz`` file, recordings are generated.

    Raises:
        InputError: no usable samples.
    """
    shape, how = run.model.frontend.options, options.augment

    def made(count: int, seed: int) -> Any:
        return landmarks.synthesize(
            count,
            seed=seed,
            glosses=run.model.frontend.tokens().symbols[1:],
            points=landmarks.Points(shape.pose, shape.hand, shape.face),
            max_frames=shape.max_frames,
        )

    def augment(signal: Tensor, noise: torch.Generator) -> Tensor:
        size = torch.exp(how.scale * torch.randn(len(signal), 1, 1, generator=noise))
        moved = signal * size + how.jitter * torch.randn(signal.shape, generator=noise)
        return torch.where(signal == 0, signal, moved)  # a point that was not seen stays unseen

    return SignalTask(Metric("dev_wer"), run, splits(run, options.data, made), augment)
