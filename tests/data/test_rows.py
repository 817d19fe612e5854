"""Rows that are gone through again are the same, held or read anew, and little is kept of many."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from edgectc.data.rows import Again, Chosen, some


class Reader:
    """Counts how often it is read."""

    def __init__(self, count: int) -> None:
        self.count, self.readings = count, 0

    def __call__(self) -> Iterator[int]:
        self.readings += 1
        yield from range(100, 100 + self.count)


@pytest.mark.parametrize(
    ("most", "readings"), [(math.inf, 1), (10 * 1400, 1), (10 * 1400 - 1, 3), (0, 3), (None, 1)]
)
def test_few_rows_are_read_once_and_many_each_time(most: float | None, readings: int) -> None:
    reader = Reader(10)
    rows = Again(reader, lambda row: 1000, most=most)
    assert [[*rows] for _ in range(3)] == [[*range(100, 110)]] * 3
    assert reader.readings == readings


def test_a_reading_that_was_left_is_not_taken_for_all() -> None:
    rows = Again(Reader(10), lambda row: 1)
    assert next(iter(rows)) == 100
    assert len([*rows]) == len([*rows]) == 10


@pytest.mark.parametrize("most", [math.inf, 0])
def test_chosen_rows_are_those_of_a_list(most: float) -> None:
    all_rows = [*range(100, 150)]
    places = [1, 4, 5, 20, 33, 49]
    chosen = Chosen(Again(Reader(50), lambda row: 1, most=most), places, str)
    expected = [str(all_rows[place]) for place in places]
    assert len(chosen) == 6
    assert [*chosen] == [*chosen] == expected
    assert [*chosen.only([0, 2, 5])] == [expected[i] for i in (0, 2, 5)]
    assert [*chosen.only([]).changed(str.upper)] == []
    assert [*chosen.changed(lambda row: row + "!")] == [row + "!" for row in expected]
    assert chosen.take([5, 0, 0, 3]) == [expected[i] for i in (5, 0, 0, 3)]
    assert [*chosen.limited(None)] == expected
    assert len({*chosen.limited(4)}) == 4
    assert [*chosen.limited(99)] == expected


def test_some_of_the_rows_are_ascending_and_always_the_same() -> None:
    chosen = some(1000, 30)
    assert (np.diff(chosen) > 0).all()
    assert len(chosen) == 30
    assert chosen.max() < 1000
    assert np.array_equal(chosen, some(1000, 30))
    assert np.array_equal(some(7, None), np.arange(7))
