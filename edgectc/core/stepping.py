"""What a plugin may offer beside its contract, so that a recording goes through piece by piece.

`edgectc.core.contracts` states what each kind must offer; a runner, target, decoder or part of a
network that also has what is written here can stream. See docs/streaming.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from edgectc.core.types import Array, Decoded

if TYPE_CHECKING:
    from torch import Tensor, nn

    from edgectc.core.contracts import Converted
    from edgectc.exporting.lowering.quantization_plan import Plan


@runtime_checkable
class StepRunner(Protocol):
    """A runner of graphs that take one chunk and its states."""

    def step(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Return the named outputs, which are all, in their order."""
        ...


@runtime_checkable
class StepTarget(Protocol):
    """A target whose graphs may take one chunk and its states."""

    def convert_step(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        outputs: Sequence[str],
        plan: Plan | None = None,
    ) -> Converted:
        """Return a converted network of one chunk; raises as ``convert`` does.

        Args:
            model: (features, length, ..., *states) to (log_probs, *states), batch of one.
            inputs: of one chunk.
            outputs: names of the states that come out.
            plan: what to quantize; None leaves all in float32.
        """
        ...


@runtime_checkable
class StreamingFeatures(Protocol):
    """Features that also take one chunk and what they remember.

    Attributes:
        look_ahead: frames after a chunk that they need.
    """

    look_ahead: int

    def initial(self) -> tuple[Tensor, ...]:
        """Return the states before the first chunk, batch of one."""
        ...

    def step(
        self, chunk: int, inputs: tuple[Tensor, ...], states: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return x, keep and the tuple as a call does, without the look-ahead; and the states."""
        ...


@runtime_checkable
class StreamingEncoder(Protocol):
    """An encoder that also takes one chunk and what it remembers; see `StreamingFeatures`."""

    look_ahead: int

    def initial(self) -> tuple[Tensor, ...]:
        """Return the states before the first chunk; raises `ConfigError` if it has none."""
        ...

    def step(
        self, x: Tensor, keep: Tensor, states: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return (1, C, T') of a chunk and its look-ahead, and the states after it."""
        ...


class DecoderStream(Protocol):
    """A search that takes its frames piece by piece and answers as one call would."""

    def push(self, log_probs: Array) -> None:
        """Take the next (T, V) natural-log probabilities."""
        ...

    def partial(self) -> str:
        """Return the text so far."""
        ...

    def finish(self, *, nbest: int = 5) -> Decoded:
        """Return at most ``nbest`` texts if the signal ends here."""
        ...


@runtime_checkable
class StreamingDecoder(Protocol):
    """A decoder that also takes a signal piece by piece; ``stream`` takes what ``takes`` names."""

    @property
    def stream(self) -> Callable[..., DecoderStream]:
        """Return what makes a search."""
        ...
