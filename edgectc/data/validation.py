"""Whether a swipe can be used: the one place that says so.

Every refusal is an `InputError` whose ``reason`` is a key of `REASONS`. Nothing is repaired and no
unit is guessed. The limits were set on 42,837 recorded swipes (How We Swipe, accepted and rejected
ones), none of which they refuse: x lies in -0.02..1.00, y in -0.59..1.50, durations end at 15 s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from edgectc.core.errors import InputError
from edgectc.core.tokens import frames_needed
from edgectc.core.types import Array, is_masked
from edgectc.language.spelling import letters, spell

REASONS: dict[str, str] = {
    "bad_shape": "The points are not numbers in (n, 3) columns x, y, t_ms, or lack a key.",
    "empty": "The trace holds no point.",
    "one_point": "The trace is a tap: one point has no path.",
    "not_finite": "A coordinate or a time is NaN, infinite or too large for a float.",
    "pixel_coordinates": "The coordinates are pixels, not fractions of the letter area.",
    "off_keyboard": "A point lies farther from the keyboard than a finger goes.",
    "time_backwards": "A point is earlier than the one before it.",
    "time_constant": "All points have the same time.",
    "time_too_short": "The trace lasts under 10 ms: the times are not milliseconds.",
    "time_too_long": "The trace lasts over a minute: the times are not milliseconds.",
    "empty_word": "The label has no letter.",
    "unknown_letters": "The label has letters that the layout cannot spell.",
    "label_too_long": "The label needs more frames than the trace gives.",
}

X_LIMITS = (-0.5, 1.5)
Y_LIMITS = (-1.0, 2.5)
PIXELS_FROM = 5.0  # beyond this a coordinate is no fraction of a keyboard
MIN_DURATION_MS = 10.0  # an eighth of the shortest recorded swipe; 10 s if in seconds
MAX_DURATION_MS = 60_000.0  # four times the longest recorded swipe; 60 ms if in microseconds


def check_points(points: object) -> Array:
    """Return a trace as a new C-contiguous (n, 3) float64 array x, y, t_ms, n >= 2.

    The caller's object is never changed, and no later change to it reaches the result.

    Args:
        points: (n, 3) array-like x, y, t_ms, or a list of mappings with keys x, y, t (others are
            ignored). x, y in the letter-area frame: 0..1 over the keyboard width and over the
            letter rows, 0 = top. t in milliseconds from any origin, never falling.

    Raises:
        InputError: the trace cannot be used; ``reason`` is a key of `REASONS`.
    """
    array = _to_array(points)
    if len(array) < 2:
        raise InputError(
            "the trace has one point, expected 2 or more; handle it as a tap", reason="one_point"
        )
    _check_finite(array)
    _check_place(array[:, 0], array[:, 1])
    _check_time(array[:, 2])
    return array


def check_label(word: str, alphabet: Collection[str], frames: int | None = None) -> str:
    """Return the letters of ``word`` as the keys of ``alphabet`` spell it.

    Args:
        word: the label as written; case and marks that no key types are set aside.
        alphabet: the letters that have a token.
        frames: output frames T' that the label must fit in; None skips that check.

    Raises:
        InputError: reason ``empty_word``, ``unknown_letters`` or ``label_too_long``.
    """
    if not letters(word):
        raise InputError(
            f"the label {word[:40]!r} has no letter, expected a word; drop or relabel the swipe",
            reason="empty_word",
        )
    spelled = spell(word, alphabet)
    if spelled is None:
        unknown = "".join(sorted(set(letters(word)) - set(alphabet)))
        raise InputError(
            f"the label {word[:40]!r} has the letters {unknown!r}, expected some of "
            f"{''.join(sorted(alphabet))!r}; name the layout the swipe was made on",
            reason="unknown_letters",
        )
    needed = frames_needed([ord(letter) for letter in spelled])
    if frames is not None and needed > frames:
        raise InputError(
            f"the label {word[:40]!r} fills {needed} frames (one a letter, one more between equal "
            f"letters), expected at most {frames}; drop the swipe or give the model more frames",
            reason="label_too_long",
        )
    return spelled


def _to_array(points: object) -> Array:
    """Return the values of ``points`` as a new (n, 3) float64 array, n >= 1."""
    if is_masked(points):
        raise _bad_shape("a masked array, whose hidden values would be used")
    array = _from_rows(points) if isinstance(points, (list, tuple)) else _from_array(points)
    if array.shape in ((0,), (0, 3)):
        raise InputError(
            "the trace is empty, expected 2 points or more; drop the sample", reason="empty"
        )
    if array.ndim != 2 or array.shape[1] != 3:
        raise _bad_shape(f"the shape {array.shape}")
    return array


def _from_array(points: object) -> Array:
    try:
        found = np.asarray(points)
    except Exception as error:  # an object's own ``__array__`` may raise anything
        raise _bad_shape(f"{type(points).__name__}, {_one_line(error)}") from error
    # Booleans, complex numbers, text and None would become numbers without a word.
    if found.dtype.kind not in "fiu":
        raise _bad_shape(f"{type(points).__name__} of type {found.dtype}")
    return np.array(found, dtype=np.float64, order="C")


def _from_rows(points: Sequence[Any]) -> Array:
    rows = points
    if points and isinstance(points[0], Mapping):
        try:
            rows = [(point["x"], point["y"], point["t"]) for point in points]
        except KeyError as error:
            raise _bad_shape(f"a point without the key {error}") from error
        except (TypeError, IndexError) as error:
            raise _bad_shape("mappings mixed with other points") from error
    # Types are compared as sets: a Python loop over every value would take longer than reading it.
    strange = _strangers(rows, list, tuple, np.ndarray)
    if strange:
        raise _bad_shape(f"points of type {strange}")
    if any(isinstance(row, np.ndarray) and row.ndim != 1 for row in rows):
        raise _bad_shape("points that are arrays of more or less than one dimension")
    widths = set(map(len, rows))
    if widths - {3}:
        raise _bad_shape(f"points of {' and '.join(map(str, sorted(widths)[:3]))} values")
    values = list(chain.from_iterable(rows))
    strange = _strangers(values, int, float, np.integer, np.floating)
    if strange:
        raise _bad_shape(f"values of type {strange}")
    try:
        return np.array(values, dtype=np.float64).reshape(-1, 3)
    except OverflowError as error:
        raise InputError(
            "the trace holds an integer too large for a float, expected finite numbers; "
            "drop the sample",
            reason="not_finite",
        ) from error


def _strangers(values: Sequence[Any], *known: type) -> str:
    """Return the names of the types in ``values`` that are not of ``known``."""
    # Both of these are subclasses of a number, and neither is one.
    barred = (bool, np.timedelta64)
    kinds = set(map(type, values))
    return ", ".join(sorted(k.__name__ for k in kinds if k in barred or not issubclass(k, known)))


def _check_finite(array: Array) -> None:
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        first = int(np.argmin(finite))
        raise InputError(
            f"point {first} is {_show(array[first])}, expected finite x, y, t_ms; drop the sample",
            reason="not_finite",
        )


def _check_place(x: Array, y: Array) -> None:
    far = (np.abs(x) > PIXELS_FROM) | (np.abs(y) > PIXELS_FROM)
    if np.mean(far) > 0.5:
        raise InputError(
            f"the coordinates look like pixels: x {_span(x)}, y {_span(y)}, expected about 0..1; "
            "divide x by the keyboard width and y by the height of the letter rows",
            reason="pixel_coordinates",
        )
    off = (x < X_LIMITS[0]) | (x > X_LIMITS[1]) | (y < Y_LIMITS[0]) | (y > Y_LIMITS[1])
    if off.any():
        first = int(np.argmax(off))
        raise InputError(
            f"point {first} is off the keyboard at x {x[first]:.4g}, y {y[first]:.4g}, expected "
            f"x in {X_LIMITS} and y in {Y_LIMITS}; check the keyboard rectangle or drop the sample",
            reason="off_keyboard",
        )


def _check_time(t: Array) -> None:
    backwards = t[1:] < t[:-1]
    if backwards.any():
        at = int(np.argmax(backwards)) + 1
        raise InputError(
            f"time runs backwards at point {at}: {t[at]:.12g} ms after {t[at - 1]:.12g} ms, "
            "expected times that never fall; keep the points in the order of the touch events",
            reason="time_backwards",
        )
    duration = float(t[-1]) - float(t[0])
    if duration == 0.0:
        raise InputError(
            f"all {len(t)} points have the time {t[0]:.12g} ms, expected the time of each touch "
            "event; log its time stamp",
            reason="time_constant",
        )
    if duration < MIN_DURATION_MS:
        raise InputError(
            f"the trace lasts {duration:.6g} ms, expected at least {MIN_DURATION_MS:.0f}: no "
            "finger is that fast; convert the times to milliseconds, or handle it as a tap",
            reason="time_too_short",
        )
    if duration > MAX_DURATION_MS:
        raise InputError(
            f"the trace lasts {duration:.6g} ms, expected at most {MAX_DURATION_MS:.0f}; convert "
            "the times to milliseconds, or cut a finger's rest",
            reason="time_too_long",
        )


def _bad_shape(got: str) -> InputError:
    return InputError(
        f"the points cannot be read: got {got}, expected (n, 3) numbers x, y, t_ms or a list of "
        "{'x', 'y', 't'}; convert them first",
        reason="bad_shape",
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _show(point: Array) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in point) + ")"


def _span(values: Array) -> str:
    return f"{values.min():.6g}..{values.max():.6g}"
