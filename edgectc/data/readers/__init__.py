"""Recordings in formats of others, read as they are. A format is one file, and its name is its own.

Each has ``takes(path)``, which looks at names and at the first line of a table alone,
``rows(path, how)``, ``CHOICES``, which of `Choices` it takes, and ``BESIDE``, whether a file's
recordings lie in its folder and not in itself. A row that cannot be used says why and never stops
the others; no row makes a reader open a file outside of the folder of its data set.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from edgectc.core import files
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.types import Recording
from edgectc.data import shards, signals
from edgectc.data.reading import PARTS, Choices

__all__ = ["Choices", "content_sha256", "format_of", "import_format", "names", "read", "takes"]


def names() -> list[str]:
    """Return the formats, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__))


def format_of(path: Path) -> str | None:
    """Return the format of a file or folder of recordings; None for our own and what is none."""
    if path.suffix == signals.SUFFIX or not path.exists():
        return None
    for name in names():
        if importlib.import_module(f"{__name__}.{name}").takes(path):
            return name
    return None


def takes(path: Path) -> bool:
    """Return whether `read` reads it: ``.npz``, shards, or what is in one of the formats."""
    if shards.is_set(path):
        return shards.is_set(path, shards.SIGNALS)
    return path.suffix == signals.SUFFIX or format_of(path) is not None


def content_sha256(path: Path) -> str:
    """Return a hash of all that is read of a file or folder of recordings.

    That of shards is of their index, which holds the hashes of all.

    Raises:
        OSError: it cannot be read.
    """
    if shards.is_set(path):
        return shards.identity(path)
    name = format_of(path) if path.is_file() else None
    if name is None or not importlib.import_module(f"{__name__}.{name}").BESIDE:
        return files.content_sha256(path)
    parts = files.file_sha256(path) + files.content_sha256(path.parent)
    return files.sha256(parts.encode())


def read(path: Path) -> Iterator[Recording | InputError]:
    """Yield the recordings of a file or folder, or why one of them cannot be used.

    Raises:
        InputError: it cannot be read.
        MissingDependencyError: the format needs a package that is absent.
    """
    if shards.is_set(path, shards.SIGNALS):
        return shards.recordings(path)
    name = format_of(path)
    return signals.read(path) if name is None else import_format(name, path, Choices())


def import_format(name: str, path: Path, how: Choices) -> Iterator[Recording | InputError]:
    """Yield the recordings of a file or folder in a format, read as ``how`` says.

    Raises:
        UnknownNameError: no such format, or no such part of a body.
        ConfigError: the format makes nothing of a choice.
        InputError: it cannot be read.
        MissingDependencyError: the format needs a package that is absent.
    """
    if name not in names():
        raise UnknownNameError("format of recordings", name, names())
    module = importlib.import_module(f"{__name__}.{name}")
    idle = [choice for choice in how.made if choice not in module.CHOICES]
    if idle:
        raise ConfigError(f"format {name} makes nothing of {idle[0]}", options=idle)
    for part in how.points:
        if part not in PARTS:
            raise UnknownNameError("part of a body", part, [*PARTS])
    rows: Iterator[Recording | InputError] = module.rows(path, how)
    return rows
