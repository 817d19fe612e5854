"""What the input of an ONNX file that tells the length means: tried, as of a network in PyTorch.

The right meaning is the one under which a padded recording is answered as it is alone, whatever the
padding holds, and under which the valid frames, the later half of them by itself, are heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.types import Array, Check
from edgectc.exporting.onnx_files.graph import Interface
from edgectc.exporting.onnx_files.questions import noise
from edgectc.exporting.onnx_files.session import TRIED, Foreign
from edgectc.formats import reference

SAID = {"valid": "mask", "padding": "padding mask", "added": "added mask"}
_ALIKE, _UNHEARD = 1e-3, 1e-6  # nats
_CLEARLY = 3.0  # times nearer, where no meaning is right to the last frame


@dataclass(frozen=True)
class _Seen:
    """What one meaning did, in nats; infinite where the file refused or answered NaN.

    Attributes:
        meaning: tried.
        alone: mean difference between a recording padded and alone; 0 of a file of one width.
        worst: largest such difference, or of what lies in the padding.
        heard: least change of the answer by other valid frames.
        more: change if a whole recording is told twice its length, which a length that cuts leaves
            at 0.
    """

    meaning: str
    alone: float
    worst: float
    heard: float
    more: float = 0.0

    @property
    def right(self) -> bool:
        return self.worst <= _ALIKE and self.heard > _UNHEARD

    def __str__(self) -> str:
        return (
            f"{self.meaning}: padding changes {self.worst:.2g} nats, valid frames {self.heard:.2g}"
        )


def found(file: Foreign, about: Interface, said: str) -> tuple[Interface, Check | None]:
    """Return the interface with the meaning of what tells the length, and what was seen.

    Args:
        file: opened.
        about: what it takes and answers.
        said: a key of `SAID`; "" to find it out.

    Raises:
        ConfigError: it cannot be found out, or there is no mask.
    """
    mask = about.second_meaning == "mask"
    if said and not mask:
        raise ConfigError(f"{file.source} takes no mask; leave mask out", options=["mask"])
    ways = ["mask", "padding mask", "added mask"] if mask else ["share", "lengths"]
    if not about.second_dtype.startswith("float"):
        ways = ways[:2] if mask else ways[1:]
    ways = [SAID[said]] if said else ways
    if about.second and about.frames and not about.chunk and not mask:
        _check_unit(file, replace(about, second_meaning=ways[0]), about.frames)
    if not about.second or about.chunk or len(ways) == 1:
        fixed = ways[0] if said else about.second_meaning
        return replace(about, second_meaning=fixed), None
    seen = [_seen(file, replace(about, second_meaning=way)) for way in ways]
    best = _best(file, about, seen)
    others = min((s for s in seen if s is not best), key=lambda s: s.worst)
    text = f"{about.second} is {best}; as {others}"
    return replace(about, second_meaning=best.meaning), Check("length", "pass", text)


def _best(file: Foreign, about: Interface, seen: Sequence[_Seen]) -> _Seen:
    right = [one for one in seen if one.right]
    if right:
        return min(right, key=lambda one: one.more > _ALIKE)
    possible = [one for one in seen if one.heard > _UNHEARD] or list(seen)
    first, nearer = possible[0], min(possible, key=lambda one: one.alone + one.worst)
    apart = _CLEARLY * nearer.alone <= first.alone
    if nearer is not first and apart and _CLEARLY * nearer.worst < first.worst:
        return nearer
    if about.second_meaning == "mask" and len(possible) > 1:
        raise ConfigError(
            f"what 1 means in {about.second!r} of {file.source} cannot be found out: "
            f"{'; '.join(map(str, possible))}; say mask='valid', 'padding' or 'added' (--mask)",
            options=["mask"],
        )
    return first


def _seen(file: Foreign, about: Interface) -> _Seen:
    T = about.frames or TRIED[about.layout]
    row, others = noise(about, T), noise(about, T, 7)
    alone = worst = 0.0
    heard = list[float]()
    for n in (T // 2, 3 * T // 4):
        zeros, junk, other = (row.copy() for _ in range(3))
        zeros[n:, : about.own] = other[n:, : about.own] = 0.0
        junk[n:, : about.own] = reference.junk(T - n, about.own)
        other[n // 2 : n, : about.own] = others[n // 2 : n, : about.own]
        padded, filled, changed = (file.log_probs(about, x, n) for x in (zeros, junk, other))
        if padded is None:
            return _Seen(about.second_meaning, np.inf, np.inf, 0.0)
        count = max(1, len(padded) * n // T - 1)
        heard.append(_apart(padded, changed, count)[0])
        if about.frames is None:
            short, moved = (file.log_probs(about, x[:n], n) for x in (row, other))
            count = len(padded) if short is None else len(short)
            top, mean = _apart(padded, short, count)
            worst, alone = max(worst, top), max(alone, mean)
            heard.append(_apart(short, moved, count)[0])
        worst = max(worst, _apart(padded, filled, count)[0])
    more = _apart(file.log_probs(about, row, T), file.log_probs(about, row, 2 * T), T)[0]
    return _Seen(about.second_meaning, alone, worst, min(heard), more)


def _check_unit(file: Foreign, about: Interface, T: int) -> None:
    """Check that a length of half of the frames hides some, of a file that is always padded.

    Raises:
        ConfigError: it does not while a shorter one does, so that lengths are not in frames.
    """
    row = noise(about, T)
    whole, half, least = (file.log_probs(about, row, n) for n in (T, T // 2, T // 8))
    if _apart(whole, half, T)[0] <= _ALIKE < _apart(whole, least, T)[0]:
        raise ConfigError(
            f"{about.second!r} of {file.source} counts no frames: {T // 2} of {T} hide nothing, "
            f"{T // 8} do. Give the file a node before that input which makes its unit of frames"
        )


def _apart(one: Array | None, other: Array | None, frames: int) -> tuple[float, float]:
    """Return largest and mean difference; infinite if that is not finite, 0 without an answer."""
    if one is None or other is None:
        return 0.0, 0.0
    frames = min(frames, len(one), len(other))
    difference = np.abs(one[:frames] - other[:frames])
    if not difference.size or not np.isfinite(difference).all():
        return np.inf, np.inf
    return float(difference.max()), float(difference.mean())
