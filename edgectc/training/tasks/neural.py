"""Neural activity of attempted speech to phonemes; measured by the phoneme error rate.

Silence counts as a phoneme, as in the brain-to-text baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edgectc.core import registry
from edgectc.core.types import Array
from edgectc.data import augmentation as change
from edgectc.data.signal_samples import SignalSamples
from edgectc.training.signal_task import Data, SignalTask, check_strengths
from edgectc.training.task import Metric, Run


@dataclass(frozen=True)
class Augment:
    """Random change of each recording; standard deviations in those of a channel.

    Attributes:
        noise: of each value.
        offset: of each channel, the same in all bins of a recording.
        jitter: of a slow wander of each channel.
        pace: of the logarithm of the time scale, over all and along the way.
        drop: chance of each channel to be lost.
        mask: chance of a recording to lose stretches of time.
        mask_frames: longest of them, in bins.
        masks: most of them in a recording.

    Source: Willett et al. 2023, "A high-performance speech neuroprosthesis" (the baseline).
    """

    noise: float = 0.8
    offset: float = 0.2
    jitter: float = 0.0
    pace: float = 0.0
    drop: float = 0.0
    mask: float = 0.0
    mask_frames: int = 15
    masks: int = 2

    def __post_init__(self) -> None:
        check_strengths(self)
        if self.masks < 1:
            raise ValueError("expected masks >= 1")


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
    samples: SignalSamples = registry.create(
        "samples", {"type": "neural"}, frontend=run.model.frontend, layouts={}
    )
    most, how = run.model.frontend.max_frames, options.augment

    def augment(signal: Array, rng: np.random.Generator, least: int) -> Array:
        signal = change.white_noise(signal, rng, how.noise)
        signal = change.constant_offset(signal, rng, how.offset)
        signal = change.jitter(signal, rng, how.jitter)
        signal = change.warp(signal, rng, pace=how.pace, least=least, most=most)
        signal = change.drop_points(signal, rng, how.drop)
        return change.time_masks(
            signal, rng, chance=how.mask, width=how.mask_frames, most=how.masks
        )

    return SignalTask(Metric("dev_per"), run, options.data, samples, augment)
