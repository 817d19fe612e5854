"""Brain-to-text '24: the ``competitionData`` of MATLAB, a file a day, or the folder of its parts.

A file holds, of S sentences: ``tx1`` and ``spikePow``, cells of (T, 256) in bins of 20 ms;
``blockIdx`` (S,), and ``sentenceText`` (S,). As in the baseline, a recording is the first 128
columns (area 6v) of ``tx1``, then those of ``spikePow``, with mean 0 and deviation 1 in each
channel of each block. The file's name is the day; its folder the part: ``train`` is for training,
``test`` for validation; ``competitionHoldOut``, which has no labels, is left out.

Sentences become phonemes by a pronunciation dictionary, with a silence after each word.

Source: the readme of the data (doi.org/10.5061/dryad.x69p8czpq), and its preparation in
github.com/cffan/neural_seq_decoder.
"""

from __future__ import annotations

import errno
import math
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core.errors import InputError, MissingDependencyError
from edgectc.core.files import check_unpacked, open_plain
from edgectc.core.types import Array, Recording
from edgectc.data.reading import Choices, unreadable
from edgectc.language.pronunciations import pronounce

SUFFIX = ".mat"
CHOICES = ("pronunciations",)
BESIDE = False
_SPLITS = {"train": "train", "test": "dev"}
_LEFT_OUT = "competitionHoldOut"
_FIELDS = ("sentenceText", "tx1", "spikePow", "blockIdx")
_AREA_6V = 128  # columns
_LEAST = 1e-8  # added to a deviation
_HEADER, _COMPRESSED, _CHUNK = 128, 15, 1 << 20  # of MATLAB's level 5: bytes, type of an element


def takes(path: Path) -> bool:
    """Return whether it is such a file, or a folder with some at any depth."""
    return any(path.rglob("*" + SUFFIX)) if path.is_dir() else path.suffix == SUFFIX


def rows(path: Path, how: Choices) -> Iterator[Recording | InputError]:
    """Yield the sentences of a file, or of all in a folder.

    Raises:
        InputError: a file cannot be read, reason ``unreadable_file``; or there is no pronunciation
            dictionary, reason ``no_pronunciations``.
        MissingDependencyError: scipy is absent.
    """
    if how.pronunciations is None:
        raise InputError(
            f"{path} holds sentences, expected phonemes; make them with edgectc data import "
            f"brain_to_text_24:{path} --out FILE.npz --pronunciations FILE, a dictionary in the "
            "format of CMUdict",
            reason="no_pronunciations",
        )
    try:
        from scipy.io import loadmat, whosmat
    except ImportError:
        raise MissingDependencyError(f"reading {path.name}", package="scipy", extra="mat") from None
    files = [path]
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix == SUFFIX)
        files = [file for file in found if file.parent.name != _LEFT_OUT]
    for file in files:
        try:
            _check_sizes(file, whosmat)
            held = loadmat(file, variable_names=_FIELDS)
        except NotImplementedError:
            raise unreadable(file, "it is of version 7.3; save it with -v7") from None
        except Exception as error:  # of scipy, which share no class
            raise unreadable(file, error) from error
        yield from _day(file, held, how)


def _check_sizes(file: Path, contents: Callable[[Path], list[tuple[Any, ...]]]) -> None:
    """Refuse a file that would take far more memory than its bytes: scipy reads it whole.

    Raises:
        OSError: it unpacks to too much, or states more values than it has bytes.
    """
    size, unpacked = file.stat().st_size, 0
    with open_plain(file) as raw:
        order = "<" if raw.read(_HEADER).endswith(b"IM") else ">"
        while tag := raw.read(8):
            kind, length = struct.unpack(f"{order}II", tag)
            if kind != _COMPRESSED:
                unpacked += length
                raw.seek(length, os.SEEK_CUR)
                continue
            packed, stream = raw.read(length), zlib.decompressobj()
            while packed and not stream.eof:
                unpacked += len(stream.decompress(packed, _CHUNK))
                packed = stream.unconsumed_tail
                check_unpacked(size, unpacked)
    check_unpacked(size, unpacked)
    values = sum(math.prod(shape) for _, shape, _ in contents(file))
    if values > unpacked:
        raise OSError(errno.EFBIG, f"it states {values:,} values in {unpacked:,} bytes")


def _day(file: Path, held: Mapping[str, Any], how: Choices) -> Iterator[Recording | InputError]:
    missing = [name for name in _FIELDS if name not in held]
    if missing:
        raise unreadable(file, f"it lacks {', '.join(missing)}")
    texts, blocks = [str(text).strip() for text in held["sentenceText"]], held["blockIdx"].ravel()
    powers, crossings = held["spikePow"].ravel(), held["tx1"].ravel()
    if not len(texts) == len(blocks) == len(powers) == len(crossings):
        raise unreadable(file, "its fields are not of the same number of sentences")
    try:
        signals = [
            np.concatenate([c[:, :_AREA_6V], p[:, :_AREA_6V]], axis=1)
            for c, p in zip(crossings, powers, strict=True)
        ]
        scaled = _scaled(signals, blocks)
    except (ValueError, IndexError, TypeError) as error:
        raise unreadable(file, f"tx1 and spikePow hold no (T, C) numbers: {error}") from error
    for i, (signal, text) in enumerate(zip(scaled, texts, strict=True)):
        name = f"{file.stem} {file.parent.name} {i}"
        try:
            assert how.pronunciations is not None
            said = pronounce(text, how.pronunciations)
        except InputError as error:
            yield InputError(str(error), reason=error.reason, name=name)
            continue
        yield Recording(signal, said, name, file.stem, split=_SPLITS.get(file.parent.name, ""))


def _scaled(signals: list[Array], blocks: Array) -> list[Array]:
    """Return (T, C) float32 with mean 0 and deviation 1 in each channel of each block."""
    made = list(signals)
    for block in np.unique(blocks):
        rows = np.flatnonzero(blocks == block)
        frames = np.concatenate([signals[i] for i in rows]).astype(np.float64)
        mean, deviation = frames.mean(axis=0), frames.std(axis=0) + _LEAST
        for i in rows:
            made[i] = ((signals[i] - mean) / deviation).astype(np.float32)
    return made
