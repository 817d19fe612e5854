"""Words in strokes, swipes and taps mixed, against the search in numpy over a signal made here."""

from __future__ import annotations

import math

import numpy as np
import pytest
from boards import LEFT, keys_of, pixels

import edgectc
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Array
from edgectc.data.generators.swipes import swipe
from edgectc.decoding.decoders import lexicon
from edgectc.decoding.search import compiled
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts
from edgectc.runtime.keyboard import Keyboard

pytestmark = pytest.mark.skipif(compiled.library() is None, reason="needs the compiled library")

MODEL = bundles.locate("swipe-en-tiny") / "artifacts" / "swipe-en-tiny-int8-dynamic.edgectc"
QWERTY = layouts.shipped("qwerty")
CENTERS, KEY = np.array(QWERTY.centers), np.array(QWERTY.key_size)
PLACE = {letter: i for i, letter in enumerate(QWERTY.letters)}
NEVER = -80.0


@pytest.fixture(scope="module")
def keyboard() -> Keyboard:
    return Keyboard(MODEL, keys=keys_of(QWERTY))


@pytest.fixture(scope="module")
def recognizer() -> edgectc.Recognizer:
    return edgectc.load(MODEL)


def tap(letter: str, offset: tuple[float, float] = (0.0, 0.0)) -> Array:
    """A tap, (1, 3) in the letter area, so many keys beside the middle of its key."""
    return np.array([[*(CENTERS[PLACE[letter]] + np.array(offset) * KEY), 0.0]])


def strokes_of(text: str, seed: int) -> list[Array]:
    """Strokes of parts that a bar divides: those of one letter are taps, the others swipes."""
    rng = np.random.default_rng(seed)
    return [
        tap(part, tuple(rng.normal(0, 0.2, 2))) if len(part) == 1 else swipe(part, QWERTY, rng)
        for part in text.split("|")
    ]


def tap_row(place: Array) -> Array:
    """log P(letter) of a tap: two Gaussians around each key, as shares of all letters."""
    r = (((place - CENTERS) / KEY) ** 2).sum(1) / (2 * 0.4**2)
    density = 0.97 * np.exp(-r) + 0.03 / 9 * np.exp(-r / 9)
    return np.maximum(np.log(density / density.sum()), NEVER)


def signal(recognizer: edgectc.Recognizer, strokes: list[Array]) -> Array:
    """The rows of all strokes, one that is blank between two of them."""
    rows: list[Array] = []
    columns = len(recognizer.tokens(QWERTY))
    for stroke in strokes:
        if rows:
            rows.append(np.array([[NEVER] * (columns - 1) + [0.0]]))
        if len(stroke) > 1:
            rows.append(recognizer.log_probs(stroke))
        else:
            row = np.full((1, columns), NEVER)
            row[0, : len(CENTERS)] = tap_row(stroke[0, :2])
            rows.append(row)
    return np.vstack(rows)


MIXED = ("un|believ|a|b|l|e", "t|h|ough|t", "key|board", "h|el|l|o", "sa|l|l|y", "k|eep", "boo|k")


def test_words_and_scores_are_those_of_the_whole_signal(
    keyboard: Keyboard, recognizer: edgectc.Recognizer
) -> None:
    tokens = recognizer.tokens(QWERTY)
    preset = {k: v for k, v in recognizer.preset.items() if k != "type"}
    assert recognizer.lexicon is not None
    search = lexicon.create(
        lexicon.Options(**preset),  # type: ignore[arg-type]
        tokens=tokens,
        lexicon=recognizer.lexicon,
        backend="numpy",
    )
    first = 0
    for seed, text in enumerate(MIXED):
        strokes = strokes_of(text, seed)
        wanted = search(signal(recognizer, strokes))
        got = keyboard.strokes([pixels(stroke) for stroke in strokes])
        near = [one for one in wanted if one.score > wanted[0].score - 4]
        assert [one.text for one in got][: len(near)] == [one.text for one in near], text
        for ours, theirs in zip(got, near, strict=False):
            assert ours.score == pytest.approx(theirs.score, abs=5e-3)
        first += got[0].text == text.replace("|", "")
    assert first >= len(MIXED) - 1


