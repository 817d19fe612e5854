"""Feature arrays to model input, for networks that were made elsewhere: checked and padded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgectc.core.config import OMITTED
from edgectc.core.contracts import Frontend, InputSpec, Setting
from edgectc.core.errors import InputError
from edgectc.core.tokens import BLANK, Tokens
from edgectc.core.types import Array
from edgectc.data import columns
from edgectc.data.columns import Input
from edgectc.data.signal_frontend import check_signal, check_sizes, padded

PADDINGS = ("masked", "zeros")
_LOUDEST = 1.5  # resampling may overshoot 1


@dataclass(frozen=True)
class Options:
    """What the network takes and answers.

    Attributes:
        max_frames: frames of the fixed-shape input.
        channels: values per frame; 1 for a waveform.
        tokens: symbol of each column of log_probs.
        blank_id: column of the CTC blank.
        separator: what stands between symbols in a text.
        padding: "masked" if nothing after ``length`` changes a valid frame; "zeros" if the network
            is padding-sensitive.
        image: channels and height of images, whose columns are the frames: recordings may then be
            (C, H, W) too; () for what is no image.
        inputs: what the columns are of a network of several inputs, images or ids; recordings are
            then dictionaries by their names.
        sample_rate: samples a second of a waveform of -1 to 1; 0 where nothing is known of it.
    """

    max_frames: int = 1000
    channels: int = 80
    tokens: tuple[str, ...] = (BLANK, *"abcdefghijklmnopqrstuvwxyz ")
    blank_id: int = 0
    separator: str = ""
    padding: str = "masked"
    image: tuple[int, ...] = field(default=(), metadata=OMITTED)
    inputs: tuple[Input, ...] = field(default=(), metadata=OMITTED)
    sample_rate: int = field(default=0, metadata=OMITTED)

    def __post_init__(self) -> None:
        check_sizes(max_frames=self.max_frames, channels=self.channels)
        if self.padding not in PADDINGS:
            raise ValueError(f"padding is {self.padding!r}, expected one of {list(PADDINGS)}")
        if self.image and (len(self.image) != 2 or math.prod(self.image) != self.channels):
            raise ValueError(
                f"image is {list(self.image)}, expected channels and height, {self.channels} values"
            )
        if self.inputs and columns.width(self.inputs) != self.channels:
            raise ValueError(
                f"inputs have {columns.width(self.inputs)} columns, expected {self.channels}"
            )
        if self.sample_rate < 0 or (self.sample_rate and self.channels != 1):
            raise ValueError(f"sample_rate is {self.sample_rate}, of {self.channels} channels")
        Tokens(self.tokens, self.blank_id)


def create(options: Options) -> FeaturesFrontend:
    """Return the frontend for ``options``."""
    return FeaturesFrontend(options)


class FeaturesFrontend(Frontend):
    """Prepares feature arrays for the network; needs numpy alone."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.max_frames, self.padding = options.max_frames, options.padding

    def input_contract(self) -> dict[str, InputSpec]:
        """Return name -> dtype, shape and meaning of each network input, in call order."""
        T, C = self.max_frames, self.options.channels
        meaning, unit = "the network's own features; zeros after length", "the network's own"
        rate = unit
        if self.options.inputs:
            meaning = f"columns, zeros after length: {columns.described(self.options.inputs)}"
        if self.options.sample_rate:
            meaning, unit = "the waveform; zeros after length", "floats of -1 to 1"
            rate = f"{self.options.sample_rate} Hz"
        return {
            "features": {
                "dtype": "float32",
                "shape": [1, T, C],
                "meaning": meaning,
                "unit": unit,
                "rate": rate,
            },
            "length": {"dtype": "int32", "shape": [1], "meaning": f"valid frames, 1..{T}"},
        }

    def prepare(self, features: object, setting: Setting = None, /) -> dict[str, Array]:
        """Return the network inputs of one recording, batch of one.

        Args:
            features: (T, channels) numbers; (T,) will do where there is one channel, and an image
                (C, H, W) where there is one.
            setting: nothing, for these networks take nothing else.

        Raises:
            InputError: the recording cannot be used; ``reason`` names why.
        """
        frames = self.frames(features)
        length = np.array([len(frames)], np.int32)
        table = padded(frames, self.max_frames)
        return {"features": table[None], "length": length, **self.context(setting)}

    def frames(self, features: object, setting: Setting = None, /) -> Array:
        """Return (length, channels) float32, what the network sees of a recording."""
        given: Any = features
        if self.options.sample_rate:
            _check_wave(given)
        inputs = self.options.inputs
        if inputs and not isinstance(given, Mapping) and np.ndim(given) != 2 and len(inputs) == 1:
            given = {inputs[0].name: given}
        if isinstance(given, Mapping):
            if not inputs:
                raise InputError(
                    "the recording is a dictionary, expected one array of frames",
                    reason="bad_shape",
                )
            first = inputs[0].name
            by_name = {(first if k == "features" else k): v for k, v in given.items()}
            given = columns.table(inputs, by_name)
        wave = self.options.channels == 1 and np.ndim(given) == 1
        table = np.asarray(given)[:, None] if wave else self._columns(given)
        return check_signal(table, self.options.channels, self.max_frames)

    def _columns(self, features: Any) -> Any:
        """Return the columns (W, C * H) of an image (C, H, W); anything else as it is."""
        if not self.options.image or np.ndim(features) != 3:
            return features
        image = np.asarray(features)
        if image.shape[:2] != self.options.image:
            channels, height = self.options.image
            raise InputError(
                f"the image has shape {image.shape}, expected ({channels}, {height}, width)",
                reason="bad_shape",
            )
        return image.transpose(2, 0, 1).reshape(image.shape[2], -1)

    def context(self, setting: Setting = None, /) -> dict[str, Array]:
        """Return no further inputs.

        Raises:
            InputError: reason ``bad_context``: there is something that the network cannot take.
        """
        if setting:
            raise InputError(
                f"got {setting!r} beside the features, but this network takes nothing else",
                reason="bad_context",
            )
        return {}

    def tokens(self, setting: Setting = None, /) -> Tokens:
        """Return the token table."""
        options = self.options
        return Tokens(options.tokens, options.blank_id, separator=options.separator)


def _check_wave(wave: Any) -> None:
    """Raise `InputError`, reason ``not_scaled``, for a waveform that is not of -1 to 1."""
    values = np.asarray(wave)
    if values.dtype.kind in "iu":
        raise InputError(
            f"the waveform is {values.dtype}, expected floats of -1 to 1; divide int16 by 32768",
            reason="not_scaled",
        )
    most = float(np.abs(values).max(initial=0.0)) if values.dtype.kind == "f" else 0.0
    if most > _LOUDEST:
        raise InputError(
            f"the waveform reaches {most:g}, expected floats of -1 to 1; divide int16 by 32768",
            reason="not_scaled",
        )
