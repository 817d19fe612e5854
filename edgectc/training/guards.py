"""What stops a NaN at the step where it appears."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgectc.errors import NonFiniteError


class StepGuard:
    """Skips optimizer steps whose loss or gradient is not finite, and gives up after a limit."""

    def __init__(self, model: nn.Module, *, clip: float, limit: int) -> None:
        self.model, self.clip, self.limit = model, clip, limit
        self.skipped = self.in_a_row = 0

    def allows(self, loss: Tensor, rows: Sequence[int]) -> bool:
        """Return whether the step may be taken; clips the gradient if so.

        Args:
            loss: scalar whose gradient has been computed.
            rows: sample ids of the batch, for the message.

        Raises:
            NonFiniteError: ``limit`` bad steps in a row; names batch and first bad tensor.
        """
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), self.clip))
        if math.isfinite(float(loss.detach())) and math.isfinite(norm):
            self.in_a_row = 0
            return True
        self.skipped += 1
        self.in_a_row += 1
        if self.in_a_row >= self.limit:
            raise NonFiniteError(
                f"{self.in_a_row} training steps in a row were not finite (loss "
                f"{float(loss.detach())}, gradient norm {norm}, first bad tensor "
                f"{self._first_bad()}, samples {list(rows[:8])}...); lower optimizer.lr"
            )
        return False

    def _first_bad(self) -> str:
        for name, parameter in self.model.named_parameters():
            for kind, tensor in (("weight", parameter), ("gradient", parameter.grad)):
                if tensor is not None and not torch.isfinite(tensor).all():
                    return f"{kind} {name}"
        return "none"
