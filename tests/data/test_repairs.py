"""Another finger, coarse clocks and rests: what is taken out, and what is left as it was."""

from __future__ import annotations

import numpy as np
import pytest

from edgectc.core.types import Array
from edgectc.data.frontends.swipe import Options, create
from edgectc.data.generators.swipes import swipe
from edgectc.data.repairs import own_points, spread_times, without_rests
from edgectc.formats import layouts

QWERTY = layouts.load("qwerty")
SIZE = QWERTY.key_size
WORDS = ("hello", "pop", "wow", "queue", "keyboard", "alas", "it")


def traces() -> list[Array]:
    return [swipe(word, QWERTY, np.random.default_rng(i)) for i, word in enumerate(WORDS)]


def touched(points: Array, start: int, count: int, place: tuple[float, float]) -> Array:
    changed = points.copy()
    changed[start : start + count, :2] = place
    return changed


@pytest.mark.parametrize("jump_keys", [1.2, 1.5, 3.0])
def test_a_finger_alone_keeps_every_point(jump_keys: float) -> None:
    for points in traces():
        for thinned in (points, points[::2]):
            assert np.array_equal(own_points(thinned, SIZE, jump_keys), thinned)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_second_finger_is_left_out(count: int) -> None:
    for points in traces():
        start = len(points) // 2
        far = (points[start, 0] + 0.45) % 0.9, 0.1
        kept = own_points(touched(points, start, count, far), SIZE, 1.5)
        assert np.array_equal(kept, np.delete(points, np.s_[start : start + count], axis=0))
        between = np.insert(points, [start, start + 1], [[*far, points[start, 2]]] * 2, axis=0)
        between[:, 2] = np.sort(between[:, 2])
        assert np.array_equal(own_points(between, SIZE, 1.5)[:, :2], points[:, :2])


def test_seven_points_or_the_last_ones_are_no_other_finger() -> None:
    points = traces()[0]
    start = len(points) // 2
    for changed in (
        touched(points, start, 7, (0.95, 0.1)),
        touched(points, len(points) - 3, 3, (0.1, 0.1)),  # it never comes back
    ):
        assert np.array_equal(own_points(changed, SIZE, 1.5), changed)


def test_a_quick_turn_between_two_slow_reports_is_no_other_finger() -> None:
    way = np.array([0.15, 0.45, 0.75, 0.95, 0.75, 0.45, 0.15])
    points = np.stack([way, np.full(7, 0.2), 33.0 * np.arange(7)], axis=1)
    assert np.array_equal(own_points(points, SIZE, 1.5), points)


def test_equal_times_are_spread_to_the_next() -> None:
    t = np.array([0.0, 0.0, 0.0, 30.0, 30.0, 50.0, 90.0, 90.0])
    assert spread_times(t).tolist() == [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 90.0, 90.0]
    for points in traces():
        assert np.array_equal(spread_times(points[:, 2]), points[:, 2])
        ticks = np.floor(points[:, 2] / 40.0) * 40.0
        spread = spread_times(ticks)
        inside = points[:, 2] < ticks[-1]
        assert np.abs(spread - points[:, 2])[inside].max() < 40.0
        assert (np.diff(spread[inside]) > 0).all()


@pytest.mark.parametrize("rest_ms", [50.0, 100.0, 250.0])
@pytest.mark.parametrize("reported", [True, False])
def test_a_rest_counts_up_to_its_limit(rest_ms: float, reported: bool) -> None:
    way = np.linspace(0.1, 0.9, 81)  # 0.1 keys each 5 ms: 3 points within a quarter of a key
    points = np.stack([way, np.full(81, 0.5), 5.0 * np.arange(81)], axis=1)
    assert np.allclose(without_rests(points, SIZE, rest_ms), points)
    for at in (0, 40, 80):
        held = np.repeat(points[at : at + 1], 60, axis=0)
        held[:, 2] += 50.0 * np.arange(1, 61)
        later = points[at + 1 :] + np.array([0.0, 0.0, 3000.0])
        if not reported:
            held = held[-1:]
        rested = np.concatenate([points[: at + 1], held, later])
        before = rested.copy()
        found = without_rests(rested, SIZE, rest_ms)
        assert np.array_equal(rested, before)
        assert np.array_equal(found[:, :2], rested[:, :2])
        # What is near the rest on one side rests with it: 10 ms more or less.
        assert found[-1, 2] - points[-1, 2] == pytest.approx(rest_ms, abs=10.1)
        assert (np.diff(found[:, 2]) >= 0).all()


@pytest.mark.parametrize("rest_ms", [50.0, 100.0])
def test_where_the_keyboard_lies_moves_no_end_of_a_rest(rest_ms: float) -> None:
    """A step of just a quarter of a key is that, however the last bits fall."""
    rng, ties = np.random.default_rng(2), 0
    for points in traces():
        grid = np.round(points * [40, 12, 1]) / [40, 12, 1]
        steps = np.abs(np.diff(grid[:, :2], axis=0) / SIZE)
        ties += int(np.isclose(steps, 0.25).any(axis=1).sum())
        wanted = without_rests(grid, SIZE, rest_ms)[:, 2]
        for offset in rng.uniform(-500, 500, (20, 2)):
            moved = grid.copy()
            moved[:, :2] = (grid[:, :2] * [1080, 480] + offset - offset) / [1080, 480]
            assert np.allclose(without_rests(moved, SIZE, rest_ms)[:, 2], wanted, atol=1e-9)
    assert ties > 50


def test_a_frontend_without_repairs_is_what_it_was() -> None:
    plain = create(Options())
    mended = create(Options(jump_keys=1.5, spread_times=True, rest_ms=1e9))
    for points in traces():
        assert np.allclose(plain.frames(points, QWERTY), mended.frames(points, QWERTY), atol=1e-9)


def test_a_frontend_with_repairs_sees_the_way_alone() -> None:
    plain = create(Options())
    mended = create(Options(jump_keys=1.5, spread_times=True, rest_ms=100.0))
    for points in traces():
        start = len(points) // 2
        strange = touched(points, start, 3, ((points[start, 0] + 0.45) % 0.9, 0.1))
        strange[-1, 2] += 4000.0
        before = strange.copy()
        seen, wanted = mended.frames(strange, QWERTY), plain.frames(points, QWERTY)
        assert np.array_equal(strange, before)
        gaps = np.hypot(*((seen[:, None, :2] - wanted[None, :, :2]) / SIZE).transpose(2, 0, 1))
        assert gaps.min(axis=1).max() < 0.8
        assert seen[-1, 2] <= points[-1, 2] / 1e3 + 0.1


@pytest.mark.parametrize("wrong", [{"jump_keys": -1.0}, {"rest_ms": float("inf")}])
def test_a_limit_below_zero_or_without_end_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="finite numbers >= 0"):
        Options(**wrong)  # type: ignore[arg-type]
