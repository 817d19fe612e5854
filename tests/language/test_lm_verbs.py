"""`edgectc lm` builds, packs and scores; the shipped model is what its card says."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from texts import corpus

from edgectc.commands import cli
from edgectc.core.errors import ConfigError
from edgectc.core.files import read_lines
from edgectc.language import perplexity as perplexity_module
from edgectc.language.lms import arpa


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def test_the_verbs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("\n".join(corpus()))
    with gzip.open("text.txt.gz", "wt") as file:
        file.write("\n".join(corpus()))
    code, out, _ = run(capsys, "lm", "build", "text.txt", "--out", "x.arpa", "--json")
    assert code == 0
    assert json.loads(out)["ngrams"] == [298, 1245, 1871]
    code, out, _ = run(
        capsys, "lm", "build", "text.txt.gz", "text.txt", "--out", "y.lm", "--quantize", "--top",
        100, "--max-mb", "0.01", "--prune", "0,0,1",
    )  # fmt: skip
    assert code == 0
    assert "text: 1,000 sentences" in out
    assert Path("y.lm").stat().st_size <= 10_000
    assert run(capsys, "lm", "pack", "x.arpa", "--out", "x.lm")[0] == 0
    code, out, _ = run(capsys, "lm", "score", "x.lm", "text.txt", "--json")
    packed = json.loads(out)
    assert packed == json.loads(run(capsys, "lm", "score", "x.arpa", "text.txt", "--json")[1])
    assert packed["unknown"] == 0
    assert packed["perplexity"] == packed["known_perplexity"]
    code, out, _ = run(capsys, "lm", "score", "y.lm", "text.txt")
    assert code == 0
    assert "perplexity:" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "nowhere.txt", "--out", "x.lm"], "cannot read the text 'nowhere.txt'"),
        (["build", "text.txt", "--out", "x.bin"], "must end in .arpa or .arpa.gz or .lm"),
        (["build", "text.txt", "--out", "x.arpa", "--quantize"], "for .lm files"),
        (["build", "text.txt", "--out", "x.lm", "--prune", "0,x"], "expected numbers with commas"),
        (["build", "text.txt", "--out", "x.lm", "--prune", "0,-1"], "expected 0 or more"),
        (["build", "text.txt", "--out", "x.lm", "--prnue", "0"], "did you mean '--prune'"),
        (["pack", "text.txt", "--out", "x.lm"], "not an ARPA language model"),
        (["score", "text.txt", "text.txt"], "is no language model"),
        (["scroe", "x", "y"], "no action 'scroe'; did you mean 'score'?"),
    ],
)
def test_the_verbs_refuse(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("a b c\n")
    try:
        code, _, err = run(capsys, "lm", *arguments)
    except SystemExit as stop:
        code, err = int(stop.code or 0), capsys.readouterr().err
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_a_binary_of_kenlm_cannot_be_packed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.bin").write_bytes(b"mmap lm http://kheafield.com/code format version 5\n\0" + bytes(99))
    code, _, err = run(capsys, "lm", "pack", "x.bin", "--out", "x.lm")
    assert code == 2
    assert "a binary of KenLM, whose n-grams cannot be listed; give the ARPA file" in err
    assert not Path("x.lm").exists()


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"fine\n\xff\xfe\n")
    with pytest.raises(ConfigError, match=r"x\.txt:2: not UTF-8"):
        list(read_lines(tmp_path / "x.txt"))
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"words\n" * 999)[:30])
    with pytest.raises(ConfigError, match="cannot read the text"):
        list(read_lines(tmp_path / "x.gz"))


def test_words_of_another_script_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    latin, strange = "the cat sat\nit sat there\n" * 9, "က ကြီး ရ\n"
    (tmp_path / "mixed.txt").write_text(latin + strange)
    (tmp_path / "words.txt").write_text("the\ncat\nsat\nit\nthere\n")
    line = ["lm", "build", str(tmp_path / "mixed.txt"), "--out", str(tmp_path / "x.lm")]
    assert run(capsys, *line)[2] == (
        "edgectc: warning: 3 of 57 words are Myanmar, 54 Latin; a vocabulary of the one language "
        "keeps the others out\n"
    )
    assert run(capsys, *line, "--vocabulary", str(tmp_path / "words.txt"))[2] == ""


@pytest.mark.data
def test_the_perplexity_that_the_card_states(shipped: Path, data_folder: Path) -> None:
    text = data_folder / "text" / "tatoeba-en" / "tatoeba_en.txt.gz"
    if not text.exists():
        pytest.skip("needs text/tatoeba-en below EDGECTC_DATA")
    english = [line for line in read_lines(text) if re.search("[a-zA-Z]", line)]
    model = arpa.create(arpa.Options(), path=shipped / "words.lm")
    assert perplexity_module.score(model, english[49::50]).perplexity == pytest.approx(
        58.82, abs=0.02
    )
