"""Every reason to refuse a swipe, and that nothing else ever comes out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgectc.core.errors import InputError
from edgectc.data import validation
from edgectc.data.validation import REASONS, check_label, check_points

GOOD = [[0.1, 0.2, 0.0], [0.2, 0.3, 16.0], [0.3, 0.3, 33.0]]
LATIN = "abcdefghijklmnopqrstuvwxyz"
NAN, INF = float("nan"), float("inf")


def changed(index: int, column: int, value: Any) -> list[list[Any]]:
    rows: list[list[Any]] = [list(row) for row in GOOD]
    rows[index][column] = value
    return rows


def as_dicts(rows: list[list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip("xyt", row, strict=True)) for row in rows]


class Broken:
    """An array-like that fails in its own way."""

    def __array__(self, *args: object, **kwargs: object) -> np.ndarray:
        raise ZeroDivisionError("no\nluck")


@pytest.mark.parametrize(
    "points",
    [
        GOOD,
        tuple(map(tuple, GOOD)),
        as_dicts(GOOD),
        [{**point, "pressure": None} for point in as_dicts(GOOD)],
        np.array(GOOD),
        np.asfortranarray(GOOD),
        list(np.array(GOOD)),
        [[np.float64(v) for v in row] for row in GOOD],
    ],
    ids=["lists", "tuples", "dicts", "extra keys", "array", "fortran", "rows", "scalars"],
)
def test_every_form_of_points_gives_the_same_array(points: object) -> None:
    array = check_points(points)
    assert array.dtype == np.float64
    assert array.flags.c_contiguous
    np.testing.assert_array_equal(array, np.array(GOOD))


@pytest.mark.parametrize("dtype", ["float16", "float32", "int64", "uint8", ">f8"])
def test_number_types_become_float64(dtype: str) -> None:
    points = np.array([[0, 0, 0], [1, 1, 20]], dtype)
    assert check_points(points).dtype == np.dtype("=f8")


def test_the_caller_keeps_the_array() -> None:
    points = np.array(GOOD)
    array = check_points(points)
    array[:] = 7.0
    np.testing.assert_array_equal(points, GOOD)
    assert not np.shares_memory(points, array)


def test_a_still_finger_and_equal_neighbours_are_allowed() -> None:
    assert len(check_points([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 120.0]])) == 3


def test_time_may_start_anywhere() -> None:
    points = np.add(GOOD, [0.0, 0.0, 1.7e12])
    np.testing.assert_array_equal(check_points(points), points)


REFUSED: list[tuple[str, object]] = [
    ("bad_shape", None),
    ("bad_shape", "swipe"),
    ("bad_shape", 3.0),
    ("bad_shape", {"x": 1, "y": 2, "t": 3}),
    ("bad_shape", iter(GOOD)),
    ("bad_shape", Broken()),
    ("bad_shape", [0.1, 0.2, 0.0]),
    ("bad_shape", [[0.1, 0.2], [0.3, 0.4]]),
    ("bad_shape", [[*row, 1.0] for row in GOOD]),
    ("bad_shape", [*GOOD, [0.1, 0.2]]),
    ("bad_shape", [GOOD, GOOD, GOOD]),
    ("bad_shape", [np.array(GOOD)] * 3),
    ("bad_shape", [[]]),
    ("bad_shape", ["abc", "def"]),
    ("bad_shape", [b"123", b"456"]),
    ("bad_shape", [{"x": 0.1, "y": 0.2}, {"x": 0.1, "y": 0.2}]),
    ("bad_shape", [*as_dicts(GOOD), GOOD[0]]),
    ("bad_shape", [*GOOD, as_dicts(GOOD)[0]]),
    ("bad_shape", changed(1, 0, "0.2")),
    ("bad_shape", changed(1, 0, None)),
    ("bad_shape", changed(1, 0, True)),
    ("bad_shape", changed(1, 0, 1j)),
    ("bad_shape", changed(1, 2, np.bool_(True))),
    ("bad_shape", changed(1, 2, np.timedelta64(16, "ms"))),
    ("bad_shape", np.array(GOOD)[:, :2]),
    ("bad_shape", np.array(GOOD, dtype=object)),
    ("bad_shape", np.array(GOOD, dtype=str)),
    ("bad_shape", np.array(GOOD) > 0),
    ("bad_shape", np.array(0.5)),
    ("empty", []),
    ("empty", np.zeros((0, 3))),
    ("empty", np.zeros(0)),
    ("one_point", GOOD[:1]),
    ("not_finite", changed(1, 0, NAN)),
    ("not_finite", changed(1, 2, INF)),
    ("not_finite", changed(1, 2, 10**400)),
    ("pixel_coordinates", [[108, 40, 0], [210, 60, 16], [320, 61, 33]]),
    ("pixel_coordinates", [[0.1, 40, 0], [0.2, 60, 16], [0.3, 61, 33]]),
    ("off_keyboard", changed(1, 0, 1.6)),
    ("off_keyboard", changed(1, 0, -0.6)),
    ("off_keyboard", changed(1, 1, 2.6)),
    ("off_keyboard", changed(1, 1, -1.1)),
    ("off_keyboard", changed(1, 0, 1e300)),
    ("time_backwards", changed(2, 2, 15.0)),
    ("time_backwards", changed(0, 2, 1e308)),
    ("time_constant", [[0.1, 0.1, 5.0], [0.2, 0.2, 5.0]]),
    ("time_too_short", [[0.1, 0.1, 5.0], [0.2, 0.2, 14.999]]),
    ("time_too_short", [[0.1, 0.1, 0.0], [0.5, 0.2, 0.6], [0.9, 0.2, 1.1]]),  # seconds
    ("time_too_long", [[0.1, 0.1, 0], [0.2, 0.2, 400_000_000]]),
    ("time_too_long", [[0.1, 0.1, -1.7e308], [0.2, 0.2, 1.7e308]]),
]


@pytest.mark.parametrize(("reason", "points"), REFUSED)
def test_points_are_refused_for_their_reason(reason: str, points: object) -> None:
    with pytest.raises(InputError) as caught:
        check_points(points)
    assert caught.value.reason == reason
    message = str(caught.value)
    assert "expected" in message
    assert ";" in message, "the message must say what to do"
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (changed(1, 1, NAN), "point 1 "),
        (changed(2, 2, 15.0), "point 2: 15 ms after 16 ms"),
        (changed(2, 0, 1.75), "point 2 .* x 1.75"),
        ([[108, 40, 0], [210, 60, 16]], "x 108..210.*divide x by the keyboard width"),
        ([{"x": 0.1, "y": 0.2}], "without the key 't'"),
        (changed(1, 0, True), "type bool"),
    ],
)
def test_messages_name_the_place_and_the_value(points: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_points(points)


def test_limits_are_inside() -> None:
    (x0, x1), (y0, y1) = validation.X_LIMITS, validation.Y_LIMITS
    assert len(check_points([[x0, y0, 0], [x1, y1, validation.MAX_DURATION_MS]])) == 2


numbers = st.one_of(
    st.floats(),
    st.floats(-0.5, 1.5),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
    st.binary(max_size=3),
)
rows = st.one_of(
    st.lists(numbers, min_size=3, max_size=3),
    st.tuples(st.floats(-0.5, 1.5), st.floats(0, 1), st.floats(0, 100)),
    st.fixed_dictionaries({"x": numbers, "y": numbers, "t": numbers}),
    st.dictionaries(st.one_of(st.sampled_from("xyt"), st.integers()), numbers, max_size=4),
    st.lists(numbers, max_size=4),
    numbers,
)
junk = st.recursive(
    st.one_of(numbers, st.lists(rows, max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner)),
    max_leaves=10,
)


def outcome(points: object) -> np.ndarray | str:
    """The checked trace, or the reason of its refusal; any other exception fails the test."""
    try:
        return check_points(points)
    except InputError as error:
        return error.reason


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(st.one_of(junk, st.lists(rows, max_size=6)))
def test_any_junk_is_a_trace_or_a_known_refusal(points: object) -> None:
    array = outcome(points)
    if isinstance(array, str):
        assert array in REASONS
        return
    assert array.shape == (len(array), 3)
    assert len(array) >= 2
    assert np.isfinite(array).all()
    assert (np.diff(array[:, 2]) >= 0).all()
    duration = array[-1, 2] - array[0, 2]
    assert validation.MIN_DURATION_MS <= duration <= validation.MAX_DURATION_MS


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 50)), min_size=2))
def test_good_traces_pass_unchanged(points: list[tuple[float, float, float]]) -> None:
    times = np.cumsum([point[2] for point in points])
    if times[-1] - times[0] < validation.MIN_DURATION_MS:
        times[-1] += 16.0
    trace = np.column_stack([[p[:2] for p in points], times])
    np.testing.assert_array_equal(check_points(trace), trace)


def test_a_label_is_spelled_in_letters() -> None:
    assert check_label("Don't", LATIN) == "dont"


@pytest.mark.parametrize(
    ("reason", "word", "frames"),
    [
        ("empty_word", "", None),
        ("empty_word", " -7'", None),
        ("unknown_letters", "мир", None),
        ("label_too_long", "abc", 2),
        ("label_too_long", "aab", 3),  # the blank between two equal letters takes a frame
    ],
)
def test_labels_are_refused_for_their_reason(reason: str, word: str, frames: int | None) -> None:
    with pytest.raises(InputError) as caught:
        check_label(word, LATIN, frames)
    assert caught.value.reason == reason
    assert "expected" in str(caught.value)
    assert ";" in str(caught.value)


@pytest.mark.parametrize(("word", "frames"), [("abc", 3), ("aab", 4), ("aba", 3)])
def test_a_label_that_just_fits_is_kept(word: str, frames: int) -> None:
    assert check_label(word, LATIN, frames) == word


def test_the_table_of_reasons_is_complete() -> None:
    source = Path(validation.__file__).read_text(encoding="utf-8")
    raised = set(re.findall(r'reason="(\w+)"', source))
    assert raised == set(REASONS)
    tested = {reason for reason, _ in REFUSED}
    assert tested | {"empty_word", "unknown_letters", "label_too_long"} == raised
    assert all(text.endswith(".") for text in REASONS.values())
