"""Damaged artifacts of every target: refused before any runtime sees a byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from damage import KINDS, mutate

from edgectc.core import registry
from edgectc.core.errors import BundleError
from edgectc.formats import manifest as manifests


@pytest.mark.slow
@pytest.mark.parametrize("target", ["onnx", "pte", "coreml", "native"])
def test_400_mutations_of_each_target_are_all_refused(
    target: str, artifacts: dict[str, Path]
) -> None:
    data, _ = manifests.read(artifacts[target])
    files = {"": data} if isinstance(data, bytes) else data
    sizes = np.array([max(len(content) - 64, 0) for content in files.values()])
    rng = np.random.default_rng(1)
    refused = same = 0
    for i in range(400):
        name = [*files][int(rng.choice(len(sizes), p=sizes / sizes.sum()))]
        kind = KINDS[i % len(KINDS)]
        changed = mutate(files[name], kind, rng)
        if changed == files[name]:
            same += 1
            continue
        with pytest.raises(BundleError):
            manifests.parse(
                changed if isinstance(data, bytes) else {**data, name: changed}, source="x"
            )
        refused += 1
    assert refused + same == 400
    assert refused > 380


def test_a_program_that_is_none_is_a_clear_error() -> None:
    with pytest.raises(BundleError, match="ExecuTorch cannot load"):
        registry.create("runners", {"type": "pte"}, source=b"garbage")
