"""Where the words of a token table begin and end: what the beam takes for a boundary."""

from __future__ import annotations

from edgectc.core.tokens import Tokens
from edgectc.language.spelling import APOSTROPHES


def in_pieces(tokens: Tokens, boundary: int) -> bool:
    """Whether words are known by what their tokens write, not by the tokens themselves.

    So where tokens write several letters of a word, or say where words begin or end, or where
    several write an apostrophe: "it's" is one word, with whichever it is written.
    """
    several = sum(symbol in APOSTROPHES for symbol in tokens.symbols if symbol) > 1
    by_letters = several or not tokens.writing.is_plain
    return (tokens.separator == "" and boundary >= 0 and by_letters) or _of_pieces(tokens)


def boundary_of(separator: str | None, tokens: Tokens, *, words: bool) -> int:
    """Return the token between words; V where none is emitted, -1 where each token is a word.

    Args:
        separator: symbol that was named for it, or None.
        tokens: the table.
        words: whether there is a lexicon.
    """
    if separator is not None:
        return tokens.ids[separator]
    if _of_pieces(tokens):
        between = tokens.writing.between
        return between if between >= 0 else len(tokens)
    return len(tokens) if words else -1


def _of_pieces(tokens: Tokens) -> bool:
    return tokens.separator == "" and tokens.writing.of_pieces
