"""Comparing, spelling, reading, writing and building lexicons."""

import gzip
import math
import re
import sys

import numpy as np
import pytest

from edgectc.core.errors import ConfigError, MissingDependencyError, install_line
from edgectc.core.files import file_sha256
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon
from edgectc.language.packed import pack
from edgectc.language.sources import build, gather, recased, unoffending
from edgectc.language.spelling import letters, spell


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's", "its"),
        ("mother-in-law", "motherinlaw"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Cafe\u0301", "café"),  # decomposed on purpose
        ("ПРИВЕТ", "привет"),
        ("3rd!", "rd"),
        ("", ""),
    ],
)
def test_letters(text, expected):
    assert letters(text) == expected


@pytest.mark.parametrize(
    ("word", "alphabet", "expected"),
    [
        ("Café", "acefé", "café"),
        ("Café", "acef", "cafe"),
        ("naïve-té", set("aeintv"), "naivete"),
        ("smørrebrød", "smrebdo", "smorrebrod"),
        ("smørrebrød", "smrebdø", "smørrebrød"),
        ("Łódź", "dloz", "lodz"),
        ("cœur", "ceoru", "coeur"),
        ("ısı", "si", "isi"),
        ("Ж", "abc", None),
        ("''", "abc", None),
    ],
)
def test_spell(word, alphabet, expected):
    assert spell(word, alphabet) == expected


def test_from_counts_are_shares_most_frequent_first():
    lexicon = Lexicon.from_counts({"b": 1, "a": 1, "c": 2})
    assert lexicon.words == ("c", "a", "b")
    np.testing.assert_allclose(np.exp(lexicon.log_probs), [0.5, 0.25, 0.25])


@pytest.mark.parametrize("counts", [{}, {"a": 0}, {"a": -1}, {"a": math.nan}, {"a": math.inf}])
def test_from_counts_refuses(counts):
    with pytest.raises(ConfigError):
        Lexicon.from_counts(counts)


@pytest.mark.parametrize(
    ("words", "log_probs"), [(("a", "a"), [0.0, 0.0]), (("a",), [0.0, 0.0]), (("a",), [-math.inf])]
)
def test_a_lexicon_that_cannot_be_is_refused(words, log_probs):
    with pytest.raises(ConfigError):
        Lexicon(words, np.array(log_probs))


@pytest.mark.parametrize("name", ["words.tsv", "words.tsv.gz"])
def test_write_read_write_gives_the_same_bytes(tmp_path, name):
    # Differences under the 4 written decimals must not decide the order.
    lexicon = Lexicon(("b", "It's", "a"), np.array([-1.00001, -0.5, -1.00002]), ("source: me",))
    first, second = tmp_path / "first" / name, tmp_path / "second" / f"other-{name}"
    lexicon_file.write(lexicon, first)
    back = lexicon_file.read(first)
    assert (back.words, back.notes) == (("It's", "a", "b"), ("source: me",))
    np.testing.assert_array_equal(back.log_probs, [-0.5, -1.0, -1.0])
    lexicon_file.write(back, second)
    assert file_sha256(first) == file_sha256(second)
    assert [path.name for path in first.parent.iterdir()] == [name]


def test_file_text(tmp_path):
    path = tmp_path / "lexicon.tsv.gz"
    lexicon_file.write(Lexicon.from_counts({"Ä": 1}, ("licence: none",)), path)
    data = path.read_bytes()
    assert data[3:10] == b"\0\0\0\0\0\x02\xff"  # no name, no time, no operating system
    assert gzip.decompress(data).decode() == "# edgectc lexicon 1\n# licence: none\nÄ\t0.0000\n"


