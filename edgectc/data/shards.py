"""Data sets larger than memory: a folder of shards, whose columns are read where they lie.

``shards.json`` tells names, rows and hashes of the shards, and who the recordings are from. A shard
is a folder of these columns, ``NAME.npy``, of n recordings:

    values   all numbers of all recordings, one recording after another
    shape    (n, 2) int64: frames and channels of each
    about    uint8, JSON of each: target, name, group, setting, context; of swipes word and prompt
    about_end  (n,) int64: where the JSON of each ends
    group    (n,) int32: place of its person or day in ``groups`` of the index, -1 for none
    split    (n,) int8: 1 + place of its split in `edgectc.data.splits.SPLITS`, 0 for none
    key      (n,) uint32: `edgectc.data.splits.row_key` of its values

The last three say who is held out without a look at any recording.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core import column_files, strict_json
from edgectc.core.column_files import Pages, Texts
from edgectc.core.config import check_version, from_dict
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.files import content_sha256, file_sha256, read_plain
from edgectc.core.types import Array, Recording, Swipe
from edgectc.data import splits
from edgectc.data.refusals import Refusals

INDEX = "shards.json"
VERSION = 1
SWIPES, SIGNALS = "swipes", "signals"
_COLUMNS = ("values", "shape", "about", "about_end", "group", "split", "key")


@dataclass(frozen=True)
class Shard:
    """One shard: its folder, how many recordings and frames it holds, and the hash of its files."""

    name: str
    rows: int
    frames: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """What ``shards.json`` holds.

    Attributes:
        kind: `SWIPES`, or `SIGNALS` for recordings of all other families.
        shards: in order.
        groups: people or days, in the order in which they came.
        sources: name and SHA-256 of the files that it was made of.
        refusals: JSON of `edgectc.data.refusals.Refusals`: the rows that could not be read.
        schema_version: of this record.
    """

    kind: str
    shards: tuple[Shard, ...]
    groups: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    refusals: str
    schema_version: int = VERSION


@dataclass(frozen=True)
class ShardSet:
    """A folder of shards; nothing of it is read but its index."""

    folder: Path
    index: Index = field(repr=False)

    @property
    def rows(self) -> int:
        """Return how many recordings there are."""
        return sum(shard.rows for shard in self.index.shards)

    @property
    def refusals(self) -> Refusals:
        """Return the rows of the files that were left out when the set was made."""
        return Refusals.from_json(self.index.refusals)

    def opened(self, shard: Shard, *, verify: bool = False) -> OpenShard:
        """Return a shard to read.

        Args:
            shard: one of the set's.
            verify: read all of it to compare its hash.

        Raises:
            InputError: it is damaged; reason ``bad_file``.
        """
        folder = self.folder / shard.name
        if verify and content_sha256(folder) != shard.sha256:
            raise self._damaged(shard, "it is not what the index says (SHA-256)")
        try:
            arrays = column_files.read(folder)
            made = OpenShard({name: arrays[name] for name in _COLUMNS}, self.index.kind)
        except (OSError, ValueError, KeyError) as error:
            raise self._damaged(shard, str(error)) from error
        if len(made) != shard.rows or len(made.arrays["values"]) != made.values:
            raise self._damaged(shard, f"it has {len(made)} rows, the index says {shard.rows}")
        return made

    def _damaged(self, shard: Shard, why: str) -> InputError:
        return InputError(
            f"{self.folder / shard.name} is damaged: {why}; make the set again with `edgectc data "
            "shard`",
            reason="bad_file",
        )


class OpenShard:
    """The recordings of one shard, made when they are asked for; (T, C) views of what is mapped."""

    def __init__(self, arrays: Mapping[str, Array], kind: str) -> None:
        """Take the columns and the kind of the set."""
        self.arrays, self.kind = arrays, kind
        self._shape = np.asarray(arrays["shape"])
        self._ends = np.cumsum(self._shape[:, 0] * self._shape[:, 1])
        self._about = Texts(arrays["about"], arrays["about_end"])
        self.pages = Pages(arrays.values(), 1)

    def __len__(self) -> int:
        return len(self._shape)

    @property
    def values(self) -> int:
        """Return how many numbers the recordings have together."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def signal(self, row: int) -> Array:
        """Return (T, C) of a recording."""
        frames, width = self._shape[row]
        end = int(self._ends[row])
        values = np.array(self.arrays["values"][end - int(frames * width) : end])
        return values.reshape(frames, width)

    def recording(self, row: int, *, side: str = "", default: str = "") -> Recording:
        """Return a recording.

        Args:
            row: of the shard.
            side: split that it is of; "" leaves the one that it names.
            default: setting of one that names none.
        """
        about = json.loads(self._about[row])
        named = ("", *splits.SPLITS)[int(self.arrays["split"][row])]
        return Recording(
            self.signal(row),
            tuple(about["target"]),
            about["name"],
            about["group"],
            about["setting"] or default,
            tuple(about["context"]),
            side or named,
        )

    def swipe(self, row: int, *, default: str) -> Swipe:
        """Return a swipe; ``default`` is the keyboard of one that names none."""
        about = json.loads(self._about[row])
        named = (None, *splits.SPLITS)[int(self.arrays["split"][row])]
        return Swipe(
            self.signal(row),
            about["word"],
            about["setting"] or default,
            about["group"],
            tuple(about["context"]),
            about["prompt"],
            named,
        )


