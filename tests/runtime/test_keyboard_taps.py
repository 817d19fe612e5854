"""Taps of a keyboard of the C library: corrections, completions and next words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from boards import HIGH, LEFT, TOP, WIDE, keys_of

import edgectc
from edgectc.core.errors import ConfigError
from edgectc.core.types import Array
from edgectc.decoding.search import compiled
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts
from edgectc.language import packed, spelling
from edgectc.language.lms import arpa
from edgectc.runtime.keyboard import Keyboard

pytestmark = pytest.mark.skipif(compiled.library() is None, reason="needs the compiled library")

MODEL = bundles.locate("swipe-en")
QWERTY = layouts.shipped("qwerty")
CENTERS = dict(zip(QWERTY.letters, np.array(QWERTY.centers), strict=True))
KEY = np.array(QWERTY.key_size)


@pytest.fixture(scope="module")
def keyboard() -> Keyboard:
    return Keyboard("swipe-en", keys=keys_of(QWERTY))


@pytest.fixture
def own() -> Keyboard:
    """One that a test may teach."""
    return Keyboard("swipe-en", keys=keys_of(QWERTY))


def taps(letters: str, offsets: Array | float = 0.0) -> Array:
    """Taps on the middle of keys, or that many keys beside them."""
    places = np.array([CENTERS[c] for c in letters]).reshape(-1, 2) + offsets * KEY
    return places * [WIDE, HIGH] + [LEFT, TOP]


def texts(found: edgectc.Decoded) -> list[str]:
    return [one.text for one in found]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("keybpard", "keyboard"), ("keybord", "keyboard"), ("keyyboard", "keyboard"),
        ("kyeboard", "keyboard"), ("kwyboard", "keyboard"), ("keyboarz", "keyboard"),
        ("hqllo", "hello"), ("dont", "don't"), ("i", "I"),
    ],
)  # fmt: skip
def test_what_was_meant_comes_first(keyboard: Keyboard, typed: str, wanted: str) -> None:
    assert keyboard.tap(taps(typed))[0].text == wanted
    assert keyboard.typed == typed


def test_right_words_are_left_alone_though_others_are_likelier(keyboard: Keyboard) -> None:
    """Rare ones beside frequent ones; a tap between two keys makes the frequent one likelier."""
    rng = np.random.default_rng(0)
    for word in ("hut", "hen", "pier", "wok", "sop", "thou", "gate"):
        for offsets in (0.0, rng.normal(0, 0.1, (len(word), 2))):
            assert keyboard.tap(taps(word, offsets))[0].text == word
    assert keyboard.tap(taps("thr"))[0].text == "the"  # and this is much likelier


def test_a_word_of_nobody_is_offered_as_typed_and_once_taught_left_alone(own: Keyboard) -> None:
    assert "zyxgle" in texts(own.tap(taps("zyxgle")))
    own.teach("Zyxgle", 3)
    assert own.tap(taps("zyxgle"))[0].text == "Zyxgle"
    assert own.tap(taps("zyxgke"))[0].text == "Zyxgle"  # and others are corrected to it
    assert "Zyxgle" in texts(own.tap(taps("zyx"), moving=True))
    own.hide("zyxgle")
    for found in (own.tap(taps("zyxgke")), own.tap(taps("zyx"), moving=True)):
        assert "Zyxgle" not in texts(found)


def test_a_word_that_was_taught_beats_its_homograph_where_it_was_tapped(own: Keyboard) -> None:
    assert own.tap(taps("dont"))[0].text == "don't"
    own.teach("dont")  # one use, of a word a thousand times as rare
    found = texts(own.tap(taps("dont")))
    assert found[:2] == ["dont", "don't"]
    assert texts(own.tap(taps("dont"), moving=True))[0] == "dont"
    assert own.tap(taps("dpnt"))[0].text == "don't"  # what was meant is not what was typed
    assert texts(own.complete("don"))[0] != "dont"
    own.teach("don't", 5)  # that one as well: the letters decide
    assert own.tap(taps("dont"))[0].text == "dont"
    own.hide("dont")
    assert own.tap(taps("dont"))[0].text == "don't"
    own.forget("dont")
    assert own.tap(taps("dont"))[0].text == "don't"


def test_hidden_words_are_no_corrections(own: Keyboard) -> None:
    assert own.tap(taps("keybpard"))[0].text == "keyboard"
    own.hide("Keyboard")
    assert "keyboard" not in texts(own.tap(taps("keybpard")))
    assert "keyboard" not in texts(own.tap(taps("keyb"), moving=True))


def test_completions_begin_as_typed_and_context_ranks_them(keyboard: Keyboard) -> None:
    for begun in ("keyb", "tomo", "possib", "wh"):
        keyboard.before("", whole=False)
        found = keyboard.tap(taps(begun), moving=True)
        assert len(found) == 5
        assert spelling.letters(found[0].text).startswith(begun)
    assert "keyboard" in texts(keyboard.tap(taps("kwyb"), moving=True))  # with a slip
    keyboard.before("I want ", whole=True)
    assert keyboard.tap(taps("t"), moving=True)[0].text == "to"
    assert keyboard.tap([], moving=True)[0].text == "to"
    keyboard.before("", whole=False)
    assert keyboard.tap([], moving=True)[0].text == "the"
    assert not keyboard.tap([])


def tap_score(offset: Array) -> float:
    """Two Gaussians: of the usual spread, and a few taps three times as far away."""
    r = float(offset @ offset) / (2 * 0.4**2)
    return math.log(0.97 * math.exp(-r) + 0.03 / 9 * math.exp(-r / 9))


def channel(places: Array, word: str) -> float:
    """The best way to tap a word, by the whole table: Damerau's distance on places."""
    n, m = len(places), len(word)
    score = [[tap_score((place - CENTERS[c]) / KEY) for c in word] for place in places]
    best = np.full((n + 1, m + 1), -math.inf)
    best[0, 0] = 0.0
    missed_before = np.full((n + 1, m + 1), -math.inf)  # the last letter was missed
    for i in range(n + 1):
        for j in range(m + 1):
            ways = [best[i, j]]
            if i and j:
                before = max(best[i - 1, j - 1], missed_before[i - 1, j - 1])
                ways.append(before + score[i - 1][j - 1])
                ways.append(best[i - 1, j] + DOUBLED + score[i - 1][j - 1])
            if i:
                ways.append(best[i - 1, j] + STRAY)
            if i > 1 and j > 1:
                crossed = score[i - 2][j - 1] + score[i - 1][j - 2]
                ways.append(best[i - 2, j - 2] + SWAPPED + crossed)
            best[i, j] = max(ways)
            if j:
                missed_before[i, j] = best[i, j - 1] + MISSED
    return float(max(best[n, m], missed_before[n, m]))


