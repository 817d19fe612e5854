"""Makes a folder of shards of files of any size; `edgectc.data.shards` says what is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core import column_files
from edgectc.core.column_files import ColumnWriter
from edgectc.core.config import dumps
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.files import content_sha256
from edgectc.core.staging import staged_folder
from edgectc.core.types import Array
from edgectc.data import readers, shards, splits, swipe_files, swipe_tables
from edgectc.data.refusals import Refusals
from edgectc.data.shards import SIGNALS, SWIPES, Index, Shard

ROWS = 20_000  # of a shard


@dataclass(frozen=True)
class Sharded:
    """What `shard` wrote.

    Attributes:
        path: folder of the set.
        rows: recordings in it.
        shards: how many there are.
        groups: people or days.
        sha256: identity of the set.
        refused: reason to count of the rows that were left out.
    """

    path: str
    rows: int
    shards: int
    groups: int
    sha256: str
    refused: dict[str, int]


@dataclass(frozen=True)
class _Row:
    values: Array
    about: dict[str, Any]
    group: str | None
    split: str


def shard(files: Sequence[Path], out: Path, *, rows: int = ROWS) -> Sharded:
    """Write the recordings of files into a folder of shards, whole or not at all.

    At most one shard is in memory. Rows that cannot be read are left out and counted.

    Args:
        files: swipes, or recordings of the other families; read one after another.
        out: folder to make; a set of shards that is there is replaced.
        rows: of each shard but the last.

    Raises:
        ConfigError: ``out`` holds something else, or the files are of two kinds.
        InputError: a file cannot be read, or no row can be used.
    """
    if out.exists() and not shards.is_set(out) and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(
            f"{out} is there and holds no shards, so it is not replaced; name another out=DIR",
            options=["out"],
        )
    kinds = {SIGNALS if readers.takes(path) else SWIPES for path in files}
    if len(kinds) != 1:
        raise ConfigError("some files hold swipes, others recordings; make a set of each")
    kind = kinds.pop()
    refusals, groups = Refusals(), dict[str, int]()
    made: list[Shard] = []
    with staged_folder(out) as folder:
        for piece in _pieces(_rows(files, kind, refusals), rows):
            made.append(_write(folder, f"{len(made):05d}", piece, groups))
        if not made:
            raise InputError(
                f"no row of {', '.join(path.name for path in files)} can be used: {refusals.text}",
                reason="no_data",
            )
        sources = tuple((path.name, readers.content_sha256(path)) for path in files)
        index = Index(kind, tuple(made), tuple(groups), sources, refusals.to_json())
        (folder / shards.INDEX).write_bytes(dumps(index).encode())
    count = sum(one.rows for one in made)
    digest = shards.identity(out)
    return Sharded(str(out), count, len(made), len(groups), digest, dict(refusals.counts))


def _rows(files: Sequence[Path], kind: str, refusals: Refusals) -> Iterator[_Row]:
    for path in files:
        for row in _swipes(path) if kind == SWIPES else _recordings(path):
            refusals.rows += 1
            if isinstance(row, InputError):
                refusals.add(row)
            else:
                yield row


def _swipes(path: Path) -> Iterator[_Row | InputError]:
    for row in swipe_tables.read(path, layout=""):
        if row.swipe is None:
            assert row.error is not None
            row.error.name = f"row {row.index}"
            yield row.error
            continue
        swipe = row.swipe
        about = {
            "target": swipe_files.recording(swipe).target,
            "word": swipe.word,
            "name": f"row {row.index}",
            "group": swipe.user,
            "setting": swipe.layout,
            "context": swipe.context,
            "prompt": swipe.prompt,
        }
        yield _Row(swipe.points, about, swipe.user, swipe.split or "")


def _recordings(path: Path) -> Iterator[_Row | InputError]:
    for row in readers.read(path):
        if isinstance(row, InputError):
            yield row
        elif row.signal.ndim != 2:
            message = f"the recording has shape {row.signal.shape}, expected (frames, channels)"
            yield InputError(message, reason="bad_shape", name=row.name)
        else:
            about = {
                "target": row.target,
                "name": row.name,
                "group": row.group,
                "setting": row.setting,
                "context": row.context,
            }
            yield _Row(row.signal, about, row.group, row.split)


def _pieces(rows: Iterator[_Row], size: int) -> Iterator[list[_Row]]:
    piece: list[_Row] = []
    for row in rows:
        piece.append(row)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece


def _write(folder: Path, name: str, rows: Sequence[_Row], groups: dict[str, int]) -> Shard:
    """Write one shard; ``groups`` learns the people and days that are new."""
    numbers = [groups.setdefault(row.group, len(groups)) if row.group else -1 for row in rows]
    places = ["", *splits.SPLITS]
    about, ends = column_files.texts(
        json.dumps(row.about, ensure_ascii=False, separators=(",", ":")) for row in rows
    )
    inner = folder / name
    inner.mkdir()
    writer = ColumnWriter(inner)
    writer.put(
        {
            "values": np.concatenate([row.values.reshape(-1) for row in rows]),
            "shape": np.array([row.values.shape for row in rows], np.int64),
            "about": about,
            "about_end": ends,
            "group": np.array(numbers, np.int32),
            "split": np.array([places.index(row.split) for row in rows], np.int8),
            "key": np.array([splits.row_key(_bytes(row.values)) for row in rows], np.uint32),
        }
    )
    frames = sum(len(row.values) for row in rows)
    return Shard(name, len(rows), frames, content_sha256(inner))


def _bytes(values: Array) -> bytes:
    return np.ascontiguousarray(values).tobytes()
