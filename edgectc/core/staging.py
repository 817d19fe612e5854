"""Files and folders that are written whole or not at all, by one process at a time.

While ``NAME`` is written, hidden names stand beside it: ``.NAME.edgectc-lock``, which its writer
holds, ``.NAME.edgectc-new``, which becomes ``NAME``, and ``.NAME.edgectc-old``, the folder that it
replaces. A writer that is killed leaves them. `recover` gives ``NAME`` back to its next reader, and
its next writer, or `sweep`, clears the rest away.
"""

from __future__ import annotations

import ctypes
import errno
import gzip
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedIOBase
from pathlib import Path

from edgectc.core import files
from edgectc.core.errors import ConfigError, WriteError

_NO_LINK = 0 if sys.platform == "win32" else os.O_NOFOLLOW
_SOON = 5.0  # seconds that a writer of a small file, or a reader, waits for another one
_EXCHANGE = {  # a call that exchanges two names, the flag that says so, and "from here"
    "linux": ("renameat2", 2, -100),  # RENAME_EXCHANGE, AT_FDCWD
    "darwin": ("renameatx_np", 2, -2),  # RENAME_SWAP, AT_FDCWD
}
_sharing, _shared, _users = threading.Lock(), ExitStack(), 0  # of `temporaries`
_held: dict[Path, tuple[tuple[int, int], int]] = {}  # by which process and thread, how often


@contextmanager
def claimed(path: str | os.PathLike[str] | None, *, wait: float = 0.0) -> Iterator[None]:
    """Be the one writer of ``path``; a thread may claim again what it holds.

    Work that takes long is done within, so that an output that cannot be written ends it before.

    Args:
        path: what will be written; None claims nothing.
        wait: seconds to wait for another writer to end.

    Raises:
        ConfigError: another process or thread is writing it.
        WriteError: its folder cannot be written, or it is a device or a pipe.
    """
    if path is None:
        yield
        return
    _replaceable(path, "a plain file", "a directory")
    final = _final(path)
    me = os.getpid(), threading.get_ident()
    owner, times = _held.get(final, (me, 0))
    if owner == me and times:
        _held[final] = me, times + 1
        try:
            yield
        finally:
            _held[final] = me, times
        return
    with _naming(final):
        _make_folder(final.parent)
        lock = _lock(final, wait)
    if lock is None:
        raise ConfigError(
            f"{final} is being written by another process; wait for its end, or choose another "
            "path",
            options=["out"],
        )
    _held[final] = me, 1
    try:
        yield
    finally:
        del _held[final]
        _unlock(final, lock)


@contextmanager
def staged(path: str | os.PathLike[str], *, wait: float = 0.0) -> Iterator[Path]:
    """Yield a path for a new file; on success it takes the final name, else it is gone.

    Its bytes are on disk before it is renamed, so a crash leaves the old file or the new one.

    Args:
        path: the final name; a link is followed.
        wait: as in `claimed`.

    Raises:
        ConfigError: another process or thread is writing it.
        WriteError: it cannot be written.
    """
    _replaceable(path, "a plain file")
    final = _final(path)
    with claimed(final, wait=wait), _naming(final):
        new = _beside(final, "new")
        _remove(new)
        try:
            os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            yield new
            _sync(new)
            os.replace(new, final)
        finally:
            _remove(new)
        _sync(final.parent)


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


def write_bytes(path: str | os.PathLike[str], data: bytes, *, private: bool = False) -> None:
    """Write a file whole or not at all; waits a moment for another writer to end.

    Args:
        path: its name.
        data: its bytes.
        private: no other user of the machine may read it.

    Raises:
        ConfigError: another writer does not end.
        WriteError: it cannot be written.
    """
    with staged(path, wait=_SOON) as temporary:
        if private:
            temporary.chmod(0o600)
        temporary.write_bytes(data)


@contextmanager
def staged_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield an empty folder; on success it takes the final name, else it is gone.

    What had that name is replaced in one step where the system can exchange two names, as Linux and
    macOS do. Elsewhere there is a moment at which nothing has the name; see `recover`.

    Raises:
        ConfigError: another process or thread is writing it.
        WriteError: it cannot be written.
    """
    _replaceable(path, "a directory")
    final = _final(path)
    with claimed(final), _naming(final):
        new, old = _beside(final, "new"), _beside(final, "old")
        _restore(final)
        _remove(new)
        try:
            new.mkdir()
            yield new
            _sync_tree(new)
            _swap(new, final, old)
            _sync(final.parent)
        finally:
            _restore(final)
            _remove(new)


def recover(path: str | os.PathLike[str]) -> None:
    """Give a folder its name back if the process that replaced it was killed meanwhile.

    Every reader of a folder that `staged_folder` writes calls it first.

    Raises:
        ConfigError: its name cannot be given back.
    """
    final = _final(path)
    old = _beside(final, "old")
    if os.path.lexists(final) or not old.exists():
        return
    try:
        with claimed(final, wait=_SOON):
            _restore(final)
    except OSError as error:
        raise ConfigError(
            f"{final} was being replaced when its writer was killed, and cannot be given back its "
            f"name: {error.strerror}; rename {old} to it, or make its folder writable"
        ) from error


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a private folder for temporary files, which is gone afterwards.

    Those of processes that were killed are removed first.

    Raises:
        WriteError: no folder for temporary files can be written.
    """
    try:
        home = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise WriteError(
            f"there is no place for temporary files ({error.strerror}); set TMPDIR to a folder "
            "that can be written"
        ) from error
    sweep(home, "edgectc-*")
    unique = _final(home / f"edgectc-{os.urandom(16).hex()}")
    with claimed(unique):
        folder = _beside(unique, "new")
        with _naming(unique):
            folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            _remove(folder)


