"""What a network decides by the values of a recording: in Python, or between nearly equal ones."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from edgectc.core.errors import ConfigError
from edgectc.core.types import Check
from edgectc.exporting.byo import hearing
from edgectc.exporting.byo.adapter import Adapter, Calling, raw
from edgectc.exporting.byo.answers import copied
from edgectc.exporting.byo.tracing_modes import Arguments, Named, Operator, Result, Types, place

_LOUDER = 5.0  # than the sample
_MOST_BYTES = 1 << 28  # of weights that are copied to be rounded less

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


def rounding(network: nn.Module, calling: Calling, full: Tensor) -> list[Check]:
    """Return what to say of a network whose answer hangs on rounding, nothing of any other.

    Where it sorts, picks a maximum or compares, nearly equal values may change places, and a file
    that computes as exactly answers as if they had.

    Args:
        network: in evaluation mode.
        calling: how it is called, sizes and axes included.
        full: (1, T, C) float32, a recording of the greatest length.
    """
    if sum(p.numel() * p.element_size() for p in network.parameters()) > _MOST_BYTES:
        return []
    exact = Adapter(copied(network).double(), calling)
    model, length = Adapter(network, calling), torch.tensor([full.shape[1]])
    worst = {}
    for what, row in (("the sample", full), ("one five times as loud", _LOUDER * full)):
        try:
            with torch.no_grad():
                apart = (model(row, length).double() - exact(row.double(), length)).abs()
        except Exception:  # it computes in float32 by its own word
            return []
        worst[what] = float(apart.max())
    what = max(worst, key=lambda name: worst[name])
    if not worst[what] > hearing.ALIKE:
        return []
    text = (
        f"the network's own answer to a recording like {what} differs by {worst[what]:.2g} nats "
        "between float32 and float64: it chooses between nearly equal values (a sort, a maximum, "
        "a comparison), and the file may choose otherwise there"
    )
    return [Check("rounding", "not_run", text)]
