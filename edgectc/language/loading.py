"""Language models of files, whatever their format."""

from __future__ import annotations

import functools
import logging
import os
from pathlib import Path

from edgectc.core import registry
from edgectc.core.contracts import WordModel
from edgectc.core.errors import ConfigError, EdgectcError
from edgectc.core.files import READ_ERRORS, read_head


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


def format_of(head: bytes) -> str | None:
    """Return the registered name of what reads a file that begins so, None if nothing does."""
    names = registry.names("lms")
    return next((n for n in names if registry.module("lms", n).recognizes(head)), None)


def _format(path: Path) -> str:
    """Return the registered name of what can read a file."""
    try:
        head = read_head(path)
    except FileNotFoundError as error:
        raise ConfigError(
            f"no language model {str(path)!r}; build one with `edgectc lm build`"
        ) from error
    except READ_ERRORS as error:
        raise ConfigError(f"cannot read the language model {str(path)!r}: {error}") from error
    if (name := format_of(head)) is not None:
        return name
    raise ConfigError(
        f"{str(path)!r} is no language model: expected a .lm file, an ARPA file, a binary of KenLM "
        f"or CMU Sphinx, or a lexicon, got {len(head)} bytes that begin with {head[:24]!r}"
    )
