"""A recording piece by piece: pieces of any size to chunks of one, states kept between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgectc.core.contracts import Runner, Signature
from edgectc.core.errors import ConfigError, NonFiniteError
from edgectc.core.stepping import StepRunner
from edgectc.core.tokens import output_length
from edgectc.core.types import Array
from edgectc.formats.records import State, Streaming


class StreamRunner(Runner):
    """Runs a graph of one chunk; a whole recording goes through it chunk by chunk.

    Attributes:
        streaming: chunk, look-ahead and states of the graph.
        length_map: stride and window of the whole network.
        columns: of log_probs.
    """

    def __init__(
        self, graph: Runner, streaming: Streaming, *, stride: int, window: int, columns: int
    ) -> None:
        if not isinstance(graph, StepRunner):
            raise ConfigError(f"runner {graph.name!r} takes no chunks; run onnx or pte artifacts")
        self.name, self._graph, self._step = graph.name, graph, graph.step
        self.columns = columns
        self.streaming, self.length_map = streaming, (stride, window)

    @property
    def threads(self) -> int:
        """Return how many threads a step uses."""
        return self._graph.threads

    @property
    def weights(self) -> Mapping[str, Array]:
        """Return the stored tensors of floats by name."""
        return self._graph.weights

    def contract(self) -> Signature | None:
        """Return the inputs of one step."""
        return self._graph.contract()

    def outputs(self) -> Signature | None:
        """Return the outputs of one step."""
        return self._graph.outputs()

    def step(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Return the named outputs of one chunk."""
        return self._step(inputs, outputs)

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (1, T', V) float32 of a whole recording's valid frames.

        Args:
            inputs: of the frontend, batch of one; what stands in the padding goes into the last
                chunk as it is.
        """
        names = [*inputs]
        context = {name: inputs[name] for name in names if name not in (names[0], "length")}
        frames, length = inputs[names[0]][0], int(inputs["length"][0])
        steps = Steps(self, names[0], context)
        found = steps.push(frames[:length])
        return np.concatenate([found, steps.finish(frames[length:])])[None]


class Steps:
    """One stream through the network: frames in, log_probs out, states in between.

    Attributes:
        states: by the name of the input, as the next chunk will get them.
        taken: frames so far.
    """

    def __init__(self, runner: StreamRunner, first: str, context: Mapping[str, Array]) -> None:
        self._runner, self._first, self._context = runner, first, context
        self._outputs = ["log_probs", *(state.output for state in runner.streaming.states)]
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first."""
        self.states = {state.name: initial(state) for state in self._runner.streaming.states}
        self._held: Array | None = None
        self.taken = self._given = 0

    def push(self, frames: Array) -> Array:
        """Return log_probs (n, V) float32 of the frames that are whole now; n may be 0.

        Args:
            frames: (m, C) float32.
        """
        streaming = self._runner.streaming
        self.taken += len(frames)
        held = frames if self._held is None else np.concatenate([self._held, frames])
        width, answers = streaming.chunk + streaming.look_ahead, []
        while len(held) >= width:
            answers.append(self._step(held[:width], width))
            held = held[streaming.chunk :]
        self._held = held
        return self._joined(answers)

    def finish(self, padding: Array | None = None) -> Array:
        """Return log_probs (n, V) float32 of the frames that are left; the stream ends here.

        Args:
            padding: (m, C) frames to fill the last chunk with before zeros; None for zeros alone.
        """
        streaming, answers = self._runner.streaming, []
        missing = output_length(self.taken, *self._runner.length_map) - self._given
        while missing > 0 and self._held is not None:
            width = streaming.chunk + streaming.look_ahead
            rows = np.zeros((width, self._held.shape[1]), np.float32)
            valid = min(width, len(self._held))
            rows[:valid] = self._held[:valid]
            if padding is not None:
                rest = padding[: width - valid]
                rows[valid : valid + len(rest)] = rest
            answers.append(self._step(rows, valid)[:missing])
            missing -= len(answers[-1])
            padding = None if padding is None else padding[streaming.chunk :]
            self._held = self._held[streaming.chunk :]
        self._held = None
        return self._joined(answers)

    def _step(self, rows: Array, valid: int) -> Array:
        inputs = {
            self._first: np.ascontiguousarray(rows[None]),
            "length": np.array([valid], np.int32),
            **self._context,
            **self.states,
        }
        log_probs, *after = self._runner.step(inputs, self._outputs)
        if not np.isfinite(log_probs).all():
            raise NonFiniteError(
                f"{self._runner.name} answered NaN or Inf in the chunk that ends at frame "
                f"{self.taken}; run edgectc verify on the artifact"
            )
        self.states = dict(zip(self.states, after, strict=True))
        self._given += log_probs.shape[1]
        rows_out: Array = log_probs[0]
        return rows_out

    def _joined(self, answers: Sequence[Array]) -> Array:
        none = np.zeros((0, self._runner.columns), np.float32)
        return np.concatenate([none, *answers])


def initial(state: State) -> Array:
    """Return a state before the first chunk."""
    if state.initial is not None:
        return state.initial.array()
    return np.zeros(state.shape, state.dtype)


def spread(state: Array, most: int = 1024) -> Array:
    """Return (n,) values of a state at places spread evenly, all of them where they are few."""
    flat = np.ascontiguousarray(state).ravel()
    places = np.linspace(0, flat.size - 1, min(most, flat.size)).round().astype(np.int64)
    chosen: Array = flat[places]
    return chosen
