"""Every family at its small size, trained by its own config on generated samples until it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgectc.core.config import families, family_config
from edgectc.training.loop.trainer import train

# Of samples that were not trained on: the words of swipes, glosses, phonemes.
TARGETS = {
    "tcn": ("dev_top1", 0.75),
    "transformer": ("dev_top1", 0.75),
    "conformer": ("dev_top1", 0.75),
    "mobilenetv3": ("dev_wer", 0.25),
    "i3d": ("dev_wer", 0.25),
    "gru": ("dev_per", 0.10),
}


@pytest.mark.slow
@pytest.mark.parametrize("family", families())
def test_every_family_reaches_its_target(family: str, tmp_path: Path) -> None:
    metric, target = TARGETS[family]
    found = train(family_config(family, "small"), tmp_path, data=None)
    assert found.metric == metric
    assert found.value is not None
    assert found.value >= target if metric == "dev_top1" else found.value <= target, found
