"""Generated neural activity and signing: seeded, within bounds, and with something to learn."""

from __future__ import annotations

import numpy as np
import pytest

from edgectc.core.tokens import frames_needed, output_length
from edgectc.core.types import Recording
from edgectc.data.frontends import landmarks as landmarks_frontend
from edgectc.data.frontends import neural as neural_frontend
from edgectc.data.generators import landmarks, neural

GLOSSES = ("HOUSE", "TREE", "RAIN", "SUN")


def speech(count: int, seed: int, **options: object) -> list[Recording]:
    return list(neural.synthesize(count, seed=seed, channels=32, **options))


def signs(count: int, seed: int, **options: object) -> list[Recording]:
    points = landmarks.Points(5, 4, 3)
    return list(landmarks.synthesize(count, seed=seed, glosses=GLOSSES, points=points, **options))


@pytest.mark.parametrize("make", [speech, signs])
def test_the_seed_decides_everything(make) -> None:  # type: ignore[no-untyped-def]
    one, same, other = make(5, 1), make(5, 1), make(5, 2)
    for a, b in zip(one, same, strict=True):
        np.testing.assert_array_equal(a.signal, b.signal)
        assert (a.target, a.name, a.group) == (b.target, b.name, b.group)
    assert [s.target for s in one] != [s.target for s in other]
    longer = make(9, 1)
    np.testing.assert_array_equal(longer[4].signal, one[4].signal)
    assert len({s.name for s in longer + other}) == 14


@pytest.mark.parametrize("max_frames", [64, 200])
def test_speech_fits_and_ctc_can_learn_it(max_frames: int) -> None:
    days = ("monday", "friday")
    options = neural_frontend.Options(max_frames=max_frames, channels=32, days=days)
    frontend = neural_frontend.create(options)
    for sample in speech(60, 0, max_frames=max_frames, days=days):
        assert sample.signal.dtype == np.float32
        inputs = frontend.prepare(sample.signal, sample.group)
        labels = frontend.tokens().encode(sample.target)
        assert sample.target[-1] == "SIL"
        assert frames_needed(labels) <= output_length(int(inputs["length"][0]), 4, 14)


def test_each_day_has_its_own_offset_that_other_sentences_share() -> None:
    def means(seed: int) -> np.ndarray:
        found = speech(90, seed)
        return np.array([np.concatenate([s.signal for s in found[d::3]]).mean(0) for d in range(3)])

    one, other = means(1), means(2)
    assert np.abs(one - other).mean() < 0.2
    assert np.abs(one[0] - one[1]).mean() > 0.4


def test_a_phoneme_is_heard_by_its_pattern() -> None:
    """Fixed durations make the alignment known; patterns of one half name phonemes of the other."""
    style = neural.Style(bins=(10, 10))

    def segments(seed: int) -> list[tuple[str, np.ndarray]]:
        found = speech(120, seed, style=style, days=("day",))
        return [
            (phoneme, s.signal[10 * i + 12 : 10 * i + 18].mean(0))
            for s in found
            for i, phoneme in enumerate(s.target)
        ]

    known = segments(1)
    names = sorted({name for name, _ in known})
    table = np.array([np.mean([x for n, x in known if n == name], axis=0) for name in names])
    right = [
        names[int(((table - x) ** 2).sum(1).argmin())] == name
        for name, x in segments(2)
        if name in names
    ]
    assert np.mean(right) > 0.9


def test_signing_fits_and_ctc_can_learn_it() -> None:
    options = landmarks_frontend.Options(
        max_frames=40, pose=5, hand=4, face=3, columns=9, glosses=GLOSSES
    )
    frontend = landmarks_frontend.create(options)
    lost = 0
    for sample in signs(60, 0, max_frames=40):
        lost += bool(np.isnan(sample.signal).any())
        inputs = frontend.prepare(sample.signal)
        assert np.isfinite(inputs["signal"]).all()
        labels = frontend.tokens().encode(sample.target)
        assert 1 <= len(labels) == frames_needed(labels) <= int(inputs["length"][0]) <= 40
    assert 10 < lost < 40


def test_glosses_are_smooth_paths_that_signers_share() -> None:
    style = landmarks.Style(jitter=0.0, lost=0.0, size=0.0, shift=0.0, glosses=(1, 1))
    found = signs(40, 3, style=style)
    by_gloss = {g: [s.signal for s in found if s.target == (g,)] for g in GLOSSES}
    for same in by_gloss.values():
        assert len(same) > 1
        np.testing.assert_allclose(same[0][0], same[1][0], atol=1e-6)
        np.testing.assert_allclose(same[0][-1], same[1][-1], atol=1e-6)
        assert np.abs(np.diff(same[0], axis=0)).max() < 0.6
    starts = np.array([same[0][0] for same in by_gloss.values()])
    apart = np.abs(starts[:, None] - starts[None]).max(2)
    assert apart[~np.eye(len(GLOSSES), dtype=bool)].min() > 0.1


def test_one_gloss_alone_can_be_signed() -> None:
    (sample,) = landmarks.synthesize(1, seed=0, glosses=("HOUSE",))
    assert sample.target == ("HOUSE",)
    assert sample.signal.shape[1] == 1629