@contextmanager
def temporaries() -> Iterator[None]:
    """Let temporary files that others make in here go into a `scratch`, so that none outlive us.

    Python has one such place for all threads: they share the scratch until the last one is done.
    """
    global _users
    with _sharing:
        if not _users:
            _shared.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
            tempfile.tempdir = os.fspath(_shared.enter_context(scratch()))
        _users += 1
    try:
        yield
    finally:
        with _sharing:
            _users -= 1
            if not _users:
                _shared.close()


def sweep(folder: Path, pattern: str = "*") -> None:
    """Clear away what killed writers of ``folder`` left, and give back the names that they took.

    Args:
        folder: what is written right now stays.
        pattern: of the names that they wrote.
    """
    ending = ".edgectc-lock"
    for lock in folder.glob(f".{pattern}{ending}"):
        final = _final(lock.with_name(lock.name[1 : -len(ending)]))
        if final in _held:
            continue
        with suppress(ConfigError, OSError), claimed(final):  # at work, or another user's
            _restore(final)
            _remove(_beside(final, "new"))


@contextmanager
def _naming(final: Path) -> Iterator[None]:
    """Say of an error with a file of ours which one was to be written, and what to do.

    A write that finds the disk full names no file; an error with another one passes.
    """
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        name = error.filename
        if name is not None and not _belongs(Path(os.fsdecode(name)), final):
            raise
        raise _write_error(final, error) from error


def _belongs(path: Path, final: Path) -> bool:
    """Tell whether a path is what becomes ``final``, or a folder that ``final`` lies in."""
    hidden = [_beside(final, role) for role in ("lock", "new", "old")]
    return final.is_relative_to(path) or any(path.is_relative_to(name) for name in hidden)


def _replaceable(path: str | os.PathLike[str], *expected: str) -> None:
    """Refuse before the work is done what may not lose its name: a device, a pipe, a folder.

    Raises:
        WriteError: something else than ``expected`` has the name, or it means standard output.
    """
    if os.fspath(path) == "-":
        raise WriteError("cannot write '-': nothing goes to standard output this way; name a file")
    try:
        kind = files.kind(os.stat(path).st_mode) or "a plain file"
    except OSError:  # nothing there; what else is wrong the write itself will say
        return
    if kind not in expected:
        error = OSError(errno.EINVAL, f"it is {kind}, expected {' or '.join(expected)}")
        raise _write_error(Path(path), error)


def _write_error(final: Path, error: OSError) -> WriteError:
    advice = "choose another path"
    code = errno.errorcode.get(error.errno or 0)
    if code in ("ENOSPC", "EDQUOT"):
        advice = "make room and do the same again"
    elif code in ("EACCES", "EPERM", "EROFS"):
        advice = "choose another path, or make its folder writable"
    told = WriteError(f"cannot write {final}: {error.strerror or error}; {advice}")
    told.errno, told.filename = error.errno, os.fspath(final)
    return told


def _restore(final: Path) -> None:
    """Rename what was whole when it lost its name: ``.old``, as ``.new`` may be half gone."""
    old = _beside(final, "old")
    if not os.path.lexists(final) and old.exists():
        old.rename(final)
        _sync(final.parent)
    _remove(old)


def _swap(new: Path, final: Path, old: Path) -> None:
    """Give ``final``'s name to ``new``; what had it is ``new`` or ``old`` afterwards."""
    if not os.path.lexists(final):
        new.rename(final)
    elif not _exchanged(new, final):
        final.rename(old)
        new.rename(final)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step if the system and the file system can."""
    if sys.platform not in _EXCHANGE:
        return False
    name, flag, here = _EXCHANGE[sys.platform]
    try:
        call = ctypes.CDLL(None)[name]
    except AttributeError:  # a C library that is older than the call
        return False
    return bool(call(here, os.fsencode(one), here, os.fsencode(other), flag) == 0)


def _final(path: str | os.PathLike[str]) -> Path:
    """Return where a path leads, links followed: renaming must replace what they point to."""
    return Path(os.path.realpath(path))


def _beside(final: Path, role: str) -> Path:
    return final.with_name(f".{final.name}.edgectc-{role}")


def _make_folder(folder: Path) -> None:
    """Make a folder, and those above it, and put their names on disk."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync_tree(folder: Path) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            _sync(Path(place, name))
        _sync(Path(place))


def _sync(path: Path) -> None:
    """Put a file, or the names in a folder, on disk."""
    if sys.platform == "win32":  # syncs no folder, and a file only if it is open for writing
        if path.is_dir():
            return
        handle = os.open(path, os.O_RDWR | os.O_BINARY)
    else:
        handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems sync no folder
            raise
    finally:
        os.close(handle)


def _lock(final: Path, wait: float) -> int | None:
    """Return the open lock file of ``final``, or None if another writer holds it to the end."""
    path, end = _beside(final, "lock"), time.monotonic() + wait
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | _NO_LINK, 0o666)
        if _try_lock(handle):
            # The last owner may have removed the file between these two lines: then it is no lock.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), os.stat(path)):
                    return handle
            os.close(handle)
            continue
        os.close(handle)
        if time.monotonic() >= end:
            return None
        time.sleep(0.01)


def _unlock(final: Path, handle: int) -> None:
    if os.name == "nt":  # an open file cannot be removed
        os.close(handle)
        with suppress(OSError):  # its next owner was faster
            _beside(final, "lock").unlink()
    else:
        _beside(final, "lock").unlink(missing_ok=True)
        os.close(handle)


def _try_lock(handle: int) -> bool:
    """Lock an open file for this process's life; the system unlocks it when the process dies."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK):
            return True  # a file system without locks: as good as it gets
        return False
    return True
