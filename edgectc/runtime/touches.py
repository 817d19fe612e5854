"""Points of swipes and taps as a keyboard of the C library takes them: x, y, t as doubles."""

from __future__ import annotations

from array import array
from itertools import chain
from typing import TYPE_CHECKING

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import is_masked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike
else:
    from edgectc.core.lazy_numpy import np

_NO_NUMBERS = (TypeError, ValueError, OverflowError)


def points_of(points: ArrayLike) -> array[float]:
    """Return the numbers of points, three each.

    Raises:
        InputError: they are no numbers, or not three each.
    """
    try:
        if isinstance(points, list) and all(type(one) is tuple and len(one) == 3 for one in points):
            numbers = [*chain.from_iterable(points)]
            if {*map(type, numbers)} <= {int, float}:  # as most hosts give them: without NumPy
                return array("d", numbers)
        if is_masked(points) or np.iscomplexobj(points):
            raise TypeError("masked or complex")
        rows = np.array(points, np.float64)
    except _NO_NUMBERS as error:
        raise InputError(f"the points are no numbers: {error}", reason="bad_shape") from None
    if rows.size and (rows.ndim != 2 or rows.shape[1] != 3):
        raise InputError(
            f"the points have the shape {rows.shape}, expected (n, 3): x, y, t_ms",
            reason="bad_shape",
        )
    return array("d", rows.tobytes())


def taps_of(taps: ArrayLike) -> array[float]:
    """Return the numbers of taps, three each: x, y and a time that does not count.

    Raises:
        ConfigError: they are no numbers, or not two or three each.
    """
    try:
        if is_masked(taps) or np.iscomplexobj(taps):
            raise TypeError("masked or complex")
        places = np.array(taps, np.float64)
    except _NO_NUMBERS as error:
        raise ConfigError(f"the taps are no numbers: {error}", options=["taps"]) from None
    if places.size and (places.ndim != 2 or places.shape[1] not in (2, 3)):
        raise ConfigError(f"taps have the shape {places.shape}, expected (n, 2): x and y")
    rows = np.zeros((len(places) if places.size else 0, 3))
    if places.size:
        rows[:, :2] = places[:, :2]
    return array("d", rows.tobytes())
