from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.core import registry
from edgectc.data import swipe_files
from edgectc.formats import bundle


@pytest.fixture(scope="session")
def shipped() -> Path:
    """The shipped swipe model."""
    return bundle.locate(None)


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
    """The shipped model, exported to every target, each alone in a folder."""
    made = {}
    for target in registry.names("targets"):
        folder = tmp_path_factory.mktemp(target)
        made[target] = edgectc.export(target=target, out=folder).path
    return made
