"""What stops a NaN at the step where it appears, and gets a run back on its feet."""

from __future__ import annotations

import math
from typing import TypeAlias

import torch
from torch import Tensor, nn

from edgectc.core.errors import NonFiniteError
from edgectc.core.messages import say
from edgectc.training.task import Batch

State: TypeAlias = "Tensor | float | None"

_MOST_BACK_OFFS = 10
_SNAPSHOT = 50  # good steps between copies of the weights
_BAD_SHARE = 0.1  # of an epoch's steps


class StepGuard:
    """Refuses steps that are not finite, restores the last good weights, gives up after a limit.

    Attributes:
        scale: what the learning rate is multiplied with; each back-off halves it.
        in_a_row: bad steps since the last good one.
        bad: bad steps of this epoch.
    """

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, *, limit: int, back_off: int
    ) -> None:
        self.model, self.optimizer = model, optimizer
        self.limit, self.back_off = limit, back_off
        self.scale = 1.0
        self.in_a_row = self.bad = 0
        self._learnt: list[Tensor] = list(model.parameters())
        self._weights: dict[str, Tensor] = {}
        self._moments: dict[int, dict[str, State]] = {}
        self.keep()

    def keep(self) -> None:
        """Copy the weights and the optimizer's state, as what `restore` goes back to."""
        self._weights = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        state = self.optimizer.state_dict()["state"]
        self._moments = {i: {k: _copy(v) for k, v in one.items()} for i, one in state.items()}

    def restore(self) -> None:
        """Put the last good weights and optimizer state back."""
        self.model.load_state_dict(self._weights)
        state = self.optimizer.state_dict()
        kept = {i: {k: _copy(v) for k, v in one.items()} for i, one in self._moments.items()}
        self.optimizer.load_state_dict({**state, "state": kept})

    def finite(self) -> bool:
        """Return whether every weight is finite; one number per tensor, compared together."""
        with torch.no_grad():
            return math.isfinite(float(torch.stack(torch._foreach_norm(self._learnt)).sum()))

    def good_step(self, step: int) -> None:
        """Count a step that was taken; the weights are copied now and then.

        Args:
            step: of the run, counted from 0.
        """
        self.in_a_row = 0
        if (step + 1) % _SNAPSHOT == 0:
            self.keep()

    def bad_step(self, what: str, *, steps: int, broken: bool = False) -> None:
        """Count a step that was refused, and mend what it left behind.

        Args:
            what: was not finite, and in which samples.
            steps: of an epoch.
            broken: whether the weights themselves are not finite; the last good ones come back at
                once, and the rate is halved.

        Raises:
            NonFiniteError: too many, in a row, in this epoch, or halvings.
        """
        self.bad += 1
        self.in_a_row += 1
        if broken or self.in_a_row % self.back_off == 0:
            self.restore()
            self.scale /= 2
            say(f"edgectc: last good weights; rate times {self.scale:g}")
        many = self.bad > max(self.limit, _BAD_SHARE * steps)
        if self.in_a_row >= self.limit or many or self.scale < 0.5**_MOST_BACK_OFFS:
            raise NonFiniteError(
                f"{self.bad} training steps of this epoch were not finite, {self.in_a_row} in a "
                f"row: {what}; mend the samples, lower optimizer.lr (now times {self.scale:g}) or "
                "use precision fp32; the checkpoints in the run's folder hold the last good weights"
            )
        # Statistics of a batch with a NaN have already entered the running ones.
        for name, buffer in self.model.named_buffers():
            if name in self._weights and not torch.isfinite(buffer).all():
                buffer.copy_(self._weights[name])


def first_bad(model: nn.Module, batch: Batch, losses: Tensor, names: list[str]) -> str:
    """Return which tensor is not finite first on the way from input to gradient, and the samples.

    Args:
        model: after its backward pass.
        batch: what it was given.
        losses: (N,) loss of each sample of the batch.
        names: of the samples.
    """
    for key, tensor in batch.inputs.items():
        rows = ~torch.isfinite(tensor).reshape(len(tensor), -1).all(1)
        if rows.any():
            return f"input {key!r} of {_chosen(names, rows)}"
    for name, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            return f"weight {name}, samples {_some(names)}"
    rows = ~torch.isfinite(losses.cpu())
    if rows.any():
        return f"loss of {_chosen(names, rows)}"
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return f"gradient {name}, samples {_some(names)}"
    return f"the loss or the norm of the gradient overflowed, samples {_some(names)}"


def _copy(value: State) -> State:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _chosen(names: list[str], rows: Tensor) -> str:
    return _some([name for name, bad in zip(names, rows.tolist(), strict=True) if bad])


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
