"""Keyed tones to letters."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edgectc.core.types import Array
from edgectc.data import augmentation
from edgectc.training.signal_task import Data, SignalTask
from edgectc.training.task import Metric, Run
from morse.samples import MorseSamples


@dataclass(frozen=True)
class Augment:
    """Random change of each recording."""

    noise: float = 0.02


@dataclass(frozen=True)
class Options:
    """Where recordings come from and how they are changed."""

    data: Data = field(default_factory=Data)
    augment: Augment = field(default_factory=Augment)


def create(options: Options, *, run: Run) -> SignalTask:
    def change(signal: Array, rng: np.random.Generator, least: int) -> Array:
        return augmentation.white_noise(signal, rng, options.augment.noise)

    samples = MorseSamples(run.model.frontend)
    return SignalTask(Metric("dev_ler"), run, options.data, samples, change)
