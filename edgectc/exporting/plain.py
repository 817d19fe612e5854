"""Targets of which nothing can be chosen, and what a search over plans would make again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import nn

from edgectc.core.contracts import Target

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """None: what such a target makes follows from the network alone."""


class PlainTarget(Target):
    """A target without options."""

    def __init__(self, options: Options) -> None:
        self.options = options


class Last(Generic[T]):
    """What was made last of a network, as a search over plans asks for one many times."""

    def __init__(self) -> None:
        self._kept: tuple[nn.Module, tuple[str, ...], T] | None = None

    def of(self, model: nn.Module, about: tuple[str, ...], make: Callable[[], T]) -> T:
        """Return what is kept of this very network and the same ``about``, or make it."""
        kept = self._kept
        if kept is None or kept[0] is not model or kept[1] != about:
            kept = self._kept = model, about, make()
        return kept[2]
