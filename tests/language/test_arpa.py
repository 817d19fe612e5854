"""The n-gram reader against KenLM, and against files that are wrong."""

from __future__ import annotations

import math
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import edgectc
from edgectc.core.errors import ConfigError
from edgectc.language import builder as language
from edgectc.language.lms import arpa
from edgectc.language.lms.arpa import NGramModel
from edgectc.language.ngram import lm_file, tables

WORDS = ["a", "b", "c", "d", "e", "été", "don't", *(f"x{i}" for i in range(60))]


def text(seed: int, sentences: int) -> list[str]:
    rng = random.Random(seed)
    weights = [1 / (i + 1) for i in range(len(WORDS))]
    return [" ".join(rng.choices(WORDS, weights, k=rng.randint(1, 12))) for _ in range(sentences)]


def written_model(folder: Path, order: int, name: str = "x.arpa") -> Path:
    prune = [0, 0, 1, 1][: max(order - 1, 1)] if order > 3 else [0]
    built = language.build([text(order, 3000)], order=order, prune=prune)
    language.write(folder / name, built.ngrams)
    return folder / name


@pytest.mark.parametrize("packed", [False, True], ids=["arpa", "lm"])
@pytest.mark.parametrize("order", [2, 3, 5])
def test_scores_equal_kenlm(order: int, packed: bool, tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm", reason="the oracle is not installed: pip install kenlm")
    path = written_model(tmp_path, order)
    # As SRILM may leave it: unknown words are not in the file.
    plain = path.read_text().splitlines()
    plain = [line for line in plain if "<unk>" not in line]
    unk_free = tmp_path / "no_unk.arpa"
    count = int(plain[1].partition("=")[2])
    unk_free.write_text("\n".join([plain[0], f"ngram 1={count - 1}", *plain[2:]]) + "\n")
    queries = 0
    for file in (path, unk_free):
        oracle, mine = kenlm.Model(str(file)), arpa.read(file)
        if packed:
            lm_file.write(tmp_path / "x.lm", mine)
            mine = arpa.read(tmp_path / "x.lm")
        queries += same_scores(kenlm, oracle, NGramModel(mine), sentences=1400)
    assert queries >= 20_000


def same_scores(kenlm: object, oracle: object, model: NGramModel, *, sentences: int) -> int:
    """Compare word after word; return the number of comparisons."""
    rng, queries = random.Random(0), 0
    for line in text(99, sentences):
        words = [
            word if rng.random() < 0.8 else rng.choice([*WORDS, "zzz"]) for word in line.split()
        ]
        theirs, mine = kenlm.State(), model.start()  # type: ignore[attr-defined]
        oracle.BeginSentenceWrite(theirs)  # type: ignore[attr-defined]
        for i, word in enumerate(words):
            after = kenlm.State()  # type: ignore[attr-defined]
            wanted = oracle.BaseScore(theirs, word, after) * math.log(10)  # type: ignore[attr-defined]
            theirs = after
            found, mine = model.score(mine, word)
            # KenLM adds in float32, so 1e-6 is meant relative to numbers above 1.
            assert abs(found - wanted) <= 1e-6 * max(1.0, abs(wanted)), words[: i + 1]
            queries += 1
        wanted = oracle.BaseScore(theirs, "</s>", kenlm.State()) * math.log(10)  # type: ignore[attr-defined]
        assert abs(model.finish(mine) - wanted) <= 1e-6 * max(1.0, abs(wanted)), words
        queries += 1
    return queries


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=7), min_size=1, max_size=30),
    st.integers(1, 5),
    st.integers(0, 2),
)
@example([list("aabc"), list("bccaccc"), list("cacad")], 3, 0)  # a discount that would be 0
def test_any_text_gives_distributions(sentences: list[list[str]], order: int, cut: int) -> None:
    """However degenerate the counts: finite numbers, at most 0, that sum to 1."""
    built = language.build([map(" ".join, sentences)], order=order, prune=[0, cut][:order])
    tables.check_ngrams(built.ngrams)
    model = NGramModel(built.ngrams)
    for sentence in sentences[:5]:
        for end in range(len(sentence) + 1):
            state = model.start(sentence[:end])
            scores = [model.score(state, word)[0] for word in [*built.ngrams.words[3:], "?"]]
            total = float(np.exp([*scores, model.finish(state)]).sum())
            assert total == pytest.approx(1.0, abs=1e-5)


