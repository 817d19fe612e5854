"""Lexicon files, text or packed: which one it is, the content says; written, the name.

A text file is UTF-8, plain or gzip::

    # edgectc lexicon 1
    # source: ...            any number of notes: where the words are from, under which licence
    the<TAB>-2.9263          word as it is cased, natural log of its share, most frequent first

The bytes depend on the content alone, so the SHA-256 of a lexicon can be stated and checked.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from edgectc.core.config import check_version
from edgectc.core.errors import ConfigError
from edgectc.core.files import READ_ERRORS, hint, open_bytes
from edgectc.core.staging import staged_writer
from edgectc.language import packed
from edgectc.language.lexicon import Lexicon
from edgectc.language.packed import PackedLexicon

OFFENSIVE = "offensive.tsv"  # words that are left out of the lexicon beside it
VERSION = 1  # of a text file
NAME = "# edgectc lexicon "  # its first line, with the version after it
HEAD = f"{NAME}{VERSION}"


def read(path: str | Path) -> Lexicon:
    """Return the lexicon of a file, text or packed.

    Raises:
        ConfigError: the file cannot be read, or a line is malformed (named by number).
    """
    return packed.read(path) if packed.is_packed(path) else _read_text(path)


def write(lexicon: Lexicon, path: str | Path) -> None:
    """Write a lexicon whole or not at all.

    A packed one whose name ends in ``.trie`` stays packed; all else is text, compressed where the
    name ends in ``.gz``.

    Raises:
        ConfigError: a word or note that is not one line of its own.
    """
    if isinstance(lexicon, PackedLexicon) and str(path).endswith(".trie"):
        packed.write(lexicon, path)
    else:
        _write_text(lexicon, path)


def read_word_list(path: str | Path) -> list[str]:
    """Return the lines of a lexicon or word list, plain or gzip.

    Raises:
        ConfigError: the file cannot be read as UTF-8 text.
    """
    try:
        with open_bytes(path) as file:
            return file.read().decode("utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise ConfigError(f"no lexicon or word list {str(path)!r}{hint(path)}") from error
    except (*READ_ERRORS, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path} as UTF-8 text, plain or gzip: {error}") from error


def _read_text(path: str | Path) -> Lexicon:
    lines = read_word_list(path)
    if lines and (stated := re.match(rf"{NAME}(\d+)\b", lines[0])):
        check_version(str(path), int(stated[1]), VERSION)
    if not lines or not f"{lines[0]} ".startswith(f"{HEAD} "):
        raise ConfigError(
            f"{path}:1: expected {HEAD!r}; to turn a word list into a lexicon, "
            "run `edgectc lexicon build`"
        )
    notes, words, log_probs = [], [], []
    for number, line in enumerate(lines[1:], start=2):
        if line.startswith("# "):
            notes.append(line[2:])
            continue
        word, _, value = line.partition("\t")
        try:
            log_probs.append(float(value))
        except ValueError:
            log_probs.append(math.nan)
        if not word or not math.isfinite(log_probs[-1]):
            raise ConfigError(f"{path}:{number}: expected word<TAB>log_prob, got {line!r}")
        words.append(word)
    try:
        return Lexicon(tuple(words), np.array(log_probs, np.float64), tuple(notes))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _write_text(lexicon: Lexicon, path: str | Path) -> None:
    for text in (*lexicon.words, *lexicon.notes):
        if text.splitlines() != [text] or "\t" in text:
            raise ConfigError(f"{text!r} is empty or holds a tab or line break")
    # Sorted by what is written, so that reading and writing again changes nothing.
    values = (np.round(lexicon.log_probs, 4) + 0.0).tolist()  # + 0.0 makes -0.0 a plain 0
    rows = sorted(zip(lexicon.words, values, strict=True), key=lambda row: (-row[1], row[0]))
    lines = [HEAD, *(f"# {note}" for note in lexicon.notes)]
    lines += [f"{word}\t{value:.4f}" for word, value in rows]
    with staged_writer(path) as file:
        file.write(("\n".join(lines) + "\n").encode())
