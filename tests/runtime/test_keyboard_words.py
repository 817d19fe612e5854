"""What a keyboard of the C library learns, against the recognizer with the same user dictionary."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest
from boards import keys_of, pixels
from traces import trace

import edgectc
from edgectc import UserDictionary
from edgectc.core.errors import ConfigError, WriteError
from edgectc.data import swipe_files
from edgectc.data.generators.swipes import swipe
from edgectc.decoding.search import compiled
from edgectc.formats import layouts
from edgectc.language import spelling
from edgectc.language.user_dictionary import Personal
from edgectc.runtime.keyboard import Keyboard

pytestmark = pytest.mark.skipif(compiled.library() is None, reason="needs the compiled library")

QWERTY = layouts.shipped("qwerty")
OWN = ["Łódź", "cœur", "Zxyvq", "Müller", "it’s", "hello", "Hello", "crêpe", "o'Neil",
       "Anne-Marie", "Straße", "fuck", "qwertz", "tomorow", "naïve", "ABBA"]  # fmt: skip


@pytest.fixture(scope="module")
def artifact() -> Path:
    models = Path(edgectc.__file__).parent.parent / "models"
    if not models.is_dir():
        models = Path(edgectc.__file__).parent / "models"
    return models / "swipe-en" / "artifacts" / "swipe-en-int8-dynamic.edgectc"


@pytest.fixture
def keyboard(artifact: Path) -> Keyboard:
    return Keyboard(artifact, keys=keys_of(QWERTY))


def spelled(word: str) -> str:
    found = spelling.spell(word, set(QWERTY.letters))
    assert found
    return found


def compare(keyboard: Keyboard, recognizer: edgectc.Recognizer, words: list[str], seed: int) -> int:
    """Swipe words on both, with and without context; return how many came first."""
    rng, first = np.random.default_rng(seed), 0
    for context in ("", "I want to see "):
        keyboard.before(context, whole=bool(context))
        keyboard.prepare()
        said = ["<s>", *context.lower().split()] if context else []
        for word in words:
            points = swipe(spelled(word), QWERTY, rng)
            got, wanted = keyboard.swipe(pixels(points)), recognizer(points, context=said)
            assert [c.text for c in got] == [c.text for c in wanted], (word, context)
            for ours, theirs in zip(got, wanted, strict=True):
                assert ours.score == pytest.approx(theirs.score, abs=1e-3)
            first += got[0].text == word
    return first


def test_taught_hidden_and_forgotten_words_rank_as_the_recognizer_ranks_them(
    keyboard: Keyboard, artifact: Path
) -> None:
    dictionary = UserDictionary()
    recognizer = edgectc.load(artifact, dictionary=dictionary)
    compare(keyboard, recognizer, ["hello", "tomorrow"], 0)
    for i, word in enumerate(OWN):
        keyboard.teach(word, 1 + 3 * i)
        dictionary.add(word, 1 + 3 * i)
    for word in ("HELLO", "there", "ABBA", "Its"):
        keyboard.hide(word)
        dictionary.hide(word)
    assert compare(keyboard, recognizer, [*OWN, "there", "its"], 1) >= len(OWN)
    for word in ("HELLO", "qwertz", "there"):
        keyboard.forget(word)
        dictionary.remove(word)
    keyboard.teach("abba")  # shows "ABBA" again
    dictionary.add("abba")
    compare(keyboard, recognizer, [*OWN, "there", "abba"], 2)


def test_favoured_words_rank_as_the_recognizer_ranks_hotwords(
    keyboard: Keyboard, artifact: Path
) -> None:
    terms = {"Łódź": 7.0, "Zxyvq": 9.5, "hello": -2.0, "HELLO": 4.0, "naïve": 1.0}
    written = [{"text": text, "weight": nats} for text, nats in terms.items()]
    written.append({"text": "SQL", "spellings": ["sequel"], "weight": 9.0})
    dictionary = UserDictionary()
    hotwords = edgectc.Hotwords({"names": {"terms": written}})
    for text, nats in terms.items():
        assert keyboard.favour(text, nats)
    # Of two that differ in case a file takes one; a keyboard takes what it is told.
    assert keyboard.favour("hello", 0.0)
    assert keyboard.favour("SQL", 9.0)
    assert keyboard.favour("SQL", 9.0, spelling="sequel")
    assert not keyboard.favour("щука", 3.0)
    keyboard.teach("Zxyvq", 30)
    dictionary.add("Zxyvq", 30)
    recognizer = edgectc.load(artifact, dictionary=dictionary, hotwords=hotwords)
    words = ["Łódź", "Zxyvq", "HELLO", "naïve", "sequel", "there"]
    assert compare(keyboard, recognizer, words, 3) >= 8
    sequel = keyboard.swipe(pixels(trace("sequel")))
    assert [c.text for c in sequel][:2] == ["SQL", "sequel"]
    keyboard.favour("SQL", 0.0, spelling="sequel")
    assert keyboard.swipe(pixels(trace("sequel")))[0].text == "sequel"
    assert keyboard.favour("there", 100.0)
    assert keyboard.favour("hello", -100.0)
    assert keyboard.swipe(pixels(trace("there")))[0].text == "there"  # such weights can be searched
    with pytest.raises(ConfigError, match="-100 to 100"):
        keyboard.favour("word", 101.0)
    with pytest.raises(ConfigError):
        keyboard.favour("12", 1.0)


@pytest.mark.slow
@pytest.mark.data
def test_real_swipes_with_own_words_rank_as_the_recognizer_ranks_them(
    keyboard: Keyboard, artifact: Path, swipes_file: Path
) -> None:
    dictionary, rng = UserDictionary(), np.random.default_rng(0)
    recognizer = edgectc.load(artifact, dictionary=dictionary)
    loaded, _ = swipe_files.load(swipes_file, split="dev")
    swipes = [(loaded[i].points, loaded[i].word) for i in rng.permutation(len(loaded))[:200]]
    words = sorted({word for _, word in swipes})
    for word in [*words[::3], *(word[::-1].title() for word in words[:50])]:
        uses = int(rng.integers(1, 50))
        keyboard.teach(word, uses)
        dictionary.add(word, uses)
    for word in words[1::5]:
        keyboard.hide(word)
        dictionary.hide(word)
    same, worst = 0, 0.0
    for points, _ in swipes:
        got, wanted = keyboard.swipe(pixels(points)), recognizer(points)
        same += [c.text for c in got] == [c.text for c in wanted]
        worst = max(worst, *(abs(a.score - b.score) for a, b in zip(got, wanted, strict=True)))
    assert same == 200
    assert worst < 1e-3


def test_what_was_taught_counts_from_the_next_swipe_on(keyboard: Keyboard) -> None:
    points = pixels(trace("zxyvq"))
    assert "Zxyvq" not in [c.text for c in keyboard.swipe(points)]
    keyboard.teach("Zxyvq")
    assert "Zxyvq" in [c.text for c in keyboard.swipe(points)]
    keyboard.hide("zXYVQ")
    assert "Zxyvq" not in [c.text for c in keyboard.swipe(points)]
    keyboard.teach("Zxyvq")
    assert "Zxyvq" in [c.text for c in keyboard.swipe(points)]
    keyboard.forget("Zxyvq")
    assert "Zxyvq" not in [c.text for c in keyboard.swipe(points)]


@pytest.mark.parametrize(
    ("word", "message"),
    [("", "needs a letter"), ("12", "needs a letter"), ("a\nb", "on one line"),
     ("a\u2028b", "on one line"), ("x" * 256, "256 letters"), ("a\0b", "no character"),
     ("a\ud800", "no character")],
)  # fmt: skip
def test_what_is_no_word_is_refused_by_both(keyboard: Keyboard, word: str, message: str) -> None:
    for teach in (keyboard.teach, keyboard.hide):
        with pytest.raises(ConfigError, match=message):
            teach(word)
    with pytest.raises(ConfigError):
        UserDictionary().add(word)


def test_uses_and_unknown_words_are_refused(keyboard: Keyboard) -> None:
    for uses in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="more than 0 times"):
            keyboard.teach("word", uses)
    with pytest.raises(ConfigError, match="no word 'word'"):
        keyboard.forget("word")


def figures(dictionary: UserDictionary) -> dict[str, object]:
    return {word: dictionary[word] for word in dictionary}


def test_each_reads_what_the_other_saved(
    keyboard: Keyboard, artifact: Path, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "c.json", tmp_path / "python.json"
    dictionary = UserDictionary(share=3e-5)
    for i, word in enumerate([*OWN, "かな", "a\u0301\U0001f600", 'quo"te\\', "\u007fx"]):
        dictionary.add(word, 1 + i / 7)
        dictionary.boost(word, (-1) ** i * i / 3)
    dictionary.hide("the")
    dictionary.save(theirs)
    keyboard.load(theirs)
    keyboard.save(ours)
    read = UserDictionary.read(ours)
    assert list(read) == sorted(dictionary)
    assert read.share == dictionary.share
    for word in read:
        assert read[word].hidden == dictionary[word].hidden
        assert read[word].count == pytest.approx(dictionary[word].count, rel=1e-14)
        assert read[word].boost == pytest.approx(dictionary[word].boost, rel=1e-14, abs=0)
    assert stat.S_IMODE(ours.stat().st_mode) == stat.S_IMODE(theirs.stat().st_mode) == 0o600
    saved = ours.read_bytes()
    keyboard.load(ours)
    keyboard.save(ours)  # and what was once written stays, digit for digit
    assert ours.read_bytes() == saved
    compare(keyboard, edgectc.load(artifact, dictionary=read), [*OWN, "the"], 3)
    assert sorted(os.listdir(tmp_path)) == ["c.json", "python.json"]


def test_numbers_of_every_size_come_back(keyboard: Keyboard, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path, dictionary = tmp_path / "words", UserDictionary(share=1e-300)
    for i in range(300):
        word = "".join(rng.choice([*"abcdefgh"], 6)) + "x" * (i % 7)
        dictionary.add(word, float(np.exp(rng.uniform(-700, 20))))
    dictionary.add("tiny", 5e-324)
    dictionary.add("many", 1e9)
    dictionary.add("nines", 999999.999999999)
    dictionary.save(path)
    keyboard.load(path)
    keyboard.save(path)
    read = UserDictionary.read(path)
    assert read.share == pytest.approx(1e-300, rel=1e-14)
    for word in dictionary:
        assert read[word].count == pytest.approx(dictionary[word].count, rel=1e-14), word


def test_words_of_another_alphabet_are_kept(keyboard: Keyboard, tmp_path: Path) -> None:
    keyboard.teach("слово", 4)
    keyboard.hide("слово")
    keyboard.save(tmp_path / "words")
    read = UserDictionary.read(tmp_path / "words")
    assert read["слово"] == Personal(4, 0, True)


def test_files_of_the_first_version_and_changed_by_hand_are_read(
    keyboard: Keyboard, tmp_path: Path
) -> None:
    path = tmp_path / "words"
    for text in (
        '{"schema_version": 1, "share": 1e-05, "words": {"Zxyvq": {"count": 3.0}}}',
        '{"words": {"Zxyvq": {"count": 3}}, "schema_version": 2, "share": 1e-05}',
    ):
        path.write_text(text, encoding="ascii")
        keyboard.load(path)
        assert "Zxyvq" in [c.text for c in keyboard.swipe(pixels(trace("zxyvq")))]
        assert UserDictionary.read(path)["Zxyvq"].count == 3
        keyboard.forget("Zxyvq")


def test_a_file_with_anything_changed_is_refused_and_nothing_is_lost(
    keyboard: Keyboard, tmp_path: Path
) -> None:
    path, other = tmp_path / "words", tmp_path / "other"
    for word in OWN:
        keyboard.teach(word)
    keyboard.save(path)
    data, rng = path.read_bytes(), np.random.default_rng(0)
    damaged = [data[:size] for size in (0, 1, len(data) // 2, len(data) - 3)]
    damaged += [b"\0" * 100, b"[]", data + b"x", data.replace(b"\n", b"\n\n", 1)]
    for _ in range(200):
        made = bytearray(data)
        made[int(rng.integers(len(made)))] ^= 1 << int(rng.integers(8))
        damaged.append(bytes(made))
    for one in damaged:
        other.write_bytes(one)
        with pytest.raises(ConfigError, match="these are no user's words"):
            keyboard.load(other)
        with pytest.raises(ConfigError):
            UserDictionary.read(other)
    keyboard.save(other)
    assert other.read_bytes() == data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"schema_version": 4, "share": 1e-5, "words": {}}', "newer version"),
        ('{"schema_version": 1, "share": 1e-5}', "missing"),
        ('{"schema_version": 1, "share": 2, "words": {}}', "out of range"),
        ('{"schema_version": 1, "share": 1e-5, "words": {"a": {"count": -1}}}', "out of range"),
        ('{"schema_version": 1, "share": 1e-5, "words": {"a": {"boost": 701}}}', "out of range"),
        ('{"schema_version": 1, "share": 1e-5, "words": {"a": {"more": 1}}}', "something else"),
        ('{"schema_version": 1, "share": 1e-5, "words": {"12": {"count": 1}}}', "needs a letter"),
        ('{"schema_version": 1, "share": 1e-5, "words": [], "more": 1}', "another one"),
    ],
)
def test_what_no_file_of_words_holds_is_said(
    keyboard: Keyboard, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "words").write_text(text, encoding="ascii")
    with pytest.raises(ConfigError, match=message):
        keyboard.load(tmp_path / "words")
    with pytest.raises(ConfigError):
        UserDictionary.read(tmp_path / "words")


def test_paths_that_cannot_be_read_or_written_are_said(keyboard: Keyboard, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        keyboard.load(tmp_path / "none")
    with pytest.raises(ConfigError, match="no plain file"):
        keyboard.load(tmp_path)
    with pytest.raises(WriteError, match="no such file or folder"):
        keyboard.save(tmp_path / "none" / "words")
    (tmp_path / "folder").mkdir()
    with pytest.raises(WriteError, match="no plain file"):
        keyboard.save(tmp_path / "folder")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_link_is_followed_and_what_a_killed_writer_left_is_private(
    keyboard: Keyboard, tmp_path: Path
) -> None:
    keyboard.teach("Zxyvq")
    (tmp_path / "words.new").write_text("half", encoding="ascii")
    (tmp_path / "link").symlink_to(tmp_path / "words")
    (tmp_path / "words").write_text("old", encoding="ascii")
    keyboard.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert "Zxyvq" in UserDictionary.read(tmp_path / "words")
    assert stat.S_IMODE((tmp_path / "words").stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["link", "words"]


def test_readers_see_whole_files_while_keyboards_write(artifact: Path, tmp_path: Path) -> None:
    path, wrong = tmp_path / "words", []
    boards = [Keyboard(artifact, context=False) for _ in range(3)]
    for i, board in enumerate(boards):
        for word in OWN[i:]:
            board.teach(word)
        board.save(path)

    def run(board: Keyboard) -> None:
        for _ in range(15):
            board.save(path)
            try:
                UserDictionary.read(path)
            except ConfigError as error:
                wrong.append(str(error))

    threads = [threading.Thread(target=run, args=(board,)) for board in boards]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong
    assert os.listdir(tmp_path) == ["words"]
