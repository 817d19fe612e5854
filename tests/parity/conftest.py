"""Generated swipes and untrained bundles, made once for each file of tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgectc.core.types import Swipe
from edgectc.data import swipe_files
from edgectc.data.samples.swipe import swipe as synthesize
from edgectc.exporting import untrained
from edgectc.formats import layouts

WORDS = "the and you that was for are with this have from they know want been good much some time"


def user_of(split: str) -> str:
    return next(f"u{i}" for i in range(999) if swipe_files.split_of(f"u{i}") == split)


@pytest.fixture(scope="module")
def swipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated swipes of a training user and of a dev user."""
    rng, board = np.random.default_rng(0), layouts.load("qwerty")
    words = WORDS.split()
    rows = [
        Swipe(synthesize(words[i % len(words)], board, rng), words[i % len(words)], user=user)
        for user, count in ((user_of("train"), 80), (user_of("dev"), 40))
        for i in range(count)
    ]
    path = tmp_path_factory.mktemp("swipes") / "swipes.jsonl"
    swipe_files.write(path, rows)
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Untrained bundles by family, made once."""
    folder, made = tmp_path_factory.mktemp("small"), dict[str, Path]()

    def of(family: str) -> Path:
        if family not in made:
            made[family] = untrained.initialise(folder / family, family, name=family).path
        return made[family]

    return of
