from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.registry import create as registered
from edgectc.data.frontends.swipe import Options, create
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts
from edgectc.formats.layouts import KeyRow, Layout

FRONTEND = create(Options())
QWERTY = layouts.load("qwerty")


def trace(n: int = 40, *, ms: float = 16.0) -> np.ndarray:
    s = np.linspace(0.0, 1.0, n)
    return np.column_stack([0.1 + 0.7 * s, 0.2 + 0.5 * s, np.arange(n) * ms])


def test_shapes_and_padding() -> None:
    inputs = FRONTEND.prepare(trace(), QWERTY)
    for name, about in FRONTEND.input_contract().items():
        assert list(inputs[name].shape) == about["shape"]
        assert inputs[name].dtype == about["dtype"]
    assert list(inputs) == list(FRONTEND.input_contract())
    length = int(inputs["length"][0])
    assert (inputs["trace"][0, length:] == 0).all()
    assert inputs["key_mask"].sum() == 26


def test_the_caller_keeps_his_array() -> None:
    points = trace()
    before = points.copy()
    FRONTEND.prepare(points, QWERTY)
    np.testing.assert_array_equal(points, before)


def test_ends_are_kept_and_time_starts_at_zero() -> None:
    points = trace() + np.array([0.0, 0.0, 5000.0])
    frames = FRONTEND.resample(points, QWERTY)
    np.testing.assert_allclose(frames[[0, -1], :2], points[[0, -1], :2])
    assert frames[0, 2] == 0.0
    assert frames[-1, 2] == pytest.approx(39 * 0.016)
    assert (np.diff(frames[:, 2]) >= 0).all()


@pytest.mark.parametrize("hz", [30, 60, 120, 240, 1000])
def test_screen_rate_does_not_matter(hz: int) -> None:
    fine = trace(1001, ms=0.8)
    coarse = fine[:: 1000 // hz if hz < 1000 else 1]
    coarse = np.vstack([coarse, fine[-1:]])
    a, b = FRONTEND.resample(fine, QWERTY), FRONTEND.resample(coarse, QWERTY)
    assert len(a) == len(b)
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_resampling_against_a_slow_oracle(rng: np.random.Generator) -> None:
    points = swipe("oracle", QWERTY, rng)
    frames = FRONTEND.resample(points, QWERTY)
    t = points[:, 2] - points[0, 2]
    arc = [0.0]
    for a, b in itertools.pairwise(points):
        arc.append(arc[-1] + (((b[0] - a[0]) / 0.1) ** 2 + ((b[1] - a[1]) * 3) ** 2) ** 0.5)
    wanted = max(t[-1] / 16.0, arc[-1] / 0.3)
    assert len(frames) == min(64, max(16, int(-(-wanted // 1))))
    u = [0.5 * a / arc[-1] + 0.5 * s / t[-1] for a, s in zip(arc, t, strict=True)]
    for i, frame in enumerate(frames):
        goal = i / (len(frames) - 1)
        k = next((k for k in range(1, len(u)) if u[k] >= goal - 1e-12), len(u) - 1)
        share = 0.0 if u[k] == u[k - 1] else (goal - u[k - 1]) / (u[k] - u[k - 1])
        expected = points[k - 1] + share * (points[k] - points[k - 1])
        np.testing.assert_allclose(frame[:2], expected[:2], atol=1e-9)


def test_a_finger_that_rests_is_not_an_error() -> None:
    points = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 300.0]])
    frames = FRONTEND.resample(points, QWERTY)
    assert np.isfinite(frames).all()
    assert len(frames) == 19


def test_length_follows_duration_and_arc() -> None:
    slow = FRONTEND.resample(trace(3, ms=400.0), QWERTY)
    quick = FRONTEND.resample(trace(3, ms=10.0), QWERTY)
    tap = FRONTEND.resample(np.array([[0.5, 0.5, 0.0], [0.51, 0.5, 80.0]]), QWERTY)
    assert (len(slow), len(quick), len(tap)) == (50, 24, 16)


def test_tokens_follow_the_layout() -> None:
    tokens = FRONTEND.tokens(layouts.load("azerty"))
    assert len(tokens) == 65
    assert tokens.blank_id == 64
    assert tokens.decode(tokens.encode("azerty")) == "azerty"


def test_a_layout_with_too_many_keys_is_refused() -> None:
    letters = "".join(chr(0x4E00 + i) for i in range(70))
    with pytest.raises(InputError) as caught:
        FRONTEND.prepare(trace(), Layout("big", (KeyRow(letters, 0.0, 1 / 70),)))
    assert caught.value.reason == "too_many_keys"


@pytest.mark.parametrize(
    "options", [{"min_frames": 1}, {"max_frames": 8}, {"time_share": 2.0}, {"ms_per_frame": 0.0}]
)
def test_bad_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        registered("frontends", {"type": "swipe", **options})
