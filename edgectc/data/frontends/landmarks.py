"""Body landmarks to model input: checked and padded; velocities and the like are in the graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgectc.core.contracts import Frontend, InputSpec, Setting
from edgectc.core.tokens import BLANK, Tokens
from edgectc.core.types import Array
from edgectc.data.signal_frontend import check_signal, check_sizes, padded


@dataclass(frozen=True)
class Options:
    """Shape of a recording; the default is a whole-body tracker's 543 points.

    Attributes:
        max_frames: frames of the fixed-shape input.
        pose: points of the body.
        hand: points of each hand.
        face: points of the face.
        columns: output columns, with the blank.
        glosses: what the columns after the blank mean; the rest are called ``<gloss:i>``.
    """

    max_frames: int = 150
    pose: int = 33
    hand: int = 21
    face: int = 468
    columns: int = 1232
    glosses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if min(self.pose, self.hand, self.face) < 1:
            raise ValueError("pose, hand and face must be >= 1")
        points = self.pose + 2 * self.hand + self.face
        check_sizes(max_frames=self.max_frames, points=points)
        check_sizes(max_frames=self.max_frames, columns=self.columns)
        if self.columns < max(2, len(self.glosses) + 1):
            raise ValueError(
                f"columns is {self.columns}, expected the blank and {len(self.glosses)} glosses"
            )


def create(options: Options) -> LandmarksFrontend:
    """Return the frontend for ``options``."""
    return LandmarksFrontend(options)


class LandmarksFrontend(Frontend):
    """Prepares recordings for the network; needs numpy alone."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.max_frames = options.max_frames
        self.channels = 3 * (options.pose + 2 * options.hand + options.face)

    def input_contract(self) -> dict[str, InputSpec]:
        """Return name -> dtype, shape and meaning of each network input, in call order."""
        T = self.max_frames
        return {
            "signal": {
                "dtype": "float32",
                "shape": [1, T, self.channels],
                "meaning": "x, y, z of pose, left hand, right hand and face points; zeros where "
                "a point was not seen and after length",
                "unit": "the tracker's: width and height of the picture, depth as x",
                "rate": "a frame each picture of the video",
            },
            "length": {"dtype": "int32", "shape": [1], "meaning": f"valid frames, 1..{T}"},
        }

    def prepare(self, signal: object, setting: Setting = None, /) -> dict[str, Array]:
        """Return the network inputs of one recording, batch of one.

        Args:
            signal: (T, 3 * points) coordinates; NaN where a point was not seen.
            setting: landmarks need none.

        Raises:
            InputError: the recording cannot be used; ``reason`` names why.
        """
        frames = self.frames(signal)
        length = np.array([len(frames)], np.int32)
        return {"signal": padded(frames, self.max_frames)[None], "length": length}

    def frames(self, signal: object, setting: Setting = None, /) -> Array:
        """Return (length, channels) float32, what the network sees of a recording."""
        return check_signal(signal, self.channels, self.max_frames, missing=True)

    def context(self, setting: Setting = None, /) -> dict[str, Array]:
        """Return the inputs that say what a recording was made with: none."""
        return {}

    def tokens(self, setting: Setting = None, /) -> Tokens:
        """Return the token table: the blank, then the glosses."""
        glosses = self.options.glosses
        rest = (f"<gloss:{i}>" for i in range(len(glosses) + 1, self.options.columns))
        return Tokens((BLANK, *glosses, *rest), blank_id=0, separator=" ")
