"""Every model that ships proves itself, whole, and answers with each of its artifacts."""

from __future__ import annotations

import numpy as np
import pytest

import edgectc
from edgectc.data.generators.swipes import swipe
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts

WORDS = ("hello", "keyboard", "morning", "thanks")


@pytest.mark.slow
@pytest.mark.parametrize("name", bundles.shipped_names())
def test_a_shipped_model_verifies(name: str) -> None:
    report = edgectc.verify(name)
    assert report.status == "pass"
    seen = {check.name for check in report.checks}
    for path in bundles.read(bundles.locate(name)).artifacts():
        assert any(path.name in one for one in seen), path.name


@pytest.mark.parametrize("name", bundles.shipped_names())
def test_a_shipped_model_reads_words_with_each_artifact(name: str) -> None:
    layout = layouts.load("qwerty")
    for path in bundles.read(bundles.locate(name)).artifacts():
        recognizer = edgectc.load(path)
        rng = np.random.default_rng(3)
        found = [recognizer(swipe(word, layout, rng)).best.text for word in WORDS]
        assert found == [*WORDS], path.name
