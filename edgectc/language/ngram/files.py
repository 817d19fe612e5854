"""Files that may be compressed with gzip."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from edgectc.core.errors import ConfigError

_GZIP = b"\x1f\x8b"


def head(path: str | os.PathLike[str]) -> bytes:
    """Return the first 4096 bytes of what a file holds.

    Raises:
        OSError, EOFError, zlib.error: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        found = file.read(4096)
    if found.startswith(_GZIP):
        with gzip.open(path) as unpacked:
            found = unpacked.read(4096)
    return found


def content(path: str | os.PathLike[str]) -> bytes:
    """Return what a language model's file holds.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        data = Path(path).read_bytes()
        return gzip.decompress(data) if data.startswith(_GZIP) else data
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"cannot read the language model {str(path)!r}: {error}") from error
