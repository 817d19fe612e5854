"""Pronunciation dictionaries in the format of CMUdict: a word a line, then its phonemes.

``WORD  W ER1 D``; a line of ``;;;`` is a comment, and so is what follows ``#``. Digits, which mark
stress, are left out, and so are further pronunciations of a word, ``WORD(2)``.

Source: the CMU Pronouncing Dictionary, https://github.com/cmusphinx/cmudict.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.files import read_lines

SILENCE = "SIL"
_STRESS = re.compile(r"\d")
_VARIANT = re.compile(r"\(\d+\)$")
_SPOKEN = re.compile(r"[^a-zA-Z' -]")

Pronunciations = Mapping[str, tuple[str, ...]]


def read(path: str | os.PathLike[str]) -> dict[str, tuple[str, ...]]:
    """Return the phonemes of each word, which is in small letters.

    Raises:
        ConfigError: the file cannot be read, a line has no phonemes, or there is no word.
    """
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(read_lines(path), start=1):
        text = "" if line.startswith(";;;") else line.partition("#")[0]
        if not text.strip():
            continue
        word, *phonemes = text.split()
        if not phonemes:
            raise ConfigError(f"{path}:{number}: {word!r} has no phonemes, expected WORD P1 P2 ...")
        if not _VARIANT.search(word):
            found.setdefault(word.lower(), tuple(_STRESS.sub("", p).upper() for p in phonemes))
    if not found:
        raise ConfigError(f"{path} holds no word, expected lines of WORD P1 P2 ...")
    return found


def pronounce(text: str, words: Pronunciations) -> tuple[str, ...]:
    """Return the phonemes of a sentence, each word followed by a silence.

    A word with a hyphen that is not in the dictionary is said part by part.

    Args:
        text: letters, apostrophes and hyphens count; other marks do not.
        words: see `read`.

    Raises:
        InputError: reason ``no_pronunciation``: a word is not in the dictionary.
    """
    said: list[str] = []
    for word in _SPOKEN.sub("", text.replace("--", " ")).lower().split():
        parts: Sequence[str] = [word] if word in words else word.replace("-", " ").split()
        for part in parts:
            if part not in words:
                raise InputError(
                    f"{part!r} is not in the pronunciation dictionary; add a line of it",
                    reason="no_pronunciation",
                )
            said += words[part]
        said += [SILENCE] if parts else []
    return tuple(said)
