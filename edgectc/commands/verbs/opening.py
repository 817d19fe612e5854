"""Models and swipes that the verbs are called with, opened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypedDict, TypeVar, Unpack

import numpy as np

from edgectc.core.errors import ConfigError, InputError
from edgectc.core.types import Recording, Swipe
from edgectc.data import splits, swipe_files, swipe_tables
from edgectc.data.refusals import Refusals, check_limit
from edgectc.data.swipe_files import Row
from edgectc.evaluation import accuracy, sequences
from edgectc.language.user_dictionary import UserDictionary
from edgectc.runtime import loading
from edgectc.runtime.recognizer import Recognizer

T = TypeVar("T")
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
) -> tuple[list[Recording], Refusals]:
    """Return labelled recordings that every one of the models can be given, and what was left out.

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
    rows: Iterable[Recording | InputError]
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
        rows, where = samples.read(path, split), str(path)
    else:
        rows = _given(data, split, people=not recognizers[0].frontend.settings)
    found = sequences.usable(rows, recognizers, refusals)
    refusals.check(most, where, "max_dropped")
    if not refusals.rows:
        raise InputError(
            f"{where}: no recording is of split {split!r}; pass another, or split=all",
            reason="no_labels",
            options=["split"],
        )
    if not found:
        raise InputError(
            f"{where}: no labelled recording of split {split} can be used: {refusals.text}",
            reason="no_labels",
        )
    return _limited(found, limit), refusals


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


def _limited(rows: list[T], limit: int | None) -> list[T]:
    if limit is None:
        return rows
    chosen = np.random.default_rng(0).permutation(len(rows))[:limit]
    return [rows[row] for row in sorted(chosen)]


def swipes_of(
    data: Labelled, recognizers: Sequence[Recognizer], *, split: str, limit: int | None, most: float
) -> tuple[list[Swipe], Refusals]:
    """Return swipes that every one of the models can be given, and what was left out.

    Args:
        data: file or folder, None for what EDGECTC_DATA names; or the swipes themselves.
        recognizers: the models; rows that name no keyboard were made on that of the first.
        split: "all", "train", "dev" or "test", by user.
        limit: at most so many, chosen at random.
        most: share of the rows that may be left out.

    Raises:
        ConfigError: ``limit`` is below 1, or ``most`` no share.
        InputError: there is no such data, or too much of it was left out.
    """
    check_count(limit)
    check_limit(most, "max_dropped")
    refusals, where = Refusals(), "the swipes"
    rows: Iterable[Row]
    if data is None or isinstance(data, (str, os.PathLike)):
        path = swipe_files.find(None if data is None else os.fspath(data))
        rows, where = swipe_tables.read(path, layout=recognizers[0].layout), str(path)
    else:
        strange = [row for row in data if not isinstance(row, Swipe)]
        if strange:
            raise ConfigError(
                f"data holds a {type(strange[0]).__name__}, expected edgectc.Swipe",
                options=["data"],
            )
        swiped = [row for row in data if isinstance(row, Swipe)]
        rows = (Row(index, swipe, None) for index, swipe in enumerate(swiped))
    swipes = accuracy.usable(swipe_files.of_split(rows, split, refusals), recognizers, refusals)
    refusals.check(most, where, "max_dropped")
    return _limited(swipes, limit), refusals
