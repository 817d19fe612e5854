"""What a word is, in every script: its letters, how it is compared, found in text and spelled.

A letter is a base with its marks (Unicode's categories L and M) in NFC; so Hindi's "का" is one
letter of two characters, and "e" with a combining accent is "é". Inside a word may stand the
joiners ZWNJ and ZWJ, apostrophes of any kind, which are one, and hyphens.

Source: Unicode Standard Annex 29, "Unicode Text Segmentation", words; annex 15, normal forms.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from functools import cache

from edgectc.core.files import sha256
from edgectc.language import hangul

APOSTROPHES = "'\u2019\u2018\u201b\u02bc\uff07\u055a\u05f3"  # the first stands for all
HYPHENS = "-\u2010\u2011"
JOINERS = "\u200c\u200d"
# Soft hyphen, word joiner, marks of direction: nobody types them, and they part no word.
UNSEEN = "\u00ad\u2060\ufeff\u200e\u200f"
_UNSEEN = dict.fromkeys(map(ord, UNSEEN))
_ONE_APOSTROPHE = dict.fromkeys(map(ord, APOSTROPHES[1:]), "'") | _UNSEEN
_DOTTED = "i\u0307"  # what a capital I with a dot becomes; the dot is no mark of its own
_WITHOUT_PARTS = {
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t",
    "æ": "ae", "œ": "oe", "ĳ": "ij", "þ": "th", "ŋ": "n", "ĸ": "q",
}  # fmt: skip
_LAST_MARK = 0x1FFFF  # behind it are variation selectors alone


def normalize_word(word: str) -> str:
    """Return the form in which words are compared: casefolded, NFC, with a plain apostrophe.

    "Don’t" is "don't", "É" is "é", "Straße" is "strasse" and "ΟΔΟΣ" is "οδοσ". Every language
    model applies this to the words it is asked for, and the builder to the words it counts.
    """
    if word.isascii():
        return word.lower()
    folded = _nfc(_nfc(word).casefold().lower())  # lower: of Cherokee, which folds to capitals
    return folded.replace(_DOTTED, "i").translate(_ONE_APOSTROPHE)


def uncased(word: str) -> str:
    """Return a word as it is spelled, whatever its case: "Straße" is "straße", not "strasse"."""
    return plain(word).lower().replace(_DOTTED, "i")


def composed(text: str) -> str:
    """Return a text in NFC without what nobody types: soft hyphens, marks of direction."""
    return text if text.isascii() else _nfc(text).translate(_UNSEEN)


def plain(word: str) -> str:
    """Return a word as it is shown: NFC, with a plain apostrophe; the case stays."""
    return word if word.isascii() else _nfc(word).translate(_ONE_APOSTROPHE)


def is_mark(character: str) -> bool:
    """Return whether a character is a mark on a letter; variation selectors are none."""
    if unicodedata.category(character)[0] != "M":
        return False
    return not "\ufe00" <= character <= "\ufe0f" and ord(character) <= _LAST_MARK


def letters(text: str) -> str:
    """Return the letters of ``text`` with their marks, casefolded, in NFC: how words are compared.

    Apostrophes, hyphens and joiners do not count: "it's" and "its" are one by their letters.
    """
    if text.isascii():
        return text.lower() if text.isalpha() else "".join(filter(str.isalpha, text.lower()))
    kept, open_letter = [], False
    for c in normalize_word(text):
        if c.isalpha() or (open_letter and is_mark(c)):
            kept.append(c)
            open_letter = True
        elif c not in JOINERS:
            open_letter = False
    return "".join(kept)


def is_word(text: str) -> bool:
    """Return whether ``text`` is one word: letters with their marks, joiners, apostrophes, hyphens.

    A mark or joiner must follow a letter, and there must be a letter.
    """
    any_letter = open_letter = False
    for c in plain(text):
        if c.isalpha():
            any_letter = open_letter = True
        elif c == "'" or c in HYPHENS:
            open_letter = False
        elif not (open_letter and (c in JOINERS or is_mark(c))):
            return False
    return any_letter


def words_of(text: str) -> list[str]:
    """Return the words of running text, in normal form: see `normalize_word`.

    A word is a run of letters, their marks and digits, with joiners and single apostrophes inside;
    a hyphen parts two. Scripts written without spaces must come with spaces between the words.
    """
    if text.isascii():
        return [word.lower() for word in _ASCII_WORD.findall(text)]
    return [normalize_word(word) for word in written_words(text)]


def written_words(text: str) -> list[str]:
    """Return the words of running text as they are written; see `words_of`."""
    return _word_pattern().findall(composed(text))


def spell(word: str, alphabet: Container[str]) -> str | None:
    """Return the letters to swipe for ``word``, or None if the alphabet cannot type it.

    Every character that the alphabet holds is kept: marks, apostrophes and "ß" too. What it lacks
    is replaced: "ß" by "ss", "é" by "e" and as much of its marks as there is, "ł" and "ø", which
    have no parts, by "l" and "o", a Hangul syllable by its letters, small letters by capitals. Only
    marks, joiners and what is no letter are left out.

    Source: of letters without parts, CLDR's transliteration Latin-ASCII.
    """
    typed = _typed(word)
    if all(c in alphabet for c in typed):
        spelled = typed
    else:
        parts = [c if c in alphabet else _replaced(c, alphabet) for c in typed]
        if None in parts:
            return None
        spelled = "".join(part for part in parts if part)
    return spelled if any(c.isalnum() for c in spelled) else None


def word_hash(word: str) -> int:
    """Return the 32-bit hash of a word's letters that ``seen_words.bin`` stores."""
    return int(sha256(letters(word).encode())[:8], 16)


