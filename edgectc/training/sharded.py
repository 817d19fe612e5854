"""The rows of data sets in shards, piece by piece, so that no more than a piece is in memory."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Array, Recording
from edgectc.data import shards, splits
from edgectc.data.shards import Shard, ShardSet
from edgectc.data.sources import HELD_OUT, Sources

PREPARED = "prepared"  # folder in that of the shards
_PIECE = 20_000  # rows of a file that is held out beside them
Row = Recording | InputError
Rows = Callable[[Path], Iterator[Row]]


@dataclass(frozen=True)
class OfShard:
    """The rows of one shard, with the split of each; another process can read them.

    Attributes:
        found: the set.
        shard: one of its shards.
        sides: (n,) int8 place of the split of each row, -1 for none; see `shards.sides`.
        default: setting of recordings that name none.
    """

    found: ShardSet
    shard: Shard
    sides: Array = field(repr=False)
    default: str

    def counts(self) -> dict[str, int]:
        """Return how many rows of each split there are; those of none are told with "train"."""
        counts = {split: int((self.sides == i).sum()) for i, split in enumerate(splits.SPLITS)}
        counts["train"] += int((self.sides < 0).sum())
        return counts

    def read(self) -> dict[str, list[Row]]:
        """Return the rows of each split; the shard is compared with its hash."""
        opened = self.found.opened(self.shard, verify=True)
        rows: dict[str, list[Row]] = {}
        for place, split in enumerate(splits.SPLITS):
            rows[split] = [
                opened.recording(int(row), side=split, default=self.default)
                for row in np.flatnonzero(self.sides == place)
            ]
        rows["train"] += [
            shards.no_user(opened.recording(int(row)).name)
            for row in np.flatnonzero(self.sides < 0)
        ]
        opened.pages.release()
        return rows


@dataclass(frozen=True)
class Piece:
    """Some rows: of one shard, or of what is no shard.

    Attributes:
        origin: place of their set in `Sources.data`; of others 0.
        first: place of the first of them among those of its split, by split.
        of_shard: where they are; None for those of ``given``.
        given: rows that are read already, by split.
    """

    origin: int
    first: Mapping[str, int]
    of_shard: OfShard | None = None
    given: Mapping[str, list[Row]] = field(default_factory=dict, repr=False)

    def rows(self) -> dict[str, list[Row]]:
        """Return the rows by split, in the order of `splits.SPLITS`; splits without any are out."""
        found = self.given if self.of_shard is None else self.of_shard.read()
        return {split: found[split] for split in splits.SPLITS if found.get(split)}

    @property
    def train_recordings(self) -> int:
        """Return how many recordings of a shard are for training."""
        return 0 if self.of_shard is None else int((self.of_shard.sides == 0).sum())


class ShardedSources:
    """Sets of shards to train on, with shards or files that are held out."""

    def __init__(self, sources: Sources, rows: Rows, *, people: bool, default: str = "") -> None:
        """Take what the data are, read nothing but who is held out.

        Args:
            sources: the files; `are_shards` has said that ``data`` are shards.
            rows: reads a file.
            people: see `edgectc.data.splits.assign`.
            default: setting of recordings that name none.
        """
        self.sources, self._rows, self._default = sources, rows, default
        self._sets = [shards.open_set(path) for path in sources.data]
        self._sides, self.how = self._assigned(people)
        self.counts = Counter[str](dict.fromkeys(splits.SPLITS, 0))

    def _assigned(self, people: bool) -> tuple[list[list[Array]], str]:
        """Return the splits of all rows, as `edgectc.data.sources.read` gives them."""
        rule = self.sources.split_by
        sides, how = shards.sides(self._sets, rule=rule, people=people)
        if self.sources.dev:
            if how != splits.AS_NAMED:
                sides = [[np.zeros_like(side) for side in of_set] for of_set in sides]
            return sides, "by file"
        if self.sources.test and how != splits.AS_NAMED:
            test = splits.SPLITS.index("test")
            sides = [[np.where(s == test, 0, s).astype(np.int8) for s in one] for one in sides]
        return sides, how

    @property
    def train_rows(self) -> int:
        """Return how many rows are for training."""
        return sum(int((side == 0).sum()) for one in self._sides for side in one)

    def pieces(self) -> Iterator[Piece]:
        """Yield all rows, a shard at a time."""
        for origin, found in enumerate(self._sets):
            yield from self._given("train", [*shards.left_out(found)], origin)
            for number, shard in enumerate(found.index.shards):
                of_shard = OfShard(found, shard, self._sides[origin][number], self._default)
                yield Piece(origin, dict(self.counts), of_shard)
                self.counts.update(of_shard.counts())
        for part, path in self.sources.files():
            if part in HELD_OUT:
                rows = self._rows(path)
                while piece := [*itertools.islice(rows, _PIECE)]:
                    yield from self._given(part, piece)

    def _given(self, split: str, rows: list[Row], origin: int = 0) -> Iterator[Piece]:
        if rows:
            yield Piece(origin, dict(self.counts), given={split: rows})
            self.counts[split] += len(rows)


def are_shards(sources: Sources | None) -> bool:
    """Return whether the data to train on are shards.

    Raises:
        ConfigError: some are, and some are files.
    """
    if sources is None:
        return False
    are = [shards.is_set(path) for path in sources.data]
    if any(are) != all(are):
        files = [path.name for path, one in zip(sources.data, are, strict=True) if not one]
        raise ConfigError(
            f"data are shards and files; make shards of {', '.join(files)} too, by `edgectc data "
            "shard`",
            options=["data"],
        )
    return any(are)


def prepared_folder(sources: Sources, cache: Path | None) -> Path:
    """Return where prepared samples of shards are kept: the cache, or beside the first shards.

    Raises:
        ConfigError: there is no cache, and nothing can be written beside the shards.
    """
    if cache is not None:
        return cache
    folder = sources.data[0]
    if not os.access(folder, os.W_OK):
        raise ConfigError(
            f"{folder} cannot be written, where prepared samples would be kept; name cache=DIR",
            options=["cache"],
        )
    return folder / PREPARED
