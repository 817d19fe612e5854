"""A bundle that asks for a network far larger than its weights is refused at once."""

from __future__ import annotations

import json
import resource
import shutil
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load

import edgectc
from edgectc.core.errors import BundleError
from edgectc.exporting import packing
from edgectc.formats import bundle
from edgectc.networks import model

WEIGHTS = "weights.safetensors"


@pytest.fixture(
    scope="module", params=["tcn", "conformer", "gru", "mobilenetv3", "transformer", "i3d"]
)
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packed") / "model"
    edgectc.pack(init=request.param, out=out)
    return out


def changed(packed: Path, tmp_path: Path, **options: object) -> Path:
    shutil.copytree(packed, tmp_path / "model")
    index = tmp_path / "model" / "bundle.json"
    values = json.loads(index.read_text("utf-8"))
    values["model"]["encoder"] |= options
    index.write_text(json.dumps(values), encoding="utf-8")
    return tmp_path / "model"


WIDE = {
    "tcn": {"channels": 200_000},
    "conformer": {"channels": 200_000},
    "gru": {"channels": 200_000},
    "mobilenetv3": {"hidden": 1_000_000},
    "transformer": {"hidden": 100_000_000},
    "i3d": {"hidden": 100_000_000},
}


def test_a_wide_network_costs_nothing(packed: Path, tmp_path: Path) -> None:
    kind = json.loads((packed / "bundle.json").read_text("utf-8"))["model"]["encoder"]["type"]
    place = changed(packed, tmp_path, **WIDE[kind])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BundleError, match=r"weights"):
        model.load(bundle.read(place))
    with pytest.raises(BundleError, match=r"weights"):
        packing.repack(bundle.read(place), tmp_path / "again")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


@pytest.mark.parametrize("layers", [10**9, -1])
def test_a_deep_network_costs_no_time(packed: Path, tmp_path: Path, layers: int) -> None:
    values = json.loads((packed / "bundle.json").read_text("utf-8"))["model"]["encoder"]
    if "layers" not in values:
        pytest.skip("a list says how deep it is")
    began = time.monotonic()
    with pytest.raises(BundleError, match="layers"):
        model.load(bundle.read(changed(packed, tmp_path, layers=layers)))
    assert time.monotonic() - began < 5


def test_sound_bundles_open(packed: Path) -> None:
    opened = bundle.read(packed)
    network, held = model.with_weights(opened).state_dict(), load(opened.file(WEIGHTS))
    assert network.keys() == held.keys()
    assert all(torch.equal(network[name], held[name]) for name in held)
