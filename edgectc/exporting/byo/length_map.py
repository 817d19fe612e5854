"""Output frames of every input length, found by asking the network."""

from __future__ import annotations

from collections.abc import Callable

from edgectc.core.errors import ConfigError
from edgectc.core.tokens import output_length


def find(frames: Callable[[int], int], max_frames: int) -> tuple[int, int]:
    """Return (stride, window) of a network; see `edgectc.core.tokens.output_length`.

    The shortest inputs that give 2, 3, half and all of the output frames are found by bisection:
    they must lie a stride apart. The window may be 0 or less: a network that pads its input on both
    sides, as a CRNN with even kernels does, gives floor(length / stride) + 1 frames, a window of 0.

    Args:
        frames: output frames of an input of a given length, 0 where the network refuses it.
        max_frames: longest input.

    Raises:
        ConfigError: no stride and window describe what was seen.
    """
    total = frames(max_frames)
    if total < 1:
        raise ConfigError(f"the network gives no output frame for {max_frames} input frames")
    least = _shortest(frames, 1, max_frames)
    seen = {least: frames(least), max_frames: total}
    steps = {}  # frames -> shortest input that gives so many, where one frame less gives fewer
    for count in sorted({*range(seen[least] + 1, seen[least] + 4), max(1, total // 2), total}):
        if seen[least] < count <= total:
            length = _shortest(frames, count, max_frames)
            steps[count] = length
            seen[length] = frames(length)
    stride, window = _fitted(steps, least, max_frames)
    # Shorter than the window, some networks answer one frame all the same; it counts for nothing.
    wrong = {
        n: k
        for n, k in seen.items()
        if output_length(n, stride, window) != k and not (n < window and k == 1)
    }
    if wrong:
        pairs = ", ".join(f"{length} -> {count}" for length, count in sorted(seen.items()))
        raise ConfigError(
            "the output frames follow no stride and window (input -> output frames: "
            f"{pairs}); expected floor((length - window) / stride) + 1. Drop or add frames inside "
            "the network until they do"
        )
    return stride, window


def _fitted(steps: dict[int, int], least: int, longest: int) -> tuple[int, int]:
    """Return the stride between the two shortest steps, and the window that goes with it."""
    counts = sorted(steps)
    if not counts:
        return longest, least
    first = counts[0]
    if len(counts) == 1:  # two output frames at most
        return max(1, steps[first] - least), least
    stride = max(1, steps[counts[1]] - steps[first])
    return stride, steps[first] - (first - 1) * stride


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