def test_the_score_is_that_of_all_alignments(
    keyboard: Keyboard, recognizer: edgectc.Recognizer
) -> None:
    """The textbook's forward algorithm of CTC, of one word over the whole signal."""
    strokes = strokes_of("th|e", 0)
    rows = signal(recognizer, strokes)
    preset = lexicon.Options(**{k: v for k, v in recognizer.preset.items() if k != "type"})  # type: ignore[arg-type]
    rows = rows * preset.acoustic_scale
    rows[:, -1] -= preset.blank_penalty
    rows -= np.log(np.exp(rows).sum(1, keepdims=True))
    blank, target = rows.shape[1] - 1, [PLACE[c] for c in "the"]
    states = [blank, *(s for c in target for s in (c, blank))]
    alpha = np.full(len(states), -math.inf)
    alpha[:2] = rows[0, states[:2]]
    for row in rows[1:]:
        before = alpha.copy()
        for i, state in enumerate(states):
            ways = [before[i], before[i - 1] if i else -math.inf]
            if i > 1 and state != blank and state != states[i - 2]:
                ways.append(before[i - 2])
            alpha[i] = np.logaddexp.reduce(ways) + row[state]
    ctc = np.logaddexp(alpha[-1], alpha[-2])
    assert recognizer.lexicon is not None
    share = max(
        lp for w, lp in zip(recognizer.lexicon.words, recognizer.lexicon.log_probs, strict=True)
        if w == "the"
    )  # fmt: skip
    wanted = ctc + preset.lm_weight * share + preset.letter_score * 3
    found = {w.text: w.score for w in keyboard.strokes([pixels(s) for s in strokes], nbest=20)}
    assert found["the"] == pytest.approx(wanted, abs=5e-3)


def test_words_come_out_as_often_as_by_one_swipe(keyboard: Keyboard) -> None:
    """Of words cut at one place, the first part swiped and the rest tapped, or the other way."""
    words = ("people", "because", "tomorrow", "different", "message", "another", "weather",
             "please", "together", "picture", "morning", "nothing")  # fmt: skip
    right = [0, 0]
    for seed, word in enumerate(words):
        rng = np.random.default_rng(seed)
        cut = int(rng.integers(2, len(word) - 1))
        parts = [word[:cut], *word[cut:]] if seed % 2 else [*word[:cut], word[cut:]]
        strokes = [pixels(one) for one in strokes_of("|".join(parts), seed)]
        right[0] += keyboard.strokes(strokes)[0].text == word
        right[1] += keyboard.swipe(pixels(swipe(word, QWERTY, rng)))[0].text == word
    assert right[0] >= right[1] - 1
    assert right[0] >= len(words) - 2


def test_of_one_kind_they_are_a_swipe_and_taps(keyboard: Keyboard) -> None:
    points = pixels(swipe("hello", QWERTY, np.random.default_rng(0)))
    assert keyboard.strokes([points]) == keyboard.swipe(points)
    assert keyboard.strokes([points], moving=True) == keyboard.swipe(points, moving=True)
    taps = [pixels(tap(c)) for c in "helo"]
    assert keyboard.strokes(taps) == keyboard.tap(np.vstack(taps))
    assert keyboard.typed == "helo"
    assert not keyboard.strokes([])
    assert keyboard.strokes([], moving=True) == keyboard.tap([], moving=True)


def test_a_word_goes_on_and_follows_context_and_user(keyboard: Keyboard) -> None:
    strokes = [pixels(one) for one in strokes_of("k|ey|b|o", 3)]
    assert "keyboard" in [one.text for one in keyboard.strokes(strokes, moving=True)]
    whole = [pixels(one) for one in strokes_of("zyx|g|l|e", 1)]
    assert "Zyxgle" not in [one.text for one in keyboard.strokes(whole)]
    keyboard.teach("Zyxgle", 50)
    assert keyboard.strokes(whole)[0].text == "Zyxgle"
    keyboard.forget("Zyxgle")


def test_what_cannot_be_a_word_is_refused(keyboard: Keyboard) -> None:
    good = pixels(swipe("he", QWERTY, np.random.default_rng(0)))
    with pytest.raises(ConfigError, match="at least one point"):
        keyboard.strokes([good, np.zeros((0, 3))])
    with pytest.raises(ConfigError, match="at most 64 strokes"):
        keyboard.strokes([good, *[pixels(tap("a"))] * 64])
    with pytest.raises(ConfigError, match="nowhere near the keys"):
        keyboard.strokes([good, np.array([[np.nan, LEFT, 0.0]])])
    with pytest.raises(InputError, match="time_constant") as error:
        keyboard.strokes([pixels(tap("a")), good * [1, 1, 0]])
    assert error.value.reason == "time_constant"
    with pytest.raises(ConfigError, match="give the keys"):
        Keyboard(MODEL).strokes([good, good])
    assert keyboard.strokes([good, pixels(tap("y"))])
