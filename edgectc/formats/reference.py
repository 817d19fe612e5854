"""Reference cases: generated recordings with the answers of the trained network.

They travel in the bundle and in every artifact, so any copy can be checked alone. Some cases are
whole recordings (of swipes: words); length cases cut one to chosen lengths, so a graph that froze a
length or leaks its padding cannot pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgectc.core import strict_json
from edgectc.core.config import from_dict
from edgectc.core.contracts import Frontend, Setting
from edgectc.core.errors import BundleError, ConfigError
from edgectc.core.types import Array, Recording, shortened
from edgectc.formats.layouts import Layout, setting
from edgectc.formats.records import PackedArray, ReferenceCase


@dataclass(frozen=True)
class Case:
    """One input and the answers expected for it.

    Attributes:
        layout: what it was made with: a layout, a day, or "" for nothing.
        trace: (T, C) float32, the network's first input; zeros after ``length``, or fewer rows, if
            only zeros would follow.
        log_probs: (T', V) float32 on valid frames; of a swipe, the keys of the layout and the blank
            alone; empty until the network has answered.
        points: the raw recording, (n, 3) float64 of a swipe, or None for a length case.
        greedy: text of the best path.
        word: best word with the bundle's lexicon and preset; "" for length cases.
    """

    name: str
    layout: str
    trace: Array
    length: int
    log_probs: Array
    points: Array | None = None
    greedy: str = ""
    word: str = ""

    def __repr__(self) -> str:
        texts = f"{shortened(self.greedy)!r}, {shortened(self.word)!r}"
        return f"Case({self.name!r}, {self.layout!r}, {self.length} frames, {texts})"

    def inputs(self, frontend: Frontend, setting: Setting) -> dict[str, Array]:
        """Return the network inputs, batch of one."""
        first = next(iter(frontend.input_contract()))
        length = np.array([self.length], np.int32)
        frames = self.padded(frontend.max_frames)
        return {first: frames[None], "length": length, **frontend.context(setting)}

    def padded(self, frames: int) -> Array:
        """Return the trace with zeros up to so many frames."""
        if len(self.trace) >= frames:
            return self.trace
        whole = np.zeros((frames, self.trace.shape[1]), self.trace.dtype)
        whole[: len(self.trace)] = self.trace
        return whole


def generate(
    frontend: Frontend,
    recordings: Sequence[Recording],
    *,
    layouts: Mapping[str, Layout],
    window: int = 1,
) -> list[Case]:
    """Return unanswered cases: the recordings, and the longest of them at chosen lengths.

    Args:
        frontend: of the model.
        recordings: one or more.
        layouts: those that they name.
        window: of the length map; lengths around it are among the chosen ones.
    """
    T = frontend.max_frames
    empty = np.zeros((0, 0), np.float32)
    cases: list[Case] = []
    for recording in recordings:
        frames = frontend.frames(recording.signal, setting(layouts, recording.setting))
        trace = np.zeros((T, frames.shape[1]), np.float32)
        trace[: len(frames)] = frames
        cases.append(
            Case(recording.name, recording.setting, trace, len(frames), empty, recording.signal)
        )
    longest = max(cases, key=lambda case: case.length)
    chosen = {1, 2, 7, 31, T // 2, T - 1, T, max(1, window - 1), window}
    for length in sorted(n for n in chosen if 1 <= n <= T):
        grid = np.linspace(0, longest.length - 1, T)
        full = np.stack(
            [np.interp(grid, np.arange(T), column) for column in longest.trace.T], axis=1
        )
        trace = np.where(np.arange(T)[:, None] < length, full, 0.0).astype(np.float32)
        cases.append(Case(f"length-{length}", longest.layout, trace, length, empty))
    return cases


def junk(frames: int, channels: int) -> Array:
    """Return (frames, channels) float32 to fill padding with: finite, around 3, no two rows alike.

    It varies over frames and channels, because a layer norm turns all constants into zeros.
    """
    k = np.arange(frames * channels, dtype=np.float64).reshape(frames, channels)
    return (3.0 + np.sin(k)).astype(np.float32)


def to_json(cases: Sequence[Case]) -> dict[str, ReferenceCase]:
    """Return the manifest form of cases."""
    return {
        case.name: ReferenceCase(
            layout=case.layout,
            greedy=case.greedy,
            word=case.word,
            length=case.length,
            trace=PackedArray.of(case.trace),
            log_probs=PackedArray.of(case.log_probs),
            points=None if case.points is None else PackedArray.of(case.points),
        )
        for case in cases
    }


def from_json(values: Mapping[str, ReferenceCase]) -> list[Case]:
    """Return the cases of a manifest, sorted by name.

    Raises:
        BundleError: malformed content.
    """
    try:
        return [
            Case(
                name=name,
                layout=case.layout,
                trace=case.trace.array(),
                length=case.length,
                log_probs=case.log_probs.array(),
                points=None if case.points is None else case.points.array(),
                greedy=case.greedy,
                word=case.word,
            )
            for name, case in sorted(values.items())
        ]
    except ConfigError as error:
        raise BundleError(f"malformed reference cases: {error}") from error


def to_safetensors(cases: Sequence[Case]) -> bytes:
    """Return the bundle form of cases."""
    import json

    from safetensors.numpy import save

    tensors, about = {}, {}
    for case in cases:
        tensors[f"{case.name}/trace"] = case.trace
        tensors[f"{case.name}/length"] = np.array([case.length], np.int32)
        tensors[f"{case.name}/log_probs"] = case.log_probs
        if case.points is not None:
            tensors[f"{case.name}/points"] = case.points
        about[case.name] = {"layout": case.layout, "greedy": case.greedy, "word": case.word}
    # One entry, because safetensors writes several in no fixed order and hashes would differ.
    return bytes(save(tensors, metadata={"cases": json.dumps(about, sort_keys=True)}))


def from_safetensors(data: bytes) -> list[Case]:
    """Return the cases of their bundle form.

    Raises:
        BundleError: not a safetensors file, or not one of reference cases.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        about = strict_json.parse(strict_json.safetensors_notes(data).get("cases", "{}"))
        if not isinstance(about, dict) or not about:
            raise ConfigError("it names no cases")
        return [_case(name, about[name], tensors) for name in sorted(about)]
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"reference.safetensors is malformed: {error}") from error


