"""LiteRT: its converter lies in an environment of its own; the file runs here and answers alike."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import networks
import numpy as np
import pytest
import torch
from networks import TOKENS
from torch import Tensor, nn

import edgectc
from edgectc import kit
from edgectc.core import environments
from edgectc.core.errors import ExportError, MissingDependencyError, UnknownNameError
from edgectc.exporting import untrained
from edgectc.exporting.lowering import litert_repairs
from edgectc.exporting.plain import Options
from edgectc.exporting.targets.litert import LitertTarget
from edgectc.formats import manifest as manifests

MADE = environments.place("litert").is_dir() and importlib.util.find_spec("ai_edge_litert")
here = pytest.mark.skipif(not MADE, reason="needs `edgectc doctor --make litert` and the extra")


class Speech(nn.Module):
    """Convolution of stride 2, a GRU in both directions, linear layers in containers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(6, 32, 3, 2, 1)
        self.layer = kit.Recurrent(nn.GRU, 32, 16, 1, bidirectional=True)
        self.middle = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32))
        self.heads = nn.ModuleList([nn.Linear(32, 32)])
        self.tails = nn.ModuleList([nn.Linear(32, len(TOKENS))])

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        keep = kit.keep_mask(lengths, x.shape[1])
        x = self.first(x.transpose(1, 2) * keep).relu().transpose(1, 2)
        return self.tails[0](self.heads[0](self.middle(self.layer(x, keep[:, :, ::2]))))


def said(**more: object) -> dict[str, object]:
    given = {"target": "litert", "sample": networks.sample(), "tokens": TOKENS}
    return {**given, "check_blank": False, **more}


@here
@pytest.mark.slow
def test_a_network_becomes_one_file_that_answers_like_it(tmp_path: Path) -> None:
    network = networks.seeded(Speech)
    made = edgectc.export(network, out=tmp_path / "speech.tflite", **said())
    assert made.report.status == "pass"
    data, manifest = manifests.read(made.path)
    assert isinstance(data, bytes)
    assert (manifest.target, data[4:8]) == ("litert", b"TFL3")
    loaded = edgectc.load(made.path)
    for n in (40, 31, 12, 1):
        x = networks.sample(seed=3)[0][:1, :n]
        with torch.no_grad():
            expected = network(x, torch.tensor([n]))[0].log_softmax(-1).numpy()
        np.testing.assert_allclose(loaded.log_probs(x[0].numpy()), expected, atol=1e-5)


@here
@pytest.mark.slow
@pytest.mark.parametrize("family", ["gru", "tcn"])
def test_a_family_of_ours(family: str, tmp_path: Path) -> None:
    """The inputs of a signature are in the order of their names, which is not that of the graph."""
    bundle = untrained.initialise(tmp_path / family, family, name=family)
    made = edgectc.export(bundle.path, target="litert", out=tmp_path)
    names = [one.name for one in made.manifest.inputs]
    assert names != sorted(names)
    verdicts = {check.name: check.status for check in edgectc.verify(made.path).checks}
    assert verdicts.pop("words") == "not_run"
    assert {*verdicts.values()} == {"pass"}


@here
@pytest.mark.slow
def test_the_file_runs_without_torch_and_in_the_interpreter_alone(tmp_path: Path) -> None:
    made = edgectc.export(networks.seeded(Speech), out=tmp_path / "s.tflite", **said())
    code = (
        "import sys, numpy as np, edgectc\n"
        f"first = edgectc.load({str(made.path)!r}).log_probs(np.ones((9, 6), np.float32))\n"
        "assert 'torch' not in sys.modules\n"
        "from ai_edge_litert.interpreter import Interpreter\n"
        f"run = Interpreter({str(made.path)!r}).get_signature_runner()\n"
        "x = np.zeros((1, 40, 6), np.float32); x[:, :9] = 1.0\n"
        "(out,) = run(features=x, length=np.array([9], np.int32)).values()\n"
        "assert np.abs(out[0, :5] - first).max() < 1e-6\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@here
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["int8-dynamic", "int8-weight"])
def test_fewer_bits_and_an_operator_left_in_float(scheme: str, tmp_path: Path) -> None:
    network = networks.seeded(Speech)
    x, lengths = networks.sample(rows=80, seed=1)
    np.savez(tmp_path / "c.npz", features=x.numpy(), lengths=np.full(80, 40))
    options = said(sample=(x[:2], lengths[:2]), calibration=str(tmp_path / "c.npz"))
    made = edgectc.quantize(network, scheme=scheme, out=tmp_path / "q.tflite", **options)
    # Of the file most is the loop over frames, unrolled; of 4 bytes a weight 3 are saved.
    layers = [network.first, network.middle[0], network.middle[2]]
    layers += [network.heads[0], network.tails[0]]  # whose names differ by their lists alone
    weights = sum(layer.weight.numel() for layer in layers)
    assert made.report["before"]["bytes"] - made.report["after"]["bytes"] > 2 * weights
    assert made.report["operators"] == len(layers)