HEAD = "\\data\\\nngram 1=4\nngram 2=2\n\n"
ONE = "\\1-grams:\n-1\t<unk>\n-99\t<s>\t-0.5\n-1\t</s>\n-1\ta\t-0.3\n\n"
TWO = "\\2-grams:\n-0.3\t<s> a\n-0.2\ta </s>\n\n"
GOOD = HEAD + ONE + TWO + "\\end\\\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "1: expected a line"),
        ("\0\1\2\xff" * 99, "1: expected a line"),
        ("\\data\\\n", "2: the file ends in the section"),
        ("\\data\\\n\\1-grams:\n", "2: .*states no number"),
        (GOOD.replace("ngram 2=2", "ngram 3=2"), "3: expected 'ngram 2=COUNT'"),
        (GOOD.replace("ngram 2=2", "ngram 2=-2"), "3: expected 'ngram 2=COUNT'"),
        (GOOD.replace("ngram 2=2", "\n".join(f"ngram {n}=1" for n in range(2, 7))), "7: order 6"),
        (GOOD.replace("ngram 1=4", "ngram 1=5"), "10: .*5 1-grams are promised"),
        (GOOD.replace("ngram 1=4", "ngram 1=3"), r"9: expected \\2-grams: after the 3 1-grams"),
        (GOOD.replace("ngram 2=2", f"ngram 2={10**17}"), "14: .*promised"),
        (GOOD.replace("ngram 2=2", "ngram 2=" + "9" * 5000), "3: expected 'ngram 2=COUNT'"),
        (HEAD + ONE, "11: expected the section.* got the end of the file|end of the file"),
        (HEAD + TWO, "5: expected the section .1-grams:, got"),
        (HEAD + ONE + TWO, r"expected \\end\\"),
        (GOOD[:-20], "promised|expected"),
        (GOOD.replace("-1\ta", "nan\ta"), "9: expected a finite log-prob, got 'nan'"),
        (GOOD.replace("-1\ta", "-inf\ta"), "9: expected a finite log-prob, got '-inf'"),
        (GOOD.replace("-1\ta", "one\ta"), "9: expected a finite log-prob, got 'one'"),
        (GOOD.replace("-1\ta", "0.01\ta"), "9: log-prob 0.01 is above 0"),
        (GOOD.replace("\t-0.3\n", "\tnan\n"), "9: expected a finite back-off"),
        (GOOD.replace("\t-0.3\n", "\t1e300\n"), "9: expected a finite back-off"),
        (GOOD.replace("<s> a", "<s> b"), "12: the word 'b' is not among the 1-grams"),
        (GOOD.replace("<s> a", "a </s>"), "13: this 2-gram is there twice"),
        (GOOD.replace("-1\ta", "-1\t</s>"), "the word '</s>' is there twice"),
        (GOOD.replace("\t<s>\t", "\tb\t").replace("<s> a", "b a"), "the 1-grams lack <s>"),
        (GOOD.replace("-1\t</s>", "-1\tb").replace("a </s>", "a b"), "the 1-grams lack </s>"),
        (GOOD.replace("<s> a", "<s> a a"), "12: expected a log-prob, 2 words"),
    ],
)
def test_a_broken_arpa_file_names_its_line(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.arpa"
    path.write_text(GOOD)
    assert NGramModel(arpa.read(path)).order == 2
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match=rf"x\.arpa:.*({message})"):
        arpa.read(path)


def test_a_back_off_of_zero_after_the_longest_ngrams(tmp_path: Path) -> None:
    (tmp_path / "x.arpa").write_text(GOOD)
    at = GOOD.index("\\2-grams:")
    lines = [f"{line}\t0" if "\t" in line else line for line in GOOD[at:].split("\n")]
    (tmp_path / "y.arpa").write_text(GOOD[:at] + "\n".join(lines))
    assert (tmp_path / "y.arpa").stat().st_size > (tmp_path / "x.arpa").stat().st_size
    one, other = (arpa.read(tmp_path / name) for name in ("x.arpa", "y.arpa"))
    assert one.words == other.words
    for a, b in zip(one.levels, other.levels, strict=True):
        assert np.array_equal(a.log_probs.codes, b.log_probs.codes)
    (tmp_path / "y.arpa").write_text(GOOD[:at] + "\n".join(lines).replace("\t0\n", "\t-0.5\n"))
    with pytest.raises(ConfigError, match="expected a log-prob, 2 words"):
        arpa.read(tmp_path / "y.arpa")


