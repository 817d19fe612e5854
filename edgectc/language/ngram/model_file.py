"""N-gram models of files, whatever their format."""

from __future__ import annotations

import os

from edgectc.core.errors import ConfigError
from edgectc.core.files import READ_ERRORS, read_head
from edgectc.language.ngram import arpa_file, lm_file, sphinx
from edgectc.language.ngram.tables import NGrams


def recognizes(head: bytes) -> bool:
    """Return whether a file that begins so is a `.lm` file, an ARPA file or one of CMU Sphinx."""
    return head.startswith((lm_file.MAGIC, sphinx.MAGIC)) or b"\\data\\" in head


def read(path: str | os.PathLike[str]) -> NGrams:
    """Return the n-grams of a file; its content, not its name, says which format it is.

    Raises:
        ConfigError: the file cannot be read or is damaged.
    """
    try:
        head = read_head(path)
    except READ_ERRORS as error:
        raise ConfigError(f"cannot read the language model {str(path)!r}: {error}") from error
    if head.startswith(lm_file.MAGIC):
        return lm_file.read(path)
    return sphinx.read(path) if head.startswith(sphinx.MAGIC) else arpa_file.read(path)
