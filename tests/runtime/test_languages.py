"""Language packs: built, opened, mixed, and refused when they are damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from names import ROOT

import edgectc
from edgectc.core.errors import BudgetError, BundleError, ConfigError
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts
from edgectc.runtime import languages

TEXT = [
    "Das Haus steht am See.",
    "Wir gehen nach Hause und das Haus ist leer.",
    "Am See steht ein Haus, und Straße um Straße wird es leer.",
    "C'est l'été, l'été au See.",
]
COUNTS = {"das": 50, "haus": 30, "see": 20, "straße": 8, "leer": 7, "und": 60, "ist": 40, "am": 30,
          "steht": 10, "ein": 50, "wir": 30, "gehen": 12, "nach": 25, "hause": 9}  # fmt: skip


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("packs")
    return _built(place, out=place / "de").path


def _built(place: Path, language: str = "de", **options: object) -> object:
    words = "".join(f"{word}\t{count}\n" for word, count in COUNTS.items())
    (place / "words.tsv").write_text(words, encoding="utf-8")
    (place / "text.txt").write_text("\n".join(TEXT), encoding="utf-8")
    given = {"source": str(place / "words.tsv"), "text": [place / "text.txt"], **options}
    return edgectc.build_language(language, **given)


def _first(model: edgectc.Recognizer, word: str, layout: str, **given: object) -> str:
    keyboard = layouts.load(layout)
    trace = swipe(word, keyboard, np.random.default_rng(1))
    return model(trace, layout=layout, **given).best.text


def test_a_pack_brings_words_casing_context_and_its_keyboard(pack):
    model = edgectc.load("swipe-en-tiny", language=pack)
    assert model.layout == "german"
    assert model.language == "de"
    assert _first(model, "haus", "german") == "Haus"  # as the text writes it
    assert _first(model, "strasse", "german") == "Straße"
    assert _first(model, "leer", "german", context="das Haus ist ") == "leer"
    trace = swipe("haus", layouts.load("german"), np.random.default_rng(1))
    assert model(trace).best.text == "Haus"  # the keyboard of the pack is the default


def test_words_that_the_source_lacks_come_from_the_text(pack):
    model = edgectc.load("swipe-en-tiny", language=pack)
    held = set(model.lexicon.words)
    assert {"l'été", "Straße"} <= held
    assert "c'est" not in {word.lower() for word in held}  # once is not enough
    assert "Das" not in held  # first words of sentences tell nothing of the case


def test_the_figures_of_a_pack_are_those_of_its_files(pack):
    built = _built(pack.parent, out=pack.parent / "again")
    files = list(built.path.iterdir())
    assert sorted(f.name for f in files) == ["language.json", "lexicon.trie", "words.lm"]
    assert built.bytes == sum(f.stat().st_size for f in files)
    assert built.words == len(languages.read(built.path).vocabulary().lexicon.words)
    running = sum(len(line.split()) for line in TEXT)
    lacking = 2  # "c'est" and "au", "es", "wird", "um", "nach" ... stand in the text once or not
    assert 0.5 < built.covered <= 1 - lacking / running


def test_two_languages_at_once(pack):
    model = edgectc.load("swipe-en-tiny", language=["en", str(pack)])
    assert model.layout == "qwerty"
    assert list(model.languages) == ["de"]
    assert _first(model, "house", "qwerty") == "house"
    assert _first(model, "strasse", "qwerty", context="Das Haus und die ") == "Straße"
    assert _first(model, "strasse", "qwerty", context=["das", "haus"]) == "Straße"
    assert model.prepare_words(context="das Haus ") is None
    again = model.replace(runner=model.runner)
    assert again.languages.keys() == model.languages.keys()


def test_own_and_main_language_may_change_places(pack):
    model = edgectc.load("swipe-en-tiny", language=f"{pack},own")
    assert model.layout == "german"
    assert list(model.languages) == ["own"]
    assert _first(model, "haus", "german") == "Haus"
    assert _first(model, "weather", "german", context="This is the ") == "weather"


def test_a_keyboard_writes_the_languages_of_its_script(tmp_path):
    words = "".join(f"{word}\t{9 - n}\n" for n, word in enumerate(["дім", "мова", "слово"]))
    (tmp_path / "words.tsv").write_text(words, encoding="utf-8")
    uk = edgectc.build_language("uk", source=str(tmp_path / "words.tsv"), out=tmp_path / "uk")
    model = edgectc.load("swipe-en-tiny", language=[str(uk.path), "own"])
    assert model.layout == "ukrainian"
    assert _first(model, "мова", "ukrainian") == "мова"
    assert _first(model, "house", "qwerty") == "house"
    assert model.decoder(model.setting("qwerty")).languages() == {"own": 1.0}
    alone = edgectc.load("swipe-en-tiny", language=uk.path)
    with pytest.raises(ConfigError, match="none of the 3 words"):
        _first(alone, "house", "qwerty")


def test_a_pack_without_text_has_no_context(tmp_path):
    built = _built(tmp_path, out=tmp_path / "plain", text=[])
    assert (built.ngrams, built.covered) == ((), None)
    model = edgectc.load("swipe-en-tiny", language=built.path)
    with pytest.raises(edgectc.InputError, match="carries no word language model"):
        _first(model, "haus", "german", context="das ")
    mixed = edgectc.load("swipe-en-tiny", language=["en", str(built.path)])
    assert _first(mixed, "house", "qwerty", context="this is my ") == "house"


def test_offensive_words_are_suggested_on_demand(tmp_path):
    flagged = "dictionary=main:de,locale=de\n word=leer,f=100,flags=offensive\n"
    (tmp_path / "flags.combined").write_text(flagged)
    built = _built(tmp_path, out=tmp_path / "de", offensive=str(tmp_path / "flags.combined"))
    tame = edgectc.load("swipe-en-tiny", language=built.path)
    assert _first(tame, "leer", "german") != "leer"
    assert _first(edgectc.load("swipe-en-tiny", language=built.path, offensive=True), "leer",
                  "german") == "leer"  # fmt: skip


def test_a_pack_is_found_by_name_and_listed(pack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="edgectc language build xx"):
        edgectc.load(language="xx")
    _built(tmp_path, "xx", layout="german")
    assert "xx" in edgectc.list_names("languages")["languages"]
    assert edgectc.load("swipe-en-tiny", language="xx").language == "xx"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "eo"}, "no keyboard is known for 'eo'"),
        ({"language": "De_de"}, "expected a tag"),
        ({"out": "."}, "is no language pack: it holds"),
    ],
)
def test_what_cannot_be_built_is_refused(tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match=message):
        _built(tmp_path, **{"layout": None if "language" in options else "german", **options}
               | ({"layout": "german"} if options.get("language") == "De_de" else {}))  # fmt: skip
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_words_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(BudgetError, match="raise max_mb"):
        _built(tmp_path, out=tmp_path / "de", max_mb=0.0001)
    assert not (tmp_path / "de").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"language": []}, "one or more different packs"),
        ({"language": ["en", "en"]}, "one or more different packs"),
        ({"language": "PACK", "lexicon": "x.trie"}, "leave language or lexicon out"),
        ({"language": "PACK", "language_model": "x.lm"}, "leave language or language_model out"),
        ({"language": "PACK", "offensive": True}, "knows no offensive words"),
    ],
)
def test_options_that_make_no_sense_are_refused(pack, given, message):
    given = {k: str(pack) if v == "PACK" else v for k, v in given.items()}
    with pytest.raises(ConfigError, match=message):
        edgectc.load("swipe-en-tiny", **given)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("lexicon.trie", lambda data: data[:-1], "is not the file that this language pack"),
        ("words.lm", None, "is missing; build the language pack again"),
        ("language.json", lambda data: b"{", "is malformed"),
        ("language.json", lambda data: b"[]", "not a JSON object"),
        ("language.json", lambda data: _changed(data, schema_version=9), "version"),
        ("language.json", lambda data: _changed(data, language="../x"), "expected a tag"),
    ],
)
def test_a_damaged_pack_is_refused(pack, tmp_path, name, damage, message):
    for file in pack.iterdir():
        data = file.read_bytes()
        if file.name == name:
            if damage is None:
                continue
            data = damage(data)
        (tmp_path / file.name).write_bytes(data)
    with pytest.raises(BundleError, match=message):
        edgectc.load("swipe-en-tiny", language=tmp_path)


def test_models_without_keyboards_take_no_packs(pack):
    bundle = edgectc.load("swipe-en-tiny")
    assert bundle.layout
    other = bundle.replace()
    other.layout = ""
    with pytest.raises(ConfigError, match="takes none; leave language out"):
        languages.speaking(other, [str(pack)])


def _changed(data: bytes, **values: object) -> bytes:
    return json.dumps({**json.loads(data), **values}).encode()


@pytest.mark.parametrize(
    ("name", "swiped", "word"), [("de", "fenster", "Fenster"), ("en-free", "monday", "Monday")]
)
def test_a_pack_of_the_source_tree_opens_and_is_noted(name: str, swiped: str, word: str) -> None:
    pack = languages.read(name)
    assert sum(file.stat().st_size for file in pack.path.iterdir()) <= 6e6
    assert f"languages/{name}" in (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert pack.index.sources["notes"]  # what may be done with it
    model = edgectc.load("swipe-en-tiny", language=name)
    assert _first(model, swiped, pack.index.layout.name) == word


def test_where_no_pack_lies_the_path_of_one_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an empty folder, beside an installed package."""
    monkeypatch.setattr(languages, "_folders", lambda: [tmp_path / "languages"])
    with pytest.raises(ConfigError, match=r"here are: none; .*source tree: give the path of one"):
        languages.locate("en-free")
    assert languages.locate(ROOT / "languages" / "en-free").name == "en-free"


def test_packs_of_the_tree_that_was_installed_from_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tree" / "languages").mkdir(parents=True)
    (tmp_path / "tree" / "languages" / "xy").symlink_to(ROOT / "languages" / "en-free")
    monkeypatch.setattr(languages, "origin", lambda: str(tmp_path / "tree"))
    assert "xy" in languages.names()
    assert languages.locate("xy").parent == tmp_path / "tree" / "languages"
