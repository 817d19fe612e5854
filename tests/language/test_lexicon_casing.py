from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import BundleFileMissingError, ConfigError
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon, merged
from edgectc.language.sources import recased, unoffending

AOSP = """dictionary=main:en
 word=I,f=200,flags=,originalFreq=200
 word=I'm,f=150,flags=,originalFreq=150
 word=London,f=140,flags=,originalFreq=140
 word=March,f=120,flags=,originalFreq=120
 word=march,f=119,flags=,originalFreq=119
 word=Polish,f=130,flags=,originalFreq=130
 word=polish,f=92,flags=,originalFreq=92
 word=Straße,f=10,flags=,originalFreq=10
 word=i,f=0,not_a_word=true
 word=darn,f=90,flags=offensive,originalFreq=90
"""


@pytest.fixture
def aosp(tmp_path: Path) -> str:
    path = tmp_path / "en.combined"
    path.write_text(AOSP)
    return str(path)


def lexicon(*words: str) -> Lexicon:
    return Lexicon(words, -np.arange(1.0, len(words) + 1))


def test_words_are_cased_as_the_source_has_them(aosp: str) -> None:
    words = ("i", "i'm", "i'd", "london's", "march", "polish", "McX", "straße", "new", "'tis")
    found = recased(lexicon(*words), aosp)
    assert found.words == (
        "I", "I'm", "I'd", "London's", "march", "Polish", "McX", "Straße", "new", "'tis",
    )  # fmt: skip
    assert found.log_probs.tolist() == lexicon(*words).log_probs.tolist()


def test_offensive_words_go_apart_and_come_back(aosp: str) -> None:
    whole = lexicon("the", "darn", "on")
    clean, flagged = unoffending(whole, aosp)
    assert clean.words == ("the", "on")
    assert flagged is not None
    assert (flagged.words, flagged.log_probs.tolist()) == (("darn",), [-2.0])
    assert dict(zip(*[(m := merged(clean, flagged)).words, m.log_probs], strict=True)) == dict(
        zip(whole.words, whole.log_probs, strict=True)
    )
    assert unoffending(clean, aosp)[1] is None
    assert merged(whole, lexicon("on")).log_probs.tolist() == whole.log_probs.tolist()


def test_a_source_that_flags_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.tsv"
    for text, message in {
        "the\t3\n": "plain.tsv:1: expected an offensive word, got 'the.t3'; write a word a line",
        "# nothing\n": "no offensive word is listed",
        " word=the,f=9,flags=\n": "no word has flags=offensive; give a list",
        " word=kommen,f=149,possibly_offensive=true\n": "and 1 have possibly_offensive=true",
    }.items():
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            unoffending(lexicon("the"), str(path))


def test_offensive_words_may_be_a_list(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("# mild ones\nDarn\n\nSCHEIẞE\n")
    clean, flagged = unoffending(lexicon("the", "darn", "Scheiße", "kommen"), str(path))
    assert clean.words == ("the", "kommen")
    assert flagged is not None
    assert flagged.words == ("darn", "Scheiße")


def test_spellings_that_the_counts_folded_come_back(tmp_path: Path) -> None:
    """wordfreq casefolds: it has no ß and no final sigma."""
    rows = {"Straße": 57, "Strasse": 3, "Masse": 3, "Maße": 1, "masse": 0.5, "dass": 9, "λόγος": 2}
    counts = {"strasse": 60.0, "masse": 20.0, "dass": 90.0, "λόγοσ": 7.0, "gross": 5.0, "groß": 6.0}
    found = recased(Lexicon.from_counts(counts), {**rows, "gross": 1, "groß": 8, "Groß": 1})
    shares = dict(zip(found.words, np.exp(found.log_probs) * sum(counts.values()), strict=True))
    assert found.words == tuple(sorted(shares, key=lambda word: -shares[word]))
    assert shares == pytest.approx(
        {
            "Straße": 57, "Strasse": 3, "Masse": 20 * 3.5 / 4.5, "Maße": 20 / 4.5, "dass": 90,
            "λόγος": 7, "gross": 5, "groß": 6,
        }
    )  # fmt: skip


def test_the_command_builds_both_files_and_load_reads_them(
    aosp: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = tmp_path / "counts.tsv"
    counts.write_text("i\t90\ni'm\t50\ndarn\t40\nkeyboard\t9\n")
    out = tmp_path / "words.trie"
    command = ["lexicon", "build", str(counts), "--casing", aosp, "--offensive", aosp]
    assert cli.main([*command, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dropped"]["offensive"] == 1
    assert lexicon_file.read(tmp_path / "offensive.tsv").words == ("darn",)
    trace = swipe("darn", layouts.load("qwerty"), np.random.default_rng(0))
    plain = edgectc.load(lexicon=str(out))
    assert "darn" not in [h.text for h in plain(trace)]
    assert edgectc.load(lexicon=str(out), offensive=True)(trace).best.text == "darn"
    trace = swipe("im", layouts.load("qwerty"), np.random.default_rng(0))
    assert plain(trace).best.text == "I'm"
    (tmp_path / "offensive.tsv").unlink()
    with pytest.raises(BundleFileMissingError, match="offensive"):
        edgectc.load(lexicon=str(out), offensive=True)
