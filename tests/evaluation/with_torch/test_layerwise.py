"""A fault inside an artifact is found at its operator, and the operator's module is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import networks
import numpy as np
import pytest
import torch
from networks import TOKENS

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import ConfigError
from edgectc.evaluation import layerwise
from edgectc.exporting.targets.onnx import OnnxTarget
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.networks import model as models


def scaled(path: Path, name: str, out: Path, factor: float = 1.01) -> Path:
    """An artifact with one weight scaled, sealed again as if nothing had happened."""
    import onnx
    from onnx import numpy_helper

    data, manifest = manifests.read(path)
    graph = onnx.load_from_string(data)
    tensor = next(one for one in graph.graph.initializer if one.name == name)
    value = (numpy_helper.to_array(tensor) * factor).astype(np.float32)
    tensor.CopyFrom(numpy_helper.from_array(value, name))
    del graph.metadata_props[:]
    file = OnnxTarget.embed(None, graph.SerializeToString(), manifest)  # type: ignore[arg-type]
    out.write_bytes(manifests.sealed(file))
    return out


def test_one_scaled_weight_is_found(shipped: Path, tmp_path: Path) -> None:
    artifact = shipped / "artifacts" / "swipe-en.onnx"
    model = models.load(bundles.read(shipped))
    good = layerwise.compare_network(artifact, model)
    assert good.first is None
    assert len(good.steps) > 150
    bad = scaled(artifact, "encoder.coarse.3.conv.conv.weight", tmp_path / "bad.onnx")
    report = edgectc.verify(bad)
    assert report.status == "fail"
    assert {c.name for c in report.checks if c.status == "fail"} >= {"log_probs"}
    found = layerwise.compare_network(bad, model).first
    assert found is not None
    assert (found.kind, found.module) == ("Conv", "encoder.coarse.3.conv.conv")


@pytest.mark.slow
def test_the_command(shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    artifact = shipped / "artifacts" / "swipe-en.onnx"
    bad = scaled(artifact, "encoder.coarse.3.conv.conv.weight", tmp_path / "bad.onnx")
    assert cli.main(["verify", str(bad), "--layerwise"]) == 1
    out = capsys.readouterr().out
    assert "first operator past the limit: conv1d" in out
    assert "module encoder.coarse.3.conv.conv" in out
    assert cli.main(["verify", str(shipped), "--layerwise"]) == 2
    assert "--layerwise takes an artifact" in capsys.readouterr().err
    assert cli.main(["verify", str(artifact), "--network", "swipe-en"]) == 2
    assert "goes with --layerwise" in capsys.readouterr().err


@pytest.mark.slow
def test_a_network_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)
    network = networks.seeded(networks.Conformer)
    save_file(network.state_dict(), "w.safetensors")
    made = edgectc.export(
        network, target="onnx", sample=networks.sample(), tokens=TOKENS, out=tmp_path
    )
    import onnx

    stored = [one.name for one in onnx.load(made.path).graph.initializer]
    name = next(one for one in stored if one.endswith("down.weight"))
    bad = scaled(made.path, name, tmp_path / "bad.onnx", 1.1)
    line = f"verify {bad} --layerwise --network networks:Conformer --weights w.safetensors --json"
    assert cli.main(line.split()) == 1
    about = json.loads(capsys.readouterr().out)
    assert about["layerwise"]["first"]["module"] == "network.down"
    assert cli.main(f"verify {bad} --layerwise".split()) == 2
    assert "is not beside it" in capsys.readouterr().err
    assert cli.main(f"verify {bad} --layerwise --network swipe-en".split()) == 2
    assert "was not made from" in capsys.readouterr().err
    assert cli.main(f"verify {bad} --layerwise --network networks:Lstm".split()) == 2
    assert "Lstm does not answer as conformer does" in capsys.readouterr().err


def test_waves_and_other_axes_are_adopted_again(tmp_path: Path) -> None:
    class Wave(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down = torch.nn.Conv1d(1, len(TOKENS), 4, stride=4)

        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            return self.down(x[:, None]).permute(2, 0, 1)

    network = networks.seeded(Wave)
    sample = (torch.randn(2, 64), torch.tensor([64, 40]))
    made = edgectc.export(
        network, target="onnx", sample=sample, tokens=TOKENS, axes="TNV", out=tmp_path
    )
    from edgectc.exporting.byo import adoption

    model = adoption.again(network, made.manifest)
    assert layerwise.compare_network(made.path, model).first is None
    with pytest.raises(ConfigError, match="Linear does not answer as wave does"):
        adoption.again(torch.nn.Linear(3, 4), made.manifest)


@pytest.mark.slow
def test_a_program_is_compared_by_modules(tmp_path: Path) -> None:
    network = networks.seeded(networks.Conformer)
    given = {"target": "pte", "sample": networks.sample(), "tokens": TOKENS}
    made = edgectc.export(network, out=tmp_path / "a.pte", **given)
    from edgectc.exporting.byo import adoption

    model = adoption.again(network, made.manifest)
    found = layerwise.compare_network(made.path, model)
    assert found.first is None
    assert found.weights == ()
    assert {step.module for step in found.steps} >= {"network.head", "network.down"}
    changed = shutil.copy(made.path, tmp_path / "b.pte")
    network.head.weight.data *= 1.01
    other = layerwise.compare_network(Path(changed), adoption.again(network, made.manifest))
    assert other.weights  # the file holds a weight that this network has not
