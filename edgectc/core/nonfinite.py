"""NaN, Inf and float16 overflow, named: which tensor, where, how many.

The converters' own guards differ: what one refuses, another writes into the file without a word
(docs/notes/quantization.md has the table). So every number is looked at here first, in this order:
weights, samples, activations, what quantization made of them, answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from edgectc.core.errors import NonFiniteError
from edgectc.core.types import Array

POLICIES = ("error", "drop-samples")
LARGEST_HALF = 65504.0  # of float16
_SHOWN = 5


def bad_tensors(tensors: Mapping[str, Array]) -> dict[str, str]:
    """Return name -> "3 values, first at (0, 1)" of every tensor that holds NaN or Inf."""
    return {name: problem for name, values in tensors.items() if (problem := _first_bad(values))}


def _first_bad(values: Array) -> str:
    wrong = ~np.isfinite(values)
    if not wrong.any():
        return ""
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{int(wrong.sum())} values, first at {first}"


def check_tensors(tensors: Mapping[str, Array], what: str, advice: str) -> None:
    """Raise `NonFiniteError` naming every tensor that holds NaN or Inf."""
    if bad := bad_tensors(tensors):
        raise NonFiniteError(f"{what} are not finite: {describe(bad)}; {advice}")


def check_half(largest: Mapping[str, float], what: str) -> None:
    """Raise `NonFiniteError` naming every tensor whose largest magnitude float16 cannot hold."""
    beyond = {k: f"up to {v:.6g}" for k, v in largest.items() if v > LARGEST_HALF}
    if beyond:
        raise NonFiniteError(
            f"{what} leave the range of float16 (65504): {describe(beyond)}; scale the layer down, "
            "or choose another scheme"
        )


def check_scales(constants: Iterable[tuple[str, Array]]) -> None:
    """Check the float constants of a quantized graph.

    Args:
        constants: name and values; a name that ends in "scale" holds the scales of a tensor.

    Raises:
        NonFiniteError: a constant is not finite, or a scale is not above zero.
    """
    bad: dict[str, str] = {}
    for name, values in constants:
        if problem := _first_bad(values):
            bad[name] = problem
        elif name.endswith("scale") and not (values > 0).all():
            bad[name] = f"scale {float(values.min()):g}"
    if bad:
        raise NonFiniteError(
            f"the quantized graph is not sound: {describe(bad)}; look at the calibration samples"
        )


def describe(problems: Mapping[str, str] | Sequence[tuple[str, str]]) -> str:
    """Return "a (why), b (why), and 3 more"; several problems may have one name, or none."""
    pairs = [*problems.items()] if isinstance(problems, Mapping) else problems
    shown = [f"{name} ({why})" if name else why for name, why in pairs[:_SHOWN]]
    rest = f", and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
    return ", ".join(shown) + rest
