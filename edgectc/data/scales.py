"""Numbers in another unit, order or scale than a network takes, by name, over a whole data set.

One recording says little: a signer may stand at the edge, a day may be loud. So these look at many
recordings together, and at none where there are few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgectc.core.errors import InputError
from edgectc.core.types import Array, Recording

PROBLEMS = ("pixel_coordinates", "axis_order", "point_order", "y_upwards", "not_z_scored")
LEAST = 8  # recordings
MOST = 200  # recordings that are looked at
_PIXELS = 3.0  # median of |x| and |y|, in widths and heights of the picture
_HOLISTIC = 543  # points: 33 of the pose, 21 of each hand, 468 of the face
_NOSE, _SHOULDERS, _HIPS = 0, (11, 12), (23, 24)  # of the pose
_MEAN, _SPREAD = 1.0, (0.2, 5.0)  # of a channel, where 0 and 1 are meant


def of_landmarks(recordings: Sequence[Recording]) -> dict[str, str]:
    """Return name to detail of what is wrong with landmarks, x, y, z of one point after another.

    x and y are fractions of the picture, y down. Zeros and NaN are points that were not seen.
    """
    table = _stacked(recordings)
    if table is None or table.shape[1] % 3:
        return {}
    table = np.where(table == 0, np.nan, table)
    T, C = table.shape
    points, thirds = table.reshape(T, C // 3, 3), table.reshape(T, 3, C // 3)
    sizes = [_middle(np.abs(points[..., axis])) for axis in (0, 1)]
    if max(sizes) > _PIXELS:
        return {
            "pixel_coordinates": f"x and y are about {sizes[0]:.3g} and {sizes[1]:.3g}, expected "
            "about 0..1; divide x by the width of the picture and y by its height"
        }
    inside = sum(np.nanvar(points[..., axis]) for axis in range(3))
    across = sum(np.nanvar(thirds[:, axis]) for axis in range(3))
    if across < 0.5 * inside:
        return {
            "axis_order": "all x seem to come before all y and z; expected x, y, z of one point "
            "after another: reshape to (frames, 3, points) and swap the last two axes"
        }
    return _of_body(points) if C == 3 * _HOLISTIC else {}


def _middle(values: Array) -> float:
    """Return the median of what is not NaN, 0.0 of nothing."""
    return float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0


def _of_body(points: Array) -> dict[str, str]:
    """Return what the nose and the hips tell of 543 points, pose first."""
    nose = np.nanmean(points[:, _NOSE, :2], axis=0)
    hips = np.nanmean(points[:, _HIPS, :2], axis=(0, 1))
    spread = float(np.sqrt(np.nanvar(points[..., 0]) + np.nanvar(points[..., 1])))
    right, down = (hips - nose).tolist()
    if not np.isfinite([right, down]).all():
        return {}
    order = "put the pose (33 points) first, then left hand, right hand (21 each) and face (468)"
    if max(abs(right), abs(down)) < 0.2 * spread:
        return {
            "point_order": f"points 0 and 23 lie on each other, expected nose and hips; {order}"
        }
    if abs(right) > 2 * abs(down):
        left, other = (np.nanmean(points[:, i, :2], axis=0) for i in _SHOULDERS)
        if abs(left - other)[1] < 2 * abs(left - other)[0]:  # no body on its side
            return {"point_order": f"points 0, 11, 12 and 23 are no body; {order}"}
        return {"axis_order": "the hips lie beside the nose; x and y seem to be exchanged"}
    if down < 0:
        return {"y_upwards": "the hips lie above the nose; y runs down: take 1 - y"}
    return {}


def of_activity(recordings: Sequence[Recording]) -> dict[str, str]:
    """Return name to detail of what is wrong with neural activity, z-scored by channel."""
    table = _stacked(recordings)
    if table is None:
        return {}
    mean = float(np.median(np.abs(np.nanmean(table, axis=0))))
    spread = float(np.median(np.nanstd(table, axis=0)))
    if mean <= _MEAN and _SPREAD[0] <= spread <= _SPREAD[1]:
        return {}
    return {
        "not_z_scored": f"the mean of a channel is about {mean:.3g} from 0, its standard deviation "
        f"about {spread:.3g}; expected 0 and 1: take its mean off each channel and divide by its "
        "standard deviation, within each block or day"
    }


def check(problems: Mapping[str, str], where: str) -> None:
    """Refuse a data set in another unit, order or scale.

    Raises:
        InputError: ``reason`` is one of `PROBLEMS`.
    """
    for name, detail in problems.items():
        raise InputError(
            f"{where}: {detail}; if the numbers are meant so, allow them with "
            "data.check_scale=false",
            reason=name,
            options=["data.check_scale"],
        )


def _stacked(recordings: Sequence[Recording]) -> Array | None:
    """Return (frames, C) float64 of some recordings of one width; None where there are few."""
    rows = [row.signal for row in recordings if row.signal.ndim == 2 and len(row.signal)]
    if len(rows) < LEAST or len({row.shape[1] for row in rows}) != 1:
        return None
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), MOST)).astype(int)
    table = np.concatenate([rows[i] for i in chosen]).astype(np.float64)
    return np.where(np.isfinite(table), table, np.nan)
