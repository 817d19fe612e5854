"""Several languages in a keyboard of the C library, against Python's mixing of the same packs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from boards import HIGH, LEFT, TOP, WIDE, keys_of, pixels

import edgectc
from edgectc.core.errors import BundleError, ConfigError
from edgectc.core.types import Array, Hypothesis
from edgectc.data.generators.swipes import swipe
from edgectc.decoding.mixing import MixedDecoder
from edgectc.decoding.search import compiled
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.language import spelling
from edgectc.runtime import languages
from edgectc.runtime.keyboard import Keyboard
from edgectc.runtime.recognizer import Recognizer, Vocabulary

PACKS = Path(edgectc.__file__).parents[1] / "languages"
pytestmark = [
    pytest.mark.skipif(compiled.library() is None, reason="needs the compiled library"),
    pytest.mark.skipif(not PACKS.is_dir(), reason="needs the packs of the source tree"),
]
MODEL = bundles.locate("swipe-en-tiny") / "artifacts" / "swipe-en-tiny-int8-dynamic.edgectc"
QWERTY = layouts.shipped("qwerty")
# Half of the preset's, which each language has for itself; words further behind are met by chance.
MARGIN = 3.0
WIDER = 0.05  # the German rows end a hair beyond the board, which int8 codes feel
TEXTS = ("", "I want to see ", "Das ist gut. Und der ", "We said: was ist", "zzq the und")
WORDS = ("hello", "schön", "und", "the", "für", "haus", "gehen", "die", "people")


@pytest.fixture(scope="module")
def german() -> Layout:
    return languages.read("de").index.layout


def recognizer_of(names: list[str], layout: Layout) -> Recognizer:
    loaded = edgectc.load(MODEL, language=names)
    spoken = {loaded.language: Vocabulary(loaded.lexicon, loaded.language_model)}
    return loaded.speaking({**spoken, **loaded.languages}, layout=layout)


def near(found: edgectc.Decoded) -> list[Hypothesis]:
    """Return the answers that are less than the margin under the best."""
    return [one for one in found if one.score > found[0].score - MARGIN]


def compare(
    keyboard: Keyboard, recognizer: Recognizer, layout: Layout, seed: int, within: float = 1e-3
) -> int:
    """Swipe words after texts, whole and while the finger moves; return how many came first."""
    rng, first = np.random.default_rng(seed), 0
    for text in TEXTS:
        keyboard.before(text, whole=bool(text))
        keyboard.prepare()
        decode = recognizer.decoder(recognizer.setting(layout.name))
        assert isinstance(decode, MixedDecoder)
        wanted = [*decode.languages(text).values()]
        assert [*keyboard.languages.values()] == pytest.approx(wanted, abs=1e-9)
        for word in WORDS:
            points = swipe(spelling.spell(word, set(layout.letters)) or "", layout, rng)
            for moving in (False, True):
                got = near(keyboard.swipe(pixels(points), moving=moving))
                said = near(recognizer(points, context=text, partial=moving))
                assert [one.text for one in got] == [one.text for one in said], (text, word, moving)
                for ours, theirs in zip(got, said, strict=True):
                    assert ours.score == pytest.approx(theirs.score, abs=within)
                    assert ours.probability == pytest.approx(theirs.probability, abs=within + 5e-3)
                first += got[0].text.lower() == word
    return first


@pytest.mark.parametrize("names", [["own", "en-free"], ["own", "de"], ["en-free", "de", "own"]])
def test_words_and_scores_are_those_of_the_recognizer(names: list[str]) -> None:
    """German on keys without umlauts, too: they are swiped over the letters they are made of."""
    keyboard = Keyboard(MODEL, keys=keys_of(QWERTY), language=names)
    assert [*keyboard.languages] == [{"en-free": "en"}.get(name, name) for name in names]
    assert compare(keyboard, recognizer_of(names, QWERTY), QWERTY, 0) > 20


def test_on_a_german_keyboard(german: Layout) -> None:
    """English words with umlauts aside, which only Python spells anew for each keyboard."""
    keyboard = Keyboard(MODEL, keys=keys_of(german), language=["de", "own"])
    recognizer = recognizer_of(["de", "own"], german)
    assert compare(keyboard, recognizer, german, 1, within=WIDER) > 20


def test_one_pack_in_place_of_the_models_words(german: Layout) -> None:
    keyboard, alone = Keyboard(MODEL, keys=keys_of(german), language="de"), languages.read("de")
    recognizer = edgectc.load(MODEL, language="de")
    rng = np.random.default_rng(3)
    for word in WORDS:
        points = swipe(spelling.spell(word, set(german.letters)) or "", german, rng)
        got = near(keyboard.swipe(pixels(points)))
        said = near(recognizer(points, context=[]))
        assert [one.text for one in got] == [one.text for one in said]
        assert got[0].score == pytest.approx(said[0].score, abs=WIDER)
    assert keyboard.languages == {"de": 1.0}
    assert alone.index.language == "de"


def test_a_language_whose_letters_have_no_keys_rests(tmp_path: Path) -> None:
    pack = made(tmp_path / "xx", {"дом": 0.5, "да": 0.5})
    keyboard = Keyboard(MODEL, keys=keys_of(QWERTY), language=["own", str(pack)])
    alone = Keyboard(MODEL, keys=keys_of(QWERTY))
    assert keyboard.languages == {"own": 1.0, "xx": 0.0}
    points = pixels(swipe("hello", QWERTY, np.random.default_rng(0)))
    texts = [one.text for one in alone.swipe(points)]
    assert [one.text for one in keyboard.swipe(points)] == texts
    assert keyboard.typed == ""
    with pytest.raises(ConfigError, match="no key for 'а'"):
        Keyboard(MODEL, keys=keys_of(QWERTY), language=str(pack))


def made(folder: Path, words: dict[str, float]) -> Path:
    """Write a pack of few words."""
    from edgectc.core.files import file_sha256
    from edgectc.language import packed
    from edgectc.language.lexicon import Lexicon

    folder.mkdir()
    letters = {c for word in words for c in word.lower()}
    lexicon = Lexicon(tuple(words), np.log([*words.values()]))
    packed.write(packed.pack(lexicon, letters), folder / "lexicon.trie")
    index = json.loads((PACKS / "de" / "language.json").read_text(encoding="utf-8"))
    sealed = {"file": "lexicon.trie", "licence": "", "sha256": file_sha256(folder / "lexicon.trie")}
    index |= {"language": folder.name, "lexicon": sealed}
    del index["language_model"], index["offensive"]
    (folder / "language.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def taps(letters: str) -> Array:
    centers = dict(zip(QWERTY.letters, np.array(QWERTY.centers), strict=True))
    return np.array([centers[c] for c in letters]) * [WIDE, HIGH] + [LEFT, TOP]


def test_taps_are_corrected_in_the_language_that_is_written() -> None:
    keyboard = Keyboard(MODEL, keys=keys_of(QWERTY), language=["own", "de"])
    keyboard.before("Ich habe das ", whole=True)
    assert keyboard.tap(taps("nivht"))[0].text == "nicht"
    assert "night" not in [one.text for one in keyboard.tap(taps("nivht"))[:1]]
    assert keyboard.tap(taps("schon"))[0].text in {"schon", "schön"}
    keyboard.before("I want to see the ", whole=True)
    assert keyboard.tap(taps("nightt"))[0].text == "night"
    # A word of either language is left alone, though the other one has a likelier neighbour.
    for word in ("die", "hat", "wok", "sop", "und"):
        assert keyboard.tap(taps(word))[0].text.lower() == word
    assert keyboard.complete("gesch")[0].text.lower().startswith("gesch")
    assert keyboard.knows("geschrieben")
    assert keyboard.knows("keyboard")


def test_probabilities_of_taps_are_shares_of_what_is_returned() -> None:
    keyboard = Keyboard(MODEL, keys=keys_of(QWERTY), language=["own", "de"])
    for found in (keyboard.tap(taps("hallo")), keyboard.complete("ha"), keyboard.complete()):
        assert sum(one.probability for one in found) == pytest.approx(1.0)
        assert all(a.score >= b.score for a, b in zip(found, [*found][1:], strict=False))
        assert len({one.text.lower() for one in found}) == len(found)


def test_taught_hidden_and_favoured_words_are_of_all_languages(tmp_path: Path) -> None:
    keyboard = Keyboard(MODEL, keys=keys_of(QWERTY), language=["own", "de"])
    rng = np.random.default_rng(5)
    swiped = {w: pixels(swipe(w, QWERTY, rng)) for w in ("zyxgle", "hello", "hallo")}
    keyboard.teach("Zyxgle", 100)
    assert keyboard.swipe(swiped["zyxgle"])[0].text == "Zyxgle"
    for word in ("hello", "hallo"):
        keyboard.hide(word)
        assert word not in [one.text.lower() for one in keyboard.swipe(swiped[word])]
    assert keyboard.favour("Hällo", 40.0)
    assert keyboard.swipe(swiped["hallo"])[0].text == "Hällo"
    keyboard.save(tmp_path / "words.json")
    other = Keyboard(MODEL, keys=keys_of(QWERTY), language=["de", "own"])
    other.load(tmp_path / "words.json")
    assert other.swipe(swiped["zyxgle"])[0].text == "Zyxgle"


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["own", "own"], BundleError, "'own' is there already"),
        (["de", "de"], BundleError, "'de' is there already"),
        (["nowhere"], ConfigError, "no language pack 'nowhere'"),
        (["a", "b", "c", "d", "e"], BundleError, "at most 4 languages"),
    ],
)
def test_what_is_refused(
    tmp_path: Path, names: list[str], error: type[Exception], message: str
) -> None:
    if len(names) > 2:
        names = [str(made(tmp_path / f"x{name}", {"ab": 0.5, "ba": 0.5})) for name in names]
    with pytest.raises(error, match=message):
        Keyboard(MODEL, language=names)


def raw(index: bytes, lexicon: bytes, model: bytes) -> str:
    """Add a language by the C function itself; return what it refuses, "" if it does not."""
    library = compiled.library()
    assert library is not None
    held = [np.frombuffer(d + bytes(8), np.uint8).copy() for d in (MODEL.read_bytes(), index,
                                                                  lexicon, model)]  # fmt: skip
    sizes = [len(one) - 8 for one in held]
    files = [compiled.File(one.ctypes.data, n) if n else compiled.File()
             for one, n in zip(held, sizes, strict=True)]  # fmt: skip
    handle = library.edgectc_keyboard_new()
    try:
        opened = library.edgectc_keyboard_open(handle, files[0], compiled.File(), compiled.File())
        assert opened == 0
        if library.edgectc_keyboard_add(handle, *files[1:]) < 0:
            return str(library.edgectc_keyboard_error(handle).decode())
        return ""
    finally:
        library.edgectc_keyboard_free(handle)


def test_files_that_are_not_those_of_the_index_are_refused(tmp_path: Path) -> None:
    pack = made(tmp_path / "xx", {"ab": 0.5, "ba": 0.5})
    index, lexicon = ((pack / n).read_bytes() for n in ("language.json", "lexicon.trie"))
    assert raw(index, lexicon, b"") == ""
    assert "not the lexicon" in raw(index, lexicon[:-1] + b"x", b"")
    assert "without a language model" in raw(index, lexicon, b"something")
    assert "give the lexicon" in raw(index, b"", b"")
    for other in (b"{}", index[:-5], index.replace(b'"language": "xx"', b'"language": ""'),
                  index.replace(b"xx", b"x" * 40)):  # fmt: skip
        assert "index of the language is malformed" in raw(other, lexicon, b"")
    newer = index.replace(b'"schema_version": 1', b'"schema_version": 2')
    assert "upgrade edgectc" in raw(newer, lexicon, b"")


def test_words_and_languages_stay_where_keys_change(german: Layout, tmp_path: Path) -> None:
    keyboard = Keyboard(MODEL, keys=keys_of(QWERTY), language=["own", "de"])
    keyboard.before("Ich habe das ", whole=True)
    held = keyboard.languages
    assert held["de"] > 0.8
    points = pixels(swipe("schön", german, np.random.default_rng(0)))
    keyboard.place(keys_of(german))
    assert keyboard.swipe(points)[0].text == "schön"
    assert keyboard.languages == held
    shutil.rmtree(tmp_path)
