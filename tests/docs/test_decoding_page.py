"""The examples of docs/decoding.md on spans, scores and vocabulary run, in order, as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import edgectc

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
TOKENS = ["-", *"abcdefghijklmnopqrstuvwxyz'", "|"]
SECTIONS = ("Words of a sentence together", "Hotwords", "Where the words are",
            "Scores that are no probabilities", "In place of pyctcdecode")  # fmt: skip


def test_words_of_a_sentence_are_those_that_were_swiped() -> None:
    session: dict[str, object] = {"edgectc": edgectc}
    for code in BLOCK.findall(section("Words of a sentence together")):
        exec(compile(code, "sentence", "exec"), session)
    assert session["written"].words == ("how", "are", "you")
    assert not session["written"].revisions


def section(title: str) -> str:
    text = (ROOT / "docs/decoding.md").read_text(encoding="utf-8")
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def signal(path: str) -> np.ndarray:
    """Frames that say a path surely."""
    rows = np.full((len(path), len(TOKENS)), 0.001)
    rows[np.arange(len(path)), [TOKENS.index(symbol) for symbol in path]] = 1.0
    return np.log(rows / rows.sum(axis=1, keepdims=True))


def test_the_sections_have_examples() -> None:
    assert all(BLOCK.search(section(title)) for title in SECTIONS)


def test_every_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session: dict[str, object] = {
        "edgectc": edgectc, "np": np, "tokens": TOKENS, "log_probs": signal("-cal-l-|-mom-"),
    }  # fmt: skip
    for title in SECTIONS:
        for code in BLOCK.findall(section(title)):
            exec(compile(code, title, "exec"), session)


def test_the_file_of_hotwords_is_the_one_of_the_example(tmp_path: Path) -> None:
    file = tmp_path / "terms.toml"
    text = section("Hotwords").partition("```toml\n")[2].partition("```")[0]
    file.write_text(text, encoding="utf-8")
    session: dict[str, object] = {"edgectc": edgectc}
    code = section("Hotwords").partition("terms = edgectc.Hotwords(")[2].partition("\ndecode = ")[0]
    exec(f"terms = edgectc.Hotwords({code}", session)
    assert edgectc.Hotwords.read(file).phrases() == session["terms"].phrases()
