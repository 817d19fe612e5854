"""How a token table writes words: marks of word pieces, bytes, separators, special tokens.

Known marks, told by the symbols alone:

- ``▁`` before the first piece of a word (SentencePiece, NeMo, icefall, WeNet, ESPnet);
- ``Ġ`` for the same, where each character stands for one byte (byte-level BPE, GPT-2);
- ``##`` before each further piece (WordPiece, NeMo's ``vocab.txt``);
- ``</w>`` after the last piece, or ``@@`` after all others (subword-nmt).

A mark alone, ``|`` or ``<space>`` in a table without a space, stands between words. ``<0xE2>`` is
one byte of UTF-8. Special tokens (``<pad>``, ``<unk>`` ...) write nothing.

Sources: Kudo and Richardson 2018, "SentencePiece"; Sennrich et al. 2016, "Neural Machine
Translation of Rare Words with Subword Units"; Radford et al. 2019 (the bytes of GPT-2).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

SPECIAL = frozenset({
    "<pad>", "<s>", "</s>", "<unk>", "<eos>", "<bos>", "<sos>", "<sos/eos>", "<eps>", "<mask>",
    "<blk>", "<blank>", "<ctc_blank>", "<|endoftext|>", "<|startoftext|>", "[pad]", "[unk]",
    "[cls]", "[sep]", "[mask]", "[bos]", "[eos]", "[blank]",
})  # fmt: skip
BETWEEN = ("|", "<space>", "[space]")  # in small letters, where the table has no space
BEGIN, BYTES, GOES_ON, END, JOINED = "▁", "Ġ", "##", "</w>", "@@"
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


@dataclass(frozen=True)
class Writing:
    """What each token writes.

    Attributes:
        marks: which of the five marks the table has; "" for none.
        written: V pieces of UTF-8; nothing for the blank, special tokens and those between words.
        begins: V times whether a word begins with the token: one that is open ends before it.
        ends: V times whether a word ends with the token.
        hidden: special tokens, which write nothing and say nothing.
        between: column of the token that stands between words, or -1.
    """

    marks: str
    written: tuple[bytes, ...]
    begins: tuple[bool, ...]
    ends: tuple[bool, ...]
    hidden: tuple[int, ...]
    between: int

    @property
    def of_pieces(self) -> bool:
        """Whether tokens themselves say where words begin or end."""
        return any(self.begins) or any(self.ends)

    @property
    def is_plain(self) -> bool:
        """Whether each token writes one character, or nothing."""
        return not self.of_pieces and all(_characters(piece) <= 1 for piece in self.written)

    @classmethod
    def of(cls, symbols: Sequence[str], blank_id: int) -> Writing:
        """Return how a table writes."""
        hidden = {i for i, s in enumerate(symbols) if i == blank_id or s.lower() in SPECIAL}
        normal = [s for i, s in enumerate(symbols) if i not in hidden]
        marks = _marks(normal)
        between = _between(symbols, hidden, marks)
        written, begins, ends = [], [], []
        for i, symbol in enumerate(symbols):
            silent = i in hidden or i == between
            piece, begin, end = (b"", False, False) if silent else _piece(symbol, marks)
            written.append(piece)
            begins.append(begin)
            ends.append(end)
        special = tuple(sorted(hidden - {blank_id}))
        return cls(marks, tuple(written), tuple(begins), tuple(ends), special, between)

    def words(self, ids: Iterable[int], between: int = -1) -> list[list[int]]:
        """Return token ids word by word; a mark alone goes with the word after it.

        Args:
            ids: token ids.
            between: a further token that stands between words, or -1.
        """
        words: list[list[int]] = []
        alone: list[int] = []
        ended = True
        for i in ids:
            if i in (self.between, between):
                ended = True
                alone += [] if self.written[i] else [i]
            elif self.written[i]:
                if ended or self.begins[i]:
                    words.append(alone)
                words[-1].append(i)
                ended, alone = self.ends[i], []
        return words

    def text(self, ids: Iterable[int], between: int = -1) -> str:
        """Return the text of token ids, with a space between words."""
        return " ".join(self.joined(word) for word in self.words(ids, between))

    def joined(self, ids: Iterable[int]) -> str:
        """Return what tokens write, without a space; bytes that are no UTF-8 become U+FFFD."""
        return b"".join(self.written[i] for i in ids).decode("utf-8", "replace")


def is_byte(symbol: str) -> bool:
    """Return whether a symbol stands for one byte, ``<0xE2>``."""
    return _BYTE.fullmatch(symbol) is not None


def _marks(symbols: Sequence[str]) -> str:
    """Return which mark a table has: one that is on a piece, not alone."""
    for mark in (BEGIN, GOES_ON, BYTES):
        if any(s.startswith(mark) and len(s) > len(mark) for s in symbols):
            if mark != BYTES or all(_BYTE.fullmatch(s) or _is_bytes(s) for s in symbols):
                return mark
    for mark in (END, JOINED):
        if any(s.endswith(mark) and len(s) > len(mark) for s in symbols):
            return mark
    return ""


def _between(symbols: Sequence[str], hidden: set[int], marks: str) -> int:
    alone = [marks] if marks in (BEGIN, BYTES, END) else [BEGIN, END]
    if " " not in symbols:
        alone += [s for s in symbols if s.lower() in BETWEEN]
    return next((symbols.index(s) for s in alone if s in symbols), -1)


def _piece(symbol: str, marks: str) -> tuple[bytes, bool, bool]:
    """Return what a symbol writes, in NFC, and whether a word begins or ends with it."""
    if marks != BYTES:
        symbol = unicodedata.normalize("NFC", symbol)
    if byte := _BYTE.fullmatch(symbol):
        return bytes([int(byte[1], 16)]), False, False
    if marks == BEGIN:
        begins = symbol.startswith(BEGIN)
        return symbol.removeprefix(BEGIN).replace(BEGIN, " ").encode(), begins, False
    if marks == BYTES:
        begins = symbol.startswith(BYTES)
        return bytes(_bytes()[c] for c in symbol.removeprefix(BYTES)), begins, False
    if marks == GOES_ON:
        goes_on = symbol.startswith(GOES_ON) and symbol != GOES_ON
        return (symbol.removeprefix(GOES_ON) if goes_on else symbol).encode(), not goes_on, False
    if marks == END:
        return symbol.removesuffix(END).encode(), False, symbol.endswith(END)
    if marks == JOINED and symbol != JOINED:
        return symbol.removesuffix(JOINED).encode(), False, not symbol.endswith(JOINED)
    return symbol.encode(), False, False


@lru_cache(maxsize=1)
def _bytes() -> dict[str, int]:
    """Return the byte that each character of a byte-level table stands for.

    Printable characters of Latin-1 are themselves, the other bytes are U+0100 and on, in order.
    """
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in shown]
    table = {chr(b): b for b in shown}
    table.update({chr(0x100 + n): b for n, b in enumerate(others)})
    return table


def _is_bytes(symbol: str) -> bool:
    return all(c in _bytes() for c in symbol)


def _characters(piece: bytes) -> int:
    """Return how many characters a piece writes; part of one counts as two: it is none."""
    try:
        return len(piece.decode())
    except UnicodeDecodeError:
        return 2
