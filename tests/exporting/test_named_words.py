"""Lexicon, language model and decoder preset that a network of one's own is exported with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import BundleFileMissingError, ConfigError

TOKENS = ["<blank>", *"abcd"]


class Speller(nn.Module):
    """The scores are the features."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(5, 5)
        with torch.no_grad():
            self.head.weight.copy_(torch.eye(5))
            self.head.bias.zero_()

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.head(x)


def spelled(text: str, almost: str) -> np.ndarray:
    """Return (T, 5) features of letters, each nearly as likely to be another one."""
    rows = []
    for letter, other in zip(text, almost, strict=True):
        row = np.zeros(5, np.float32)
        row[TOKENS.index(other)] = 5.5
        row[TOKENS.index(letter)] = 6.0
        rows += [row, np.eye(5, dtype=np.float32)[0] * 6]
    return np.stack(rows)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(Path(__file__).parent)
    Path("words.tsv").write_text("# edgectc lexicon 1\nabc\t-1\nba\t-2\n", "utf-8")
    x = np.stack([spelled("abd", "abc")] * 2)
    np.savez("s.npz", features=np.pad(x, ((0, 0), (0, 14), (0, 0))), lengths=np.array([6, 6]))
    Path("t.txt").write_text("\n".join(TOKENS) + "\n")
    return tmp_path


def test_a_lexicon_is_named_and_found_beside_the_file(here: Path) -> None:
    given = {"target": "onnx", "sample": "s.npz", "tokens": TOKENS, "check_blank": False}
    plain = edgectc.export(Speller(), out="plain.onnx", **given)
    made = edgectc.export(Speller(), lexicon="words.tsv", **given)
    x = spelled("abd", "abc")
    assert edgectc.load(plain)(x).best.text == "abd"
    assert edgectc.load(made)(x).best.text == "abc"  # the only word that is near
    assert made.manifest.decoder["type"] == "beam"
    assert made.manifest.lexicon is not None
    assert made.manifest.lexicon.file == "words.tsv"
    assert edgectc.verify(made).status == "pass"
    away = here / "a" / "b" / "c"
    away.mkdir(parents=True)
    alone = shutil.copy(made.path, away)
    with pytest.raises(BundleFileMissingError, match=r"words\.tsv"):
        edgectc.load(alone)
    shutil.copy("words.tsv", away)
    assert edgectc.load(alone)(x).best.text == "abc"
    (away / "words.tsv").write_text("# edgectc lexicon 1\nabd\t-1\n", "utf-8")
    with pytest.raises(BundleFileMissingError, match=r"words\.tsv"):
        edgectc.load(alone)
    with pytest.raises(ConfigError, match=r"'greedy' makes nothing of lexicon='words\.tsv'"):
        edgectc.export(Speller(), lexicon="words.tsv", decoder={"type": "greedy"}, **given)


def test_a_preset_on_the_command_line(here: Path) -> None:
    Path("p.json").write_text(json.dumps({"type": "beam", "beam_size": 7}))
    line = (
        "export test_named_words:Speller --sample s.npz --tokens t.txt --target onnx --any-blank "
        "--lexicon words.tsv --preset p.json --out m.onnx"
    )
    assert cli.main(line.split()) == 0
    recognizer = edgectc.load("m.onnx")
    assert recognizer.preset["beam_size"] == 7
    assert recognizer(spelled("abd", "abc")).best.text == "abc"
    Path("p.json").write_text("[1]")
    assert cli.main(line.split()) == 2


SAID = "able  a b\nbad  b a d\nbade(2)  b a d\ncab  c a b\n"  # phonemes are the tokens


def test_pronunciations_are_named_and_found_beside_the_file(here: Path) -> None:
    Path("said.dict").write_text(SAID)
    Path("words.tsv").write_text("# edgectc lexicon 1\nbad\t-3\nbade\t-1\nnone\t-1\n", "utf-8")
    line = (
        "export test_named_words:Speller --sample s.npz --tokens t.txt --target onnx --any-blank "
        "--pronunciations said.dict --out m.onnx"
    )
    assert cli.main(line.split()) == 0
    x = spelled("baa", "bad")
    recognizer = edgectc.load("m.onnx")
    assert recognizer.preset["type"] == "spoken"
    assert {found.text for found in recognizer(x).candidates[:2]} == {"bad", "bade"}
    assert edgectc.verify("m.onnx").status == "pass"
    assert cli.main([*line.split(), "--lexicon", "words.tsv"]) == 0
    assert edgectc.load("m.onnx")(x).best.text == "bade"  # the more frequent of those alike
    away = here / "a" / "b" / "c"
    away.mkdir(parents=True)
    alone = shutil.copy("m.onnx", away)
    shutil.copy("words.tsv", away)
    with pytest.raises(BundleFileMissingError, match=r"said\.dict.*pronunciations"):
        edgectc.load(alone)
    report = edgectc.verify(alone)
    assert next(c for c in report.checks if c.name == "words").detail.count("said.dict") == 1
    assert edgectc.load(alone, pronunciations="said.dict")(x).best.text == "bade"
    with pytest.raises(ConfigError, match="makes nothing of pronunciations"):
        edgectc.export(
            Speller(), target="onnx", sample="s.npz", tokens=TOKENS, check_blank=False,
            pronunciations="said.dict", decoder={"type": "beam"},
        )  # fmt: skip
    Path("said.dict").write_text("odd  x y z\n")
    assert cli.main(line.split()) == 2  # no word can be said
