"""A foreign ONNX file as its own authors run it, with ONNX Runtime: the oracle of every proof."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgectc.core.errors import ConfigError, MissingDependencyError
from edgectc.core.toolchain_errors import explained
from edgectc.core.types import Array
from edgectc.exporting.onnx_files.graph import LAYOUTS, TINY, Interface, permutation

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, NodeArg

_DTYPES = {
    "tensor(float)": "float32", "tensor(float16)": "float16", "tensor(int64)": "int64",
    "tensor(int32)": "int32", "tensor(bool)": "bool",
}  # fmt: skip
_LENGTH, _MASK = re.compile(r"len|frames|sizes", re.I), re.compile(r"mask", re.I)
_HEIGHTS = (48, 32, 64, 40, 96, 128, 24)
_WIDTHS = (80, 40, 64, 128, 120, 39, 83, 26, 13)  # channels of usual features, where not stated
_TRIED = {"NT": 16000, "NTC": 200, "NCT": 200, "NCHW": 320, "NHWC": 320}


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

    def answers(self, about: Interface, features: Array, length: int) -> dict[str, Array] | None:
        """Return every output for one recording by name; None if the file takes it not.

        Args:
            about: what the file takes.
            features: (T, width) float32.
            length: valid frames.
        """
        given: dict[str, Array] = {about.name: native(about, features[None])}
        if about.second:
            given[about.second] = told(about, len(features), length)
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
        found = self.answers(about, features, length)
        if found is None:
            return None
        scores = found[about.output].transpose(about.axes)[0].astype(np.float64)
        if about.kind == "log_probs":
            return scores
        if about.kind == "probabilities":
            return np.log(np.maximum(scores, TINY))
        top = scores.max(-1, keepdims=True)
        made: Array = scores - top - np.log(np.exp(scores - top).sum(-1, keepdims=True))
        return made

    def inputs(self, layout: str | None, height: int | None) -> Interface:
        """Return what the file takes; the answer is still open.

        Args:
            layout: of its first input, one of `LAYOUTS`; None to find it out.
            height: of images; None to find it out.

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
        second = self._second(others)
        tried = list[str]()
        for one, channels, high, frames in chosen:
            for rows in [high] if high else [height] if height else _HEIGHTS:
                about = Interface(first.name, one, _DTYPES[first.type], channels, rows, frames)
                about = replace(about, **second)
                T = frames or _TRIED[one]
                if self.answers(about, np.zeros((T, about.width), np.float32), T) is not None:
                    return about
                tried.append(f"{one} of {about.width} values a frame")
        raise ConfigError(
            f"{self.source} takes none of what its input {first.name!r} {first.shape} may be "
            f"({', '.join(tried[:4])}): {self.raised}; say layout (--layout) and height (--height)",
            options=["layout", "height"],
        )

    def _second(self, others: list[NodeArg]) -> dict[str, Any]:
        """Return the fields of an `Interface` for the input that tells the length."""
        if not others:
            return {}
        one = others[0]
        kind, mask = _DTYPES.get(one.type, one.type), bool(_MASK.search(one.name))
        known = kind in _DTYPES.values() and (mask or _LENGTH.search(one.name))
        if len(others) > 1 or not known:
            unknown = others[-1] if known else one
            raise ConfigError(
                f"{self.source} takes {unknown.name!r} ({unknown.type} {unknown.shape}) beside its "
                "features; only a length or a mask can be given, no states, caches or identities"
            )
        meaning = "mask" if mask else "share" if kind.startswith("float") else "lengths"
        return {"second": one.name, "second_meaning": meaning, "second_dtype": kind}


def _fitting(first: NodeArg) -> Iterator[tuple[str, int, int, int | None]]:
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
    if about.second_meaning == "mask":
        return (np.arange(frames) < length)[None].astype(about.second_dtype)
    value = length / frames if about.second_meaning == "share" else length
    return np.array([value], about.second_dtype)
