"""What a part of a network owes the target "native": to take itself down, step by step.

`edgectc.exporting.lowering.native_writer` writes; a part that has no ``lower`` has no kernels yet.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor, nn


class NativeWriter(Protocol):
    """Takes down a network for the target "native", one step after the other.

    A value is the number of what a step gives: a row of channels a frame.
    """

    def swipe(self, code: nn.Linear, inner: nn.Linear, outer: nn.Linear, *, reach: float) -> int:
        """Return the features of a swipe: kinematics, and proximity (`networks.features.swipe`)."""
        ...

    def convolution(
        self, x: int, layer: nn.Conv1d, *, relu: bool = False, onto: int | None = None
    ) -> int:
        """Return relu(onto + layer(x)) over the valid frames; what lies outside them is 0."""
        ...

    def key_scores(self, x: int, blank: Tensor, *, bound: float) -> None:
        """End with log_softmax of bound * tanh(x . code / bound) of every key and of the blank."""
        ...


@runtime_checkable
class Lowerable(Protocol):
    """A part of a network that the target "native" has kernels for."""

    def lower(self, writer: NativeWriter, *x: int) -> int | None:
        """Take itself down, folded: features without ``x``; the others with it, the head ends."""
        ...
