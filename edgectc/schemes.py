"""Number formats of an artifact, as typed values.

A scheme is a frozen dataclass: it can be compared, printed and stored in a manifest, and it holds
the parity tolerance that belongs to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgectc.errors import UnknownNameError


@dataclass(frozen=True)
class Float32:
    """Weights and arithmetic in float32, unchanged from training.

    Attributes:
        atol: largest accepted difference of log_probs on valid frames and used tokens, in nats.
    """

    atol: float = 1e-4

    name = "float32"


Scheme = Float32
SCHEMES: dict[str, type[Scheme]] = {Float32.name: Float32}


def scheme(name: str) -> Scheme:
    """Return the scheme called ``name`` with its defaults.

    Raises:
        UnknownNameError: no such scheme.
    """
    if name not in SCHEMES:
        raise UnknownNameError("scheme", name, SCHEMES)
    return SCHEMES[name]()


def describe(value: Scheme) -> dict[str, Any]:
    """Return the manifest form of a scheme."""
    return {"type": value.name, "atol": value.atol}
