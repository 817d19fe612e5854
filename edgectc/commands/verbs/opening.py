"""Models and swipes that the verbs are called with, opened."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypedDict, Unpack

import numpy as np

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Recording, Swipe
from edgectc.data import shards, splits, swipe_files, swipe_tables
from edgectc.data.refusals import Refusals, check_limit
from edgectc.data.rows import Again, Chosen, some
from edgectc.data.swipe_files import Row
from edgectc.evaluation import accuracy, sequences
from edgectc.language.user_dictionary import UserDictionary
from edgectc.runtime import loading
from edgectc.runtime.recognizer import Recognizer

Model: TypeAlias = str | os.PathLike[str] | Recognizer | None
Swipes: TypeAlias = str | os.PathLike[str] | Sequence[Swipe] | None
Labelled: TypeAlias = str | os.PathLike[str] | Sequence[Swipe | Recording] | None


_UNSET = {"lm_required": False, "offensive": False, "threads": 1}  # the others: None


class RuntimeOptions(TypedDict, total=False):
    """How a model is opened, see `edgectc.load`."""

    lexicon: str | None
    pronunciations: str | None
    language_model: str | None
    lm_required: bool
    dictionary: UserDictionary | str | None
    hotwords: str | None
    language: str | Sequence[str] | None
    offensive: bool
    runner: str | None
    threads: int
    trust: str | None


def recognizer_of(model: Model, **options: Unpack[RuntimeOptions]) -> Recognizer:
    """Return a model that was opened already, or open it.

    Raises:
        ConfigError: the options come too late for an opened model.
    """
    if not isinstance(model, Recognizer):
        return loading.load(model, **options)
    late = [name for name, value in options.items() if value != _UNSET.get(name)]
    if late:
        raise ConfigError(
            f"{late[0]} goes with a path: this model is open already; pass it to edgectc.load",
            options=late,
        )
    return model


def other_recognizer(
    model: Model, beside: Recognizer, **options: Unpack[RuntimeOptions]
) -> Recognizer:
    """Return an opened model that can be given the recordings of another.

    Raises:
        ConfigError: it takes recordings of another kind.
    """
    recognizer = recognizer_of(model, **options)
    if recognizer.kind != beside.kind:
        raise ConfigError(
            f"model {recognizer.name!r} takes recordings for frontend {recognizer.kind!r}, "
            f"{beside.name!r} for {beside.kind!r}; compare two that take the same",
            options=["against"],
        )
    return recognizer


def refuse_idle(
    named: Mapping[str, str | os.PathLike[str] | bool | None], recognizer: Recognizer
) -> None:
    """Refuse options that say nothing of a model's recordings: those that are set.

    Raises:
        ConfigError: names the first one.
    """
    idle = [name for name, value in named.items() if value not in (None, False)]
    if idle:
        takes = "swipes" if recognizer.layout else "no swipes"
        belongs = "recordings of phonemes" if recognizer.layout else "swipes"
        raise ConfigError(
            f"{idle[0]} goes with {belongs}; model {recognizer.name!r} takes {takes}; leave it out",
            options=idle,
        )


def recordings_of(
    data: Labelled, recognizers: Sequence[Recognizer], *, split: str, limit: int | None, most: float
) -> tuple[Chosen[Recording], Refusals]:
    """Return labelled recordings that every one of the models can be given, and what was left out.

    Those of a large file or of shards are read again each time, see `edgectc.data.rows`.

    Args:
        data: file or folder that training reads, None for the ``.npz`` that EDGECTC_DATA names; or
            the recordings themselves.
        recognizers: the models.
        split: "all", "train", "dev" or "test".
        limit: at most so many, chosen at random.
        most: share of the rows that may be left out.

    Raises:
        ConfigError: ``limit`` is below 1, or ``most`` no share.
        InputError: there is no such data, too much of it was left out, or nothing is left.
    """
    check_count(limit)
    check_limit(most, "max_dropped")
    samples, refusals = sequences.samples_of(recognizers[0]), Refusals()
    where = "the recordings"
    if data is None or isinstance(data, (str, os.PathLike)):
        path = samples.locate(None if data is None else os.fspath(data))
        if path is None:
            raise InputError(
                "no recordings were named, expected a file or folder; pass data=PATH or set "
                "EDGECTC_DATA=PATH of a .npz",
                reason="no_data",
                options=["data"],
            )
        file, where = path, str(path)
        rows = Again(lambda: samples.read(file, split), _recording_bytes, most=_most(path))
    else:
        given = [*_given(data, split, people=not recognizers[0].frontend.settings)]
        rows = Again(lambda: given, _recording_bytes)
    found = Chosen(rows, sequences.usable(rows, recognizers, refusals), _as_recording)
    refusals.check(most, where, "max_dropped")
    if not refusals.rows:
        raise InputError(
            f"{where}: no recording is of split {split!r}; pass another, or split=all",
            reason="no_labels",
            options=["split"],
        )
    if not len(found):
        raise InputError(
            f"{where}: no labelled recording of split {split} can be used: {refusals.text}",
            reason="no_labels",
        )
    return found.limited(limit), refusals


def _given(
    data: Sequence[Swipe | Recording], split: str, *, people: bool
) -> Iterator[Recording | InputError]:
    strange = [row for row in data if not isinstance(row, Recording)]
    if strange:
        raise ConfigError(
            f"data holds a {type(strange[0]).__name__}, expected edgectc.Recording: this model "
            "takes no swipes",
            options=["data"],
        )
    rows = [row for row in data if isinstance(row, Recording)]
    return splits.of_split(rows, split, people=people)


def check_count(limit: int | None) -> None:
    """Raise `ConfigError` unless ``limit`` is a count or None."""
    if limit is not None and limit < 1:
        raise ConfigError(f"limit is {limit}, expected 1 or more", options=["limit"])


def _most(path: Path) -> float | None:
    """Return how much of a file may be held; all of a pipe, nothing of shards, which are mapped."""
    if shards.is_set(path):
        return 0
    return None if path.is_file() or path.is_dir() else math.inf


def _recording_bytes(row: Recording | InputError) -> int:
    return row.signal.nbytes if isinstance(row, Recording) else 0


def _as_recording(row: Recording | InputError) -> Recording:
    assert isinstance(row, Recording), "a row that was usable before"
    return row


def _row_bytes(row: Row) -> int:
    return 0 if row.swipe is None else row.swipe.points.nbytes


def _as_swipe(row: Row) -> Swipe:
    assert row.swipe is not None, "a row that was usable before"
    return row.swipe


def swipes_of(
    data: Labelled, recognizers: Sequence[Recognizer], *, split: str, limit: int | None, most: float
) -> tuple[Chosen[Swipe], Refusals]:
    """Return labelled swipes that every one of the models can be given, and what was left out.

    Those of a large file or of shards are read again each time, see `edgectc.data.rows`.

    Args:
        data: file or folder, None for what EDGECTC_DATA names; or the swipes themselves.
        recognizers: the models; rows that name no keyboard were made on that of the first.
        split: "all", "train", "dev" or "test", by user.
        limit: at most so many, chosen at random, with or without a label.
        most: share of the rows that may be left out.

    Raises:
        ConfigError: ``limit`` is below 1, or ``most`` no share.
        InputError: there is no such data, or too much of it was left out.
    """
    check_count(limit)
    check_limit(most, "max_dropped")
    refusals, where = Refusals(), "the swipes"
    if data is None or isinstance(data, (str, os.PathLike)):
        path = swipe_files.find(None if data is None else os.fspath(data))
        where, layout = str(path), recognizers[0].layout
        rows = Again(lambda: swipe_tables.read(path, layout=layout), _row_bytes, most=_most(path))
    else:
        strange = [row for row in data if not isinstance(row, Swipe)]
        if strange:
            raise ConfigError(
                f"data holds a {type(strange[0]).__name__}, expected edgectc.Swipe",
                options=["data"],
            )
        swiped = [row for row in data if isinstance(row, Swipe)]
        numbered = [Row(index, swipe, None) for index, swipe in enumerate(swiped)]
        rows = Again(lambda: numbered, _row_bytes)
    swipes = Chosen(rows, swipe_files.of_split(rows, split, refusals), _as_swipe)
    kept, words = accuracy.usable(swipes, recognizers, refusals)
    refusals.check(most, where, "max_dropped")
    return swipes.only(kept).only(np.intersect1d(some(len(kept), limit), words)), refusals
