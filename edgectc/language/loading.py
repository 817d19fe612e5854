"""Language models of files, whatever their format."""

from __future__ import annotations

import functools
import logging
import os
import zlib
from collections.abc import Iterable
from pathlib import Path

from edgectc.core import registry
from edgectc.core.contracts import WordModel
from edgectc.core.errors import ConfigError, EdgectcError
from edgectc.language.builder import read_lines
from edgectc.language.lms import arpa
from edgectc.language.lms.kenlm import MAGIC as KENLM_MAGIC
from edgectc.language.ngram import files, sphinx, tables
from edgectc.language.ngram.tables import NGrams


def load(path: str | os.PathLike[str], *, required: bool = False) -> WordModel | None:
    """Return the language model of a file, or None where it cannot be had and is not required.

    The content says which format it is: `.lm`, ARPA (plain or gzip), a binary of KenLM or CMU
    Sphinx, or a lexicon.
    Nothing is ever downloaded. Without its language model a decoder goes on with the lexicon alone,
    and a warning of the logger "edgectc" says so, once.

    Args:
        path: the file.
        required: raise instead of warning.

    Raises:
        ConfigError: required, and the file is missing, damaged or no language model.
        MissingDependencyError: required, and the file needs the module kenlm.
    """
    try:
        name = _format(Path(path))
        model: WordModel = registry.create("lms", {"type": name}, path=Path(path))
        return model
    except EdgectcError as error:
        if required:
            raise
        warn(str(error))
        return None


@functools.lru_cache(maxsize=256)
def warn(message: str) -> None:
    """Say, once a message, that decoding goes on without a language model."""
    logging.getLogger("edgectc").warning(
        "no language model, decoding goes on with the lexicon alone: %s", message
    )


def read_input(path: str | os.PathLike[str]) -> Iterable[str] | NGrams:
    """Return what `build` takes of a file: a language model, told by its content, or lines of text.

    Models are ARPA files (plain or gzip), `.lm` files and binary ones of CMU Sphinx.

    Raises:
        ConfigError: the file cannot be read, is damaged, or is another kind of language model.
    """
    try:
        name = _named(files.head(path))
    except (OSError, EOFError, zlib.error):
        name = None  # reading it as text says what is wrong
    if name is None:
        return read_lines(path)
    if name != "arpa":
        raise ConfigError(
            f"{str(path)!r} is a language model whose n-grams cannot be listed ({name}); "
            "give text, an ARPA file, a .lm file or a binary model of CMU Sphinx"
        )
    return arpa.read(path)


def _named(head: bytes) -> str | None:
    """Return the registered name of what can read a file, None if nothing can."""
    if head.startswith(KENLM_MAGIC):
        return "kenlm"
    if head.startswith((tables.MAGIC, sphinx.MAGIC)) or b"\\data\\" in head:
        return "arpa"
    if head.startswith(b"# edgectc lexicon"):
        return "unigram"
    return None


def _format(path: Path) -> str:
    """Return the registered name of what can read a file."""
    try:
        head = files.head(path)
    except FileNotFoundError as error:
        raise ConfigError(
            f"no language model {str(path)!r}; build one with `edgectc lm build`"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"cannot read the language model {str(path)!r}: {error}") from error
    if (name := _named(head)) is not None:
        return name
    raise ConfigError(
        f"{str(path)!r} is no language model: expected a .lm file, an ARPA file, a binary of KenLM "
        f"or CMU Sphinx, or a lexicon, got {len(head)} bytes that begin with {head[:24]!r}"
    )