@pytest.mark.parametrize("bad", ["two\nlines", "tab\tbed", "", "para\u2029graph"])
def test_write_refuses_what_it_could_not_read(tmp_path, bad):
    with pytest.raises(ConfigError):
        lexicon_file.write(Lexicon((bad,), np.zeros(1)), tmp_path / "x.tsv")
    with pytest.raises(ConfigError):
        lexicon_file.write(Lexicon(("a",), np.zeros(1), (bad,)), tmp_path / "x.tsv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line", ["the", "the\t", "the\tmany", "the\tnan", "the\t-inf", "\t-1.0", "a\t-1.0\tb", ""]
)
def test_read_names_file_and_line(tmp_path, line):
    path = tmp_path / "bad.tsv"
    path.write_text(f"# edgectc lexicon 1\nok\t-1.0\n{line}\nz\t-1.0\n")
    with pytest.raises(ConfigError, match=r"bad\.tsv:3"):
        lexicon_file.read(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"the\t-1.0\n",
        b"# edgectc lexicon 10\nthe\t-1.0\n",
        b"# edgectc lexicon 1\n",
        b"# edgectc lexicon 1\na\t-1\na\t-1\n",
        b"\xff\xfe\x00",
        gzip.compress(b"# edgectc lexicon 1\nthe\t-1.0\n", mtime=0)[:-9],
        b"\x1f\x8bnot gzip",
    ],
)
def test_read_refuses_files_that_are_no_lexicon(tmp_path, data):
    path = tmp_path / "bad.tsv"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"bad\.tsv"):
        lexicon_file.read(path)


def test_read_missing(tmp_path):
    with pytest.raises(ConfigError, match="no lexicon"):
        lexicon_file.read(tmp_path / "none.tsv")


def _build(tmp_path, text, **options):
    path = tmp_path / "source.txt"
    path.write_text(text, encoding="utf-8")
    return build(str(path), **options)


def test_build_from_aosp(tmp_path):
    lexicon, dropped = _build(
        tmp_path,
        "dictionary=main:en,locale=en,version=54\n"
        " word=the,f=222,flags=,originalFreq=222\n"
        "  shortcut=teh,f=whitelist\n"
        " word=Paris,f=192,flags=,originalFreq=192\n"
        " word=teh,f=100,flags=offensive:nonword,originalFreq=100\n"
        " word=hte,f=100,not_a_word=true\n"
        " word=damn,f=0,flags=offensive,originalFreq=0\n"
        " word=4th,f=100,flags=,originalFreq=100\n",
    )
    assert lexicon.words == ("the", "Paris")
    assert dropped == {"not_a_word": 2, "characters": 1, "no_count": 1}
    np.testing.assert_allclose(lexicon.log_probs[0] - lexicon.log_probs[1], 30 / 15)
    np.testing.assert_allclose(np.exp(lexicon.log_probs).sum(), 1.0)


@pytest.mark.parametrize("rank", ["f=256", "f=-1", "f=high", "flags="])
def test_build_from_aosp_names_the_bad_line(tmp_path, rank):
    with pytest.raises(ConfigError, match=r"source\.txt:2"):
        _build(tmp_path, f" word=the,f=222\n word=of,{rank}\n")


def test_build_from_counts(tmp_path):
    lexicon, dropped = _build(
        tmp_path,
        "word\tcount\nthe\t60\nit\u2019s\t10\nit's\t10\nthe\t20\nold\t0\n123\t5\n-\t5\nabcdef\t5\n",
        max_letters=5,
        notes=("source: test",),
    )
    assert lexicon.words == ("the", "it's")  # typographic apostrophe unified, duplicates summed
    assert lexicon.notes == ("source: test",)
    np.testing.assert_allclose(np.exp(lexicon.log_probs), [0.8, 0.2])
    assert dropped == {"header": 1, "no_count": 1, "numbers": 1, "characters": 1, "length": 1}
    assert dropped.examples()["header"] == ["word\tcount"]
    assert dropped.shares()["length"] == pytest.approx(5 / 115)


def test_build_from_word_list_is_uniform(tmp_path):
    lexicon, dropped = _build(tmp_path, "\ufeffÉté\r\nb\r\n\r\na\r\n", min_letters=1, top=2)
    assert lexicon.words == ("a", "b")
    assert dropped == {"beyond_top": 1}
    np.testing.assert_allclose(lexicon.log_probs, math.log(0.5))


def test_build_from_own_format(tmp_path):
    lexicon_file.write(Lexicon.from_counts({"a": 3, "bb": 1}), tmp_path / "own.tsv.gz")
    lexicon, _ = build(str(tmp_path / "own.tsv.gz"), min_letters=2)
    assert lexicon.words == ("bb",)
    assert lexicon.log_probs[0] == 0.0


