"""Networks made elsewhere in fewer bits: one command, budgets on their own texts, guards."""

from __future__ import annotations

import json
from pathlib import Path

import networks
import numpy as np
import pytest
import torch
from networks import TOKENS
from torch import Tensor, nn

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import BudgetError, BundleError, ConfigError, InputError, NonFiniteError
from edgectc.exporting.byo import folding
from edgectc.quantization import timing


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are not what is tested here."""
    monkeypatch.setattr(timing, "_ROUNDS", 1)


def spoken(network: nn.Module, count: int = 80) -> dict[str, np.ndarray]:
    """Recordings, and as their texts what the float network itself says."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((count, 40, 6)).astype(np.float32)
    lengths = rng.integers(20, 41, count)
    texts = []
    for x, n in zip(features, lengths, strict=True):
        with torch.no_grad():
            out = network.eval()(torch.from_numpy(x[None, :n]), torch.tensor([int(n)]))
        best = (out[0] if isinstance(out, tuple) else out)[0].argmax(-1).tolist()
        kept = [c for i, c in enumerate(best) if i == 0 or best[i - 1] != c]
        texts.append("".join(TOKENS[c] for c in kept if c))
    return {"features": features, "lengths": lengths, "texts": np.array(texts)}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from safetensors.torch import save_file

    monkeypatch.chdir(tmp_path)
    network = networks.seeded(networks.Conformer)
    x, lengths = networks.sample()
    np.savez("s.npz", features=x.numpy(), lengths=lengths.numpy())
    np.savez("c.npz", **spoken(network))
    save_file(network.state_dict(), "w.safetensors")
    Path("t.txt").write_text("\n".join(TOKENS) + "\n")
    return tmp_path


LINE = (
    "quantize networks:Conformer --weights w.safetensors --sample s.npz --calibration c.npz "
    "--tokens t.txt --target onnx --scheme {} --json"
)


