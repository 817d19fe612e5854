"""Labelled recordings of any family but swipes, from one ``.npz`` file."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from edgectc.core.errors import InputError
from edgectc.core.files import check_unpacked, open_plain
from edgectc.core.staging import write_bytes
from edgectc.core.types import Array, Recording
from edgectc.data.splits import SPLITS

SUFFIX = ".npz"


def read(path: Path) -> Iterator[Recording | InputError]:
    """Yield the samples of a ``.npz`` file, or why one of them cannot be used.

    The file holds, of n recordings: ``signal`` (sum of lengths, C), all frames one after another;
    ``length`` (n,); ``target`` (n,) text, symbols apart by spaces; and, if wanted, ``split`` (n,)
    "train", "dev" or "test", ``name`` and ``group`` (n,), the latter the signer or the day.

    Raises:
        InputError: the file cannot be read, or its arrays do not fit; reason ``bad_file``.
    """
    arrays = read_arrays(path)
    missing = {"signal", "length", "target"} - {*arrays}
    if missing:
        raise InputError(
            f"{path} holds {sorted(arrays)}, and lacks {sorted(missing)}", reason="bad_file"
        )
    return _rows(path, arrays, _cut(path, arrays))


def recordings(path: Path) -> list[tuple[Array, str | None]]:
    """Return the recordings of a ``.npz`` and who or which day they are from.

    Each is (T, C), (T,), or an image (C, H, W), whose columns are its frames.

    Either ``signal`` and ``length`` as for training, with ``group`` if wanted, or ``features``
    (N, T, C), (N, T) or images (N, C, H, W) with ``lengths`` (N,), without which every recording is
    whole.

    Raises:
        InputError: the file cannot be read, or its arrays do not fit; reason ``bad_file``.
    """
    arrays = read_arrays(path)
    if "features" in arrays:
        features = arrays["features"]
        image = features.ndim == 4
        frames = features.transpose(0, 3, 1, 2) if image else features
        n, T = frames.shape[:2] if frames.ndim in (2, 3, 4) else (-1, 0)
        parts = [
            row[:length] for row, length in zip(frames, lengths(path, arrays, n, T), strict=True)
        ]
        return [(row.transpose(1, 2, 0) if image else row, None) for row in parts]
    missing = {"signal", "length"} - {*arrays}
    if missing:
        raise InputError(
            f"{path} holds {sorted(arrays)}, expected signal and length, or features and lengths",
            reason="bad_file",
        )
    cut = _cut(path, arrays)
    groups = [str(g) for g in arrays["group"]] if "group" in arrays else [None] * len(cut)
    return list(zip(cut, groups, strict=True))


def lengths(path: Path, arrays: Mapping[str, Array], n: int, frames: int) -> list[int]:
    """Return the frames of each of n recordings of ``frames`` at most: all where none are named.

    Raises:
        InputError: there are not n recordings, or as many lengths; reason ``bad_file``.
    """
    given = arrays.get("lengths", np.full(max(n, 0), frames))
    if given.shape != (n,) or given.dtype.kind not in "iu" or (given > frames).any():
        shapes = {name: array.shape for name, array in arrays.items()}
        raise InputError(
            f"{path} holds {shapes}, expected features (N, T, C), (N, T) or (N, C, H, W), and N "
            "whole lengths of at most T or W",
            reason="bad_file",
        )
    return [max(0, int(length)) for length in given]


def read_arrays(path: Path) -> dict[str, Array]:
    """Return the arrays of a ``.npz``; nothing in it is unpickled.

    Raises:
        InputError: the file cannot be read; reason ``bad_file``.
    """
    try:
        with open_plain(path) as raw:
            with zipfile.ZipFile(raw) as packed:
                parts = packed.infolist()
            size = os.fstat(raw.fileno()).st_size
            check_unpacked(size, sum(part.file_size for part in parts))
            raw.seek(0)
            with np.load(raw, allow_pickle=False) as file:
                return {key: file[key] for key in file.files}
    except OSError as error:
        raise InputError(f"cannot read {path}: {error}", reason="bad_file") from None
    except Exception:  # of zipfile, zlib and numpy, which share no class
        # numpy's own message names pickle as a way out, which it is not here.
        raise InputError(
            f"cannot read {path}: no .npz of plain arrays, as numpy.savez writes them",
            reason="bad_file",
        ) from None


def _cut(path: Path, arrays: Mapping[str, Array]) -> list[Array]:
    """Return the recordings that lie one after another in ``signal``."""
    length = arrays["length"]
    n = len(length) if length.ndim == 1 else -1
    wrong = [k for k in arrays if k != "signal" and arrays[k].shape != (n,)]
    signal = arrays["signal"]
    if wrong or signal.ndim != 2 or length.dtype.kind not in "iu" or (length < 0).any():
        raise InputError(
            f"{path}: expected signal (frames, channels), whole lengths (n,), and the "
            f"rest (n,); got { ({k: a.shape for k, a in arrays.items()}) }",
            reason="bad_file",
        )
    if int(length.sum()) != len(signal):
        raise InputError(
            f"{path}: lengths add up to {length.sum()}, signal has {len(signal)} frames",
            reason="bad_file",
        )
    return np.split(signal, np.cumsum(length)[:-1]) if n else []


def write(path: str | Path, splits: Mapping[str, Iterable[Recording]]) -> None:
    """Write samples of one width by split, whole or not at all, as `read` reads them.

    Split "" leaves it to the rule of `edgectc.data.splits`.

    Raises:
        InputError: no sample, a symbol with a space in it, or no such split; reason ``bad_file``.
    """
    rows = [(split, sample) for split, samples in splits.items() for sample in samples]
    symbols = [symbol for _, sample in rows for symbol in sample.target]
    strange = [symbol for symbol in symbols if symbol.split() != [symbol]]
    if not rows or strange or not {*splits} <= {"", *SPLITS}:
        raise InputError(
            f"{path}: {len(rows)} samples of splits {[*splits]}, symbols with spaces: "
            f"{strange[:3]}; expected samples of {list(SPLITS)}, symbols without spaces",
            reason="bad_file",
        )
    arrays = {
        "signal": np.concatenate([sample.signal for _, sample in rows]).astype(np.float32),
        "length": np.array([len(sample.signal) for _, sample in rows], np.int64),
        "target": np.array([" ".join(sample.target) for _, sample in rows]),
        "split": np.array([split for split, _ in rows]),
        "name": np.array([sample.name for _, sample in rows]),
    }
    groups = [sample.group for _, sample in rows]
    if any(groups):
        arrays["group"] = np.array([group or "" for group in groups])
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    write_bytes(path, packed.getvalue())


def _rows(
    path: Path, arrays: Mapping[str, Array], signals: Sequence[Array]
) -> Iterator[Recording | InputError]:
    for i, signal in enumerate(signals):
        name = str(arrays["name"][i]) if "name" in arrays else f"{path.stem}-{i}"
        split = str(arrays["split"][i]) if "split" in arrays else ""
        group = (str(arrays["group"][i]) or None) if "group" in arrays else None
        target = tuple(str(arrays["target"][i]).split())
        if split and split not in SPLITS:
            yield InputError(
                f"split is {split!r}, expected one of {', '.join(SPLITS)}",
                reason="bad_field",
                name=name,
            )
        else:
            yield Recording(signal, target, name, group, split=split)