_ASCII_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*", re.ASCII)


@cache
def _word_pattern() -> re.Pattern[str]:
    marks = "".join(c for c in map(chr, range(0x300, _LAST_MARK + 1)) if is_mark(c))
    run = rf"[^\W_](?:[^\W_]|[{marks}]|[{JOINERS}](?=[^\W_]))*"
    return re.compile(f"{run}(?:[{APOSTROPHES}]{run})*")


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _typed(word: str) -> str:
    """Return the characters of a word as they are typed: in small letters, "ß" as it is."""
    if word.isascii():
        return word.lower()
    # A capital alone has no neighbours: the final sigma needs the whole word.
    lower = _nfc(_nfc(word).lower()).replace(_DOTTED, "i")
    return lower.translate(_ONE_APOSTROPHE)


def _replaced(c: str, alphabet: Container[str]) -> str | None:
    """Return what stands for a character that the alphabet lacks: "" for what may be left out."""
    if c == "'" or c in HYPHENS:
        kinds = APOSTROPHES if c == "'" else HYPHENS
        return next((kind for kind in kinds if kind in alphabet), "")
    for other in (c.upper(), normalize_word(c)):
        if all(one in alphabet for one in other):
            return other
    plain_letters = _WITHOUT_PARTS.get(c, "")
    if plain_letters and all(one in alphabet for one in plain_letters):
        return plain_letters
    return _decomposed(c, alphabet) if c.isalpha() else ""


def _decomposed(letter: str, alphabet: Container[str]) -> str | None:
    """Return ``letter`` by its parts: "é" as "e", "ế" as "ê" and its accent; None if it has none.

    "ø" has no parts, see `_WITHOUT_PARTS`.
    """
    base, *marks = list(unicodedata.normalize("NFD", letter))
    if jamo := hangul.letters(letter, alphabet):
        return jamo
    left = []
    for mark in marks:
        joined = _nfc(base + mark)
        if len(joined) == 1 and joined in alphabet:
            base = joined
        else:
            left.append(mark)
    if base not in alphabet:
        base = base.upper()
    if base not in alphabet:
        return None
    return base + "".join(mark for mark in left if mark in alphabet)