DOUBLED, SWAPPED, MISSED, STRAY = -5.5, -6.0, -6.5, -9.0  # as in taps.c


def test_scores_are_those_of_the_whole_table(keyboard: Keyboard) -> None:
    """Among 4,000 frequent words, the beam misses none of the best three."""
    keyboard.before("", whole=False)
    lexicon, rng = packed.read(MODEL / "lexicon.trie"), np.random.default_rng(1)
    words = {}
    for i in np.argsort(-lexicon.log_probs)[:9_000]:
        text, log_prob = lexicon.words[i], float(lexicon.log_probs[i])
        spelled = spelling.spell(text, set(QWERTY.letters))
        if spelled and log_prob > words.get(spelled, (-math.inf,))[0]:
            words[spelled] = log_prob, text
    frequent = [w for w in sorted(words, key=lambda w: -words[w][0])[:4_000] if 3 <= len(w) <= 7]
    for letters in ("wrold", "somme"):
        offsets = rng.normal(0, 0.25, (len(letters), 2))
        pixels = taps(letters, offsets)
        places = (pixels - [LEFT, TOP]) / [WIDE, HIGH]
        near = [w for w in frequent if abs(len(w) - len(letters)) <= 1]
        wanted = {w: channel(places, w) + words[w][0] for w in near}
        found = keyboard.tap(pixels, nbest=30)
        got = {spelling.spell(one.text, set(QWERTY.letters)): one.score for one in reversed(found)}
        for word in sorted(wanted, key=lambda w: -wanted[w])[:3]:
            assert word in got, (letters, word, found)
            if word != keyboard.typed:
                assert got[word] == pytest.approx(wanted[word], abs=0.01), (letters, word)


@pytest.fixture(scope="module")
def lexicon() -> list[tuple[str, str, float]]:
    """Text, spelling and log_prob of every word."""
    held = packed.read(MODEL / "lexicon.trie")
    log_probs = held.log_probs.tolist()
    spelled = [
        text if text.isascii() and text.isalpha() and text.islower() else
        spelling.spell(text, set(QWERTY.letters)) or "" for text in held.words
    ]  # fmt: skip
    return list(zip(held.words, spelled, log_probs, strict=True))


