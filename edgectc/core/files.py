"""Files to read, plain or gzip by their content, and hashes."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase

from edgectc.core.errors import ConfigError

READ_ERRORS = (OSError, EOFError, zlib.error)  # what reading a file, plain or gzip, may raise
_GZIP = b"\x1f\x8b"


@contextmanager
def open_bytes(path: str | os.PathLike[str]) -> Iterator[BufferedIOBase]:
    """Yield a file to read; its content, not its name, says whether it is gzip.

    Raises:
        OSError, EOFError, zlib.error: `READ_ERRORS`, also while it is read.
    """
    with open(path, "rb") as raw:
        if raw.peek(len(_GZIP)).startswith(_GZIP):
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield unpacked
        else:
            yield raw


def read_head(path: str | os.PathLike[str], size: int = 4096) -> bytes:
    """Return the first bytes of a file, plain or gzip.

    Raises:
        OSError, EOFError, zlib.error: `READ_ERRORS`.
    """
    with open_bytes(path) as file:
        return file.read(size)


def read_content(path: str | os.PathLike[str], what: str) -> bytes:
    """Return all bytes of a file, plain or gzip.

    Raises:
        ConfigError: it cannot be read; the message calls it ``what``.
    """
    try:
        with open_bytes(path) as file:
            return file.read()
    except READ_ERRORS as error:
        raise ConfigError(f"cannot read the {what} {os.fspath(path)!r}: {error}") from error


def read_lines(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yield the lines of a UTF-8 text file, plain or gzip, with their line ends.

    Raises:
        ConfigError: the file cannot be read, or is not UTF-8.
    """
    try:
        with open_bytes(path) as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield line.decode()
                except UnicodeDecodeError as error:
                    raise ConfigError(f"{path}:{number}: not UTF-8 text: {error}") from error
    except READ_ERRORS as error:
        raise ConfigError(f"cannot read the text {os.fspath(path)!r}: {error}") from error


def sha256(data: bytes) -> str:
    """Return the hex digest of ``data``."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the hex digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
