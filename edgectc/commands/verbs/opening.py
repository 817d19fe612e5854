"""Models and swipes that the verbs are called with, opened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TypeAlias, TypedDict, Unpack

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.types import Swipe
from edgectc.data import swipe_files, swipe_tables
from edgectc.data.refusals import Refusals, check_limit
from edgectc.data.swipe_files import Row
from edgectc.evaluation import accuracy
from edgectc.language.user_dictionary import UserDictionary
from edgectc.runtime import loading
from edgectc.runtime.recognizer import Recognizer

Model: TypeAlias = str | os.PathLike[str] | Recognizer | None
Swipes: TypeAlias = str | os.PathLike[str] | Sequence[Swipe] | None


_UNSET = {"lm_required": False, "offensive": False, "threads": 1}  # the others: None


class RuntimeOptions(TypedDict, total=False):
    """How a model is opened, see `edgectc.load`."""

    lexicon: str | None
    pronunciations: str | None
    language_model: str | None
    lm_required: bool
    dictionary: UserDictionary | str | None
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


def swipe_recognizer(model: Model, **options: Unpack[RuntimeOptions]) -> Recognizer:
    """Return an opened model that takes swipes.

    Raises:
        ConfigError: it takes something else.
    """
    recognizer = recognizer_of(model, **options)
    if not recognizer.layout:
        takes = ", ".join(recognizer.frontend.input_contract())
        raise ConfigError(
            f"model {recognizer.name!r} takes no swipes but {takes}; call it from Python, "
            "edgectc.load"
        )
    return recognizer


def swipes_of(
    data: Swipes, recognizers: Sequence[Recognizer], *, split: str, limit: int | None, most: float
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
    if limit is not None and limit < 1:
        raise ConfigError(f"limit is {limit}, expected 1 or more", options=["limit"])
    check_limit(most, "max_dropped")
    refusals, where = Refusals(), "the swipes"
    rows: Iterable[Row]
    if data is None or isinstance(data, (str, os.PathLike)):
        path = swipe_files.find(None if data is None else os.fspath(data))
        rows, where = swipe_tables.read(path, layout=recognizers[0].layout), str(path)
    else:
        rows = (Row(index, swipe, None) for index, swipe in enumerate(data))
    swipes = accuracy.usable(swipe_files.of_split(rows, split, refusals), recognizers, refusals)
    refusals.check(most, where, "max_dropped")
    if limit is not None:
        chosen = np.random.default_rng(0).permutation(len(swipes))[:limit]
        swipes = [swipes[row] for row in sorted(chosen)]
    return swipes, refusals
