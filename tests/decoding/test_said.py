"""What a decoder cannot honour is said with an example, and what it can is spelled as written."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.language import loading


@pytest.mark.parametrize("kind", ["lexicon", "beam"])
def test_words_that_no_token_spells_are_said(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    tokens = ["-", " ", *"helo"]
    with caplog.at_level(logging.WARNING, "edgectc"):
        edgectc.make_decoder(
            kind, tokens=tokens, blank_id=0, lexicon={"hello": -1.0, "привет": -2.0, "日本": -3.0}
        )
    assert "2 of 3 words of the lexicon" in caplog.text
    assert "привет" in caplog.text


@pytest.mark.parametrize("kind", ["lexicon", "beam"])
def test_a_language_model_of_other_words_is_said(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "other.arpa"
    path.write_text(
        "\\data\\\nngram 1=4\n\n\\1-grams:\n-1\t<unk>\n-99\t<s>\n-1\t</s>\n-1\tпривет\n\n\\end\\\n",
        encoding="utf-8",
    )
    model = loading.load(str(path), required=True)
    given = {"tokens": ["-", " ", *"helo"], "blank_id": 0, "language_model": model}
    with caplog.at_level(logging.WARNING, "edgectc"):
        edgectc.make_decoder(kind, **given, lexicon={"hello": -1.0, "hole": -2.0})
    assert "knows none of the 2 most frequent words" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING, "edgectc"):
        given["tokens"] = ["-", " ", *"привет"]
        edgectc.make_decoder(kind, **given, lexicon={"привет": -1.0})
    assert not caplog.text


def test_words_with_a_space_are_spelled_with_it_or_said(caplog: pytest.LogCaptureFixture) -> None:
    tokens = ["-", " ", *"neworkty"]
    words = {"new york": -2.0, "newt": -1.0}
    rows = np.full((16, len(tokens)), 0.01)
    for at, letter in enumerate("new york"):
        rows[2 * at, tokens.index(letter)] = rows[2 * at + 1, 0] = 1.0
    values = np.log(rows / rows.sum(axis=1, keepdims=True))
    made = edgectc.make_decoder("lexicon", tokens=tokens, blank_id=0, lexicon=words)
    best = made(values, spans=True).best
    assert best.text == "new york"
    assert best.score > -4.0  # at full probability: the space is not left out
    assert len(best.timesteps) == 8
    with caplog.at_level(logging.WARNING, "edgectc"):
        edgectc.make_decoder("beam", tokens=tokens, blank_id=0, separator=" ", lexicon=words)
    assert "cannot spell 'new york'" in caplog.text


@pytest.mark.parametrize("kind", ["lexicon", "beam"])
def test_tokens_with_marks_apart_spell_composed_words(kind: str) -> None:
    tokens = ["-", " ", "e\u0301", "e", "t"]
    rows = np.full((4, len(tokens)), 0.01)
    for at, symbol in enumerate(["e\u0301", "t"]):
        rows[2 * at, tokens.index(symbol)] = rows[2 * at + 1, 0] = 1.0
    values = np.log(rows / rows.sum(axis=1, keepdims=True))
    made = edgectc.make_decoder(
        kind, tokens=tokens, blank_id=0, lexicon={"\u00e9t": -1.0, "et": -0.5}
    )
    assert made(values).best.text == "\u00e9t"
