"""Number formats of an artifact, as typed values.

A scheme is a frozen dataclass: it can be compared, printed and stored in a manifest, and it holds
the tolerances that belong to it, so `edgectc verify` needs nothing but the artifact.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edgectc.core.errors import UnknownNameError


@dataclass(frozen=True)
class Scheme:
    """What an artifact may differ by from the trained network on its reference cases.

    Attributes:
        atol: largest difference of log_probs on valid frames, in nats.
        likely: only tokens that the trained network gives this probability or more are compared;
            0 compares all. What is hardly possible may change by nats and alters no answer.
        texts: least share of the reference texts, best paths and words, that must be equal.
    """

    atol: float
    likely: float = 0.0
    texts: float = 1.0

    name = ""


@dataclass(frozen=True)
class Float32(Scheme):
    """Weights and arithmetic in float32, unchanged from training."""

    atol: float = 1e-4

    name = "float32"


@dataclass(frozen=True)
class Float16(Scheme):
    """Weights in float16, arithmetic in float32 where the runtime lets us choose."""

    atol: float = 0.1
    likely: float = 1e-3
    texts: float = 0.9

    name = "float16"


@dataclass(frozen=True)
class _Int8(Scheme):
    atol: float = 3.0
    likely: float = 1e-2
    texts: float = 0.8


@dataclass(frozen=True)
class Int8Static(_Int8):
    """Weights in int8, one scale a channel; activations in int8 with calibrated ranges."""

    name = "int8-static"


@dataclass(frozen=True)
class Int8Dynamic(_Int8):
    """Weights in int8; activations in int8 with the range of each call."""

    name = "int8-dynamic"


@dataclass(frozen=True)
class Int8Weight(_Int8):
    """Weights in int8, one scale a channel; arithmetic in float32."""

    atol: float = 1.0

    name = "int8-weight"


@dataclass(frozen=True)
class Int4Weight(_Int8):
    """Weights in int4, one scale for a block of values; arithmetic in float."""

    name = "int4-weight"


SCHEMES: dict[str, type[Scheme]] = {
    kind.name: kind for kind in (Float32, Float16, Int8Static, Int8Dynamic, Int8Weight, Int4Weight)
}

# What each of our targets holds. Why the rest is missing is told in docs/quantization.md.
SUPPORTED: Mapping[str, tuple[str, ...]] = {
    "onnx": ("float32", "float16", "int8-static", "int8-dynamic", "int8-weight"),
    "pte": ("float32", "int8-static", "int8-dynamic"),
    "coreml": ("float32", "float16", "int8-weight", "int4-weight"),
    "coreai": ("float32",),
    "litert": ("float32", "int8-dynamic", "int8-weight"),
    "native": ("float32", "int8-dynamic"),
}


# Without these a target can make nothing here.
_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxruntime"),
    "pte": ("executorch",),
    "coreml": ("coremltools",),
    "coreai": ("coreai",),
    "litert": ("ai_edge_litert",),
    "native": (),
}


def support() -> dict[str, dict[str, str]]:
    """Return scheme -> target -> "yes", "no", or what is missing here, e.g. "needs executorch"."""

    def cell(name: str, target: str) -> str:
        if name not in SUPPORTED[target]:
            return "no"
        missing = [p for p in _PACKAGES[target] if importlib.util.find_spec(p) is None]
        return f"needs {missing[0]}" if missing else "yes"

    return {name: {target: cell(name, target) for target in SUPPORTED} for name in SCHEMES}


def scheme(name: str) -> Scheme:
    """Return the scheme called ``name`` with its defaults.

    Raises:
        UnknownNameError: no such scheme.
    """
    if name not in SCHEMES:
        raise UnknownNameError("scheme", name, SCHEMES)
    return SCHEMES[name]()  # type: ignore[call-arg]


def describe(value: Scheme) -> dict[str, Any]:
    """Return the manifest form of a scheme."""
    return {"type": value.name, **asdict(value)}
