"""What frontends of plain recordings, (T, C) numbers, have in common."""

from __future__ import annotations

import math

import numpy as np

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Array, is_masked

MOST_VALUES = 1 << 26  # of one input, or answer: 256 MiB


def check_sizes(**sizes: int) -> None:
    """Raise `ConfigError` unless an input of these sizes can be held: a file may state any.

    Args:
        sizes: by the names of the options; their product is the number of values of an input.
    """
    for name, size in sizes.items():
        if size < 1:
            raise ConfigError(f"{name} is {size}, expected 1 or more")
    if math.prod(sizes.values()) > MOST_VALUES:
        told = " and ".join(f"{name} {size}" for name, size in sizes.items())
        raise ConfigError(f"{told} make an input of more than {MOST_VALUES:,} values")


def check_signal(signal: object, channels: int, max_frames: int, *, missing: bool = False) -> Array:
    """Return a recording as a new (T, channels) float32 array, 1 <= T <= max_frames.

    Args:
        signal: (T, channels) numbers.
        channels: columns that the model takes.
        max_frames: most frames that the model takes.
        missing: whether NaN marks a value that was not seen; it reads as 0.

    Raises:
        InputError: reason ``bad_shape``, ``empty``, ``too_long`` or ``not_finite``.
    """
    try:
        if is_masked(signal):
            raise TypeError("a masked array, whose hidden values would be used; fill it first")
        table = np.asarray(signal)
        if table.dtype.kind not in "fiu":
            raise TypeError(f"type {table.dtype}")
    except Exception as error:  # an object's own ``__array__`` may raise anything
        raise InputError(
            f"the recording is no table of numbers: {error}", reason="bad_shape"
        ) from None
    if table.ndim != 2 or table.shape[1] != channels:
        raise InputError(
            f"the recording has shape {table.shape}, expected (frames, {channels})",
            reason="bad_shape",
        )
    if len(table) == 0:
        raise InputError("the recording is empty, expected 1 frame or more", reason="empty")
    if len(table) > max_frames:
        raise InputError(
            f"the recording has {len(table)} frames, this model takes {max_frames}; cut it",
            reason="too_long",
        )
    with np.errstate(over="ignore"):
        values = table.astype(np.float32)
    if missing:
        values = np.where(np.isnan(values), np.float32(0.0), values)
    if not np.isfinite(values).all():
        frame, channel = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise InputError(
            f"the recording holds NaN or Inf at frame {frame}, channel {channel}",
            reason="not_finite",
        )
    return values


def padded(frames: Array, max_frames: int) -> Array:
    """Return (max_frames, C) float32: the frames, then zeros."""
    table = np.zeros((max_frames, frames.shape[1]), np.float32)
    table[: len(frames)] = frames
    return table
