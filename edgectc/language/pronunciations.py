"""Pronunciation dictionaries: a word a line, then its phonemes; and lexicons that hold them.

CMUdict: ``WORD  W ER1 D``, and ``WORD(2)`` for a further pronunciation; a line of ``;;;`` is a
comment, and so is what follows ``#``. Kaldi's ``lexicon.txt`` is the same without comments, its
``lexiconp.txt`` has a weight after each word, ``word 0.7 W ER D``. `read` leaves out the digits,
which mark stress, and further pronunciations; `read_all` keeps both.

Sources: the CMU Pronouncing Dictionary, https://github.com/cmusphinx/cmudict; Povey et al. 2011,
"The Kaldi Speech Recognition Toolkit" (pronunciation weights are relative to a word's best one).
"""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.files import read_lines
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import normalize_word
from edgectc.language.spelling import plain as plain_word

SILENCE = "SIL"
_STRESS = re.compile(r"\d")
_VARIANT = re.compile(r"\(\d+\)$")
_SPOKEN = re.compile(r"[^a-zA-Z' -]")

Pronunciations = Mapping[str, tuple[str, ...]]
Said = tuple[tuple[str, ...], float]  # phonemes, and the natural log of their weight, 0 or less


def read(path: str | os.PathLike[str]) -> dict[str, tuple[str, ...]]:
    """Return the phonemes of each word, which is in normal form: small letters, plain apostrophe.

    Raises:
        ConfigError: the file cannot be read, a line has no phonemes, or there is no word.
    """
    found: dict[str, tuple[str, ...]] = {}
    for word, phonemes in _rows(path):
        if not _VARIANT.search(word):
            found.setdefault(normalize_word(word), tuple(plain(p) for p in phonemes))
    return found


def plain(phoneme: str) -> str:
    """Return a phoneme in capitals, without the digit that marks stress."""
    return _STRESS.sub("", phoneme).upper()


def _rows(path: str | os.PathLike[str]) -> list[tuple[str, list[str]]]:
    """Return word and phonemes, as written, of each line that has them."""
    rows = []
    for number, line in enumerate(read_lines(path), start=1):
        text = "" if line.startswith(";;;") else line.partition("#")[0]
        if not text.strip():
            continue
        word, *phonemes = text.split()
        if not phonemes:
            raise ConfigError(f"{path}:{number}: {word!r} has no phonemes, expected WORD P1 P2 ...")
        rows.append((word, phonemes))
    if not rows:
        raise ConfigError(f"{path} holds no word, expected lines of WORD P1 P2 ...")
    return rows


def read_all(path: str | os.PathLike[str]) -> dict[str, tuple[Said, ...]]:
    """Return all pronunciations of each word, phonemes as the file has them.

    A word in capitals alone, as in older files of CMUdict, is in small letters.

    Raises:
        ConfigError: as `read`; or only some lines have a weight, or one is not in 0 to 1.
    """
    rows = _rows(path)
    weighted = [_is_weight(phonemes[0]) for _, phonemes in rows]
    if any(weighted) and not all(weighted):
        word, phonemes = rows[weighted.index(weighted[0] is False)]
        raise ConfigError(
            f"{path}: only some lines have a weight; {' '.join([word, *phonemes])!r} is not like "
            f"the first, {' '.join([rows[0][0], *rows[0][1]])!r}"
        )
    shouted = all(word == word.upper() for word, _ in rows)
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for word, phonemes in rows:
        name = _VARIANT.sub("", word)
        weight = 1.0
        if weighted[0]:
            weight, phonemes = float(phonemes[0]), phonemes[1:]
            if not 0 < weight <= 1 or not phonemes:
                raise ConfigError(
                    f"{path}: {word!r} has weight {weight:g} and {len(phonemes)} phonemes, "
                    "expected a weight above 0 and up to 1, and phonemes"
                )
        said = found.setdefault(name.lower() if shouted else name, {})
        said.setdefault(tuple(phonemes), math.log(weight))
    return {word: tuple(said.items()) for word, said in found.items()}


def _is_weight(text: str) -> bool:
    return re.fullmatch(r"\d*\.\d+|\d+\.?|\d*\.?\d+e-\d+", text) is not None


@dataclass(frozen=True, eq=False)
class SpokenLexicon(Lexicon):
    """Words and how they are said.

    Attributes:
        said: the pronunciations of each word, at least one each.
    """

    said: tuple[tuple[Said, ...], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.said) != len(self.words) or not all(self.said):
            raise ConfigError(
                f"{len(self.words)} words and pronunciations of {len(self.said)}, "
                "expected one or more a word"
            )


def spoken(
    lexicon: Lexicon | None,
    pronunciations: Mapping[str, Iterable[str] | Sequence[Said]] | str | os.PathLike[str],
) -> SpokenLexicon:
    """Return the words of a lexicon that have a pronunciation, with all that they have.

    A word is looked up as it is written, then in small letters, then whatever its case and its
    apostrophes; how many have none is logged, with an example.

    Args:
        lexicon: words and their frequencies; None for all words of the dictionary, all as frequent.
        pronunciations: file that `read_all` reads; or word to one sequence of phonemes, or to
            several (phonemes, natural-log weight).

    Raises:
        ConfigError: the file cannot be read, or no word has a pronunciation.
    """
    if isinstance(pronunciations, (str, os.PathLike)):
        known = read_all(pronunciations)
    else:
        known = {word: _said(word, said) for word, said in pronunciations.items()}
    if not known:
        raise ConfigError("the pronunciations are of no word")
    if lexicon is None:
        each = np.full(len(known), -math.log(len(known)))
        return SpokenLexicon(tuple(known), each, said=tuple(known.values()))
    normal = {normalize_word(word): said for word, said in reversed(known.items())}
    found = [
        known.get(word) or known.get(word.lower()) or normal.get(normalize_word(word))
        for word in lexicon.words
    ]
    rows = [row for row, said in enumerate(found) if said]
    words = [lexicon.words[row] for row in rows]
    if len(rows) < len(found):
        example = lexicon.words[found.index(None)]
        text = (f"{len(found) - len(rows):,} of {len(found):,} words have no pronunciation, such "
                f"as {example!r}")  # fmt: skip
        if not rows:
            raise ConfigError(f"{text}; give a dictionary of the same language")
        logging.getLogger("edgectc").warning("edgectc: %s; they are left out", text)
    said = tuple(one for one in found if one)
    return SpokenLexicon(tuple(words), lexicon.log_probs[rows], lexicon.notes, said=said)


def _said(word: str, said: Iterable[str] | Sequence[Said]) -> tuple[Said, ...]:
    """Return the pronunciations that a caller gave for a word."""
    several = said if isinstance(said, Iterable) else [said]
    given = said.split() if isinstance(said, str) else [*several]
    if given and all(isinstance(one, str) for one in given):
        return ((tuple(str(one) for one in given), 0.0),)
    checked: list[Said] = []
    for one in given:
        match one:
            case (phonemes, (int() | float()) as weight) if (
                not isinstance(phonemes, (str, float, int)) and weight <= 0
            ):
                checked.append((tuple(phonemes), float(weight)))
            case _:
                raise ConfigError(
                    f"{word!r} is said {one!r}, expected phonemes, or pairs of phonemes and a "
                    "natural-log weight of 0 or less"
                )
    if not checked or not all(phonemes for phonemes, _ in checked):
        raise ConfigError(f"{word!r} has no phonemes")
    return tuple(checked)


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
    for word in _SPOKEN.sub("", plain_word(text).replace("--", " ")).lower().split():
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
