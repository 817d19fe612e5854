"""What the targets that use torch.export share."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from torch import nn


def shapes_of(model: nn.Module, shapes: Sequence[Any]) -> Any:
    """Return ``dynamic_shapes`` for torch.export: one entry an input, given by position."""
    takes = inspect.signature(model.forward).parameters.values()
    whole = any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in takes)
    return (tuple(shapes),) if whole else tuple(shapes)
