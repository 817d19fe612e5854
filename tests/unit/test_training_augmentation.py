"""Each augmentation on any valid recording: shapes, finiteness, missing values, strength zero."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgectc.data import augmentation as change

CHANGES = {
    "white_noise": lambda x, rng, s: change.white_noise(x, rng, s),
    "constant_offset": lambda x, rng, s: change.constant_offset(x, rng, s),
    "jitter": lambda x, rng, s: change.jitter(x, rng, s),
    "affine": lambda x, rng, s: change.affine(x, rng, rotation=s, scale=s, shift=s),
    "warp": lambda x, rng, s: change.warp(x, rng, pace=s),
    "drop_points": lambda x, rng, s: change.drop_points(x, rng, min(s, 1.0), dims=3),
    "time_masks": lambda x, rng, s: change.time_masks(x, rng, chance=min(s, 1.0), width=9),
}
KEEP_LENGTH = set(CHANGES) - {"warp"}


@st.composite
def recordings(draw: st.DrawFn) -> np.ndarray:
    T, points = draw(st.integers(1, 40)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    signal = rng.normal(0.0, draw(st.sampled_from([0.0, 1.0, 1e6])), (T, 3 * points))
    if draw(st.booleans()):
        signal.reshape(T, points, 3)[rng.random((T, points)) < 0.2] = np.nan
    return signal.astype(np.float32)


@pytest.mark.parametrize("name", CHANGES)
@settings(max_examples=60, deadline=None)
@given(signal=recordings(), seed=st.integers(0, 99), strength=st.sampled_from([0.01, 0.3, 2.0]))
def test_it_is_safe_on_any_recording(
    name: str, signal: np.ndarray, seed: int, strength: float
) -> None:
    before = signal.copy()
    out = CHANGES[name](signal, np.random.default_rng(seed), strength)
    np.testing.assert_array_equal(signal, before)
    assert out is not signal
    assert out.dtype == np.float32
    assert out.shape[1] == signal.shape[1]
    assert not np.isinf(out).any()
    if name in KEEP_LENGTH:
        assert len(out) == len(signal)
        assert not np.isnan(out[np.isfinite(signal)]).any(), "what was seen is still a number"
    else:
        assert 1 <= len(out) <= 2 * len(signal)
        assert np.isnan(signal).any() or np.isfinite(out).all()


@pytest.mark.parametrize("name", CHANGES)
@settings(max_examples=20, deadline=None)
@given(signal=recordings(), seed=st.integers(0, 99))
def test_no_strength_is_no_change(name: str, signal: np.ndarray, seed: int) -> None:
    out = CHANGES[name](signal, np.random.default_rng(seed), 0.0)
    np.testing.assert_allclose(out, signal, rtol=1e-6)


@settings(max_examples=100, deadline=None)
@given(
    T=st.integers(1, 60),
    least=st.integers(1, 60),
    seed=st.integers(0, 999),
    pace=st.floats(0.01, 3.0),
    room=st.integers(0, 30),
)
def test_warping_keeps_room_for_the_label(
    T: int, least: int, seed: int, pace: float, room: int
) -> None:
    signal = np.linspace(0.0, 1.0, T, dtype=np.float32)[:, None]
    out = change.warp(signal, np.random.default_rng(seed), pace=pace, least=least, most=T + room)
    assert min(least, T) <= len(out) <= T + room
    assert (np.diff(out[:, 0]) >= -1e-6).all(), "time never runs backwards"
    assert out[0, 0] == 0.0
    if len(out) > 1:
        assert out[-1, 0] == pytest.approx(signal[-1, 0], abs=1e-5)


def test_strengths_are_what_they_say() -> None:
    rng, still = np.random.default_rng(0), np.zeros((4000, 50), np.float32)
    assert change.white_noise(still, rng, 0.8).std() == pytest.approx(0.8, rel=0.02)
    moved = change.constant_offset(np.zeros((5, 9000), np.float32), rng, 0.2)
    assert moved.std() == pytest.approx(0.2, rel=0.05)
    assert (moved == moved[:1]).all()
    wander = change.jitter(np.zeros((400, 3000), np.float32), rng, 0.5)
    assert wander.std() == pytest.approx(0.5, rel=0.05)
    assert np.abs(np.diff(wander, axis=0)).max() < 0.15, "slow"


def test_a_turn_keeps_distances() -> None:
    signal = np.random.default_rng(0).normal(size=(6, 12)).astype(np.float32)
    out = change.affine(signal, np.random.default_rng(1), rotation=1.0, shift=3.0)

    def distances(x: np.ndarray) -> np.ndarray:
        points = x.reshape(6, 4, 3)
        return np.linalg.norm(points[:, :, None] - points[:, None], axis=3)

    np.testing.assert_allclose(distances(out), distances(signal), atol=1e-5)
    assert np.abs(out - signal).max() > 0.5


def test_masks_and_lost_points_say_missing() -> None:
    rng, ones = np.random.default_rng(0), np.ones((60, 30), np.float32)
    lost = change.drop_points(ones, rng, 0.5, dims=3, missing=np.nan)
    gone = np.isnan(lost).reshape(60, 10, 3)
    assert (gone == gone[:1, :, :1]).all(), "whole points, for all of the time"
    assert 0 < gone[0, :, 0].sum() < 10
    masked = change.time_masks(ones, rng, chance=1.0, width=15)
    wiped = (masked == 0).all(1)
    assert 1 <= wiped.sum() <= 30
    assert ((masked == 1).all(1) | wiped).all()
    assert (change.time_masks(ones[:2], rng, chance=1.0, width=15) == 1).all(), "too short to mask"
