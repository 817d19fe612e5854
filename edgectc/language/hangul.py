"""Hangul syllables as the letters of a Korean keyboard.

Source: Unicode Standard, section 3.12, "Conjoining Jamo Behavior"; KS X 5002, the standard
keyboard of two sets, on which compound letters are typed by their parts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container
from functools import cache

# Compound letters by the keys that type them.
_PARTS = {
    "ㄲ": "ㄱㄱ", "ㄸ": "ㄷㄷ", "ㅃ": "ㅂㅂ", "ㅆ": "ㅅㅅ", "ㅉ": "ㅈㅈ",
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ",
    "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
    "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ", "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ",
    "ㅢ": "ㅡㅣ", "ㅒ": "ㅑㅣ", "ㅖ": "ㅕㅣ",
}  # fmt: skip


def letters(syllable: str, alphabet: Container[str]) -> str | None:
    """Return the letters of a Hangul syllable or compound letter, None if the alphabet lacks one.

    These are conjoining jamo where the alphabet holds them, else those of a keyboard.
    """
    parts = unicodedata.normalize("NFD", syllable)
    if not all("\u1100" <= part <= "\u11ff" or "\u3131" <= part <= "\u3163" for part in parts):
        return None
    if all(part in alphabet for part in parts):
        return parts
    typed = [_typed(_of_keyboard(part), alphabet) for part in parts]
    return None if None in typed else "".join(part for part in typed if part)


def _typed(letter: str, alphabet: Container[str]) -> str | None:
    if letter in alphabet:
        return letter
    parts = _PARTS.get(letter, "")
    return parts if parts and all(part in alphabet for part in parts) else None


@cache
def _of_keyboard(jamo: str) -> str:
    """Return the keyboard's letter of a conjoining jamo, itself if there is none: "ᆨ" is "ㄱ"."""
    kind, _, name = unicodedata.name(jamo).removeprefix("HANGUL ").partition(" ")
    if kind not in ("CHOSEONG", "JUNGSEONG", "JONGSEONG"):
        return jamo
    try:
        return unicodedata.lookup(f"HANGUL LETTER {name}")
    except KeyError:
        return jamo
