"""The keyboard of the C library against the network in PyTorch."""

from __future__ import annotations

from pathlib import Path

import pytest
from boards import keys_of, pixels
from traces import trace

import edgectc
from edgectc.decoding.search import compiled
from edgectc.formats import layouts
from edgectc.runtime.keyboard import Keyboard

pytestmark = pytest.mark.skipif(compiled.library() is None, reason="needs the compiled library")


def test_in_float32_it_answers_as_pytorch(tmp_path: Path) -> None:
    made = edgectc.export("swipe-en-tiny", target="native", out=tmp_path)
    board = Keyboard(made.path, keys=keys_of(layouts.shipped("qwerty")))
    board.test()
    network = edgectc.load("swipe-en-tiny", runner="eager")
    for seed, word in enumerate(["hello", "world", "i", "through", "bookkeeper"]):
        points = trace(word, seed)
        got, wanted = board.swipe(pixels(points)), network(points)
        assert [c.text for c in got] == [c.text for c in wanted]
        assert max(abs(a.score - b.score) for a, b in zip(got, wanted, strict=True)) < 1e-4
