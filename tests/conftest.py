from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.core import registry
from edgectc.core.types import Swipe
from edgectc.data import splits, swipe_files
from edgectc.data.generators.swipes import swipe as synthesize
from edgectc.formats import bundle, layouts

# Networks of users, importable as a user's own module would be, and helpers of several rooms.
sys.path.insert(0, str(Path(__file__).parent / "helpers"))

# Where torch is not installed, as after `pip install '.[onnx]'`, all that needs none still runs.
if importlib.util.find_spec("torch") is None:
    collect_ignore_glob = [
        "*/with_torch/*", "exporting/*", "networks/*", "quantization/*", "training/*",
    ]  # fmt: skip


@pytest.fixture(scope="session")
def shipped() -> Path:
    """The shipped swipe model."""
    return bundle.locate(None)


@pytest.fixture
def copied(shipped: Path, tmp_path: Path) -> Path:
    """A copy of the shipped model that a test may change."""
    shutil.copytree(shipped, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(scope="session")
def swipes_file() -> Path:
    """Real swipes, where the machine has them."""
    folder = os.environ.get("EDGECTC_DATA")
    if not folder:
        pytest.skip("needs real swipes: set EDGECTC_DATA to the data folder")
    return swipe_files.find(folder)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The shipped model, exported to every target, each alone in a folder.

    But LiteRT, whose converter lies in an environment that has to be made first.
    """
    made = {}
    for target in sorted({*registry.names("targets")} - {"litert"}):
        folder = tmp_path_factory.mktemp(target)
        made[target] = edgectc.export(target=target, out=folder).path
    return made


WORDS = "the and you that was for are with this have from they know want been good much some time"


def user_of(split: str) -> str:
    return next(f"u{i}" for i in range(999) if splits.split_of(f"u{i}") == split)


@pytest.fixture(scope="module")
def swipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated swipes of a training user and of a dev user."""
    rng, layout = np.random.default_rng(0), layouts.load("qwerty")
    words = WORDS.split()
    rows = [
        Swipe(synthesize(words[i % len(words)], layout, rng), words[i % len(words)], user=user)
        for user, count in ((user_of("train"), 80), (user_of("dev"), 40))
        for i in range(count)
    ]
    path = tmp_path_factory.mktemp("swipes") / "swipes.jsonl"
    swipe_files.write(path, rows)
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Untrained bundles by family, made once."""
    from edgectc.exporting import untrained  # which needs torch

    folder, made = tmp_path_factory.mktemp("small"), dict[str, Path]()

    def of(family: str) -> Path:
        if family not in made:
            made[family] = untrained.initialise(folder / family, family, name=family).path
        return made[family]

    return of
