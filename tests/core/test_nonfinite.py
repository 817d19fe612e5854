"""NaN, Inf and float16 overflow are named."""

from __future__ import annotations

import numpy as np
import pytest

from edgectc.core import nonfinite
from edgectc.core.errors import NonFiniteError


def test_every_bad_tensor_is_named_with_place_and_count() -> None:
    a, b = np.zeros((2, 3), np.float32), np.ones(4, np.float32)
    a[1, 2], a[1, 1], b[3] = np.nan, np.inf, -np.inf
    found = nonfinite.bad_tensors({"a": a, "fine": np.ones(2), "b": b})
    assert found == {"a": "2 values, first at (1, 1)", "b": "1 values, first at (3,)"}
    with pytest.raises(NonFiniteError, match=r"a \(2 values, first at \(1, 1\)\), b .*; try again"):
        nonfinite.check_tensors({"a": a, "b": b}, "weights", "try again")


def test_many_are_counted() -> None:
    text = nonfinite.describe({f"t{i}": "x" for i in range(8)})
    assert text.endswith("t4 (x), and 3 more")


def test_half_range() -> None:
    nonfinite.check_half({"ok": 65504.0}, "weights")
    with pytest.raises(NonFiniteError, match=r"float16 \(65504\): wide \(up to 65505\)"):
        nonfinite.check_half({"ok": 1.0, "wide": 65505.0}, "weights")


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0])
def test_a_bad_scale_is_named(value: float) -> None:
    with pytest.raises(NonFiniteError, match=r"conv/scale"):
        nonfinite.check_scales([("other", np.zeros(2)), ("conv/scale", np.array([0.1, value]))])
