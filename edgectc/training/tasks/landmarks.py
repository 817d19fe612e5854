"""Signing as body landmarks to glosses; measured by the word error rate of glosses."""

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
    """Random change of each recording; standard deviations in shoulder widths.

    Attributes:
        noise: of each coordinate.
        jitter: of a slow wander of each coordinate.
        rotation: of the body in the picture, in radians.
        scale: of the logarithm of the size of the body.
        shift: of its place.
        pace: of the logarithm of the time scale, over all and along the way.
        drop: chance of each point to be lost.
        mask: chance of a recording to lose stretches of time.
        mask_frames: longest of them.
        masks: most of them in a recording.
    """

    noise: float = 0.01
    jitter: float = 0.0
    rotation: float = 0.0
    scale: float = 0.05
    shift: float = 0.0
    pace: float = 0.0
    drop: float = 0.0
    mask: float = 0.0
    mask_frames: int = 8
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
        "samples", {"type": "landmarks"}, frontend=run.model.frontend, layouts={}
    )
    most, how = run.model.frontend.max_frames, options.augment

    def augment(signal: Array, rng: np.random.Generator, least: int) -> Array:
        signal = np.where(signal == 0, np.nan, signal)  # what was not seen stays unseen
        signal = change.affine(signal, rng, rotation=how.rotation, scale=how.scale, shift=how.shift)
        signal = change.jitter(signal, rng, how.jitter)
        signal = change.white_noise(signal, rng, how.noise)
        signal = change.warp(signal, rng, pace=how.pace, least=least, most=most)
        signal = change.drop_points(signal, rng, how.drop, dims=3)
        signal = change.time_masks(
            signal, rng, chance=how.mask, width=how.mask_frames, most=how.masks
        )
        return np.nan_to_num(signal, copy=False)

    return SignalTask(Metric("dev_wer"), run, options.data, samples, augment)
