"""Whether decoding while the finger moves is of use: real swipes of test users, cut short."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import edgectc
from edgectc.data import swipe_files
from edgectc.language.spelling import letters

needs_onnxruntime = pytest.mark.skipif(
    not importlib.util.find_spec("onnxruntime"), reason="needs onnxruntime"
)


@needs_onnxruntime
def test_the_word_is_known_while_the_finger_moves(swipes_file: Path) -> None:
    swipes, _ = swipe_files.load(swipes_file, split="test")
    swipes = swipes[:: len(swipes) // 200][:200]
    model = edgectc.load()
    length = {}
    for share, first_at_least, three_at_least in (
        (0.6, 0.38, 0.62),
        (0.8, 0.59, 0.77),
        (1.0, 0.77, 0.86),
    ):
        first = three = long = 0
        for swipe in swipes:
            seen = swipe.points[: max(2, round(share * len(swipe.points)))]
            told = [letters(h.text) for h in model(seen, partial=True, nbest=3)]
            first += told[:1] == [letters(swipe.word)]
            three += letters(swipe.word) in told
            long += len(told[0])
        # Under the figures of docs/decoding.md by what another 200 swipes may differ.
        assert first >= first_at_least * len(swipes)
        assert three >= three_at_least * len(swipes)
        length[share] = long / len(swipes)
    # Nothing is said that the finger has not begun: no longer words than people write.
    meant = sum(len(letters(swipe.word)) for swipe in swipes) / len(swipes)
    assert all(mean < meant + 1 for mean in length.values())
