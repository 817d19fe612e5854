"""docs/families.md says what the models are: its table is made from them."""

from __future__ import annotations

from pathlib import Path

import torch

from edgectc.core import config
from edgectc.exporting import untrained
from edgectc.networks.model import CtcModel

NAMES = [f"{family}-{size}" for family, sizes in config.families().items() for size in sizes]
PAGE = Path(__file__).parents[2] / "docs" / "families.md"


def row(name: str) -> str:
    about = untrained.config(*name.rsplit("-", 1))
    with torch.device("meta"):
        model = CtcModel(about.model)
    shape = model.frontend.options
    if model.frontend.slots:
        columns, blank = shape.slots + 1, "last"
    else:
        columns, blank = len(model.frontend.tokens()), str(model.frontend.tokens().blank_id)
    count = sum(p.numel() for p in model.parameters())
    cells = [
        f"`{name}`",
        str(len(model.frontend.input_contract())),
        f"{model.features.out_features}",
        f"{shape.max_frames} -> {model.output_length(shape.max_frames)}",
        f"{model.stride}, {model.window}",
        f"{columns}, {blank}",
        f"{count:,}",
    ]
    return f"| {' | '.join(cells)} |"


def test_the_table_is_what_the_models_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    expected = [row(name) for name in NAMES]
    found = [line for line in page.splitlines() if line.startswith("| `")]
    assert found == expected, "put this into docs/families.md:\n" + "\n".join(expected)


def test_the_page_shows_every_family() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for family in config.families():
        assert f"| {family} |" in page
