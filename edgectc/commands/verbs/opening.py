"""Models and swipes that the verbs are called with, opened."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias, TypedDict, Unpack

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.types import Swipe
from edgectc.data import swipe_files
from edgectc.language.user_dictionary import UserDictionary
from edgectc.runtime import loading
from edgectc.runtime.recognizer import Recognizer

Model: TypeAlias = str | os.PathLike[str] | Recognizer | None
Swipes: TypeAlias = str | os.PathLike[str] | Sequence[Swipe] | None


_UNSET = {"lm_required": False, "offensive": False, "threads": 1}  # the others: None


class RuntimeOptions(TypedDict, total=False):
    """How a model is opened, see `edgectc.load`."""

    lexicon: str | None
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


def swipes_of(data: Swipes, *, split: str, limit: int | None) -> tuple[list[Swipe], Counter[str]]:
    """Return labelled swipes and how many rows were dropped, by reason.

    Args:
        data: file or folder, None for what EDGECTC_DATA names; or the swipes themselves.
        split: "all", "train", "dev" or "test", by user.
        limit: at most so many, chosen at random.

    Raises:
        ConfigError: ``limit`` is below 1.
        InputError: there is no such data.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit is {limit}, expected 1 or more", options=["limit"])
    if data is None or isinstance(data, (str, os.PathLike)):
        path = swipe_files.find(None if data is None else os.fspath(data))
        swipes, dropped = swipe_files.load(path, split=split)
    else:
        kept = [
            s for s in data if split == "all" or (s.user and swipe_files.split_of(s.user) == split)
        ]
        swipes, dropped = kept, Counter()
    if limit is not None:
        chosen = np.random.default_rng(0).permutation(len(swipes))[:limit]
        swipes = [swipes[row] for row in sorted(chosen)]
    return swipes, dropped