@pytest.mark.parametrize(
    "scheme", ["int8-static", pytest.param("int8-dynamic", marks=pytest.mark.slow)]
)
def test_one_command(scheme: str, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(LINE.format(scheme).split()) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["path"] == f"conformer-{scheme}.onnx"
    about = document["quantization"]
    assert about["operators"] >= 8
    assert about["after"]["bytes"] < about["before"]["bytes"]
    assert about["loss"]["unit"] == "error"
    assert about["loss"]["rows"] == 80
    assert about["loss"]["before"] == 0.0
    assert edgectc.verify(document["path"]).status == "pass"
    x = np.load("c.npz")["features"][0]
    close = np.abs(edgectc.load(document["path"]).log_probs(x) - _float(files, x)).mean()
    assert 0.0 < close < 0.2


def _float(folder: Path, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        out = networks.seeded(networks.Conformer).eval()(
            torch.from_numpy(x[None]), torch.tensor([len(x)])
        )[0]
    return out[0].numpy()


@pytest.mark.slow
def test_a_module_and_a_budget(files: Path) -> None:
    network = networks.seeded(networks.Conformer)
    given = {
        "target": "onnx", "sample": networks.sample(), "tokens": TOKENS, "calibration": "c.npz",
    }  # fmt: skip
    done = edgectc.quantize(network, max_drop=100.0, out="x.onnx", **given)
    assert done.point.drop is not None
    assert done.artifact.manifest.scheme.type == "int8-static"
    with pytest.raises(BudgetError, match="no quantized network meets the budget"):
        edgectc.quantize(network, max_drop=100.0, min_speedup=1e6, out="y.onnx", **given)


def test_a_budget_that_the_recordings_cannot_resolve_is_refused(files: Path) -> None:
    rows = spoken(networks.seeded(networks.Conformer), 16)
    np.savez("dev.npz", **rows)
    symbols = sum(map(len, rows["texts"].tolist()))
    needed = int(np.ceil(100 / 0.2 * 16 / symbols))
    with pytest.raises(InputError, match=rf"16 labelled recordings cannot.*give {needed} rec"):
        edgectc.quantize(
            networks.seeded(networks.Conformer), target="onnx", sample=networks.sample(),
            tokens=TOKENS, calibration="c.npz", dev="dev.npz", max_drop=0.2,
        )  # fmt: skip


def test_what_is_lacking_or_too_much_is_said(files: Path) -> None:
    network, given = networks.seeded(networks.Conformer), {"target": "onnx", "tokens": TOKENS}
    with pytest.raises(ConfigError, match="needs sample="):
        edgectc.quantize(network, calibration="c.npz", **given)
    given["sample"] = networks.sample()
    with pytest.raises(InputError, match="no recordings were named"):
        edgectc.quantize(network, **given)
    with pytest.raises(ConfigError, match="repair_from goes with a bundle"):
        edgectc.quantize(network, repair_from="x", calibration="c.npz", **given)
    with pytest.raises(ConfigError, match="tokens goes with package"):
        edgectc.quantize(target="onnx", tokens=TOKENS)
    np.savez("few.npz", **spoken(network, 9))
    with pytest.raises(InputError, match="9 usable recordings to calibrate with"):
        edgectc.quantize(network, calibration="few.npz", **given)
    rows = spoken(network)
    rows["features"][3, 2, 1] = np.nan
    np.savez("bad.npz", **rows)
    with pytest.raises(NonFiniteError, match="row 3"):
        edgectc.quantize(network, calibration="bad.npz", **given)
    with pytest.raises(ConfigError, match=r"cannot read the ONNX file 'mine\.onnx'"):
        edgectc.quantize("mine.onnx", target="onnx")


@pytest.mark.slow
def test_a_mask_of_minus_infinity_is_no_fault_of_a_users_network(files: Path) -> None:
    class Masked(networks.Conformer):
        def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
            keep = torch.arange(x.shape[1])[None] < lengths[:, None]
            masked = torch.where(keep[:, :, None], x, float("-inf"))
            return super().forward(masked.masked_fill(~keep[:, :, None], 0.0), lengths)

    done = edgectc.quantize(
        networks.seeded(Masked), target="onnx", sample=networks.sample(), tokens=TOKENS,
        calibration="c.npz", out="m.onnx",
    )  # fmt: skip
    assert edgectc.verify(done.artifact.path).status == "pass"


class _Autocast(nn.Module):
    """Computes in bfloat16, as code for accelerators does, and answers in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(6, 16), nn.Linear(16, len(TOKENS))

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.head(torch.tanh(self.inner(x))).float()


@pytest.mark.parametrize("scheme", ["int8-static", "int8-dynamic"])
def test_bfloat16_inside_is_refused_with_the_kernel_that_is_lacking(
    scheme: str, files: Path
) -> None:
    with pytest.raises(BundleError, match=r"no kernel .*keep the network in float32"):
        edgectc.quantize(
            networks.seeded(_Autocast), target="onnx", sample=networks.sample(), tokens=TOKENS,
            calibration="c.npz", scheme=scheme, check_blank=False, out="b.onnx",
        )  # fmt: skip
    assert not Path("b.onnx").exists()


def test_batch_norms_are_merged_only_where_that_changes_nothing() -> None:
    class Twice(nn.Module):
        """The first norm can be merged; what the second takes is used beside it too."""

        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.one, self.two = nn.Conv1d(6, 8, 3, padding=1), nn.Conv1d(8, 8, 1, bias=False)
            self.first, self.second = nn.BatchNorm1d(8), nn.BatchNorm1d(8)
            for norm in (self.first, self.second):
                norm.running_mean.uniform_(-1, 1)
                norm.running_var.uniform_(0.5, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.two(self.first(self.one(x.transpose(1, 2))))
            return (self.second(x) + x).transpose(1, 2)

    network = Twice().eval()
    x = torch.randn(1, 20, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, weight = network(x), network.two.weight.clone()
        assert folding.fold(network, {"x": x}) == ["first"]
        torch.testing.assert_close(network(x), before, atol=1e-5, rtol=1e-5)
    assert torch.equal(network.two.weight, weight)
    assert network.two.bias is None


class _Placed(nn.Module):
    """A projection of positions, which no recording changes, as of a conformer's attention."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.place = nn.Linear(6, 32), nn.Linear(8, 32)
        self.head = nn.Linear(32, len(TOKENS))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        angles = torch.arange(x.shape[1])[:, None] * torch.linspace(0.1, 1.0, 8)
        return self.head(torch.tanh(self.inner(x) + self.place(torch.sin(angles))))


class _Helped(nn.Module):
    """A second head, which helps the training and which nobody reads afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.help = nn.Linear(6, 32), nn.Linear(32, len(TOKENS))
        self.head = nn.Linear(32, len(TOKENS))

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.tanh(self.inner(x))
        return self.head(x), self.help(x)


class _Double(_Placed):
    """A layer in the middle computes in float64."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Linear(32, 32).double()

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = torch.tanh(self.inner(x))
        return self.head(x + self.place(x.double()).float())


@pytest.mark.parametrize("kind", [_Placed, _Helped, _Double])
def test_what_has_no_part_in_the_graph_is_left_to_the_exporter(
    kind: type[nn.Module], tmp_path: Path
) -> None:
    """torch.onnx computes it, or leaves it out, or int8 has no kernel of its type."""
    network = networks.seeded(kind).eval()
    np.savez(tmp_path / "c.npz", **spoken(network))
    made = edgectc.quantize(
        network, target="onnx", scheme="int8-static", sample=networks.sample(), tokens=TOKENS,
        calibration=tmp_path / "c.npz", out=tmp_path / "q.onnx", check_blank=False,
    )  # fmt: skip
    assert made.report["operators"] == 2
    x, _ = networks.sample()
    with torch.no_grad():
        answer = network(x[:1], torch.tensor([40]))
    scores = answer[0] if isinstance(answer, tuple) else answer
    want = scores[0].log_softmax(-1).numpy()
    got = edgectc.load(made).log_probs(x[0, :40].numpy())
    assert 0.0 < np.abs(got - want).mean() < 0.1


class _Twice(nn.Module):
    """One convolution in two places, as blocks that share their weights have it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.both = nn.Linear(6, 32), nn.Conv1d(32, 32, 3, padding=1)
        self.head = nn.Linear(32, len(TOKENS))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        keep = torch.arange(x.shape[1])[None, None] < lengths[:, None, None]
        x = torch.tanh(self.inner(x)).transpose(1, 2)
        x = torch.relu(self.both(x * keep))
        return self.head(self.both(x * keep).transpose(1, 2))


@pytest.mark.slow
@pytest.mark.parametrize(("target", "operators"), [("onnx", 3), ("pte", 2)])
def test_a_convolution_in_two_places(target: str, operators: int, tmp_path: Path) -> None:
    """ExecuTorch takes it with weights for each place, and in float."""
    network = networks.seeded(_Twice).eval()
    np.savez(tmp_path / "c.npz", **spoken(network))
    with torch.no_grad():
        network.head.weight.mul_(4)
    made = edgectc.quantize(
        network, target=target, scheme="int8-static", sample=networks.sample(), tokens=TOKENS,
        calibration=tmp_path / "c.npz", out=tmp_path / f"q.{target}", check_blank=False,
    )  # fmt: skip
    assert made.report["operators"] == operators
    x, _ = networks.sample()
    with torch.no_grad():
        want = network(x[:1], torch.tensor([40]))[0].log_softmax(-1).numpy()
    got = edgectc.load(made).log_probs(x[0].numpy())
    assert 0.0 < np.abs(got - want).mean() < 0.3
