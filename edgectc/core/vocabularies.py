"""Token tables of others: files of transformers, NeMo, icefall, sherpa, WeNet and SentencePiece.

Read by content: JSON (a list of symbols, symbols with their ids, a ``tokenizer.json`` of
transformers), lines of ``symbol id`` (icefall, sherpa, WeNet), of ``symbol<TAB>score`` (the
``.vocab`` of SentencePiece) and of symbols (NeMo's ``vocab.txt``, ours). The ``.model`` of
SentencePiece needs that package. UTF-8, with or without a byte order mark, LF or CR LF.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgectc.core import strict_json
from edgectc.core.errors import ConfigError, MissingDependencyError
from edgectc.core.files import read_given
from edgectc.core.tokens import BLANK, Tokens

# What projects call the blank; those of the second row are tokens like others elsewhere.
SURELY = (BLANK, "<blk>", "<eps>", "blank", "[blank]", "<ctc_blank>")
BLANKS = (*SURELY, "<pad>", "[PAD]", "_")
_ID = re.compile(r"(.*?)[ \t]+(\d+)")
_BESIDE = ("vocab.json", "added_tokens.json")  # what a vocab.json lacks is in the other


def read_tokens(path: str | os.PathLike[str], *, blank: str | int | None = None) -> Tokens:
    """Return the token table of a file.

    Args:
        path: of the file.
        blank: symbol or column of the blank; a column after the last symbol adds it, as NeMo does.
            None where the file has one of `BLANKS`.

    Raises:
        ConfigError: the file cannot be read, is no token table, or names no blank.
        MissingDependencyError: a ``.model`` of SentencePiece without that package.
    """
    symbols = list(read_symbols(path))
    column = column_of(symbols, blank, str(path))
    if column == len(symbols):
        symbols.append(BLANK)
    return Tokens(tuple(symbols), column)


def column_of(symbols: list[str], blank: str | int | None, where: str) -> int:
    """Return the column of the blank, which may be the one after the last.

    Raises:
        ConfigError: there is none.
    """
    if blank is None:
        named = next((name for name in BLANKS if name in symbols), None)
        if named is None:
            raise ConfigError(
                f"none of the {len(symbols)} tokens of {where} is a blank ({', '.join(BLANKS)}); "
                f"name its symbol or column, {len(symbols)} if it comes after them",
                options=["blank"],
            )
        return symbols.index(named)
    if isinstance(blank, str) and blank in symbols:
        return symbols.index(blank)
    if str(blank).isdigit() and int(blank) <= len(symbols):
        return int(blank)
    raise ConfigError(
        f"the blank {blank!r} is none of the tokens of {where} and no column 0..{len(symbols)}",
        options=["blank"],
    )


def read_symbols(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the symbols of a file, one a column.

    Raises:
        ConfigError: the file cannot be read, or is no token table.
        MissingDependencyError: see `read_tokens`.
    """
    name = os.fspath(path)
    if name.endswith(".model"):
        return _sentencepiece(name)
    data = read_given(path, "tokens", options=["tokens"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} is not UTF-8: {error}") from error
    more = Path(name).with_name(_BESIDE[1])
    if Path(name).name == _BESIDE[0] and more.is_file():
        held, added = strict_json.parse(text), strict_json.parse(read_given(more, "tokens"))
        if _are_ids(held) and _are_ids(added):
            return by_id([*held.items(), *(added.items() - held.items())], f"{name} and {more}")
    return parse(text, name)


def parse(text: str, where: str) -> tuple[str, ...]:
    """Return the symbols of a file's text, one a column.

    Args:
        text: content of the file.
        where: its name, for messages.

    Raises:
        ConfigError: it is no token table.
    """
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _of_json(strict_json.parse(text), where)
        except ConfigError:
            if text.lstrip()[1:2] not in ("", "\r", "\n"):  # a token of its own, on a line
                raise
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    if len(lines) > 1 and all(_is_scored(line) for line in lines):
        return tuple(line.rpartition("\t")[0] for line in lines)
    matches = [_ID.fullmatch(line) for line in lines]
    if len(lines) > 1 and all(matches):
        return by_id([(m[1] or " ", int(m[2])) for m in matches if m], where)
    pairs = [i for i, m in enumerate(matches) if m and m[1].strip()]
    if pairs and len(lines) > 1:
        alone = matches.index(None) if None in matches else pairs[0]
        raise ConfigError(
            f"line {pairs[0] + 1} of {where} is {lines[pairs[0]]!r}, a symbol with its id, and "
            f"line {alone + 1} is {lines[alone]!r}; give 'symbol id' on every line, or symbols "
            "alone (as a JSON list where a symbol itself ends in a number)"
        )
    return tuple(lines)


def by_id(rows: Iterable[tuple[str, int]], where: str) -> tuple[str, ...]:
    """Return symbols in the order of their ids.

    Raises:
        ConfigError: the ids are not 0, 1, 2 ...
    """
    ordered = sorted(rows, key=lambda row: row[1])
    ids = [i for _, i in ordered]
    if ids != [*range(len(ids))]:
        wrong = next(k for k, i in enumerate(ids) if k != i)
        hint = ": all are one too high, take one off" if ids == [*range(1, len(ids) + 1)] else ""
        raise ConfigError(
            f"the ids of {where} are {ids[0]}..{ids[-1]} and not 0..{len(ids) - 1}, the first "
            f"wrong one being {ids[wrong]} in place of {wrong}{hint}"
        )
    return tuple(symbol for symbol, _ in ordered)


def _is_scored(line: str) -> bool:
    """Return whether a line is of a ``.vocab``: a piece and its natural-log score, 0 or less."""
    piece, tab, score = line.rpartition("\t")
    return bool(piece and tab and re.fullmatch(r"0|-\d+(\.\d+)?(e-?\d+)?", score))


def _are_ids(held: Any) -> bool:
    return isinstance(held, dict) and bool(held) and all(type(i) is int for i in held.values())


def _of_json(held: Any, where: str) -> tuple[str, ...]:
    if isinstance(held, list) and all(isinstance(one, str) for one in held):
        return tuple(held)
    if _are_ids(held):
        return by_id(held.items(), where)
    model = held.get("model") if isinstance(held, dict) else None
    if isinstance(model, dict) and "vocab" in model:  # tokenizer.json
        vocabulary: Any = model["vocab"]
        rows: dict[int, str] = {}
        if _are_ids(vocabulary):
            rows = {i: symbol for symbol, i in vocabulary.items()}
        elif isinstance(vocabulary, list):
            rows = dict(enumerate(str(row[0]) for row in vocabulary if isinstance(row, list)))
        rows |= {one["id"]: one["content"] for one in held.get("added_tokens") or ()}
        return by_id(((symbol, i) for i, symbol in rows.items()), where)
    raise ConfigError(f"{where} is no list of symbols, nor symbols with their ids")


def _sentencepiece(path: str) -> tuple[str, ...]:
    read_given(path, "tokens", options=["tokens"])  # says what is wrong with the file itself
    try:
        import sentencepiece
    except ImportError as error:
        raise MissingDependencyError(
            f"the tokens of {path}", package="sentencepiece", command="pip install sentencepiece"
        ) from error
    try:
        model = sentencepiece.SentencePieceProcessor(model_file=path)
    except (RuntimeError, OSError) as error:
        raise ConfigError(f"{path} is no model of SentencePiece: {error}") from error
    return tuple(model.id_to_piece(i) for i in range(model.get_piece_size()))
