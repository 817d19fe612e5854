"""What a run was trained on: files, lexicon and code, by their content.

A run keeps it in ``identity.json``, a bundle in ``training.identity`` of its index. Names of files
are for people; two files are one if their bytes are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgectc.core import strict_json
from edgectc.core.config import OMITTED, check_version, dumps, from_dict
from edgectc.core.errors import BundleError, BundleMismatchError, ConfigError, InputError
from edgectc.core.files import read_plain
from edgectc.core.messages import say, warn
from edgectc.core.staging import write_bytes
from edgectc.core.types import JSON
from edgectc.core.version import __version__
from edgectc.data import readers
from edgectc.data.sources import Sources
from edgectc.language.lexicon import Lexicon
from edgectc.training.cache import source_sha256

FILE = "identity.json"
VERSION = 1


@dataclass(frozen=True)
class DataFile:
    """One file, or folder, of recordings.

    Attributes:
        part: "data", "dev" or "test".
        name: of the file.
        sha256: of its bytes.
    """

    part: str
    name: str
    sha256: str


@dataclass(frozen=True)
class Words:
    """A lexicon: how many words it has, and a hash of them and their frequencies."""

    words: int
    sha256: str


@dataclass(frozen=True)
class Code:
    """The package that trained: its version, and a hash of the code that prepares samples."""

    version: str
    sha256: str


@dataclass(frozen=True)
class Identity:
    """What a run is trained on.

    Attributes:
        data: files of recordings; () where all samples are generated.
        split_by: rule by which data was split.
        lexicon: None for none.
        code: of the package.
        rows: of each split, before checks; {} where samples are generated.
        dropped: reason to count of training rows that could not be used.
        schema_version: of this record.
        before: what the run was trained on until it was changed, oldest first.
    """

    data: tuple[DataFile, ...]
    split_by: str
    lexicon: Words | None
    code: Code
    rows: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    schema_version: int = VERSION
    before: tuple[Identity, ...] = field(default=(), metadata=OMITTED)


def identify(data: Sources | None, lexicon: Lexicon | None) -> Identity:
    """Return what a run on these is; its rows are known when they are read.

    A file that is named twice is told on standard error.

    Raises:
        InputError: a file of recordings cannot be read; reason ``unreadable_file``.
    """
    files = () if data is None else tuple(_file(part, path) for part, path in data.files())
    _warn_of_one_file_twice(files)
    words = None if lexicon is None else Words(len(lexicon.words), lexicon_sha256(lexicon))
    rule = "auto" if data is None else data.split_by
    return Identity(files, rule, words, Code(__version__, source_sha256()))


def _warn_of_one_file_twice(files: Sequence[DataFile]) -> None:
    seen: dict[str, DataFile] = {}
    for file in files:
        first = seen.setdefault(file.sha256, file)
        if first is file:
            continue
        what = "its rows count twice"
        if first.part != file.part:
            what = f"figures on {file.part} are of rows that chose the weights"
        warn(f"{file.name} of {file.part} is {first.name} of {first.part}: {what}")


def lexicon_sha256(lexicon: Lexicon) -> str:
    """Return a hash of words and frequencies, whatever file they came from."""
    digest = hashlib.sha256(lexicon.log_probs.tobytes())
    digest.update("\n".join(lexicon.words).encode())
    return digest.hexdigest()


def read(run: Path) -> Identity | None:
    """Return what a run was trained on; None for a run of a version that did not keep it.

    Raises:
        BundleError: its record cannot be read.
    """
    path = run / FILE
    if not path.exists():
        return None
    try:
        values = strict_json.parse(read_plain(path))
        check_version("it", values.get("schema_version"), VERSION)
        return from_dict(Identity, values)
    except (OSError, ConfigError, AttributeError) as error:
        raise BundleError(f"cannot read {path}: {error}") from error


def check(run: Path, now: Identity, *, accept_changes: bool) -> Identity:
    """Return the identity that a run goes on with: ``now``, and what was before.

    Args:
        run: its folder; a new one, and one of a version that kept none, has nothing to compare.
        now: see `identify`.
        accept_changes: go on with other data or another lexicon.

    Raises:
        BundleMismatchError: data or lexicon are others than the run was begun with.
    """
    begun = read(run)
    if begun is None:
        return now
    changed = list(_changes(begun, now))
    if changed and not accept_changes:
        raise BundleMismatchError(
            f"{run} was begun with other samples: {'; '.join(changed)}; give it what it was begun "
            "with, begin another run with out=DIR, or go on with accept_changes",
            options=["out", "accept_changes"],
        )
    if begun.code != now.code:
        say(
            f"edgectc: {run} was begun by edgectc {begun.code.version}, whose preparation of "
            "samples was another; going on with this one's"
        )
        changed.append("code")
    past = begun.before
    return replace(now, before=(*past, replace(begun, before=())) if changed else past)


def write(run: Path, identity: Identity) -> None:
    """Write the record of a run."""
    write_bytes(run / FILE, dumps(identity).encode())


def summary(identity: Identity) -> Mapping[str, JSON]:
    """Return it as plain JSON values, for the index of a bundle."""
    values: Mapping[str, JSON] = json.loads(dumps(identity))
    return values


def _file(part: str, path: Path) -> DataFile:
    try:
        return DataFile(part, path.name, readers.content_sha256(path))
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; pass {part}=PATH of a file of recordings",
            reason="unreadable_file",
            options=[part],
        ) from error


def _changes(begun: Identity, now: Identity) -> Iterator[str]:
    """Yield what differs of data and lexicon, for people."""
    if [(f.part, f.sha256) for f in begun.data] != [(f.part, f.sha256) for f in now.data]:
        rows = sum(begun.rows.values())
        yield f"data was {_files(begun)}{f' ({rows} rows)' if rows else ''}, is {_files(now)}"
    if begun.split_by != now.split_by:
        yield f"split_by was {begun.split_by}, is {now.split_by}"
    if begun.lexicon != now.lexicon:
        yield f"lexicon was {_words(begun.lexicon)}, is {_words(now.lexicon)}"


def _files(identity: Identity) -> str:
    return ", ".join(f"{f.name} {f.sha256[:12]}" for f in identity.data) or "generated"


def _words(words: Words | None) -> str:
    return "none" if words is None else f"{words.words} words {words.sha256[:12]}"
