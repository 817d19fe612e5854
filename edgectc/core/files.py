"""Files to read, plain or gzip by their content, within bounds, and hashes.

A reader takes plain files alone: opening a pipe or a device could wait for ever, or never end.
"""

from __future__ import annotations

import difflib
import errno
import gzip
import hashlib
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase, BufferedReader

from edgectc.core.errors import ConfigError

READ_ERRORS = (OSError, EOFError, zlib.error)  # what reading a file, plain or gzip, may raise
MOST_BYTES = 1 << 32  # of one file that is read whole
# What a gzip file may unpack to: so much, or so many times its own size.
_UNPACKED, _TIMES = 1 << 24, 100
_LOOKED_AT = 1000  # names in a folder, for the nearest one
_GZIP = b"\x1f\x8b"
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_plain(path: str | os.PathLike[str], *, pipes: bool = False) -> BufferedReader:
    """Open a plain file to read; what else it is, is told before it is opened.

    Args:
        path: of the file.
        pipes: whether a pipe will do as well, for text that is read once, from its beginning;
            then "-" is standard input.

    Raises:
        OSError: there is no such file, or it is a directory, a pipe or a device.
    """
    if pipes and os.fspath(path) == "-":
        return open(sys.stdin.fileno(), "rb", closefd=False)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError as error:
        told = f"{error.strerror}{hint(path)}"
        raise FileNotFoundError(error.errno, told, os.fspath(path)) from None
    name = kind(mode)
    if name is not None and not (pipes and name == "a pipe"):
        code = errno.EISDIR if name == "a directory" else errno.EINVAL
        raise OSError(code, f"it is {name}, expected a plain file", os.fspath(path))
    return open(path, "rb")


def kind(mode: int) -> str | None:
    """Return what a mode of `os.stat` is in words, such as "a device"; None for a plain file."""
    return next((name for is_kind, name in _KINDS if is_kind(mode)), None)


def hint(path: str | os.PathLike[str], known: Iterable[str] = ()) -> str:
    """Return the nearest spelling of a path, for a message; "" for none, and where it is there.

    Args:
        path: which was asked for.
        known: names that would do as well as those of the files in its folder.
    """
    place, name = os.path.split(os.fspath(path))
    try:
        files = os.listdir(place or ".")
    except OSError:
        files = []
    if name in files:  # it is there, and something else is wrong with it
        return ""
    names = [*known, *files[:_LOOKED_AT]]
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    if not found:
        return ""
    nearest = os.path.join(place, found[0]) if found[0] in files else found[0]
    return f" (did you mean {nearest!r}?)"


def read_plain(path: str | os.PathLike[str], *, most: int = MOST_BYTES) -> bytes:
    """Return all bytes of a plain file.

    Raises:
        OSError: it cannot be read, is no plain file, or has more than ``most`` bytes.
    """
    with open_plain(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", os.fspath(path))
        return file.read()  # a size here would take so much memory at once


def read_given(
    path: str | os.PathLike[str],
    what: str,
    *,
    most: int = MOST_BYTES,
    options: Iterable[str] = (),
) -> bytes:
    """Return all bytes of a plain file that the caller named, as they are.

    Raises:
        ConfigError: it cannot be read; the message calls it ``what``, and names ``options``.
    """
    try:
        return read_plain(path, most=most)
    except OSError as error:
        raise ConfigError(
            f"cannot read the {what} {os.fspath(path)!r}: {error.strerror}", options=options
        ) from error


@contextmanager
def open_bytes(path: str | os.PathLike[str], *, pipes: bool = False) -> Iterator[BufferedIOBase]:
    """Yield a file to read; its content, not its name, says whether it is gzip.

    Args:
        path: of the file.
        pipes: as `open_plain` takes it.

    Raises:
        OSError, EOFError, zlib.error: `READ_ERRORS`, also while it is read.
    """
    with open_plain(path, pipes=pipes) as raw:
        if raw.peek(len(_GZIP)).startswith(_GZIP):
            size = os.fstat(raw.fileno()).st_size or MOST_BYTES // _TIMES
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield BufferedReader(_Bounded(unpacked, max(_UNPACKED, _TIMES * size)), 1 << 16)
        else:
            yield raw


class _Bounded(io.RawIOBase):
    """The content of a gzip file, up to a size: a small file may hold any number of bytes."""

    def __init__(self, unpacked: gzip.GzipFile, most: int) -> None:
        self._unpacked, self._most, self._left = unpacked, most, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._unpacked.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise OSError(errno.EFBIG, f"it unpacks to more than {self._most:,} bytes")
        buffer[: len(data)] = data
        return len(data)


def check_unpacked(size: int, unpacked: int) -> None:
    """Raise `OSError` if a file of ``size`` bytes would unpack to more than is read of any."""
    if unpacked > max(_UNPACKED, _TIMES * size):
        raise OSError(errno.EFBIG, f"it unpacks to {unpacked:,} bytes, {size:,} packed")


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

    A byte order mark before the first is left out.

    Raises:
        ConfigError: the file cannot be read, or is not UTF-8.
    """
    try:
        with open_bytes(path, pipes=True) as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise ConfigError(f"{path}:{number}: not UTF-8 text: {error}") from error
    except READ_ERRORS as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise ConfigError(f"cannot read the text {os.fspath(path)!r}: {why}") from error


def sha256(data: bytes) -> str:
    """Return the hex digest of ``data``."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the hex digest of a file's bytes."""
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_sha256(path: str | os.PathLike[str]) -> str:
    """Return the hex digest of a file's bytes, or of the names and bytes of all files in a folder.

    Raises:
        OSError: there is no such file or folder, or it cannot be read.
    """
    if not os.path.isdir(path):
        return file_sha256(path)
    digest = hashlib.sha256()
    for folder, inner, names in os.walk(path):
        inner.sort()
        for name in sorted(names):
            file = os.path.join(folder, name)
            digest.update(f"{os.path.relpath(file, path)}\0{file_sha256(file)}\0".encode())
    return digest.hexdigest()
