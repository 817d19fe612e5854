"""Each augmentation on any valid recording: shapes, finiteness, missing values, strength zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgectc.core.config import family_config
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import frames_needed
from edgectc.data import augmentation as change
from edgectc.training.preparing import prepare
from edgectc.training.swipes.augment import Augment, augmented
from edgectc.training.swipes.draws import Draws

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


SWIPE = {"noise": 0.3, "warp": 0.5, "drop": 0.5, "mask": 1.0}
STILL = dict.fromkeys(("shift", "scale", "shear", "wobble", "pace"), 0.0)


def swipes(lengths: list[int], seed: int) -> dict[str, torch.Tensor]:
    """Traces of 64 frames whose time runs forward, zeros after their length."""
    rng = torch.Generator().manual_seed(seed)
    trace = torch.rand(len(lengths), 64, 3, generator=rng)
    trace[:, :, 2] = trace[:, :, 2].cumsum(1) * 0.02
    keep = torch.arange(64) < torch.tensor(lengths)[:, None]
    return {
        "trace": trace * keep[:, :, None],
        "length": torch.tensor(lengths, dtype=torch.int32),
        "key_size": torch.full((len(lengths), 2), 0.1),
    }


@pytest.mark.parametrize("name", [*SWIPE, "all"])
@settings(max_examples=30, deadline=None)
@given(lengths=st.lists(st.integers(1, 64), min_size=1, max_size=5), seed=st.integers(0, 999))
def test_swipes_stay_valid(name: str, lengths: list[int], seed: int) -> None:
    chosen = SWIPE if name == "all" else {name: SWIPE[name]}
    before = swipes(lengths, seed)
    kept = before["trace"].clone()
    rng = Draws(torch.Generator().manual_seed(seed), len(lengths))
    out = augmented(before, Augment(**{**STILL, **chosen}), rng)["trace"]
    assert torch.equal(before["trace"], kept)
    assert out.shape == kept.shape
    assert torch.isfinite(out).all()
    for one, n in zip(out, lengths, strict=True):
        assert (one[n:] == 0).all()
        assert (torch.diff(one[:n, 2]) >= -1e-6).all(), "time never runs backwards"


def test_changes_of_swipes_are_what_they_say() -> None:
    before = swipes([64, 40, 16, 3, 2, 1], 0)
    length = before["length"].tolist()

    def changed(**how: float) -> torch.Tensor:
        wanted = Augment(**{**STILL, **how})
        return augmented(before, wanted, Draws(torch.Generator().manual_seed(1), len(length)))[
            "trace"
        ]

    lost = changed(drop=0.5)
    for new, old, n in zip(lost, before["trace"], length, strict=True):
        torch.testing.assert_close(new[[0, n - 1]], old[[0, n - 1]], atol=1e-6, rtol=0)
        same = (new[:n] - old[:n]).abs().amax(1) < 1e-5
        for i in (~same).nonzero()[:, 0].tolist():  # between its nearest neighbours, on a line
            a = max(j for j in range(i) if same[j])
            b = min(j for j in range(i + 1, n) if same[j])
            line = old[a] + (old[b] - old[a]) * (i - a) / (b - a)
            torch.testing.assert_close(new[i], line, atol=1e-4, rtol=0)
    assert 15 < ((lost[0] - before["trace"][0]).abs().amax(1) > 1e-5).sum() < 50
    masked = (changed(mask=1.0, mask_frames=8) - before["trace"]).abs().amax(2) > 1e-5
    for row, n in zip(masked, length, strict=True):
        gone = row.nonzero()[:, 0]
        assert len(gone) <= 8
        assert len(gone) == 0 or gone.max() - gone.min() + 1 == len(gone), "one stretch"
        assert len(gone) > 0 or n < 4
    noisy = changed(noise=0.2)[0] - before["trace"][0]
    assert noisy[:, :2].std() == pytest.approx(0.02, rel=0.2)
    assert (noisy[:, 2] == 0).all()
    assert changed(warp=0.5)[0, -1, 2] != before["trace"][0, -1, 2]


def test_a_change_that_is_not_asked_for_draws_nothing() -> None:
    before = swipes([64, 40], 0)
    one, two = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    plain = augmented(before, Augment(), Draws(one, 2))["trace"]
    augmented(before, Augment(noise=0.1), Draws(two, 2))
    assert not torch.equal(one.get_state(), two.get_state())
    two.manual_seed(1)
    assert torch.equal(
        augmented(before, Augment(drop=0.0, mask=0.0), Draws(two, 2))["trace"], plain
    )
    assert torch.equal(one.get_state(), two.get_state())


@pytest.mark.parametrize("family", ["gru", "mobilenetv3"])
def test_recordings_of_a_task_stay_valid(family: str) -> None:
    values = family_config(family, "small")
    strong = {"noise": 0.5, "jitter": 0.5, "pace": 0.5, "drop": 0.3, "mask": 1.0}
    own = {"offset": 0.5} if family == "gru" else {"rotation": 0.5, "shift": 0.5, "scale": 0.3}
    config = {**values, "data": {"train": 30, "dev": 4}, "augment": {**strong, **own}}
    _, model, task = prepare(config, data=None)
    rows = np.arange(30)
    for seed in range(20):
        batch = task.train.batch(rows, torch.Generator().manual_seed(seed))
        signal, length = batch.inputs["signal"], batch.inputs["length"]
        assert torch.isfinite(signal).all()
        for one, n, label in zip(signal, length.tolist(), batch.labels, strict=True):
            assert (one[n:] == 0).all()
            assert model.output_length(n) >= frames_needed(label)
    again = task.train.batch(rows, torch.Generator().manual_seed(19))
    assert torch.equal(again.inputs["signal"], signal)
    still = task.train.batch(rows).inputs["signal"]
    assert not torch.equal(still, signal)
    if family == "mobilenetv3":
        calm = {**config, "augment": {"noise": 0.1, "rotation": 0.2}}
        _, _, task = prepare(calm, data=None)
        first = task.train.batch(rows).inputs["signal"]
        moved = task.train.batch(rows, torch.Generator().manual_seed(0)).inputs["signal"]
        assert (moved[first == 0] == 0).all(), "what was not seen stays unseen"
        assert (first == 0).any()


@pytest.mark.parametrize("how", [{"noise": -1.0}, {"drop": 1.0}, {"mask": 1.5}, {"mask_frames": 0}])
def test_strengths_that_make_no_sense_are_refused(how: dict) -> None:
    for family in ("gru", "mobilenetv3", "tcn"):
        with pytest.raises(ConfigError, match="expected values"):
            prepare({**family_config(family, "small"), "augment": how}, data=None)