def test_a_context_that_is_missing_is_named(tmp_path: Path) -> None:
    three = "\\3-grams:\n-0.1\t<s> a </s>\n-0.1\ta a </s>\n\n\\end\\\n"
    path = tmp_path / "x.arpa"
    path.write_text(HEAD.replace("2=2\n", "2=2\nngram 3=2\n") + ONE + TWO + three)
    with pytest.raises(ConfigError, match="18: its context 'a a' is not among the 2-grams"):
        arpa.read(path)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_cut_or_changed_arpa_never_surprises(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever is done to the text: a model whose numbers are sound, or a ConfigError."""
    raw = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        if data.draw(st.booleans()):
            raw[at] = data.draw(st.integers(0, 255))
        else:
            del raw[at : at + data.draw(st.integers(1, 30))]
    path = tmp_path_factory.mktemp("arpa") / "x.arpa"
    path.write_bytes(bytes(raw))
    try:
        ngrams = arpa.read(path)
    except ConfigError:
        return
    tables.check_ngrams(ngrams)
    assert NGramModel(ngrams).score(NGramModel(ngrams).start(["a"]), "a")[0] <= 1.0


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lm")
    ngrams = language.build([text(1, 60)], order=3, quantize=True).ngrams
    language.write(folder / "x.lm", ngrams)
    return folder / "x.lm"


def test_every_flipped_bit_of_a_packed_file_is_refused(packed: Path, tmp_path: Path) -> None:
    data = packed.read_bytes()
    rng = np.random.default_rng(0)
    places = {*range(64), *rng.integers(64, len(data), 300).tolist(), len(data) - 1}
    for place in sorted(places):
        changed = bytearray(data)
        changed[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "x.lm").write_bytes(bytes(changed))
        with pytest.raises(ConfigError, match=r"x\.lm: "):
            lm_file.read(tmp_path / "x.lm")
    for size in (0, 1, 63, 64, 100, len(data) - 1):
        (tmp_path / "x.lm").write_bytes(data[:size])
        with pytest.raises(ConfigError, match=r"x\.lm"):
            lm_file.read(tmp_path / "x.lm")
    (tmp_path / "x.lm").write_bytes(data + b"\0")
    with pytest.raises(ConfigError, match="checksum"):
        lm_file.read(tmp_path / "x.lm")


def forged(data: bytes) -> bytes:
    """The file with a checksum that fits, as an attacker would make it."""
    check = zlib.crc32(data[16:], zlib.crc32(data[:12]))
    return data[:12] + struct.pack("<I", check) + data[16:]


def test_forged_files_never_read_out_of_range(packed: Path, tmp_path: Path) -> None:
    """With a right checksum the structure alone must hold: refused, or safe to search."""
    data = packed.read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for trial in range(600):
        changed = bytearray(data)
        for place in rng.integers(8 if trial % 2 else 64, len(data), 1 + trial % 4):
            changed[place] = int(rng.integers(256))
        (tmp_path / "x.lm").write_bytes(forged(bytes(changed)))
        try:
            model = NGramModel(lm_file.read(tmp_path / "x.lm"))
        except ConfigError:
            refused += 1
            continue
        state = model.start(["a", "b"])
        assert math.isfinite(model.score(state, "c")[0])
        assert np.isfinite(model.following(state)[1]).all()
        model.finish(state)
    assert 100 < refused < 600
    for size in (64, 65, 200, len(data) - 8):
        (tmp_path / "x.lm").write_bytes(forged(data[:size]))
        with pytest.raises(ConfigError):
            lm_file.read(tmp_path / "x.lm")
    (tmp_path / "x.lm").write_bytes(forged(data + bytes(8)))
    with pytest.raises(ConfigError, match="8 bytes follow"):
        lm_file.read(tmp_path / "x.lm")


def test_packing_says_which_words_the_packed_file_hides(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ["\\data\\", "ngram 1=6", "", "\\1-grams:", "-3\t<unk>", "-99\t<s>", "-2\t</s>"]
    for name, words in (
        ("odd", ["don’t", "Straße", "été"]),
        ("plain", ["don't", "strasse", "été"]),
    ):
        rows = [*lines, *(f"-1\t{word}" for word in words), "", "\\end\\", ""]
        (tmp_path / f"{name}.arpa").write_text("\n".join(rows), encoding="utf-8")
        caplog.clear()
        edgectc.pack_language_model(tmp_path / f"{name}.arpa", out=tmp_path / f"{name}.lm")
        said = " ".join(caplog.messages)
        model = NGramModel(arpa.read(tmp_path / f"{name}.lm"))
        if name == "odd":
            assert "2 words" in said
            assert "'don’t', which would be \"don't\"" in said
            assert model.file_bytes is None
        else:
            assert not said
            assert model.file_bytes is not None
