"""What Python reads out of a recording while a network runs: an export keeps what it read once."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from edgectc.core.errors import ConfigError
from edgectc.exporting.byo import hearing
from edgectc.exporting.byo.adapter import Calling, raw
from edgectc.exporting.byo.tracing_modes import Arguments, Named, Operator, Result, Types, place

# How a tensor becomes a number, a decision, or an array of NumPy.
_READERS: tuple[Operator, ...] = (
    *(Tensor.__bool__, Tensor.__int__, Tensor.__float__, Tensor.__index__, Tensor.item),
    *(Tensor.tolist, Tensor.numpy, Tensor.__array__),
)


class Reads(TorchFunctionMode):
    """Notes whatever Python reads out of tensors while it is active.

    Attributes:
        found: line and value, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, bytes]] = []

    def __torch_function__(
        self, func: Operator, types: Types, args: Arguments = (), kwargs: Named | None = None
    ) -> Result:
        """Run the function and note what it gave."""
        answer = func(*args, **(kwargs or {}))
        if func in _READERS:
            self.found.append((place(), np.asarray(answer).tobytes()))
        return answer


def check(network: nn.Module, calling: Calling, full: Tensor) -> None:
    """Check that nothing in Python depends on the values of a recording.

    An exporter that traces keeps the number, or the branch, of one recording in silence.

    Args:
        network: in evaluation mode.
        calling: how it is called.
        full: (1, T, C) float32, a recording of the greatest length.

    Raises:
        ConfigError: something does; names its line.
    """
    length, reads = torch.tensor([full.shape[1]]), list[list[tuple[str, bytes]]]()
    for row in (full, hearing.changed(full), 0.01 * full, 20.0 * full):
        noted = Reads()
        try:
            with noted, torch.no_grad():
                raw(network, calling, row.clone(), length)
        except Exception:  # it may refuse such values
            continue
        reads.append(noted.found)
    for other in reads[1:]:
        for one, two in itertools.zip_longest(reads[0], other):
            if one != two:
                where = (one or two)[0]
                raise ConfigError(
                    f"a number or decision at {where} is taken from the values of a recording, and "
                    "an export keeps that of one recording for all: compute with tensors there, "
                    "such as torch.where(condition, this, that), and not with Python or NumPy"
                )
