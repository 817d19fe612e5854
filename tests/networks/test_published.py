"""The networks of the published systems: parameters, shapes, lengths, blanks."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from edgectc.exporting import untrained
from edgectc.networks.model import CtcModel

# Published counts, to the digits they were published with; the conformer and the shipped network
# follow no published count.
SIZES = {
    ("gru", "full"): "133.8",
    ("transformer", "full"): "14.6",
    ("mobilenetv3", "full"): "14.5",
}


def size(spec: dict[str, Any]) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in CtcModel(spec).parameters())


@pytest.mark.parametrize(("family", "published"), sorted(SIZES.items()))
def test_full_size_is_the_published_one(family: tuple[str, str], published: str) -> None:
    assert f"{size(untrained.config(*family).model) / 1e6:.1f}" == published


def test_the_published_teacher_counts_like_two_layers_though_it_is_described_with_three() -> None:
    spec = untrained.config("i3d", "full").model
    two = {**spec, "encoder": {**spec["encoder"], "layers": 2}}
    assert spec["encoder"].get("layers", 3) == 3
    assert size(spec) == 25_463_993
    assert size(two) == pytest.approx(19_300_000, rel=0.01)


def test_the_published_sign_student() -> None:
    with torch.device("meta"):
        model = CtcModel(untrained.config("mobilenetv3", "full").model)
    assert model.frontend.channels == 1629
    assert model.features.out_features == 6516
    movement = model.encoder.encoders[3]
    assert sum(p.numel() for p in movement.parameters()) == 12_580_510
    assert sum(p.numel() for p in model.parameters()) == 14_471_007
    length = torch.full((1,), 150, dtype=torch.int32, device="meta")
    signal = torch.zeros(1, 150, 1629, device="meta")
    assert model.time_first(signal, length).shape == (150, 1, 1232)
    assert model.frontend.tokens().blank_id == 0


@pytest.mark.slow
def test_the_published_brain_to_text_decoder() -> None:
    """Counts by part, both window sizes; frames of 100, 500 and 1200 bins; its off-by-one."""
    spec = untrained.config("gru", "full").model
    for window, encoder, frames in ((32, 132_182_016, (18, 118, 293)), (14, 103_870_464, None)):
        with torch.device("meta"):
            model = CtcModel({**spec, "encoder": {**spec["encoder"], "window": window}})
        sizes = {n: sum(p.numel() for p in part.parameters()) for n, part in model.named_children()}
        assert sizes == {"features": 1_579_008, "encoder": encoder, "head": 84_009}
        if frames:
            assert tuple(model.output_length(n) for n in (100, 500, 1200)) == frames
            # What the baseline tells its loss is one frame less than the network answers.
            assert tuple((n - window) // 4 for n in (100, 500, 1200)) == (17, 117, 292)
            tokens = model.frontend.tokens()
            assert (len(tokens), tokens.blank_id) == (41, 0)
            x = torch.zeros(1, 1200, 256, device="meta")
            day = torch.zeros(1, dtype=torch.int32, device="meta")
            assert model(x, day + 1200, day).shape == (1, 293, 41)


def test_the_documents_swipe_transformer_takes_35_channels_and_answers_28() -> None:
    model = CtcModel({**untrained.config("transformer", "full").model,
                      "encoder": {"type": "transformer", "layers": 1}})  # fmt: skip
    assert model.features.out_features == 35
    assert model.head.scores.out_features == 28
    assert model.encoder.positions.table.shape == (1, 64, 384)
