"""A foreign ONNX file as its own authors run it, with ONNX Runtime: the oracle of every proof."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgectc.core.errors import ConfigError, MissingDependencyError
from edgectc.core.tokens import output_length
from edgectc.core.toolchain_errors import explained
from edgectc.core.types import Array
from edgectc.exporting.onnx_files import further
from edgectc.exporting.onnx_files.further import DTYPES, Memory
from edgectc.exporting.onnx_files.graph import HIDDEN, LAYOUTS, TINY, Interface, permutation

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, NodeArg

_TOLD = ("float32", "float16", "int64", "int32", "bool")
_LENGTH, _MASK = re.compile(r"len|frames|sizes", re.I), re.compile(r"mask", re.I)
_HEIGHTS = (48, 32, 64, 40, 96, 128, 24)
_WIDTHS = (80, 40, 64, 128, 120, 39, 83, 26, 13)  # channels of usual features, where not stated
TRIED = {"NT": 16000, "NTC": 200, "NCT": 200, "NCHW": 320, "NHWC": 320}


@dataclass(frozen=True)
class Beside:
    """What is said of inputs beside features and length, and of streams; see `adopter.adopt`."""

    constants: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    chunk: int | None = None
    look_ahead: int | None = None


NOTHING = Beside()


_Fit = tuple[str, int, int, int | None]  # layout, channels, height, frames


class Foreign:
    """A session of a foreign file, and what it takes."""

    def __init__(self, data: bytes, source: str) -> None:
        """Open the file.

        Raises:
            MissingDependencyError: ONNX Runtime is not installed.
            ConfigError: ONNX Runtime cannot load it, or it has no input of numbers.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingDependencyError(
                "adopting .onnx", package="onnxruntime", extra="onnx"
            ) from error
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.log_severity_level = 4  # what it refuses is an answer to us, and no news
        try:
            self.session: InferenceSession = onnxruntime.InferenceSession(
                data, settings, ["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime raises its own unrelated classes
            raise ConfigError(f"ONNX Runtime cannot load {source}: {explained(error)}") from error
        self.source, self.raised = source, ""
        self.metadata: dict[str, str] = dict(self.session.get_modelmeta().custom_metadata_map)

    def answers(
        self,
        about: Interface,
        features: Array,
        length: int,
        states: Mapping[str, Array] | None = None,
    ) -> dict[str, Array] | None:
        """Return every output for one recording, or one chunk, by name; None if it is refused.

        Args:
            about: what the file takes.
            features: (T, width) float32.
            length: valid frames.
            states: by the names of their inputs; None before the first chunk.
        """
        given: dict[str, Array] = {about.name: native(about, features[None, :, : about.own])}
        if about.second:
            given[about.second] = told(about, len(features), length)
        at = about.own
        for one in about.further:
            given[one.name] = one.native(features[:, at : at + one.width])
            at += one.width
        given |= {m.name: m.zeros() for m in about.memories} if states is None else states
        names = [output.name for output in self.session.get_outputs()]
        try:
            found = self.session.run(names, given)
        except Exception as error:  # ONNX Runtime raises its own unrelated classes
            self.raised = explained(error)
            return None
        return dict(zip(names, found, strict=True))

    def log_probs(self, about: Interface, features: Array, length: int) -> Array | None:
        """Return (T', V) float64 log_probs of one recording, by a textbook log_softmax in float64.

        Args:
            about: what the file takes and answers.
            features: (T, width) float32.
            length: valid frames.
        """
        if about.chunk:
            found = self.streamed(about, features, length)
            return None if found is None else found[0]
        answered = self.answers(about, features, length)
        return None if answered is None else _log_probs(about, answered[about.output])

    def streamed(
        self, about: Interface, features: Array, length: int, steps: int | None = None
    ) -> tuple[Array, dict[str, Array]] | None:
        """Return (T', V) float64 log_probs of a recording, step by step, and the states after it.

        Args:
            about: what the file takes and answers.
            features: (T, width) float32.
            length: valid frames.
            steps: how many; None for as many as answer all valid frames.
        """
        count = output_length(length, about.stride, about.look_ahead + about.stride)
        width, parts = about.frames or 0, [np.zeros((0, about.columns))]
        states = {m.name: m.zeros() for m in about.memories}
        for k in range(-(-count // about.answered) if steps is None else steps):
            start, rows = k * about.chunk, np.zeros((width, about.width), np.float32)
            given = features[start : min(start + width, length)]
            rows[: len(given)] = given
            found = self.answers(about, rows, len(given), states)
            if found is None:
                return None
            parts.append(_log_probs(about, found[about.output])[: about.answered])
            states = {m.name: found[m.output] for m in about.memories}
        return np.concatenate(parts)[: None if steps else count], states

    def inputs(self, layout: str | None, height: int | None, beside: Beside = NOTHING) -> Interface:
        """Return what the file takes; the answer is still open.

        Args:
            layout: of its first input, one of `LAYOUTS`; None to find it out.
            height: of images; None to find it out.
            beside: what is said of everything else.

        Raises:
            ConfigError: it takes something that nothing here explains, or other than said.
        """
        first, *others = self.session.get_inputs()
        if first.type not in ("tensor(float)", "tensor(float16)") or len(first.shape) > 4:
            raise ConfigError(
                f"the first input of {self.source}, {first.name!r}, is {first.type} of shape "
                f"{first.shape}, expected float features, a waveform or an image"
            )
        fits = list(_fitting(first))
        if layout is not None and layout not in {one for one, *_ in fits}:
            raise ConfigError(
                f"input {first.name!r} has shape {first.shape} and cannot be {layout}; it is "
                f"{' or '.join(dict.fromkeys(one for one, *_ in fits)) or 'none of the layouts'} "
                f"(of {', '.join(LAYOUTS)}): are the axes swapped?",
                options=["layout"],
            )
        chosen = [one for one in fits if layout is None or one[0] == layout]
        memories = further.memories(others, self.session.get_outputs(), beside.states)
        remembered = {memory.name for memory in memories}
        others = [one for one in others if one.name not in remembered]
        if memories and len(chosen) > 1:
            chosen = self._stepping(first, chosen, self._chunk(memories, beside), beside)
        tried = list[str]()
        for one, channels, high, stated in chosen:
            frames = self._step(stated, memories, beside)
            second = self._second(others, frames, beside)
            second |= {"memories": memories, "chunk": self._chunk(memories, beside)}
            for rows in [high] if high else [height] if height else _HEIGHTS:
                about = Interface(first.name, one, DTYPES[first.type], channels, rows, frames)
                about = replace(about, **second)
                T = frames or TRIED[one]
                found = self.answers(about, np.zeros((T, about.width), np.float32), T)
                if found is not None:
                    self._check_states(about, found)
                    return about
                tried.append(f"{one} of {about.width} values a frame")
        raise ConfigError(
            f"{self.source} takes none of what its input {first.name!r} {first.shape} may be "
            f"({', '.join(tried[:4])}): {self.raised}; say layout (--layout) and height (--height)",
            options=["layout", "height"],
        )

    def _stepping(self, first: NodeArg, fits: list[_Fit], chunk: int, beside: Beside) -> list[_Fit]:
        """Return the fits of an input of one step whose frames are those of a step."""
        told = self.metadata.get("T", "")
        widths = {chunk + (beside.look_ahead or 0), int(told) if told.isdigit() else 0}
        same = [fit for fit in fits if fit[3] in {*widths, None}]
        if len(same) != 1 and None not in [fit[3] for fit in same]:
            raise ConfigError(
                f"input {first.name!r} {first.shape} of {self.source} may be "
                f"{' or '.join(fit[0] for fit in fits)}, and nothing tells frames from channels; "
                "say layout (--layout), or look_ahead (--look-ahead) beside chunk",
                options=["layout", "look_ahead"],
            )
        return same

    def _second(
        self, others: Sequence[NodeArg], frames: int | None, beside: Beside
    ) -> dict[str, Any]:
        """Return the fields of an `Interface` for the input that tells the length, and the rest."""
        fields: dict[str, Any] = {}
        rest = []
        for one in others:
            kind, mask = DTYPES.get(one.type, one.type), bool(_MASK.search(one.name))
            tells = kind in _TOLD and (mask or _LENGTH.search(one.name)) and len(one.shape) < 3
            if tells and not fields and one.name not in {*beside.constants, *beside.counts}:
                meaning = "mask" if mask else "share" if kind.startswith("float") else "lengths"
                fields = {"second": one.name, "second_meaning": meaning, "second_dtype": kind}
            else:
                rest.append(one)
        found = [
            further.found(self.source, one, frames, beside.constants, beside.counts) for one in rest
        ]
        for option, names in (("constants", beside.constants), ("counts", beside.counts)):
            unknown = [name for name in names if name not in {one.name for one in found}]
            if unknown:
                raise ConfigError(
                    f"{self.source} takes no {unknown[0]!r} beside its features, length and "
                    f"states; it takes {[one.name for one in self.session.get_inputs()]}",
                    options=[option],
                )
        return {**fields, "further": tuple(found)}

    def _chunk(self, memories: Sequence[Memory], beside: Beside) -> int:
        """Return the frames by which a step moves on; 0 of a file that remembers nothing."""
        told = self.metadata.get("decode_chunk_len", "")
        chunk = beside.chunk or (int(told) if told.isdigit() else 0)
        if not memories:
            if beside.chunk:
                raise ConfigError(
                    f"no output of {self.source} follows an input of the same name and shape: it "
                    "remembers nothing, and sees a recording whole; leave chunk out",
                    options=["chunk"],
                )
            return 0
        if not chunk:
            names = ", ".join(memory.name for memory in memories[:4])
            raise ConfigError(
                f"{self.source} remembers ({names}): it goes chunk by chunk, and does not say by "
                "how many frames; say --chunk FRAMES, and --look-ahead FRAMES if a step sees more",
                options=["chunk"],
            )
        return chunk

    def _step(self, stated: int | None, memories: Sequence[Memory], beside: Beside) -> int | None:
        """Return the frames that one call takes, None where any number will do."""
        if not memories:
            return stated
        chunk = self._chunk(memories, beside)
        width = stated or chunk + (beside.look_ahead or 0)
        if width < chunk or beside.look_ahead not in (None, width - chunk):
            raise ConfigError(
                f"a step of {self.source} takes {width} frames: a chunk of {chunk} leaves "
                f"{width - chunk} to look ahead, and {beside.look_ahead or 0} were said",
                options=["chunk", "look_ahead"],
            )
        return width

    def _check_states(self, about: Interface, found: Mapping[str, Array]) -> None:
        for memory in about.memories:
            after = found[memory.output]
            if after.shape != memory.shape or after.dtype != memory.dtype:
                raise ConfigError(
                    f"the state {memory.name!r} is {list(memory.shape)} of {memory.dtype}, and "
                    f"comes back as {list(after.shape)} of {after.dtype}: a state has to keep its "
                    "shape, and this file gives more to remember in each chunk"
                )


def _log_probs(about: Interface, answer: Array) -> Array:
    """Return (T', V) float64 log_probs of an answer as the file gives it."""
    scores = answer.transpose(about.axes)[0].astype(np.float64)
    if about.kind == "log_probs":
        return scores
    if about.kind == "probabilities":
        return np.log(np.maximum(scores, TINY))
    top = scores.max(-1, keepdims=True)
    made: Array = scores - top - np.log(np.exp(scores - top).sum(-1, keepdims=True))
    return made


def _fitting(first: NodeArg) -> Iterator[_Fit]:
    """Yield (layout, channels, height, frames) that a shape allows, the likeliest first.

    A height of 0, or frames of None, are not stated.
    """
    shape = [n if isinstance(n, int) and n > 0 else None for n in first.shape]
    if len(shape) == 2:
        yield "NT", 1, 1, shape[1]
    elif len(shape) == 3:
        options = [("NTC", shape[2], shape[1]), ("NCT", shape[1], shape[2])]
        # The axis of channels has a number; where both do, it is the smaller one.
        stated = [one for one in options if one[1]]
        for name, channels, frames in sorted(stated, key=lambda one: one[1] or 0):
            if len(stated) == 1 or frames:
                yield name, channels or 0, 1, frames
        if not stated:
            for channels in _WIDTHS:
                yield from (("NTC", channels, 1, None), ("NCT", channels, 1, None))
    elif len(shape) == 4:
        if shape[3] in (1, 3, 4) and shape[1] not in (1, 3, 4):
            yield "NHWC", shape[3], shape[1] or 0, shape[2]
        for channels in [shape[1]] if shape[1] else [3, 1]:
            yield "NCHW", channels, shape[2] or 0, shape[3]


def native(about: Interface, features: Array) -> Array:
    """Return features (1, T, width) as the file takes them."""
    kind = np.float16 if about.dtype == "float16" else np.float32
    if about.layout == "NT":
        return features[:, :, 0].astype(kind)
    order, image = permutation(about.layout)
    if image:
        features = features.reshape(1, -1, about.channels, about.height)
    return np.ascontiguousarray(features.transpose(order)).astype(kind)


def told(about: Interface, frames: int, length: int) -> Array:
    """Return what tells the file the valid frames."""
    keep = (np.arange(frames) < length)[None]
    if about.second_meaning == "added mask":
        return np.where(keep, 0.0, HIDDEN).astype(about.second_dtype)
    if about.second_meaning.endswith("mask"):
        return (keep if about.second_meaning == "mask" else ~keep).astype(about.second_dtype)
    value = length / frames if about.second_meaning == "share" else length
    return np.array([value], about.second_dtype)
