"""A model of phonemes writes words: in Python, and from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import ConfigError

WORDS = "GO  G OW1\nNO  N OW1\nTO  T UW1\nTO(2)  T AH0\nTWO  T UW1  # homophones\nEASY  IY1 Z IY0\n"
ARPA = """\\data\\
ngram 1=7

\\1-grams:
-2.0\t<unk>
-99\t<s>
-1.0\t</s>
-0.7\tgo
-0.7\tno
-0.9\tto
-0.6\ttwo

\\end\\
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    said, model = tmp_path / "said.dict", tmp_path / "words.arpa"
    said.write_text(WORDS, encoding="utf-8")
    model.write_text(ARPA, encoding="utf-8")
    return {"pronunciations": str(said), "language_model": str(model)}


def test_the_brain_to_text_family_writes_words(
    small: Callable[[str], Path], files: dict[str, str], tmp_path: Path, capsys
) -> None:
    bundle = small("gru")
    rec = edgectc.load(bundle, runner="eager", **files)
    assert rec.preset["type"] == "spoken"
    rows = np.random.default_rng(5).normal(0, 1, (2, 60, rec.frontend.options.channels))
    signals = rows.astype(np.float32)
    texts = [rec(signal).best.text for signal in signals]
    assert {word for text in texts for word in text.split()} <= {"go", "no", "to", "two", "easy"}
    # The same, from what the network answers.
    tokens = rec.tokens(rec.setting(rec.layout))
    by_hand = edgectc.make_decoder("spoken", tokens=tokens, pronunciations=files["pronunciations"],
                                   language_model=rec.language_model)  # fmt: skip
    assert [by_hand(rec.log_probs(signal)).best.text for signal in signals] == texts
    assert by_hand(_said(tokens, "N OW SIL T UW")).best.text == "no two"
    np.savez(tmp_path / "in.npz", signal=np.concatenate(signals), length=np.array([60, 60]),
             group=np.array([rec.frontend.options.days[-1]] * 2))  # fmt: skip
    arguments = ["decode", str(bundle), "--input", str(tmp_path / "in.npz"), "--runner", "eager",
                 "--pronunciations", files["pronunciations"], "--json",
                 "--language-model", files["language_model"]]  # fmt: skip
    assert cli.main(arguments) == 0
    answers = [json.loads(line)["candidates"] for line in capsys.readouterr().out.splitlines()]
    assert [found[0]["text"] if found else "" for found in answers] == texts


def _said(tokens, path: str) -> np.ndarray:
    table = np.full((len(path.split()), len(tokens)), 1e-4)
    table[np.arange(len(table)), [tokens.ids[symbol] for symbol in path.split()]] = 1.0
    return np.log(table / table.sum(axis=1, keepdims=True))


def test_pronunciations_of_another_kind_are_refused(
    small: Callable[[str], Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.dict"
    other.write_text("go 0.5 G OW\nno N OW\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="only some lines have a weight; 'no N OW' is not like"):
        edgectc.load(small("gru"), runner="eager", pronunciations=str(other))
    with pytest.raises(ConfigError, match="decoder 'beam' takes no pronunciations; use 'spoken'"):
        edgectc.make_decoder("beam", tokens=["-", "G"], blank_id=0, pronunciations={"go": "G"})
