"""Binned neural activity to model input: checked, padded, and named by its day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgectc.core.contracts import Frontend, InputSpec, Setting
from edgectc.core.errors import UnknownNameError
from edgectc.core.tokens import BLANK, Tokens
from edgectc.core.types import Array
from edgectc.data.generators.neural import PHONEMES
from edgectc.data.signal_frontend import check_signal, check_sizes, padded


@dataclass(frozen=True)
class Options:
    """Shape of a recording.

    Attributes:
        max_frames: bins of the fixed-shape input (20 ms each in the baseline).
        channels: values per bin, z-scored within a block or a day.
        days: names of the recording days, each with an input layer of its own.
        phonemes: what the columns after the blank mean.
    """

    max_frames: int = 1200
    channels: int = 256
    days: tuple[str, ...] = tuple(f"day-{i}" for i in range(24))
    phonemes: tuple[str, ...] = PHONEMES

    def __post_init__(self) -> None:
        check_sizes(max_frames=self.max_frames, channels=self.channels)
        if not self.days:
            raise ValueError("expected a day or more")


def create(options: Options) -> NeuralFrontend:
    """Return the frontend for ``options``."""
    return NeuralFrontend(options)


class NeuralFrontend(Frontend):
    """Prepares recordings for the network; needs numpy alone."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.max_frames, self.settings = options.max_frames, options.days

    def input_contract(self) -> dict[str, InputSpec]:
        """Return name -> dtype, shape and meaning of each network input, in call order."""
        T, C = self.max_frames, self.options.channels
        last = len(self.options.days) - 1
        return {
            "signal": {
                "dtype": "float32",
                "shape": [1, T, C],
                "meaning": "z-scored activity of each channel and bin; zeros after length",
                "unit": "standard deviations of the block or day",
                "rate": "a frame each bin, 20 ms in the baseline",
            },
            "length": {"dtype": "int32", "shape": [1], "meaning": f"valid bins, 1..{T}"},
            "day": {"dtype": "int32", "shape": [1], "meaning": f"index of the day, 0..{last}"},
        }

    def prepare(self, signal: object, setting: Setting = None, /) -> dict[str, Array]:
        """Return the network inputs of one recording, batch of one.

        Args:
            signal: (T, channels) activity per bin.
            setting: one of the days; None for the last.

        Raises:
            InputError: the recording cannot be used; ``reason`` names why.
            UnknownNameError: no such day.
        """
        frames = self.frames(signal)
        length = np.array([len(frames)], np.int32)
        table = padded(frames, self.max_frames)
        return {"signal": table[None], "length": length, **self.context(setting)}

    def frames(self, signal: object, setting: Setting = None, /) -> Array:
        """Return (length, channels) float32, what the network sees of a recording."""
        return check_signal(signal, self.options.channels, self.max_frames)

    def context(self, setting: Setting = None, /) -> dict[str, Array]:
        """Return the inputs that say what a recording was made with: its day."""
        days = self.options.days
        day = days[-1] if setting is None else str(setting)
        if day not in days:
            raise UnknownNameError("day", day, days)
        index = days.index(day)
        return {"day": np.array([index], np.int32)}

    def tokens(self, setting: Setting = None, /) -> Tokens:
        """Return the token table: the blank, then the phonemes."""
        return Tokens((BLANK, *self.options.phonemes), blank_id=0, separator=" ")