@here
@pytest.mark.slow
def test_what_litert_cannot_is_refused_with_its_own_words(tmp_path: Path) -> None:
    class Sorts(Speech):
        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            scores = super().forward(x, lengths)
            return scores - scores.topk(2, -1).values[..., 1:]

    with pytest.raises(edgectc.EdgectcError, match=r"STABLEHLO_SORT|TOPK|litert") as raised:
        edgectc.export(networks.seeded(Sorts), out=tmp_path / "s.tflite", **said())
    assert "Traceback" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_without_its_environment_the_message_says_what_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environments.FOLDER, str(tmp_path / "none"))
    with pytest.raises(MissingDependencyError, match="edgectc doctor --make litert"):
        edgectc.export(networks.seeded(Speech), out=tmp_path / "s.tflite", **said())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UnknownNameError, match="litert"):
        environments.place("litertt")


@pytest.mark.slow
def test_an_environment_is_made_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With packages that lie here, so that nothing is fetched."""
    monkeypatch.setenv(environments.FOLDER, str(tmp_path))
    monkeypatch.setitem(environments.KNOWN, "mine", environments.Environment(("pip",), "torch"))
    assert environments.make("mine") == tmp_path / "mine"
    program = tmp_path / "p.py"
    program.write_text("import sys, torch; print(sys.argv[1], sys.prefix)")
    told = environments.run("mine", program, ["hello"], what="greeting")
    assert told.split() == ["hello", str(tmp_path / "mine")]
    program.write_text("raise SystemExit('no such thing')")
    with pytest.raises(ExportError, match="greeting failed: no such thing"):
        environments.run("mine", program, [], what="greeting")
    monkeypatch.setitem(environments.KNOWN, "bad", environments.Environment(("pip",), "no_such"))
    with pytest.raises(ExportError, match=r"importing no_such failed: .*No module named"):
        environments.make("bad")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "p.py"]


def test_the_manifest_stands_after_the_flatbuffer() -> None:
    from edgectc.exporting.targets.litert import Flatbuffer

    class Said:
        def text(self) -> str:
            return "{}"

    made = LitertTarget(Options()).embed(Flatbuffer(b"\0\0\0\0TFL3...", {}), Said())  # type: ignore[arg-type]
    assert made == b"\0\0\0\0TFL3...{}"


class Products(nn.Module):
    """Frames against keys, both turned, as a head of keys has them."""

    def forward(self, x: Tensor, keys: Tensor) -> Tensor:
        scores = torch.bmm(x.transpose(1, 2), keys.transpose(-1, -2))
        return torch.tanh(scores + torch.bmm(x.permute(0, 2, 1), keys.transpose(1, 2)))


def test_products_of_transposed_matrices_are_written_plainly() -> None:
    given = {"x": torch.randn(1, 5, 9), "keys": torch.randn(1, 4, 5)}
    program = torch.export.export(Products(), (), given, strict=False)
    made = litert_repairs.with_plain_products(program)
    torch.testing.assert_close(made.module()(**given), Products()(**given))
    for node in made.graph.nodes:
        if node.target is torch.ops.aten.bmm.default:
            assert [one.op for one in node.args] == ["placeholder", "placeholder"]
