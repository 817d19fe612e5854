"""Where the words of a token table begin and end: what the beam takes for a boundary."""

from __future__ import annotations

from edgectc.core.tokens import Tokens


def in_pieces(tokens: Tokens, boundary: int) -> bool:
    """Whether tokens write several letters of a word, or say where words begin or end."""
    letters = tokens.separator == "" and boundary >= 0 and not tokens.writing.is_plain
    return letters or _of_pieces(tokens)


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
