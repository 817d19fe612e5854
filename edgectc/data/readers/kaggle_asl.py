"""MediaPipe landmarks of the Kaggle sets of American Sign Language: a table, and parquet files.

The folder, or its ``train.csv``, holds ``path``, ``sequence_id``, ``participant_id`` and either
``sign``, one word, or ``phrase``, letters. A parquet file is one of two kinds:

- long, of a single recording: a row a point, ``frame, type, landmark_index, x, y, z``;
- wide, of many: a row a frame, with the ``sequence_id`` and columns ``x_face_0`` ... ``z_pose_32``.

A recording becomes (T, 1629): x, y, z of pose (33), left hand (21), right hand (21) and face (468),
NaN where a point was not seen. A sign is one gloss; a phrase one symbol a letter, "|" for a space.
The participant is the group.

Source: kaggle.com/competitions/asl-signs/data, kaggle.com/competitions/asl-fingerspelling/data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from edgectc.core.errors import InputError, MissingDependencyError
from edgectc.core.types import Array, Recording
from edgectc.data.reading import (
    PARTS,
    POINTS,
    Choices,
    Line,
    check_size,
    header,
    inside,
    table,
    unreadable,
)

CHOICES = ()
BESIDE = True
_TABLE = "train.csv"
_COLUMNS = {"path", "sequence_id", "participant_id"}
_LABELS = ("sign", "phrase")
_STARTS = dict(zip(PARTS, np.cumsum([0, *PARTS.values()]).tolist(), strict=False))
_AXES = "xyz"
_SPACE = "|"

Frames: TypeAlias = tuple[str, Array]  # sequence, (T, 1629)


def takes(path: Path) -> bool:
    """Return whether it is such a table, or the folder of one."""
    names = header(path / _TABLE if path.is_dir() else path)
    return names >= _COLUMNS and any(label in names for label in _LABELS)


def rows(path: Path, how: Choices) -> Iterator[Recording | InputError]:
    """Yield the recordings of a table, file by file.

    Raises:
        InputError: the table cannot be read; reason ``unreadable_file``.
        MissingDependencyError: pyarrow is absent.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingDependencyError(
            f"reading {path.name}", package="pyarrow", extra="parquet"
        ) from None
    listed = path / _TABLE if path.is_dir() else path
    files: dict[str, dict[str, Line]] = {}
    for line in table(listed):
        files.setdefault(line["path"], {})[line["sequence_id"]] = line
    for named, lines in files.items():
        left = dict(lines)
        try:
            for sequence, signal in _recordings(parquet, inside(listed.parent, named), [*lines]):
                if sequence in left:
                    yield _recording(left.pop(sequence), signal)
        except InputError as error:
            yield from (
                InputError(str(error), reason=error.reason, name=_name(x)) for x in left.values()
            )
            continue
        for line in left.values():
            text = f"{named} does not hold the sequence"
            yield InputError(text, reason="bad_field", name=_name(line))


def _name(line: Line) -> str:
    return f"{line['participant_id']} {line['sequence_id']}"


def _recording(line: Line, signal: Array) -> Recording:
    phrase, sign = line.get("phrase", ""), line.get("sign", "")
    target = tuple(_SPACE if c == " " else c for c in phrase) if phrase else tuple(_gloss(sign))
    return Recording(signal, target, _name(line), line["participant_id"] or None)


def _gloss(sign: str) -> list[str]:
    return ["-".join(sign.split())] if sign.split() else []


def _recordings(parquet: Any, path: Path, wanted: list[str]) -> Iterator[Frames]:
    """Yield the recordings of a file."""
    try:
        with parquet.ParquetFile(path) as file:
            names = [*file.schema_arrow.names]
            if {"type", "landmark_index", "frame", *_AXES} <= {*names}:
                check_size((file.metadata.num_rows, 3), path.name)
                columns = ["frame", "type", "landmark_index", *_AXES]
                yield wanted[0], _long(file.read(columns).to_pydict())
            elif "sequence_id" in names:
                yield from _wide(file, names)
            else:
                raise ValueError(f"it has columns {names[:6]}, expected landmarks")
    except (OSError, ValueError, KeyError, TypeError, NotImplementedError) as error:  # of pyarrow
        if isinstance(error, InputError):
            raise
        raise unreadable(path, error) from error


def _long(columns: Mapping[str, list[Any]]) -> Array:
    """Return (T, 1629) float32 of a row a point."""
    frames, place = np.unique(np.array(columns["frame"]), return_inverse=True)
    starts = np.array([_STARTS[kind] for kind in columns["type"]])
    index = np.array(columns["landmark_index"], np.int64)
    sizes = np.array([PARTS[kind] for kind in columns["type"]])
    if ((index < 0) | (index >= sizes)).any():
        raise ValueError("a landmark_index is out of range")
    signal = np.full((len(frames), POINTS, 3), np.nan, np.float32)
    for axis, name in enumerate(_AXES):
        signal[place, starts + index, axis] = np.array(columns[name], np.float32)
    return signal.reshape(len(frames), 3 * POINTS)


def _wide(file: Any, names: list[str]) -> Iterator[Frames]:
    """Yield the recordings of a file with a row a frame, those of a sequence one after another."""
    ours = [
        f"{axis}_{part}_{i}"
        for part, count in PARTS.items()
        for i in range(count)
        for axis in _AXES
    ]
    held = [name for name in ours if name in {*names}]
    if not held:
        raise ValueError("it has no columns such as x_face_0")
    places = [ours.index(name) for name in held]
    current, parts = "", list[Array]()
    for batch in file.iter_batches(batch_size=64, columns=["sequence_id", *held]):
        sequences = [str(value) for value in batch.column("sequence_id").to_pylist()]
        values = np.full((batch.num_rows, 3 * POINTS), np.nan, np.float32)
        for place, name in zip(places, held, strict=True):
            values[:, place] = batch.column(name).to_numpy(zero_copy_only=False)
        for sequence, frame in zip(sequences, values, strict=True):
            if sequence != current and parts:
                yield current, np.stack(parts)
                parts = []
            current = sequence
            parts.append(frame)
    if parts:
        yield current, np.stack(parts)