@pytest.mark.parametrize("line", ["the\tmany", "the\t1\t2", "the\tnan", "New York City"])
def test_build_names_the_bad_line(tmp_path, line):
    with pytest.raises(ConfigError, match=r"source\.txt:2"):
        _build(tmp_path, f"a\t1\n{line}\n")


def test_build_without_a_usable_word(tmp_path):
    with pytest.raises(ConfigError, match="no usable word"):
        _build(tmp_path, "1\n2\n")


def test_build_from_wordfreq():
    pytest.importorskip("wordfreq")
    lexicon, dropped = build("wordfreq:en", top=50)
    assert lexicon.words[0] == "the"
    assert len(lexicon.words) == 50
    assert dropped["beyond_top"] > 100_000
    with pytest.raises(ConfigError, match="no language 'xx'"):
        build("wordfreq:xx")


def test_build_without_wordfreq(monkeypatch):
    monkeypatch.setitem(sys.modules, "wordfreq", None)
    with pytest.raises(MissingDependencyError, match=re.escape(install_line("lexicon"))):
        build("wordfreq:en")


def _source(place, text):
    path = place / f"{len(list(place.iterdir()))}.tsv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_frequencies_of_sources_and_texts_are_mixed_by_weight(tmp_path):
    one = _source(tmp_path, "May\t6\nmay\t2\nthe\t8\nPM\t16\n")
    two = _source(tmp_path, "may\nrare\n")
    text = {"the": 10, "new": 10, "once": 1}
    lexicon, dropped = gather([one, two], [text], weights=[2, 1, 1])
    held = dict(zip(lexicon.words, np.exp(lexicon.log_probs), strict=True))
    half = 1 / (2 * 9.25)  # of the text, whose words lose 0.75 of 10 each
    expected = {
        "May": 0.5 * 6 / 32, "may": 0.5 * 2 / 32 + 0.25 / 2, "PM": 0.5 * 16 / 32,
        "the": 0.5 * 8 / 32 + 0.25 * 9.25 * half, "new": 0.25 * 9.25 * half, "rare": 0.25 / 2,
    }  # fmt: skip
    assert held == pytest.approx(expected)
    assert dropped == {}
    assert dropped.kept == pytest.approx(1.0)


def test_most_frequent_words_of_a_mixture_are_kept(tmp_path):
    one, two = _source(tmp_path, "a\t3\nbb\t1\n"), _source(tmp_path, "cc\n12\n")
    lexicon, dropped = gather([one, two], [], weights=[1, 1], top=2)
    assert lexicon.words == ("cc", "a")
    assert dropped == {"numbers": 1, "beyond_top": 1}
    # Half of the second source is a number, and no mass of it goes to "cc" in the shares.
    assert dropped.shares()["numbers"] == pytest.approx(0.25)


def test_mixing_needs_a_weight_for_each(tmp_path):
    one, two = _source(tmp_path, "a\t3\n"), _source(tmp_path, "b\n")
    with pytest.raises(ConfigError, match="2 sources without weights; give weights"):
        gather([one, two], [])
    with pytest.raises(ConfigError, match="expected 3: one for each of 2 sources"):
        gather([one, two], [{"a": 2}], weights=[0.5, 0.5])
    with pytest.raises(ConfigError, match="no word twice"):
        gather([one], [{"a": 1}], weights=[0.5, 0.5])


def test_a_word_is_offensive_as_it_is_written(tmp_path):
    rows = " word=John,f=147\n word=john,f=0,flags=offensive\n word=bad,f=9,flags=offensive"
    source = _source(tmp_path, f"dictionary=main:en\n{rows}\n")
    lexicon = Lexicon.from_counts({"John": 4, "Bad": 3, "good": 2, "john": 1})
    kept, flagged = unoffending(lexicon, source)
    assert kept.words == ("John", "good")
    assert flagged.words == ("Bad", "john")
    assert kept.unsaid == {"bad", "john"}
    packed = pack(kept, frozenset("abdghjno"))
    assert packed.unsaid == {"bad", "john"}
    assert pack(kept, frozenset("dgo")).unsaid == frozenset()


def test_of_two_casings_each_stays(tmp_path):
    lexicon = Lexicon.from_counts({"pm": 2, "PM": 1, "us": 1})
    assert recased(lexicon, {"PM": 100, "US": 100}).words == ("pm", "PM", "US")
