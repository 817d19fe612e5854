"""Collections of others, made into our own files: swipes into JSON lines, recordings into .npz."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.types import Recording
from edgectc.data import importers, readers, signals
from edgectc.data.importers import Imported
from edgectc.data.readers import Choices
from edgectc.data.refusals import Refusals


@dataclass(frozen=True)
class ImportedRecordings:
    """A file of recordings that was made of a collection.

    Attributes:
        path: of the file.
        recordings: how many it holds.
        groups: how many people or days they are of.
        symbols: how many different ones are said.
        splits: split to count; "" for those whose split the collection leaves open.
        refused: reason to count of the rows that were left out.
    """

    path: Path
    recordings: int
    groups: int
    symbols: int
    splits: Mapping[str, int]
    refused: Mapping[str, int]


def names() -> list[str]:
    """Return the formats of swipes and of recordings."""
    return sorted([*importers.names(), *readers.names()])


def import_data(
    source: str, out: str | os.PathLike[str], how: Choices | None = None
) -> Imported | ImportedRecordings:
    """Write the usable rows of a collection.

    Args:
        source: ``FORMAT:PATH``.
        out: file, ``.jsonl`` or ``.jsonl.gz`` of swipes, ``.npz`` of recordings.
        how: what a collection of recordings does not tell of itself.

    Raises:
        ConfigError: the colon is missing, or ``out`` or ``how`` does not fit the format.
        UnknownNameError: no such format.
        InputError: no row can be used, or the collection cannot be read.
        MissingDependencyError: the format needs a package that is absent.
    """
    name, colon, path = source.partition(":")
    how = how or Choices()
    if not colon or not path:
        raise ConfigError(
            f"got {source!r}, expected FORMAT:PATH; FORMAT is of {', '.join(names())}"
        )
    if name not in names():
        raise UnknownNameError("import format", name, names())
    if name in importers.names():
        if how.made:
            raise ConfigError(f"format {name} makes nothing of {how.made[0]}", options=how.made)
        return importers.import_data(source, out)
    if Path(out).suffix != signals.SUFFIX:
        raise ConfigError(
            f"out is {os.fspath(out)!r}, expected a {signals.SUFFIX} file of recordings",
            options=["out"],
        )
    return _recordings(name, Path(path), Path(out), how)


def _recordings(name: str, path: Path, out: Path, how: Choices) -> ImportedRecordings:
    refusals, kept = Refusals(), dict[str, list[Recording]]()
    for row in readers.import_format(name, path, how):
        if isinstance(row, InputError):
            refusals.add(row)
        else:
            kept.setdefault(row.split, []).append(row)
    rows = [row for some in kept.values() for row in some]
    if not rows:
        raise InputError(
            f"no usable row in {name}:{path}; refused: {refusals.text}", reason="empty"
        )
    signals.write(out, kept)
    return ImportedRecordings(
        out,
        len(rows),
        len({row.group for row in rows} - {None}),
        len({symbol for row in rows for symbol in row.target}),
        dict(Counter(row.split for row in rows)),
        dict(refusals.counts),
    )
