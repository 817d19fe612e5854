"""What a keyboard of the C library learns by itself: by its formulas, and as `UserDictionary`."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from boards import HIGH, LEFT, TOP, WIDE, keys_of, pixels

import edgectc
from edgectc import UserDictionary
from edgectc.core.errors import ConfigError
from edgectc.core.types import Array
from edgectc.data.generators.swipes import swipe
from edgectc.decoding.search import compiled
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts
from edgectc.language.user_dictionary import Personal
from edgectc.runtime.keyboard import Keyboard

pytestmark = pytest.mark.skipif(compiled.library() is None, reason="needs the compiled library")

PACKS = Path(edgectc.__file__).parents[1] / "languages"
MODEL = bundles.locate("swipe-en-tiny") / "artifacts" / "swipe-en-tiny-int8-dynamic.edgectc"
QWERTY = layouts.shipped("qwerty")
CENTERS = dict(zip(QWERTY.letters, np.array(QWERTY.centers), strict=True))


def opened(*languages: str) -> Keyboard:
    return Keyboard(MODEL, keys=keys_of(QWERTY), language=languages or "own")


@pytest.fixture
def keyboard() -> Keyboard:
    return opened()


def swiped(word: str) -> Array:
    return pixels(swipe(word, QWERTY, np.random.default_rng(0)))


def taps(letters: str) -> Array:
    return np.array([CENTERS[c] for c in letters]) * [WIDE, HIGH] + [LEFT, TOP]


def words_of(keyboard: Keyboard, folder: Path) -> dict[str, dict]:
    keyboard.save(folder / "words.json")
    found: dict[str, dict] = json.loads((folder / "words.json").read_bytes())["words"]
    return found


def score(keyboard: Keyboard, word: str) -> float:
    return next(one.score for one in keyboard.swipe(swiped(word.lower())) if one.text == word)


def test_what_is_written_is_learnt_and_fades(keyboard: Keyboard) -> None:
    keyboard.today(100)
    assert keyboard.learn("Zyxgle", 8)
    scores = [score(keyboard, "Zyxgle")]
    for day in (130, 190):  # one half-life, and three
        keyboard.today(day)
        scores.append(score(keyboard, "Zyxgle"))
    # A word of nobody else has the share of its uses: half of them is log(2) less.
    weight = (scores[0] - scores[1]) / math.log(2)
    assert weight > 0.1  # lm_weight
    assert scores[1] - scores[2] == pytest.approx(2 * weight * math.log(2), abs=1e-6)
    keyboard.today(130)  # clocks go back, too
    assert score(keyboard, "Zyxgle") == pytest.approx(scores[1], abs=1e-9)
    keyboard.today(100 + 30 * math.log2(8 / 0.05) + 0.1)
    assert "Zyxgle" not in [one.text for one in keyboard.swipe(swiped("zyxgle"))]
    with pytest.raises(ConfigError, match="no word 'Zyxgle'"):
        keyboard.forget("Zyxgle")


def test_what_was_used_lately_beats_what_was_used_as_often_before(keyboard: Keyboard) -> None:
    for day, word in ((0, "Zyxgla"), (60, "zyxgla")):
        keyboard.today(day)
        keyboard.learn(word, 5)
    assert [one.text for one in keyboard.swipe(swiped("zyxgla"))][:2] == ["zyxgla", "Zyxgla"]


def test_a_use_is_taken_back(keyboard: Keyboard, tmp_path: Path) -> None:
    keyboard.learn("Zyxgle")
    keyboard.learn("Zyxgle", 2)
    assert keyboard.learn("Zyxgle", -1)
    assert words_of(keyboard, tmp_path)["Zyxgle"]["learnt"] == 2
    assert keyboard.learn("Zyxgle", -5)
    assert not words_of(keyboard, tmp_path)
    assert not keyboard.learn("Zyxgle", -1)
    for uses in (0.0, math.nan, math.inf):
        with pytest.raises(ConfigError, match="uses are a number"):
            keyboard.learn("Zyxgle", uses)
    for day in (-1.0, 1e7, math.nan):
        with pytest.raises(ConfigError, match="a day is"):
            keyboard.today(day)


def test_the_blocklist_outlives_learning_and_files(keyboard: Keyboard, tmp_path: Path) -> None:
    keyboard.hide("Hello")
    assert not keyboard.learn("hello")
    keyboard.save(tmp_path / "a.json")
    other = opened()
    other.load(tmp_path / "a.json")
    for one in (keyboard, other):
        one.learn("HELLO", 1000)
        for found in (one.swipe(swiped("hello")), one.tap(taps("hell"), moving=True)):
            assert "hello" not in [word.text.lower() for word in found]
    other.teach("hello")  # the user says so
    assert other.swipe(swiped("hello"))[0].text == "hello"


def test_incognito_learns_nothing_and_keeps_no_text(keyboard: Keyboard, tmp_path: Path) -> None:
    keyboard.teach("Zyxgle", 3)
    keyboard.save(tmp_path / "before.json")
    plain = keyboard.swipe(swiped("own"))
    keyboard.before("it is my ", whole=True)
    known = keyboard.swipe(swiped("own"))
    assert known != plain
    keyboard.incognito(True)
    assert keyboard.swipe(swiped("own")) == plain  # the context is gone
    keyboard.before("it is my ", whole=True)
    assert keyboard.swipe(swiped("own")) == known
    keyboard.tap(taps("secret"))
    assert not keyboard.learn("Secretword")
    keyboard.teach("Secretword")
    assert "Secretword" not in [one.text for one in keyboard.swipe(swiped("secretword"))]
    keyboard.incognito(True)  # it was on: nothing changes
    assert keyboard.swipe(swiped("own")) == known
    keyboard.incognito(False)
    assert keyboard.typed == ""
    assert keyboard.swipe(swiped("own")) == plain
    keyboard.save(tmp_path / "after.json")
    assert (tmp_path / "after.json").read_bytes() == (tmp_path / "before.json").read_bytes()
    assert keyboard.learn("Secretword")


@pytest.mark.skipif(not PACKS.is_dir(), reason="needs the packs of the source tree")
def test_words_are_of_the_language_they_were_written_in(tmp_path: Path) -> None:
    keyboard = opened("own", "de")
    keyboard.before("Ich habe das ", whole=True)
    keyboard.learn("Zyxgle")  # of no lexicon: the words before tell
    keyboard.learn("people")  # English, whatever stands before
    keyboard.before("I want to see ", whole=True)
    keyboard.learn("Qwaxo")
    keyboard.learn("gegangen")
    held = words_of(keyboard, tmp_path)
    tags = {word: one.get("language", "") for word, one in held.items()}
    assert tags == {"Zyxgle": "de", "people": "own", "Qwaxo": "own", "gegangen": "de"}
    english, german = opened("own"), opened("de")
    for one, own, other in ((english, "Qwaxo", "Zyxgle"), (german, "Zyxgle", "Qwaxo")):
        one.load(tmp_path / "words.json")
        for word, known in ((own, True), (other, False)):
            found = [answer.text for answer in one.swipe(swiped(word.lower()))]
            assert (word in found) is known
    keyboard.before("Ich habe das ", whole=True)
    keyboard.learn("Qwaxo")  # of both now
    assert "language" not in words_of(keyboard, tmp_path)["Qwaxo"]


@pytest.mark.skipif(not PACKS.is_dir(), reason="needs the packs of the source tree")
def test_the_recognizer_ranks_learnt_words_alike(tmp_path: Path) -> None:
    keyboard = opened("own", "de")
    keyboard.today(50)
    for word, text in (("Zyxgle", "Ich habe das "), ("Qwaxo", "I want "), ("helo", "I said ")):
        keyboard.before(text, whole=True)
        keyboard.learn(word, 20)
    keyboard.save(tmp_path / "words.json")
    dictionary = UserDictionary.read(tmp_path / "words.json")
    recognizer = edgectc.load(MODEL, language=["own", "de"], dictionary=dictionary)
    for day in (50, 90):
        keyboard.today(day)
        dictionary.today(day)
        for text in ("", "Ich habe das ", "I want "):
            keyboard.before(text, whole=bool(text))
            for word in ("zyxgle", "qwaxo", "helo"):
                points = swipe(word, QWERTY, np.random.default_rng(1))
                got, wanted = keyboard.swipe(pixels(points)), recognizer(points, context=text)
                assert got[0].text == wanted[0].text
                assert got[0].score == pytest.approx(wanted[0].score, abs=1e-3)


def test_python_learns_by_the_same_rules_and_writes_the_same_file(tmp_path: Path) -> None:
    keyboard, dictionary = opened(), UserDictionary()
    rng = np.random.default_rng(2)
    words = ["Zyxgle", "straße", "it's", "Łódź", "hello", "Hello", "naïve"]
    for step in range(200):
        word, uses = words[int(rng.integers(len(words)))], float(rng.choice([1, 1, 2, -1, 0.02]))
        kind = rng.random()
        if kind < 0.7:
            assert keyboard.learn(word, uses) == dictionary.learn(word, uses), (step, word)
        elif kind < 0.8:
            keyboard.teach(word)
            dictionary.add(word)
        elif kind < 0.85:
            keyboard.hide(word)
            dictionary.hide(word)
        else:
            day = float(rng.integers(400))
            keyboard.today(day)
            dictionary.today(day)
        if step % 20 == 0:
            keyboard.save(tmp_path / "c.json")
            dictionary.save(tmp_path / "python.json")
            ours, theirs = (json.loads((tmp_path / name).read_bytes())
                            for name in ("c.json", "python.json"))  # fmt: skip
            assert ours["words"].keys() == theirs["words"].keys()
            for name, known in ours["words"].items():
                assert known == pytest.approx(theirs["words"][name])
            assert ours["schema_version"] == theirs["schema_version"]
    assert any(held.learnt for held in map(dictionary.__getitem__, dictionary))
    again = UserDictionary.read(tmp_path / "c.json")
    again.save(tmp_path / "again.json")
    held = [
        json.loads((tmp_path / name).read_bytes())["words"] for name in ("again.json", "c.json")
    ]
    assert held[0] == held[1]


def test_files_without_learnt_words_are_those_of_yesterday(
    keyboard: Keyboard, tmp_path: Path
) -> None:
    keyboard.teach("Zyxgle")
    keyboard.save(tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_bytes())["schema_version"] == 2
    keyboard.learn("Zyxgle")
    keyboard.save(tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_bytes())["schema_version"] == 3
    held = UserDictionary.read(tmp_path / "a.json")["Zyxgle"]
    assert held == Personal(count=1, learnt=1)


@pytest.mark.parametrize(
    "word",
    ['{"learnt": -1}', '{"day": 1e9}', '{"language": "far too long a name"}', '{"learnt": "x"}'],
)
def test_figures_out_of_range_are_refused(keyboard: Keyboard, tmp_path: Path, word: str) -> None:
    text = f'{{"schema_version": 3, "share": 1e-5, "words": {{"x": {word}}}}}'
    (tmp_path / "a.json").write_text(text, encoding="ascii")
    with pytest.raises(ConfigError, match="no user's words"):
        keyboard.load(tmp_path / "a.json")
    with pytest.raises(ConfigError):
        UserDictionary.read(tmp_path / "a.json")


def test_of_too_many_words_the_one_that_was_learnt_least_goes(tmp_path: Path) -> None:
    keyboard, dictionary = opened(), UserDictionary()
    words = [f"w{''.join('abcdefghij'[int(d)] for d in str(i))}" for i in range(10_002)]
    for one in (keyboard, dictionary):
        for i, word in enumerate(words[:10_000]):
            one.learn(word, 1 if i == 77 else 2)
        one.learn(words[10_000], 3)
        one.learn(words[10_001], 3)
    held = words_of(keyboard, tmp_path)
    assert len(held) == len(dictionary) == 10_000
    assert held.keys() == {*dictionary}
    assert words[77] not in held
    assert {words[10_000], words[10_001]} <= held.keys()
