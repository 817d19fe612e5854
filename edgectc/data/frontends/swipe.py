"""Finger trace to model input: resampling and the key table. The rest is in the graph.

The trace is resampled to ``length`` frames, evenly in a blend of time and arc length, and padded
with zeros to ``max_frames``. ``length`` grows with what the finger did, not with how often the
screen reported it::

    length = clamp(ceil(max(duration / ms_per_frame, arc / keys_per_frame)), min, max)

so a 60 Hz and a 240 Hz screen give the same input. Frame i lies where

    u = (1 - time_share) * arc(s) / arc_total + time_share * t / duration

reaches i / (length - 1). Arc length is measured in key units, so it means the same on every layout.
What a screen or a hand put into the trace may be taken out before: `edgectc.data.repairs`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.contracts import Frontend, InputSpec, Setting
from edgectc.core.errors import InputError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array
from edgectc.data.repairs import lengths, own_points, spread_times, without_rests
from edgectc.data.validation import check_points
from edgectc.formats.layouts import Layout

_MOST_FRAMES, _MOST_SLOTS = 1 << 16, 1 << 12  # a file may state any


@dataclass(frozen=True)
class Options:
    """Resampling of a trace and size of the key table.

    Attributes:
        max_frames: frames of the fixed-shape input.
        min_frames: frames of the shortest trace.
        ms_per_frame: a trace gets at least one frame for each such span, in milliseconds.
        keys_per_frame: and at least one for each such stretch of arc, in key widths.
        time_share: 0 resamples evenly along the arc, 1 evenly in time.
        slots: most keys a layout may have.
        jump_keys: points of another finger, which a trace jumps to and back from by more than
            this many key widths, are left out; 0 leaves all in.
        spread_times: whether points with one time are spread evenly to the next time.
        rest_ms: a rest of the finger counts for at most this long, in milliseconds; 0 for all.
    """

    max_frames: int = 64
    min_frames: int = 16
    ms_per_frame: float = 16.0
    keys_per_frame: float = 0.3
    time_share: float = 0.5
    slots: int = 64
    jump_keys: float = 0.0
    spread_times: bool = False
    rest_ms: float = 0.0

    def __post_init__(self) -> None:
        if self.max_frames > _MOST_FRAMES or not 1 <= self.slots <= _MOST_SLOTS:
            raise ValueError(
                f"max_frames is {self.max_frames} and slots is {self.slots}, expected at most "
                f"{_MOST_FRAMES} and 1 to {_MOST_SLOTS}"
            )
        if not 2 <= self.min_frames <= self.max_frames:
            raise ValueError("expected 2 <= min_frames <= max_frames")
        if not (self.ms_per_frame > 0 and self.keys_per_frame > 0 and 0 <= self.time_share <= 1):
            raise ValueError("ms_per_frame and keys_per_frame must be > 0, time_share 0..1")
        if not (0.0 <= self.jump_keys < math.inf and 0.0 <= self.rest_ms < math.inf):
            raise ValueError("jump_keys and rest_ms must be finite numbers >= 0")


def create(options: Options) -> SwipeFrontend:
    """Return the frontend for ``options``."""
    return SwipeFrontend(options)


class SwipeFrontend(Frontend):
    """Prepares one trace for a network that takes keys as input."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.max_frames, self.slots = options.max_frames, options.slots

    def input_contract(self) -> dict[str, InputSpec]:
        """Return name -> dtype, shape and meaning of each network input, in call order."""
        T, K = self.max_frames, self.slots
        return {
            "trace": {
                "dtype": "float32",
                "shape": [1, T, 3],
                "meaning": "x, y in the letter-area frame, t in seconds; zeros after length",
                "unit": "width and height of the letter area, from its top left; seconds",
                "rate": f"at least a frame each {self.options.ms_per_frame:g} ms and each "
                f"{self.options.keys_per_frame:g} key widths of the trace",
            },
            "length": {"dtype": "int32", "shape": [1], "meaning": f"valid frames, 1..{T}"},
            "keys": {
                "dtype": "float32",
                "shape": [1, K, 2],
                "meaning": "key centres in the letter-area frame; zeros in unused slots",
            },
            "key_mask": {"dtype": "float32", "shape": [1, K], "meaning": "1 = key, 0 = unused"},
            "key_size": {
                "dtype": "float32",
                "shape": [1, 2],
                "meaning": "key width and height in the letter-area frame, the unit of distance",
            },
        }

    def prepare(self, points: object, setting: Setting = None, /) -> dict[str, Array]:
        """Return the network inputs of one trace, batch of one.

        Args:
            points: (n, 3) x, y, t_ms in the letter-area frame.
            setting: the keyboard it was made on, at most ``slots`` keys.

        Raises:
            InputError: the trace cannot be used; ``reason`` names why.
        """
        frames = self.frames(points, setting)
        trace = np.zeros((self.max_frames, 3), np.float32)
        trace[: len(frames)] = frames
        length = np.array([len(frames)], np.int32)
        table = self.key_table(_layout(setting), frames)
        return {"trace": trace[None], "length": length, **table}

    def frames(self, points: object, setting: Setting = None, /) -> Array:
        """Return (length, 3) float64, what the network sees of a raw trace; see `resample`."""
        return self.resample(check_points(points), _layout(setting))

    def context(self, setting: Setting = None, /) -> dict[str, Array]:
        """Return the inputs that say what a trace was made on: its layout's keys."""
        return self.key_table(_layout(setting))

    def key_table(self, layout: Layout, frames: Array | None = None) -> dict[str, Array]:
        """Return the ``keys``, ``key_mask`` and ``key_size`` inputs of a layout.

        Of a letter on several keys the one nearest to the ``frames`` counts, or its first.
        """
        used = len(layout.letters)
        if used > self.slots:
            raise InputError(
                f"layout {layout.name!r} has {used} keys; this model takes {self.slots}",
                reason="too_many_keys",
            )
        keys = np.zeros((1, self.slots, 2), np.float32)
        keys[0, :used] = layout.centers if frames is None else layout.near(frames)
        key_mask = np.zeros((1, self.slots), np.float32)
        key_mask[0, :used] = 1.0
        return {"keys": keys, "key_mask": key_mask, "key_size": layout.key_size[None].astype("f4")}

    def tokens(self, setting: Setting = None, /) -> Tokens:
        """Return the token table of a layout: its letters, unused slots, and the blank last."""
        return self.tokens_of(_layout(setting).letters)

    def tokens_of(self, letters: Sequence[str]) -> Tokens:
        """Return the token table of keys with these letters, in their order."""
        unused = (f"<unused:{i}>" for i in range(len(letters), self.slots))
        return Tokens((*letters, *unused, "<blank>"), blank_id=self.slots)

    def resample(self, points: Array, layout: Layout) -> Array:
        """Return (length, 3) float64 frames x, y, t in seconds, t from 0. ``points`` is checked."""
        return self.resample_on(points, layout.key_size)

    def resample_on(self, points: Array, key_size: Array) -> Array:
        """Return what `resample` does, of keys of a width and height, (2,)."""
        options = self.options
        points = self._repaired(points, key_size)
        x, y, t = points[:, 0], points[:, 1], points[:, 2] - points[0, 2]
        arc = np.append(0.0, np.cumsum(lengths(np.diff(points[:, :2], axis=0) / key_size)))
        wanted = max(t[-1] / options.ms_per_frame, arc[-1] / options.keys_per_frame)
        length = int(np.clip(np.ceil(wanted), options.min_frames, options.max_frames))
        # A finger that does not move has no arc to follow: fall back to time alone.
        share = options.time_share if arc[-1] > 0 else 1.0
        u = share * t / t[-1] + (1.0 - share) * arc / max(arc[-1], 1e-9)
        grid = np.linspace(0.0, u[-1], length)
        return np.stack([np.interp(grid, u, v) for v in (x, y, t / 1000.0)], axis=1)

    def _repaired(self, points: Array, key_size: Array) -> Array:
        """Return the points as the options say, times from any origin; its argument stays."""
        options = self.options
        if options.jump_keys:
            points = own_points(points, key_size, options.jump_keys)
        if options.spread_times:
            points = np.column_stack([points[:, :2], spread_times(points[:, 2])])
        if options.rest_ms:
            points = without_rests(points, key_size, options.rest_ms)
        return points


def _layout(setting: Setting) -> Layout:
    if isinstance(setting, Layout):
        return setting
    raise InputError(
        f"got {setting!r} beside the trace, expected the keyboard that it was made on",
        reason="bad_context",
    )
