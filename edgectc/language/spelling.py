"""Letters of words: how they are compared, swiped and hashed."""

from __future__ import annotations

import unicodedata
from collections.abc import Container

from edgectc.core.files import sha256


def letters(text: str) -> str:
    """Return the alphabetic characters of ``text``, casefolded, in NFC: how words are compared."""
    if text.isascii() and text.isalpha():
        return text.lower()
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return "".join(c for c in folded if c.isalpha())


def spell(word: str, alphabet: Container[str]) -> str | None:
    """Return the letters to swipe for ``word``, or None if the alphabet cannot type it.

    A letter that the alphabet lacks is replaced by its base letter: "é" by "e" on a layout
    without "é".
    """
    spelled = letters(word)
    if not all(c in alphabet for c in spelled):
        spelled = "".join(c if c in alphabet else _base(c) for c in spelled)
        if not all(c in alphabet for c in spelled):
            return None
    return spelled or None


def _base(letter: str) -> str:
    """Return ``letter`` without its marks: "é" -> "e"; "ø" has none and stays."""
    parts = unicodedata.normalize("NFD", letter)
    return "".join(c for c in parts if not unicodedata.combining(c))


def word_hash(word: str) -> int:
    """Return the 32-bit hash of a word's letters that ``seen_words.bin`` stores."""
    return int(sha256(letters(word).encode())[:8], 16)
