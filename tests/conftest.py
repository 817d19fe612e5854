from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import edgectc
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


DATA = os.environ.get("EDGECTC_DATA")


@pytest.fixture(scope="session", autouse=True)
def newcomer() -> None:
    """Run as on a machine without data of its own, which no test asks for but by `data_folder`."""
    os.environ.pop("EDGECTC_DATA", None)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data, where the machine has one."""
    if not DATA:
        pytest.skip("needs real data: set EDGECTC_DATA to its folder")
    return Path(DATA)


@pytest.fixture(scope="session")
def swipes_file(data_folder: Path) -> Path:
    """Real swipes, where the machine has them."""
    return swipe_files.find(data_folder)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


class Exported(dict[str, Path]):
    """The shipped model by target, each alone in a folder, made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, target: str) -> Path:
        note = self.folder / f"artifact-{target}"  # its path: other workers of this run wait for it
        with note.open("a+") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if not note.read_text():
                place = self.folder / f"artifact-of-{target}"
                place.mkdir(exist_ok=True)
                held.write(str(edgectc.export(target=target, out=place).path))
        self[target] = Path(note.read_text())
        return self[target]


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The shipped model, exported; once for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    return Exported(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


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
