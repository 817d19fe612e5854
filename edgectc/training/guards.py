"""What stops a NaN at the step where it appears, and gets a run going again."""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from edgectc.errors import NonFiniteError

_MOST_BACK_OFFS = 10


class StepGuard:
    """Skips optimizer steps whose loss or gradient is not finite, and gives up after a limit.

    The first weights of an epoch that gave a finite gradient are kept. They come back if the
    state turns NaN or Inf, and after ``back_off`` bad steps in a row. Unless nothing but statistics
    of the data were hit, the learning rate is halved then.

    Attributes:
        scale: what the learning rate is to be multiplied by.
        skipped: bad steps so far.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        clip: float,
        limit: int,
        back_off: int = 5,
    ) -> None:
        self.model, self.optimizer = model, optimizer
        self.clip, self.limit, self.back_off = clip, limit, back_off
        self.skipped = self.in_a_row = self.back_offs = 0
        self.scale = 1.0
        self._good: tuple[Any, Any] = self._state()
        self._keep_next = False

    def begin(self) -> None:
        """Keep the weights of the next good step."""
        self._keep_next = True

    def allows(self, loss: Tensor, names: Callable[[], Sequence[str]]) -> bool:
        """Return whether the step may be taken; clips the gradient if so.

        Args:
            loss: scalar whose gradient has been computed.
            names: gives what names the samples at fault, for the message.

        Raises:
            NonFiniteError: ``limit`` bad steps in a row, or the rate was halved too often; names
                samples and the first bad tensor.
        """
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), self.clip))
        if math.isfinite(float(loss.detach())) and math.isfinite(norm) and not self._broken():
            self.in_a_row = 0
            if self._keep_next:
                self._good, self._keep_next = self._state(), False
            return True
        self.skipped += 1
        self.in_a_row += 1
        found = list(names())
        shown = ", ".join(found[:8]) + (", ..." if len(found) > 8 else "")
        what = (
            f"loss {float(loss.detach())}, gradient norm {norm}, first bad tensor "
            f"{self._first_bad()}, samples {shown}"
        )
        if self.in_a_row >= self.limit:
            raise NonFiniteError(
                f"{self.in_a_row} training steps in a row were not finite ({what}); "
                "look at the samples or lower optimizer.lr"
            )
        print(f"skipped a training step that was not finite: {what}", file=sys.stderr)
        self._recover(what)
        return False

    def settle(self) -> None:
        """Bring the last good weights back if the last step broke them."""
        if self._broken():
            self._recover("after the last step of the epoch")

    def _recover(self, what: str) -> None:
        learnt = any(not p.isfinite().all() for p in self.model.parameters())
        if learnt or (self.in_a_row and self.in_a_row % self.back_off == 0):
            self.back_offs += 1
            if self.back_offs > _MOST_BACK_OFFS:
                raise NonFiniteError(
                    f"the learning rate was halved {_MOST_BACK_OFFS} times and training is still "
                    f"not finite ({what}); lower optimizer.lr"
                )
            self.scale /= 2
            print(f"learning rate scaled by {self.scale}; last good weights", file=sys.stderr)
        elif not self._broken():
            return
        model, optimizer = self._good
        self.model.load_state_dict(model)
        self.optimizer.load_state_dict(copy.deepcopy(optimizer))

    def _state(self) -> tuple[Any, Any]:
        return copy.deepcopy((self.model.state_dict(), self.optimizer.state_dict()))

    def _broken(self) -> bool:
        return any(not tensor.isfinite().all() for tensor in self.model.state_dict().values())

    def _first_bad(self) -> str:
        for name, parameter in self.model.named_parameters():
            for kind, tensor in (("weight", parameter), ("gradient", parameter.grad)):
                if tensor is not None and not tensor.isfinite().all():
                    return f"{kind} {name}"
        for name, buffer in self.model.named_buffers():
            if not buffer.isfinite().all():
                return f"statistic {name}"
        return "none"
