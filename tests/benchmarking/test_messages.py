"""The people that bench/messages.py and bench/taps.py simulate, and what their words cost them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgectc.core.types import Decoded, Hypothesis, Swipe
from edgectc.decoding.search import compiled

pytestmark = pytest.mark.skipif(compiled.library() is None, reason="needs the compiled library")
BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCH))
    import messages

    yield messages
    for name in ("messages", "_typists", "_result"):
        sys.modules.pop(name, None)


class Scripted:
    """A keyboard that offers words by a script: by the letters tapped, "" for the next word."""

    typed = ""

    def __init__(self, offers: dict[str, list[str]], ends: list[str]) -> None:
        self.offers, self.ends = offers, ends

    def before(self, text: str) -> None:
        self.text = text

    def complete(self, *, nbest: int) -> Decoded:
        return self._decoded(self.offers.get("", []))

    def tap(self, places: Any, *, nbest: int, moving: bool = False) -> Decoded:
        self.typed = "".join(self._letter(place) for place in places)
        return self._decoded(self.offers.get(self.typed, []) if moving else self.ends)

    def swipe(self, points: Any, *, nbest: int) -> Decoded:
        return self._decoded(self.ends)

    @staticmethod
    def _letter(place: Any) -> str:
        import _typists

        return min(_typists.CENTERS, key=lambda c: np.hypot(*(place - _typists.CENTERS[c])))

    @staticmethod
    def _decoded(texts: list[str]) -> Decoded:
        return Decoded(tuple(Hypothesis(text, -1.0, 0.5) for text in texts))


@pytest.mark.parametrize(
    ("swiped", "offers", "ends", "keys", "first", "picked"),
    [
        (0.0, {}, ["hello"], 6, 1, 1),  # five letters and a space
        (0.0, {}, ["help", "hello"], 6, 0, 1),  # a pick, which brings its space
        (0.0, {"he": ["hello"]}, ["hello"], 3, 1, 1),  # two letters and a pick
        (0.0, {"": ["hello"]}, ["hello"], 1, 1, 1),  # the next word
        (0.0, {}, ["help"], 5 + 1 + 1 + 6, 0, 0),  # taken back, and once more
        (1.0, {}, ["hello"], 1, 1, 1),
        (1.0, {}, ["help", "hello"], 2, 0, 1),
        (1.0, {}, ["help"], 1 + 1 + 6, 0, 0),
    ],
)
def test_what_a_word_costs(
    messages: Any, swiped: float, offers: Any, ends: Any, keys: int, first: int, picked: int
) -> None:
    way = messages.Way("", swiped=swiped)
    hands = messages.Hands((np.ones((1, 2)),), ("me",))
    typist = messages.Typist(Scripted(offers, ends), messages.Swipes([]), way)
    counts = typist.sentence(["hello"], hands, np.random.default_rng(0))
    assert (counts.keys, counts.letters) == (keys, 6)
    assert (counts.first, counts.picked, counts.words) == (first, picked, 1)
    assert counts.changed == (not swiped and ends[0] == "help")


def test_taps_have_the_spread_that_is_asked_for_and_a_persons_bias(messages: Any) -> None:
    import _typists

    rng = np.random.default_rng(0)
    places = {c: at / [_typists.WIDE, _typists.HIGH] for c, at in _typists.CENTERS.items()}
    width = np.array([0.03, 0.05])
    swipes = [
        Swipe(np.array([[*(places["t"] + bias + rng.normal(0, width)), 0.0]]), "the", user=user)
        for user, bias in (("a", 0.04), ("b", -0.02))
        for _ in range(400)
    ]
    hands = _typists.Hands.of(swipes)
    assert hands.names == ("a", "b")
    drawn = [_typists.taps_of("t" * 6000, hand, 0.3, rng) for hand in hands.people]
    offsets = (np.array(drawn) - _typists.CENTERS["t"]) / _typists.KEY
    assert np.sqrt((offsets**2).mean(axis=(0, 1))) == pytest.approx([0.3, 0.3], rel=0.05)
    assert offsets[0].mean(axis=0)[0] > 0.1 > 0 > offsets[1].mean(axis=0)[0]
    assert np.abs(offsets).max() > 5 * 0.3  # the tails are there


def test_letters_go_wrong_as_often_as_is_asked_for(messages: Any) -> None:
    import _typists

    rng = np.random.default_rng(0)
    made = [_typists.mistaken("abcdefghij", 0.03, rng) for _ in range(4000)]
    kinds = [sum(len(m) == n for m in made) / 40_000 for n in (9, 11)]
    assert kinds == pytest.approx([0.01, 0.01], rel=0.3)
    swapped = sum(len(m) == 10 and m != "abcdefghij" for m in made) / 40_000
    assert swapped == pytest.approx(0.01, rel=0.3)
    assert _typists.mistaken("hello", 0.0, rng) == "hello"
