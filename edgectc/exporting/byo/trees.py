"""States of any structure: a tensor, or tuples and lists of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgectc.core.errors import ConfigError


def named(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield name and tensor of everything in a state, "h_0" and "h_1" of a pair."""
    if isinstance(value, (tuple, list)):
        for i, part in enumerate(value):
            yield from named(f"{name}_{i}", part)
    elif isinstance(value, Tensor):
        yield name, value.detach()
    elif value is not None:
        raise ConfigError(
            f"the state {name} is {type(value).__name__}, expected a shape, a tensor, or tuples of "
            "them",
            options=["states"],
        )


def refilled(value: Any, rest: Iterator[Tensor]) -> Any:
    """Return a state with other tensors in the places of its own."""
    if isinstance(value, (tuple, list)):
        return type(value)(refilled(part, rest) for part in value)
    return next(rest) if isinstance(value, Tensor) else value


def made(value: Any) -> Any:
    """Return the tensors of a declared state."""
    if isinstance(value, (tuple, list)) and value and all(type(n) is int for n in value):
        return torch.zeros(*value)
    if isinstance(value, (tuple, list)):
        return tuple(made(part) for part in value)
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def zeros(value: Any) -> Any:
    """Return a state like another, of zeros."""
    if isinstance(value, (tuple, list)):
        return type(value)(zeros(part) for part in value)
    return torch.zeros_like(value) if isinstance(value, Tensor) else value
