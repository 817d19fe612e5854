"""A network that remembers, as a graph of one chunk: proven against the network run whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgectc.core import registry
from edgectc.core.contracts import Runner
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.tokens import output_length
from edgectc.core.types import Array, Check
from edgectc.data.columns import Input
from edgectc.exporting.byo import adoption, caches
from edgectc.exporting.byo.adoption import About, Adopted
from edgectc.exporting.byo.answers import copied
from edgectc.exporting.byo.caches import Step
from edgectc.formats.records import PackedArray, State, Streaming
from edgectc.formats.reference import Case
from edgectc.runtime.steps import Steps, StreamRunner, spread

CLOSE = 1e-5  # of 1 + |value|: chunked against whole


def adopt(
    network: nn.Module, sample: Any, about: About, *, inputs: Sequence[Input] = ()
) -> tuple[Adopted, Step, Streaming]:
    """Return a network as `adoption.adopt` does, its step for one chunk, and how to stream it.

    Args:
        network: as for `adoption.adopt`, and remembers what it has seen in arguments that it gives
            back.
        sample: features and lengths.
        about: ``chunk`` is at least 1.
        inputs: of a network of several, what the columns of its features are.

    Raises:
        ConfigError: it does not answer chunk by chunk as it does whole; the message says what.
    """
    network = copied(network).eval().requires_grad_(False)
    known = caches.found(network, about.states, about.step, about.lengths)
    alone = caches.whole(network, known, about.axes)
    adopted = adoption.adopt(alone, sample, about, width=_width(about), inputs=inputs)
    model = adopted.model
    stride, window = model.stride, model.window
    look_ahead = check_chunk(about.chunk, about.look_ahead, stride, window)
    width = about.chunk + look_ahead
    longest = max(adopted.cases, key=lambda case: case.length)
    features = torch.from_numpy(longest.trace[None, :width].copy())
    if features.shape[1] < width + about.chunk:
        features = features[:, :width]
    if longest.length < width + about.chunk:
        raise InputError(
            f"the longest recording of the sample has {longest.length} frames, expected "
            f"{width + about.chunk} or more: two chunks of {about.chunk} and {look_ahead} ahead",
            reason="too_short",
        )
    inner: Any = model.network
    with torch.no_grad():
        known = caches.discovered(inner.network, known, model.calling, features, about.step)
        if not known.initial:
            raise ConfigError(
                f"{type(network).__name__} takes nothing that it could remember; a stream needs "
                "states in and out, see docs/streaming.md",
                options=["chunk"],
            )
        step = Step(inner.network, model.calling, known, about.step, about.chunk // stride).eval()
        step.frontend, step.stride, step.window = model.frontend, stride, window
        step.prepare(features, about.state_outputs)
        streaming, proof = proven(step, adopted.cases, about.chunk, look_ahead)
    checks = (*adopted.checks, *proof)
    return dataclasses.replace(adopted, checks=checks), step, streaming


def check_chunk(chunk: int, look_ahead: int | None, stride: int, window: int) -> int:
    """Return the look-ahead: the one that was asked for, or the least that the window needs.

    Raises:
        ConfigError: the network cannot go by such chunks.
    """
    if chunk % stride:
        near = max(1, round(chunk / stride)) * stride
        raise ConfigError(
            f"chunk is {chunk}, expected a multiple of the stride, {stride}, such as {near}",
            options=["chunk"],
        )
    least = max(0, window - stride)
    if window < 1:
        raise ConfigError(
            f"the window is {window}: the network answers more frames than its input has, as it "
            "pads its end; a stream pads its beginning alone (edgectc.kit.CausalConv)"
        )
    if look_ahead is not None and look_ahead < least:
        raise ConfigError(
            f"look_ahead is {look_ahead}, expected {least} or more: an output frame needs {window} "
            f"frames, and the next one comes {stride} later",
            options=["look_ahead"],
        )
    return least if look_ahead is None else look_ahead


def proven(
    step: Any, cases: Sequence[Case], chunk: int, look_ahead: int
) -> tuple[Streaming, list[Check]]:
    """Return how to stream a step, and the proof, in PyTorch, that chunks answer as the whole.

    Args:
        step: (features, length, ..., *states) to (log_probs, *states), with ``frontend``,
            ``stride``, ``window``, ``states`` and ``outputs``.
        cases: answered by the network run whole.
        chunk: frames.
        look_ahead: frames.

    Raises:
        ConfigError: they do not.
    """
    longest = max(cases, key=lambda case: case.length)
    frames = (longest.length - look_ahead) // chunk * chunk
    states = tuple(
        State(
            name,
            output,
            value.numpy().dtype.name,
            tuple(value.shape),
            PackedArray.of(_none(value)),
            PackedArray.of(value.numpy()) if bool((value != 0).any()) else None,
        )
        for (name, value), output in zip(step.states.items(), step.outputs, strict=True)
    )
    streaming = Streaming(chunk, look_ahead, states, longest.name, frames)
    through = runner(step, streaming)
    worst, at = 0.0, ""
    for case in cases:
        got = through.run(case.inputs(step.frontend, case.layout or None))[0]
        used = np.concatenate([got[:, : case.log_probs.shape[1] - 1], got[:, -1:]], axis=1)
        apart = excess(used, case.log_probs)
        if apart.size and apart.max() > worst:
            worst, frame = float(apart.max()), int(np.argwhere(apart == apart.max())[0][0])
            at = f"{case.name}, output frame {frame} of {len(apart)}"
    if worst > CLOSE:
        raise ConfigError(
            f"in chunks of {chunk} frames with {look_ahead} ahead the network answers otherwise "
            f"than whole: {worst:.2g} of 1 + |log_prob| (limit {CLOSE:g}) at {at}. It sees more "
            "after a frame than that (take a larger chunk or look_ahead, or layers that see none: "
            "edgectc.kit.CausalConv, ChunkedAttention), remembers less than it sees before it, or "
            "its states come back in another order (state_outputs=)",
            options=["chunk", "look_ahead"],
        )
    after = _after(through, step, longest, frames + look_ahead)
    final = tuple(
        dataclasses.replace(state, final=PackedArray.of(spread(after[state.name])))
        for state in states
    )
    told = f"chunks of {chunk} frames, {look_ahead} ahead: max {worst:.2g} of 1 + |log_prob|"
    size = sum(value.numel() * value.element_size() for value in step.states.values())
    what = f"{', '.join(step.states)}: {size:,} bytes"
    return dataclasses.replace(streaming, states=final), [
        Check("chunks", "pass", f"{told} from the network run whole; {len(cases)} recordings"),
        Check("states", "pass", what),
    ]


def runner(step: Any, streaming: Streaming) -> StreamRunner:
    """Return what runs whole recordings through a step, in PyTorch."""
    engine: Runner = registry.create("runners", {"type": "eager"}, source=step)
    columns = len(step.frontend.tokens())
    return StreamRunner(engine, streaming, stride=step.stride, window=step.window, columns=columns)


def excess(got: Array, expected: Array) -> Array:
    """Return |got - expected| / (1 + |expected|), as `CLOSE` limits it."""
    if got.shape != expected.shape:
        return np.full(expected.shape, np.inf)
    apart: Array = np.abs(got.astype(np.float64) - expected) / (1.0 + np.abs(expected))
    return apart


def _after(through: StreamRunner, step: Any, case: Case, frames: int) -> Mapping[str, Array]:
    """Return the states after the first frames of a recording, in PyTorch."""
    first = next(iter(step.frontend.input_contract()))
    context = step.frontend.context(case.layout or None)
    steps = Steps(through, first, context)
    steps.push(case.trace[:frames])
    return steps.states


def _none(value: Tensor) -> Array:
    empty: Array = value.numpy().ravel()[:0]
    return empty


def _width(about: About) -> Any:
    """Return what tells the frames that a recording is padded to: those of its chunks."""

    def width(length: int, longest: int, window: int, stride: int) -> int:
        stride = about.stride or 1
        steps = -(-max(1, output_length(length, stride, window)) // max(1, about.chunk // stride))
        return min(longest, max(length, steps * about.chunk + (about.look_ahead or 0)))

    return width
