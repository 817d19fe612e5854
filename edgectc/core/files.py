"""Files that are written whole or not at all, gzip by content or name, and hashes."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

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


@contextmanager
def staged(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it takes the final name, else it is gone.

    The bytes are on disk before the rename, so a crash leaves the old file or the new one.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{final.name}.", dir=final.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as done:
            os.fsync(done.fileno())
        # mkstemp makes private files; give the result the permissions a plain write would.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(final)
    except OSError as error:
        if error.filename is None:  # a write that finds the disk full names no file
            error.filename = os.fspath(final)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def staged_writer(path: str | os.PathLike[str], *, level: int = 9) -> Iterator[BufferedIOBase]:
    """Yield a stream whose bytes become ``path``, whole or not at all; ``.gz`` is compressed.

    Neither name nor time is stored, so equal bytes give equal files.
    """
    with staged(path) as temporary, temporary.open("wb") as raw:
        if os.fspath(path).endswith(".gz"):
            with gzip.GzipFile("", "wb", level, raw, mtime=0) as packed:
                yield packed
        else:
            yield raw


@contextmanager
def staged_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; on success it takes the final name, else it is gone.

    What was there before is replaced, or back in its place if the change of names failed.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{final.name}.", dir=final.parent) as name:
        staging, old = Path(name) / "new", Path(name) / "old"
        staging.mkdir()
        yield staging
        if final.exists():
            final.rename(old)
        try:
            staging.rename(final)
        except OSError:
            if old.exists():
                old.rename(final)
            raise


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all."""
    with staged(path) as temporary:
        temporary.write_bytes(data)


def sha256(data: bytes) -> str:
    """Return the hex digest of ``data``."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the hex digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
