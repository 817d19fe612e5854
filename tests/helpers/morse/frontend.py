"""Loudness of a tone to model input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgectc.core.contracts import Frontend, InputSpec, Setting
from edgectc.core.tokens import BLANK, Tokens
from edgectc.core.types import Array
from edgectc.data.signal_frontend import check_signal, padded

CODES = {"E": ".", "T": "-", "A": ".-", "N": "-.", "I": "..", "M": "--"}


@dataclass(frozen=True)
class Options:
    """Shape of a recording."""

    max_frames: int = 64


class MorseFrontend(Frontend):
    """Takes (T, 1) loudness."""

    def __init__(self, options: Options) -> None:
        self.options, self.max_frames = options, options.max_frames

    def input_contract(self) -> dict[str, InputSpec]:
        T = self.max_frames
        return {
            "tone": {"dtype": "float32", "shape": [1, T, 1], "meaning": "loudness of the tone"},
            "length": {"dtype": "int32", "shape": [1], "meaning": f"valid frames, 1..{T}"},
        }

    def prepare(self, recording: object, setting: Setting = None, /) -> dict[str, Array]:
        frames = self.frames(recording)
        length = np.array([len(frames)], np.int32)
        return {"tone": padded(frames, self.max_frames)[None], "length": length}

    def frames(self, recording: object, setting: Setting = None, /) -> Array:
        return check_signal(recording, 1, self.max_frames)

    def context(self, setting: Setting = None, /) -> dict[str, Array]:
        return {}

    def tokens(self, setting: Setting = None, /) -> Tokens:
        return Tokens((BLANK, *CODES), blank_id=0, separator=" ")


def create(options: Options) -> MorseFrontend:
    return MorseFrontend(options)
