"""The examples of docs/decoding.md on tokens and phonemes run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import edgectc

PAGE = Path(__file__).parents[2] / "docs/decoding.md"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
PIECES = ("<blk>", "▁the", "▁c", "at", "▁s")
PHONEMES = ("-", "T", "UW", "F", "AO", "R", "ER", "SIL")


def code(title: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    section = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
    (block,) = BLOCK.findall(section)
    return str(block)


def sure(symbols: tuple[str, ...], path: str) -> np.ndarray:
    rows = np.full((len(path.split()), len(symbols)), 0.001)
    rows[np.arange(len(rows)), [symbols.index(symbol) for symbol in path.split()]] = 1.0
    return np.log(rows / rows.sum(axis=1, keepdims=True))


def answer(block: str, **session: object) -> object:
    """Run a block and return what its last line is."""
    lines = block.strip().splitlines()
    exec(compile("\n".join(lines[:-1]), "page", "exec"), session)
    return eval(compile(lines[-1], "page", "eval"), session)


def test_the_example_of_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = "".join(f"{symbol} {i}\n" for i, symbol in enumerate(PIECES))
    Path("tokens.txt").write_text(lines, encoding="utf-8")
    said = sure(PIECES, "▁the ▁c at ▁s at")
    found = answer(code("Tokens of any kind"), edgectc=edgectc, piece_log_probs=said)
    assert found == "the cat sat"


def test_the_example_of_phonemes() -> None:
    found = answer(
        code("Words from phonemes: `spoken`"), edgectc=edgectc, phonemes=PHONEMES,
        phoneme_log_probs=sure(PHONEMES, "T UW SIL F AO R"),
    )  # fmt: skip
    assert found == "two four"