def is_set(path: Path, kind: str | None = None) -> bool:
    """Return whether a path is a folder of shards, of recordings of a kind if one is named."""
    if not (path / INDEX).is_file():
        return False
    return kind is None or open_set(path).index.kind == kind


def open_set(path: Path) -> ShardSet:
    """Return the set of shards in a folder.

    Raises:
        InputError: its index cannot be read; reason ``bad_file``.
    """
    try:
        content = read_plain(path / INDEX)
    except OSError as error:
        raise _unreadable(path, error) from error
    return _opened(path, content)


@lru_cache(maxsize=8)
def _opened(path: Path, content: bytes) -> ShardSet:
    try:
        values = strict_json.parse(content)
        check_version("it", values.get("schema_version"), VERSION)
        return ShardSet(path, from_dict(Index, values))
    except (ConfigError, AttributeError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"cannot read {path / INDEX}: {error}; make the set again with `edgectc data shard`",
        reason="bad_file",
    )


def identity(path: Path) -> str:
    """Return a hash of a set: of its index, which holds the hashes of all shards."""
    return file_sha256(path / INDEX)


def recordings(path: Path, *, default: str = "") -> Iterator[Recording | InputError]:
    """Yield all recordings of a set, one shard after another; first the rows that it left out."""
    return of_split(path, "all", default=default)


def of_split(
    path: Path, wanted: str, *, default: str = "", people: bool = True
) -> Iterator[Recording | InputError]:
    """Yield the recordings of a split, as `edgectc.data.splits.of_split` does of a file.

    At most one shard is read at a time.

    Args:
        path: folder of the set.
        wanted: "all", "train", "dev" or "test".
        default: setting of the recordings that name none.
        people: see `edgectc.data.splits.assign`.
    """
    splits.check_split(wanted)
    found = open_set(path)
    yield from left_out(found)
    chosen = None if wanted == "all" else sides([found], people=people)[0][0]
    for number, shard in enumerate(found.index.shards):
        opened = found.opened(shard)
        for row in range(len(opened)):
            side = "" if chosen is None else side_name(chosen[number][row])
            if side is None:
                yield no_user(opened.recording(row).name)
            elif side in ("", wanted):
                yield opened.recording(row, side=side, default=default)
        opened.pages.release()


def side_name(place: int) -> str | None:
    """Return the split that `sides` means, None for no split."""
    return None if place < 0 else splits.SPLITS[place]


def no_user(name: str) -> InputError:
    """Return the error of a row that belongs to no split."""
    return InputError("the row names no user", reason="no_user", name=name)


def left_out(found: ShardSet) -> Iterator[InputError]:
    """Yield an error for each row of the files that the set does not hold."""
    refusals = found.refusals
    for reason, count in refusals.counts.items():
        told = refusals.examples.get(reason, [])
        for number in range(count):
            name, message = told[number] if number < len(told) else ("", reason)
            yield InputError(message, reason=reason, name=name)


def sides(
    sets: Sequence[ShardSet], *, rule: str = "auto", people: bool = True
) -> tuple[list[list[Array]], str]:
    """Return (n,) int8 splits of the rows of each shard of each set, and how they were found.

    They are the splits that `edgectc.data.splits.assign` gives the same rows; a place in `SPLITS`,
    -1 for a row that belongs to none.

    Args:
        sets: that are split together.
        rule: see `edgectc.data.splits.assign`.
        people: as there.
    """
    splits.check_rule(rule)
    columns = [[_who(one, shard) for shard in one.index.shards] for one in sets]
    if any((who["split"] > 0).any() for of_set in columns for who in of_set):
        named = [[np.maximum(who["split"] - 1, 0) for who in of_set] for of_set in columns]
        return named, splits.AS_NAMED
    everybody = (group for one in sets for group in one.index.groups)
    chosen, how = splits.by_people(everybody, rule=rule, people=people)
    if chosen is None:
        keys = [who["key"] for of_set in columns for who in of_set]
        placed = splits.by_row(np.concatenate([np.zeros(0, np.uint32), *keys]))
        parts = iter(np.split(placed, np.cumsum([len(part) for part in keys])[:-1]))
        return [[next(parts) for _ in of_set] for of_set in columns], how
    found = []
    for one, of_set in zip(sets, columns, strict=True):
        table = np.array([_place(chosen[group]) for group in one.index.groups] + [-1], np.int8)
        found.append([table[who["group"]] for who in of_set])
    return found, how


def _place(side: str) -> int:
    return splits.SPLITS.index(side)


def _who(found: ShardSet, shard: Shard) -> dict[str, Any]:
    """Return what says who is held out, copied into memory: 9 bytes a row."""
    try:
        folder = found.folder / shard.name
        return {name: np.load(folder / f"{name}.npy") for name in ("group", "split", "key")}
    except (OSError, ValueError) as error:
        raise InputError(
            f"{found.folder / shard.name} is damaged: {error}; make the set again with `edgectc "
            "data shard`",
            reason="bad_file",
        ) from error
