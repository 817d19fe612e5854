"""Other clocks, rests, second fingers and split keyboards, against what they must leave alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from edgectc.core.types import Array, Swipe
from edgectc.data import swipe_files
from edgectc.data.generators.swipes import swipe
from edgectc.data.preparation import Preparation
from edgectc.exporting.untrained import build
from edgectc.formats import layouts
from edgectc.training.swipes import nuisances
from edgectc.training.swipes.arrays import SwipeArrays, to_arrays
from edgectc.training.swipes.augment import Augment
from edgectc.training.swipes.draws import Draws
from edgectc.training.swipes.keyboard_augment import parted

LAYOUT = layouts.load("qwerty")
STILL = {"shift": 0.0, "scale": 0.0, "shear": 0.0, "wobble": 0.0, "pace": 0.0}
WORDS = ("keyboard", "on", "window", "hello")
Change = Callable[[Array, np.random.Generator], Array]


def trace(word: str = "keyboard", seed: int = 0) -> Array:
    """Points in key units and ms."""
    points = swipe(word, LAYOUT, np.random.default_rng(seed)).copy()
    points[:, :2] /= LAYOUT.key_size
    return points


def held(**chances: float) -> Augment:
    return Augment(**{**STILL, **chances})


@pytest.fixture(scope="module")
def arrays() -> SwipeArrays:
    model: Any = build("tcn", "small")
    made = [
        Swipe(swipe(word, LAYOUT, np.random.default_rng(i)), word) for i, word in enumerate(WORDS)
    ]
    prepare = Preparation(model.frontend, [LAYOUT])
    prepared = to_arrays(map(swipe_files.recording, made), prepare, model)
    return replace(prepared, reporting=nuisances.Reporting.of(model.frontend, model))


@pytest.mark.parametrize("change", [nuisances.rested, nuisances.thinned, nuisances.coarse,
                                    nuisances.second_finger])  # fmt: skip
@pytest.mark.parametrize("seed", range(25))
def test_a_change_keeps_time_in_order_and_its_argument_whole(change: Change, seed: int) -> None:
    points = trace(seed=seed)[: 2 + 4 * seed]
    before = points.copy()
    changed = change(points, np.random.default_rng(seed))
    assert (points == before).all()
    assert changed.shape[1] == 3
    assert len(changed) >= 2
    assert np.isfinite(changed).all()
    assert (np.diff(changed[:, 2]) >= 0).all()


def test_a_rest_moves_nothing_and_adds_its_length_once() -> None:
    points, rng, places = trace(), np.random.default_rng(0), set()
    for _ in range(60):
        changed = nuisances.rested(points, rng)
        waits = np.diff(changed[:, 2])
        kept = np.delete(changed, np.flatnonzero(np.hypot(*np.diff(changed[:, :2].T)) == 0), axis=0)
        unique = points[np.append(np.hypot(*np.diff(points[:, :2].T)) > 0, True)]
        assert np.allclose(kept[:, :2], unique[:, :2])
        rest = changed[-1, 2] - points[-1, 2]
        assert 200.0 <= rest <= 4000.0
        assert waits.max() >= rest - 1e-9
        places.add((int(waits.argmax()) > 1) + (int(waits.argmax()) >= len(points) - 2))
    assert places == {0, 1, 2}


def test_a_slow_screen_reports_points_of_the_same_way() -> None:
    points = trace()
    changed = nuisances.thinned(points, np.random.default_rng(3))
    spacing = np.diff(changed[:, 2])
    assert 18.0 < spacing.min() <= spacing.max() < 53.0
    for x, y, t in changed:
        after = int(np.clip(np.searchsorted(points[:, 2], t), 1, len(points) - 1))
        (x0, y0, t0), (x1, y1, t1) = points[after - 1], points[after]
        share = (t - t0) / (t1 - t0)
        assert (x, y) == pytest.approx((x0 + share * (x1 - x0), y0 + share * (y1 - y0)), abs=1e-9)


def test_a_coarse_clock_is_behind_by_less_than_a_tick() -> None:
    points = trace()
    for seed in range(10):
        changed = nuisances.coarse(points, np.random.default_rng(seed))
        ticks = np.unique(changed[:, 2])
        tick = np.diff(ticks).min()
        assert 10.0 <= tick <= 130.0
        assert np.allclose(ticks / tick, np.round(ticks / tick))
        behind = points[:, 2] - points[0, 2] - changed[:, 2]
        assert behind.max() - behind.min() < tick
        assert (changed[:, :2] == points[:, :2]).all()


def test_a_second_finger_is_elsewhere_and_brief() -> None:
    points, lengths = trace(), set()
    for seed in range(40):
        changed = nuisances.second_finger(points, np.random.default_rng(seed))
        own = {tuple(point) for point in points}
        theirs = np.array([point for point in changed if tuple(point) not in own])
        assert 1 <= len(theirs) <= 6
        assert np.ptp(theirs[:, :2], axis=0).max() < 1.0  # it rests
        lengths.add(len(changed) - len(points))
        assert len(changed) - len(points) in (0, len(theirs))
        assert (changed[0] == points[0]).all()
    assert {0, 1} < lengths <= {*range(7)}


def test_speed_is_followed_by_the_number_of_frames(arrays: SwipeArrays) -> None:
    quick = replace(arrays, augment=held(speed=1.0))
    frames = {
        int(quick.batch(np.array([1]), torch.Generator().manual_seed(seed)).inputs["length"][0])
        for seed in range(20)
    }
    assert len(frames) > 3


def test_keys_of_a_split_board_take_the_trace_with_them(arrays: SwipeArrays) -> None:
    inputs = arrays.batch(np.arange(len(WORDS))).inputs
    moved, chosen = parted(
        inputs, held(split=1.0), Draws(torch.Generator().manual_seed(1), len(WORDS))
    )
    assert chosen.all()
    size = inputs["key_size"][:, None]
    for row, word in enumerate(WORDS):
        aside = ((moved["keys"] - inputs["keys"]) / size)[row, :26]
        gap = float(aside[:, 0].max() - aside[:, 0].min())
        assert 1.0 <= gap <= 3.0
        assert torch.allclose(aside[:, 0].abs(), torch.tensor(gap / 2), atol=1e-4)
        assert (aside[:, 1] == 0).all()
        n = int(inputs["length"][row])
        assert (moved["trace"][row, n:] == 0).all()
        for letter in word:  # a finger on a key stays as far from its centre
            key = LAYOUT.letters.index(letter)
            far = [
                (one["trace"][row, :n, :2] - one["keys"][row, key]) / size[row]
                for one in (inputs, moved)
            ]
            near = far[0].norm(dim=1) < 0.3
            assert torch.allclose(far[0][near], far[1][near], atol=0.35)
    same, none = parted(inputs, held(), Draws(torch.Generator().manual_seed(1), len(WORDS)))
    assert not none.any()
    assert torch.allclose(same["trace"], inputs["trace"], atol=1e-6)


@pytest.mark.parametrize("name", ["split", "speed", "rest", "clock", "rate", "finger"])
def test_every_chance_changes_traces_and_keeps_labels(arrays: SwipeArrays, name: str) -> None:
    rows, still = np.arange(len(WORDS)), replace(arrays, augment=held())
    plain = still.batch(rows, torch.Generator().manual_seed(0))
    often = replace(arrays, augment=held(**{name: 1.0}, views=2))
    changed = 0
    for seed in range(8):
        batch = often.batch(rows, torch.Generator().manual_seed(seed))
        assert batch.labels == plain.labels
        one, other = batch.inputs["trace"].chunk(2)
        assert torch.equal(one, other)  # the views share what the screen reported
        length = batch.inputs["length"][: len(rows)]
        assert ((length >= 2) & (length <= one.shape[1])).all()
        assert torch.isfinite(one).all()
        for row in range(len(rows)):
            n = int(length[row])
            assert (one[row, n:] == 0).all()
            assert (one[row, :n, 2].diff() >= 0).all()
            changed += not torch.equal(one[row], plain.inputs["trace"][row])
    assert changed > 16


def test_a_label_always_fits(arrays: SwipeArrays) -> None:
    long = tuple(range(8)) * 4  # 32 tokens fill all 32 output frames
    inputs = arrays.batch(np.array([0])).inputs
    assert arrays.reporting is not None
    room = arrays.reporting.room(int(inputs["length"][0]))
    how = held(speed=1.0, rest=1.0)
    for seed in range(20):
        noise = Draws(torch.Generator().manual_seed(seed), 1)
        out = nuisances.disturbed(inputs, [long[:room]], how, arrays.reporting, noise)
        assert arrays.reporting.room(int(out["length"][0])) >= room


def test_what_is_not_asked_for_draws_nothing(arrays: SwipeArrays) -> None:
    noise = torch.Generator().manual_seed(5)
    replace(arrays, augment=held()).batch(np.array([0]), noise)
    after = torch.rand(3, generator=noise)
    noise = torch.Generator().manual_seed(5)
    old = replace(arrays, augment=held(), reporting=None)
    old.batch(np.array([0]), noise)
    assert torch.equal(after, torch.rand(3, generator=noise))
    assert nuisances.change(trace(), held(), np.random.default_rng(0)) is None


@pytest.mark.parametrize("name", ["split", "speed", "rest", "clock", "rate", "finger"])
def test_a_chance_over_one_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        Augment(**{name: 1.5})