@pytest.mark.parametrize(
    ("before", "begun"),
    [*(pytest.param(text, "", marks=pytest.mark.slow) for text in ("", "I want ", "Thank ")),
     ("I want ", "t"), ("is it ", "Do"), ("", "xy"), ("she ", "don'"), ("she ", "qqq")],
)  # fmt: skip
def test_completions_and_next_words_are_those_of_all_words_weighed_one_by_one(
    keyboard: Keyboard, lexicon: list[tuple[str, str, float]], before: str, begun: str
) -> None:
    """Each word's log_prob, and what the textbook's backing off says of it after the context."""
    decoder = bundles.read(MODEL).index.decoder
    model = arpa.create(arpa.Options(), path=MODEL / "words.lm")
    weight = decoder.get("context_weight", 0.5) / decoder["lm_weight"]
    after, alone = model.start(spelling.words_of(before)), model.empty()
    letters = begun.lower().replace("'", "")
    wanted = []
    for text, spelled, log_prob in lexicon:
        if spelled.startswith(letters) and spelled:
            word = spelling.normalize_word(text)
            gain = model.score(after, word)[0] - model.score(alone, word)[0]
            wanted.append((log_prob + weight * gain, text))
    wanted.sort(reverse=True)
    keyboard.before(before)
    found = keyboard.complete(begun, nbest=12)
    assert len(found) == min(12, len(wanted))
    for one, (score, _) in zip(found, wanted, strict=False):
        assert one.score - found[0].score == pytest.approx(score - wanted[0][0], abs=1e-3)
    scores = {text: score - wanted[0][0] for score, text in wanted[:40]}
    for one in found:
        assert one.score - found[0].score == pytest.approx(scores[one.text], abs=1e-3), one.text


def test_of_no_taps_and_of_no_letters_is_the_same_next_word(own: Keyboard) -> None:
    for before in ("", "See you ", "I have been "):
        own.before(before)
        assert texts(own.tap([], moving=True)) == texts(own.complete())
    own.before("Dear ")
    own.teach("Zyxgle", 5)
    assert own.complete("ZYX")[0].text == "Zyxgle"
    own.hide("Zyxgle")
    assert "Zyxgle" not in texts(own.complete("zyx"))
    assert own.knows("HELLO")
    assert not own.knows("zyxgle")


def test_noisy_taps_come_out_right_far_more_often_than_as_typed(keyboard: Keyboard) -> None:
    """With heavier tails than the decoder's Gaussian, and a thumb's bias."""
    words = (
        "the quick brown fox jumps over a lazy dog and then we went home to see what was for "
        "dinner because nobody had been there since yesterday morning"
    ).split()
    rng = np.random.default_rng(2)
    keyboard.before("", whole=False)
    for spread, least in ((0.2, 0.97), (0.3, 0.93), (0.4, 0.85), (0.5, 0.7)):
        typed = first = 0
        for _ in range(4):
            bias = rng.normal(0, 0.1, 2)
            for word in words:
                noise = rng.standard_t(4, (len(word), 2)) / math.sqrt(2) * spread + bias
                found = keyboard.tap(taps(word, noise))
                typed += keyboard.typed == word
                first += spelling.letters(found[0].text) == word
        n = 4 * len(words)
        assert first >= least * n, (spread, first / n)
        assert first > typed + 0.1 * n


def test_no_right_word_is_changed_without_noise(keyboard: Keyboard) -> None:
    keyboard.before("", whole=False)
    text = (
        "I will be there in an hour or so if the bus is on time and I hope that you can wait for "
        "me at the gate or send a note to my son who has the keys to the hut by the lake"
    )
    for word in text.lower().split():
        assert spelling.letters(keyboard.tap(taps(word))[0].text) == word


def test_what_are_no_taps_is_refused(keyboard: Keyboard) -> None:
    with pytest.raises(ConfigError, match="nowhere near"):
        keyboard.tap([[math.nan, 1.0]])
    with pytest.raises(ConfigError, match="nowhere near"):
        keyboard.tap([[1e9, 1.0]])
    with pytest.raises(ConfigError, match="at most 64 taps"):
        keyboard.tap(taps("a" * 65))
    assert keyboard.tap(taps("a" * 64))  # typed as it is
    with pytest.raises(ConfigError, match="give the keys"):
        Keyboard("swipe-en").tap([[1.0, 1.0]])


def test_times_behind_places_do_not_count_and_other_shapes_are_refused(keyboard: Keyboard) -> None:
    places = taps("hello", np.zeros((5, 2)))
    wanted = [c.text for c in keyboard.tap(places)]
    timed = np.column_stack([places, np.arange(5.0)])
    assert [c.text for c in keyboard.tap(timed)] == wanted
    assert keyboard.typed == "hello"
    for wrong in (places.ravel(), places[:, :1], places[None]):
        with pytest.raises(ConfigError, match=r"expected \(n, 2\)"):
            keyboard.tap(wrong)