@dataclass(frozen=True)
class _Stated:
    """What the notes of the file say of a case."""

    layout: str
    greedy: str
    word: str


def _case(name: str, stated: Mapping[str, Any], tensors: Mapping[str, Array]) -> Case:
    said = from_dict(_Stated, stated, where=f"{name}.")
    trace, log_probs = (_tensor(tensors, f"{name}/{part}") for part in ("trace", "log_probs"))
    length = _tensor(tensors, f"{name}/length", "int32", dimensions=1)
    points = tensors.get(f"{name}/points")
    if points is not None:
        points = _tensor(tensors, f"{name}/points", "float64", "float32")
    if length.shape != (1,) or not 1 <= int(length[0]) <= len(trace):
        raise ConfigError(f"{name}/length is {length.tolist()[:3]}, expected 1..{len(trace)}")
    return Case(name, said.layout, trace, int(length[0]), log_probs, points, said.greedy, said.word)


def _tensor(tensors: Mapping[str, Array], name: str, *kinds: str, dimensions: int = 2) -> Array:
    if name not in tensors:
        raise ConfigError(f"it lacks {name!r}")
    tensor, allowed = tensors[name], kinds or ("float32",)
    if tensor.dtype.name not in allowed or tensor.ndim != dimensions:
        raise ConfigError(
            f"{name} is {tensor.dtype.name} of shape {tensor.shape}, expected "
            f"{' or '.join(allowed)} of {dimensions} dimensions"
        )
    return tensor


def answered(case: Case, log_probs: Array, greedy: str, word: str) -> Case:
    """Return ``case`` with the network's answers; length cases keep no word."""
    return replace(
        case,
        log_probs=log_probs.astype(np.float32),
        greedy=greedy,
        word=word if case.points is not None else "",
    )
