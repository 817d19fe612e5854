"""Brain-to-text '25: HDF5 with a group a trial, a file, or a folder of sessions with their files.

A group holds ``input_features`` (T, 512) float32, bins of 20 ms: threshold crossings, then spike
power, of 256 electrodes each; and, where the trial is labelled, ``seq_class_ids``, ids of phonemes
(1..39 as ARPAbet is sorted, 40 the silence, 0 pads), with their number in the attribute
``seq_len``. A folder is read with its sessions: ``SESSION/data_train.hdf5`` is for training,
``data_val.hdf5`` for validation, and ``data_test.hdf5``, where it is labelled, for the test.

The session is the day. Numbers stay as they are.

Source: github.com/Neuroprosthetics-Lab/nejm-brain-to-text, ``model_training/dataset.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core.errors import InputError, MissingDependencyError
from edgectc.core.files import open_plain
from edgectc.core.types import Array, Recording
from edgectc.data.generators.neural import PHONEMES
from edgectc.data.reading import Choices, check_size, split_of, unreadable

SUFFIXES = (".hdf5", ".h5")
CHOICES = ()
BESIDE = False
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def takes(path: Path) -> bool:
    """Return whether it is such a file, or a folder with some at any depth."""
    if path.is_dir():
        return any(path.rglob("*" + SUFFIXES[0])) or any(path.rglob("*" + SUFFIXES[1]))
    return path.suffix in SUFFIXES


def rows(path: Path, how: Choices) -> Iterator[Recording | InputError]:
    """Yield the trials of a file, or the labelled ones of all sessions of a folder.

    Raises:
        InputError: a file is no HDF5; reason ``unreadable_file``.
        MissingDependencyError: h5py is absent.
    """
    try:
        import h5py
    except ImportError:
        raise MissingDependencyError(f"reading {path.name}", package="h5py", extra="hdf5") from None
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES)
    for file in files:
        try:
            _check_length(file)
            with h5py.File(file, "r") as trials:
                for name in sorted(trials):
                    row = _row(h5py, trials, name, file)
                    if not path.is_dir() or isinstance(row, InputError) or row.target:
                        yield row
        except (OSError, RuntimeError) as error:  # RuntimeError: of a damaged table of names
            raise unreadable(file, error) from error


def _check_length(file: Path) -> None:
    """Refuse a file with bytes too many: the library may follow what has moved without end.

    Source: HDF5 file format specification 3.0, II.A, the superblock of versions 0 to 3.

    Raises:
        OSError: it is longer than it says. What is too short the library refuses itself.
    """
    with open_plain(file) as raw:
        head = raw.read(64)
    if not head.startswith(_SIGNATURE) or len(head) < 64:
        return  # no HDF5, or one with a user's block before it: the library says which
    at = 40 if head[8] < 2 else 28
    stated, size = int.from_bytes(head[at : at + 8], "little"), file.stat().st_size
    if size > stated:
        raise OSError(f"it has {size:,} bytes and says {stated:,}; copy or make it again")


def _row(h5py: Any, trials: Any, name: str, file: Path) -> Recording | InputError:
    day = file.parent.name
    called = f"{day} {file.stem} {name}"
    try:
        if not isinstance(trials.get(name, getlink=True), h5py.HardLink):
            raise InputError("it is a link to elsewhere", reason="bad_field")
        trial = trials[name]
        day = _text(trial.attrs.get("session", day))
        return Recording(
            _values(h5py, trial, "input_features", np.float32),
            _phonemes(h5py, trial),
            called,
            day,
            split=split_of(file.stem),
        )
    except InputError as error:
        return InputError(str(error), reason=error.reason, name=called)
    except (KeyError, TypeError, ValueError, OSError, AttributeError, RuntimeError) as error:
        why = " ".join(str(error).split())
        return InputError(f"it is no trial: {why}", reason="bad_field", name=called)


def _values(h5py: Any, trial: Any, name: str, kind: type) -> Array:
    """Return a data set of a trial, which has to lie in this very file."""
    if name not in trial:
        raise InputError(f"it holds {sorted(trial)}, and lacks {name!r}", reason="bad_field")
    data = trial[name] if isinstance(trial.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(data, h5py.Dataset) or data.external or data.is_virtual:
        raise InputError(f"{name!r} is a link to elsewhere", reason="bad_field")
    check_size(data.shape, name)
    values: Array = data[()].astype(kind, copy=False)
    return values


def _phonemes(h5py: Any, trial: Any) -> tuple[str, ...]:
    if "seq_class_ids" not in trial:
        return ()
    ids = _values(h5py, trial, "seq_class_ids", np.int64)
    ids = ids[: int(trial.attrs["seq_len"])] if "seq_len" in trial.attrs else ids[ids != 0]
    if ids.ndim != 1 or not ((ids >= 1) & (ids <= len(PHONEMES))).all():
        raise InputError(
            f"the phonemes are {ids[:8].tolist()}, expected ids 1..{len(PHONEMES)}",
            reason="bad_field",
        )
    return tuple(PHONEMES[i - 1] for i in ids.tolist())


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
