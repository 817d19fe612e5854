"""Output frames of every input length, found by asking the network."""

from __future__ import annotations

from collections.abc import Callable

from edgectc.core.errors import ConfigError
from edgectc.core.tokens import output_length


def find(frames: Callable[[int], int], max_frames: int) -> tuple[int, int]:
    """Return (stride, window) of a network; see `edgectc.core.tokens.output_length`.

    The shortest inputs that give 1, 2, 3 and half of all output frames are found by bisection: they
    must lie a stride apart.

    Args:
        frames: output frames of an input of a given length, 0 where the network refuses it.
        max_frames: longest input.

    Raises:
        ConfigError: no stride and window describe what was seen.
    """
    total = frames(max_frames)
    if total < 1:
        raise ConfigError(f"the network gives no output frame for {max_frames} input frames")
    if total == 1:
        return max_frames, _shortest(frames, 1, max_frames)
    window = _shortest(frames, 1, max_frames)
    stride = _shortest(frames, 2, max_frames) - window
    seen = {window: 1, window + stride: 2, max_frames: total}
    for count in sorted({3, max(1, total // 2), total} - {1, 2}):
        if count <= total:
            seen[_shortest(frames, count, max_frames)] = count
    wrong = {
        length: count
        for length, count in seen.items()
        if stride < 1 or output_length(length, stride, window) != count
    }
    if wrong:
        pairs = ", ".join(f"{length} -> {count}" for length, count in sorted(seen.items()))
        raise ConfigError(
            "the output frames follow no stride and window (input -> output frames: "
            f"{pairs}); expected floor((length - window) / stride) + 1. Drop or add frames inside "
            "the network until they do, or name stride and window"
        )
    return stride, window


def _shortest(frames: Callable[[int], int], count: int, longest: int) -> int:
    """Return the shortest input that gives ``count`` output frames or more."""
    low, high = 0, longest  # frames(low) < count <= frames(high)
    while high - low > 1:
        middle = (low + high) // 2
        if frames(middle) >= count:
            high = middle
        else:
            low = middle
    return high
