"""Token tables of others, read from the files that their projects write."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import edgectc
from edgectc.core.errors import ConfigError
from edgectc.core.tokens import Tokens


def table(path: Path, text: str | bytes, **also) -> Tokens:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return edgectc.read_tokens(path, **also)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_symbols_with_ids(tmp_path: Path, ends: str, mark: str) -> None:
    text = mark + ends.join(["<blk> 0", "a 1", "▁the 3", "4 2", "  4"]) + ends
    assert table(tmp_path / "tokens.txt", text) == Tokens(("<blk>", "a", "4", "▁the", " "), 0)


def test_symbols_alone(tmp_path: Path) -> None:
    assert table(tmp_path / "t.txt", "\ufeffa\r\n<blank>\r\n") == Tokens(("a", "<blank>"), 1)
    assert table(tmp_path / "t.txt", "a\nb", blank=2) == Tokens(("a", "b", "<blank>"), 2)
    assert table(tmp_path / "t.txt", "a\n \n_\n", blank="_") == Tokens(("a", " ", "_"), 2)
    assert table(tmp_path / "t.txt", "[\na\n<blank>\n") == Tokens(("[", "a", "<blank>"), 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<blk> 0\na 1\nb\n", "'<blk> 0', a symbol with its id, and line 3 is 'b'"),
        ("<blk> 0\na 2\n", "not 0..1"),
        ("<blk> 1\na 2\n", "one too high"),
        ("a\nb\n", "none of the 2 tokens .* is a blank"),
        ('{"a": 0, "b": 2}', "not 0..1"),
        ('{"a": "b"}', "no list of symbols"),
        (b"\xff\xfea\x00", "not UTF-8"),
        ("<blank>\na\na\n", "twice"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        table(tmp_path / "tokens.txt", text)


def test_lines_of_symbol_and_id_are_no_symbols() -> None:
    with pytest.raises(ConfigError, match=r"'a 1'.*read_tokens"):
        Tokens(("<blk> 0", "a 1"), 0)


def test_a_vocabulary_of_transformers(tmp_path: Path) -> None:
    held = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "E": 5}
    found = table(tmp_path / "vocab.json", json.dumps(held))
    assert found == Tokens(tuple(held), 0)
    assert found.writing.hidden == (1, 2, 3)
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<s>": 1, "<extra>": 6}))
    assert table(tmp_path / "vocab.json", json.dumps(held)).symbols == (*held, "<extra>")
    assert table(tmp_path / "labels.json", '["_", "a"]') == Tokens(("_", "a"), 0)


@pytest.mark.parametrize(
    "vocabulary", [{"a": 1, "b": 2}, [["<pad>", 0.0], ["a", -1.0], ["b", -2.5]]]
)
def test_a_tokenizer_of_transformers(tmp_path: Path, vocabulary) -> None:
    held = {
        "model": {"type": "BPE", "vocab": vocabulary},
        "added_tokens": [{"id": 0, "content": "<pad>"}],
    }
    found = table(tmp_path / "tokenizer.json", json.dumps(held))
    assert found == Tokens(("<pad>", "a", "b"), 0)


def test_the_files_of_sentencepiece(tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece", reason="pip install sentencepiece")
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the cat sat on the mat"] * 20), model_writer=made, vocab_size=20,
        minloglevel=2, hard_vocab_limit=False,
    )  # fmt: skip
    model = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    symbols = [model.id_to_piece(i) for i in range(model.get_piece_size())]
    scores = [model.get_score(i) for i in range(model.get_piece_size())]
    lines = "".join(f"{s}\t{score:g}\n" for s, score in zip(symbols, scores, strict=True))
    # NeMo's blank comes after all pieces.
    expected = Tokens((*symbols, "<blank>"), len(symbols))
    assert table(tmp_path / "tokenizer.vocab", lines, blank=len(symbols)) == expected
    (tmp_path / "tokenizer.model").write_bytes(made.getvalue())
    assert edgectc.read_tokens(tmp_path / "tokenizer.model", blank=len(symbols)) == expected
    (tmp_path / "bad.model").write_bytes(b"no model")
    with pytest.raises(ConfigError, match="no model of SentencePiece"):
        edgectc.read_tokens(tmp_path / "bad.model", blank=0)


def test_a_table_that_was_read_makes_a_decoder(tmp_path: Path) -> None:
    found = table(tmp_path / "tokens.txt", "<blk> 0\na 1\n")
    assert edgectc.make_decoder("greedy", tokens=found)
    with pytest.raises(ConfigError, match="blank_id is 1, the tokens have 0"):
        edgectc.make_decoder("greedy", tokens=found, blank_id=1)
    with pytest.raises(ConfigError, match="no blank_id"):
        edgectc.make_decoder("greedy", tokens=["a", "b"])
