"""The random numbers of a batch, of which a process may need those of its own rows alone."""

from __future__ import annotations

import torch
from torch import Tensor


class Draws:
    """Numbers for each row of a batch, in the order in which they are asked for.

    All of them are drawn, which costs little, and those of the wanted rows are given: so a row is
    changed in one way, however a batch is shared out.
    """

    def __init__(self, noise: torch.Generator, count: int, rows: Tensor | None = None) -> None:
        """Take the generator, how many rows the batch has, and which are wanted, None for all."""
        self.noise, self.rows = noise, rows
        self._count = count

    def normal(self, *shape: int) -> Tensor:
        """Return (n, *shape) standard normal numbers of the n wanted rows."""
        return self._own(torch.randn(self._count, *shape, generator=self.noise))

    def uniform(self, *shape: int) -> Tensor:
        """Return (n, *shape) numbers in [0, 1) of the n wanted rows."""
        return self._own(torch.rand(self._count, *shape, generator=self.noise))

    def seed(self) -> int:
        """Return one whole number for all rows of the batch."""
        return int(torch.randint(2**62, (1,), generator=self.noise))

    def _own(self, drawn: Tensor) -> Tensor:
        return drawn if self.rows is None else drawn[self.rows]
