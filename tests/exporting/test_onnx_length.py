"""ONNX files of any number of frames, at lengths that were never exported, without padding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
import torch
from networks import TOKENS
from torch import Tensor, nn

import edgectc
from edgectc import kit
from edgectc.core.errors import ConfigError, ExportError

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


class Halving(nn.Module):
    """Masked convolution of stride 2, attention, of which the sizes follow the input."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.qkv = nn.Conv1d(6, 16, 3, 2, 1), nn.Linear(16, 48)
        self.last = nn.Linear(16, len(TOKENS))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        keep = kit.keep_mask(lengths, x.shape[1])
        x = self.first(x.transpose(1, 2) * keep).transpose(1, 2)
        q, k, v = self.qkv(x).chunk(3, -1)
        scores = q @ k.transpose(1, 2) - 1e4 * (1 - keep[:, :, ::2])
        return self.last(x + scores.softmax(-1) @ v)


class Looping(nn.Module):
    """An LSTM of the kit, in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = kit.Recurrent(nn.LSTM, 6, 8, 1, bidirectional=True)
        self.last = nn.Linear(16, len(TOKENS))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.last(self.layer(x, kit.keep_mask(lengths, x.shape[1])))


def exported(network: nn.Module, path: Path, **more: Any) -> Any:
    given = {"sample": networks.sample(), "tokens": TOKENS, "check_blank": False, **more}
    return edgectc.export(network, target="onnx", out=path, **given)


def alone(network: nn.Module, x: Tensor) -> np.ndarray:
    with torch.no_grad():
        return network(x, torch.tensor([x.shape[1]]))[0].log_softmax(-1).numpy()


@pytest.mark.parametrize("opset", [pytest.param(14, marks=pytest.mark.slow), 18])
def test_any_length_is_taken_as_it_is(opset: int, tmp_path: Path) -> None:
    network = networks.seeded(Halving)
    made = exported(network, tmp_path / "x.onnx", length="dynamic", opset=opset)
    assert [one.shape[1:2] for one in made.manifest.inputs] == [("T",), ()]
    assert made.manifest.output.shape == (1, "frames", len(TOKENS))
    session = onnxruntime.InferenceSession(made.path.read_bytes())
    loaded = edgectc.load(made.path)
    for n in (40, 33, 22, 5, 4):  # by hand, nothing of a runner in the way
        x = networks.sample(seed=4)[0][:1, :n]
        (got,) = session.run(
            ["log_probs"], {"features": x.numpy(), "length": np.array([n], np.int32)}
        )
        np.testing.assert_allclose(got[0], alone(network, x), atol=1e-5)
        np.testing.assert_allclose(loaded.log_probs(x[0].numpy()), got[0], atol=1e-6)
    x = networks.sample(seed=4)[0][:1, :2]  # shorter than any that it takes: padded to that
    np.testing.assert_allclose(loaded.log_probs(x[0].numpy()), alone(network, x), atol=1e-5)


@pytest.mark.slow
def test_a_batch_and_a_length_may_both_be_free(tmp_path: Path) -> None:
    network = networks.seeded(Halving)
    made = exported(network, tmp_path / "x.onnx", length="dynamic", dynamic_batch=True)
    session = onnxruntime.InferenceSession(made.path.read_bytes())
    x = networks.sample(seed=4, rows=3)[0][:, :27]
    lengths = torch.tensor([27, 14, 9])
    given = {"features": x.numpy(), "length": lengths.int().numpy()}
    (got,) = session.run(["log_probs"], given)
    with torch.no_grad():
        expected = network(x, lengths).log_softmax(-1).numpy()
    np.testing.assert_allclose(got[0], expected[0], atol=1e-5)
    np.testing.assert_allclose(got[1, :7], expected[1, :7], atol=1e-5)


@pytest.mark.slow
def test_what_one_exporter_freezes_the_other_takes(tmp_path: Path) -> None:
    network = networks.seeded(Looping)
    with pytest.raises(ExportError, match=r"froze the frames of .log_probs.*the other exporter"):
        exported(network, tmp_path / "x.onnx", length="dynamic")
    assert list(tmp_path.iterdir()) == []
    made = exported(network, tmp_path / "x.onnx", length="dynamic", exporter="legacy")
    loaded = edgectc.load(made.path)
    for n in (40, 29, 6):
        x = networks.sample(seed=4)[0][:1, :n]
        np.testing.assert_allclose(loaded.log_probs(x[0].numpy()), alone(network, x), atol=1e-5)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="length is 'free', expected static or dynamic"):
        exported(networks.seeded(Halving), tmp_path / "x.onnx", length="free")


def test_a_search_converts_a_network_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from edgectc.exporting.targets.onnx import OnnxTarget

    calls, real = [], OnnxTarget._dynamo
    monkeypatch.setattr(
        OnnxTarget, "_dynamo", lambda self, *a, **k: calls.append(1) or real(self, *a, **k)
    )
    x, lengths = networks.sample(rows=80, seed=1)
    np.savez(tmp_path / "c.npz", features=x.numpy(), lengths=lengths.clamp(min=9).numpy())
    edgectc.quantize(
        networks.seeded(Halving), target="onnx", scheme="int8-dynamic", sample=networks.sample(),
        tokens=TOKENS, check_blank=False, calibration=str(tmp_path / "c.npz"),
        out=tmp_path / "q.onnx", min_speedup=1e-3,
    )  # fmt: skip
    assert len(calls) == 1
