"""`edgectc.sample`: a trace to try with, that the recognizer reads as the word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.data import swipe_files, synthesis
from edgectc.formats import layouts


@pytest.mark.parametrize("layout", layouts.names())
def test_a_trace_lies_on_the_keyboard_and_begins_and_ends_at_its_letters(layout: str) -> None:
    keyboard = layouts.load(layout)
    letters = [i for i, letter in enumerate(keyboard.letters) if letter.isalpha()]
    keys = [letters[i] for i in (0, 7, 14, 20)]
    word = "".join(keyboard.letters[key] for key in keys)
    trace = edgectc.sample(word, layout=layout)
    assert trace.dtype == np.float64
    assert trace.ndim == 2
    assert trace.shape[1] == 3
    assert np.isfinite(trace).all()
    assert (np.diff(trace[:, 2]) >= 0).all()
    for point, key in ((trace[0], keys[0]), (trace[-1], keys[-1])):
        off = (point[:2] - keyboard.centers[key]) / keyboard.key_size
        assert np.hypot(*off) < 1.5


def test_case_and_accents_do_not_count_and_a_seed_is_one_finger() -> None:
    plain = edgectc.sample("cafe", seed=4)
    np.testing.assert_array_equal(edgectc.sample("CAFÉ", seed=4), plain)
    assert not np.array_equal(edgectc.sample("cafe", seed=5)[:5], plain[:5])


@pytest.mark.parametrize(
    ("arguments", "kind", "says"),
    [
        ({"word": "привет"}, edgectc.ConfigError, "no keys for 'привет'"),
        ({"word": ""}, edgectc.ConfigError, "no keys for ''"),
        ({"word": 3}, edgectc.ConfigError, "word is 3, expected a text"),
        ({"seed": -1}, edgectc.ConfigError, "seed is -1"),
        ({"layout": "qwertz_"}, edgectc.EdgectcError, "qwertz_"),
    ],
)
def test_what_cannot_be_swiped_is_refused(
    arguments: dict[str, object], kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        edgectc.sample(**arguments)  # type: ignore[arg-type]


def test_most_samples_are_recognized() -> None:
    pytest.importorskip("onnxruntime")
    recognizer = edgectc.load()
    words = ("hello", "keyboard", "because", "morning", "question", "thanks", "people", "should")
    found = [recognizer(edgectc.sample(word, seed=s)).best.text for word in words for s in (0, 1)]
    right = sum(a == b for a, b in zip(found, np.repeat(words, 2), strict=True))
    assert right >= 13, found


def test_generated_swipes_mean_the_shipped_words_where_none_are_given(tmp_path: Path) -> None:
    synthesis.synth_data("swipe", tmp_path / "made.jsonl", count=50)
    swipes, refused = swipe_files.load(tmp_path / "made.jsonl")
    assert (len(swipes), refused.total()) == (50, 0)
    assert {"the", "to", "and", "you", "of", "is", "in"} & {swipe.word for swipe in swipes}
