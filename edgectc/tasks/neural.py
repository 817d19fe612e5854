"""Neural activity of attempted speech to phonemes; measured by the phoneme error rate.

Silence counts as a phoneme, as in the brain-to-text baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from edgectc.data import neural
from edgectc.tasks._base import Metric, Run
from edgectc.tasks._signals import Data, SignalTask, splits


@dataclass(frozen=True)
class Augment:
    """Random change of each recording; standard deviations in those of a channel.

    Attributes:
        noise: of each value.
        offset: of each channel, the same in all bins of a recording.

    Source: Willett et al. 2023, "A high-performance speech neuroprosthesis" (the baseline).
    """

    noise: float = 0.8
    offset: float = 0.2


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
        return neural.synthesize(
            count,
            seed=seed,
            channels=shape.channels,
            days=shape.days,
            phonemes=shape.phonemes,
            max_frames=shape.max_frames,
        )

    def augment(signal: Tensor, noise: torch.Generator) -> Tensor:
        N, _, C = signal.shape
        each = how.noise * torch.randn(signal.shape, generator=noise)
        return signal + each + how.offset * torch.randn(N, 1, C, generator=noise)

    return SignalTask(Metric("dev_per"), run, splits(run, options.data, made), augment)
