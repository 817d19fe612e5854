"""Delegates, buckets and lengths of ExecuTorch programs."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgectc
from edgectc.core import registry
from edgectc.core.errors import ConfigError, ExportError, InputError, MissingDependencyError
from edgectc.exporting import untrained
from edgectc.exporting.lowering import pte_repairs
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.formats import reference


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small transformer over swipes: window 1, 64 frames."""
    place = tmp_path_factory.mktemp("packed") / "transformer"
    return untrained.initialise(place, "transformer", name="transformer").path


@pytest.fixture(scope="module")
def bucketed(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Without a delegate, because that lowers in a moment; the runner sees no difference.
    out = tmp_path_factory.mktemp("buckets")
    options: dict[str, Any] = {"delegate": "portable", "buckets": (64, 16, 32)}
    return edgectc.export(bundle, target="pte", out=out, **options).path


@pytest.mark.slow
def test_the_smallest_bucket_that_fits_is_called(bucketed: Path) -> None:
    assert edgectc.verify(bucketed).status == "pass"
    loaded = edgectc.load(bucketed)
    cases = reference.from_json(manifests.read(bucketed)[1].reference)
    for case in cases:
        inputs = case.inputs(loaded.frontend, loaded.setting(case.layout))
        frames = next(n for n in (16, 32, 64) if case.length <= n)
        assert loaded.runner.run(inputs).shape[1] == frames
    assert {case.length for case in cases} >= {1, 16, 31, 32, 64}
    contract = loaded.runner.contract()
    assert contract["0"] == ("float32", [1, 64, 3])


@pytest.mark.slow
def test_a_method_is_loaded_when_it_is_called(bucketed: Path) -> None:
    loaded = edgectc.load(bucketed)
    assert set(loaded.runner._methods) == {"forward"}
    case = next(
        c for c in reference.from_json(manifests.read(bucketed)[1].reference) if c.length == 7
    )
    loaded.run(case.inputs(loaded.frontend, loaded.setting(case.layout)))
    assert set(loaded.runner._methods) == {"forward", "forward_16"}


@pytest.mark.slow
def test_buckets_with_xnnpack(bundle: Path, tmp_path: Path) -> None:
    made = edgectc.export(bundle, target="pte", buckets=(16, 64), out=tmp_path)
    assert made.report.status == "pass"
    one = edgectc.export(bundle, target="pte", out=tmp_path / "one.pte")
    assert made.bytes - one.bytes < (bundle / "weights.safetensors").stat().st_size


@pytest.mark.parametrize(
    ("buckets", "says"),
    [((16, 32), "to 64, its longest"), ((0, 64), "from 1"), ((64, 64), "different")],
)
def test_buckets_that_cannot_be(
    buckets: tuple[int, ...], says: str, bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=says):
        edgectc.export(bundle, target="pte", buckets=buckets, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_dynamic_length(bundle: Path, tmp_path: Path) -> None:
    made = edgectc.export(bundle, target="pte", length="dynamic", out=tmp_path)
    assert made.report.status == "pass"
    loaded = edgectc.load(made.path)
    cases = reference.from_json(made.manifest.reference)
    seen = set()
    for case in cases:
        inputs = case.inputs(loaded.frontend, loaded.setting(case.layout))
        seen.add(loaded.runner.run(inputs).shape[1])
    assert seen == {max(4, case.length) for case in cases}
    too_long = {**inputs, "length": np.array([65], np.int32)}
    too_long["trace"] = np.zeros((1, 65, 3), np.float32)
    with pytest.raises(InputError, match="refused its inputs"):
        loaded.runner.run(too_long)


def test_recurrent_networks_have_no_dynamic_length(tmp_path: Path) -> None:
    gru = untrained.initialise(tmp_path / "gru", "gru", name="gru").path
    with pytest.raises(ExportError, match="no dynamic length, use static or buckets"):
        edgectc.export(gru, target="pte", length="dynamic", out=tmp_path)
    with pytest.raises(ExportError, match="takes no loop"):
        edgectc.export(gru, target="pte", delegate="coreml", out=tmp_path)


@pytest.mark.slow
def test_portable_kernels_are_warned_of(
    bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = edgectc.export(bundle, target="pte", delegate="portable", out=tmp_path)
    assert made.report.status == "pass"
    assert "portable kernels need" in caplog.text
    assert made.manifest.parity["ms_per_call"] > 0 < made.manifest.parity["ms_per_call_torch"]
    assert b"XnnpackBackend" not in made.path.read_bytes()


@pytest.mark.slow
def test_the_core_ml_delegate(bundle: Path, tmp_path: Path) -> None:
    made = edgectc.export(bundle, target="pte", delegate="coreml", out=tmp_path)
    assert made.report.status == "not_run"
    assert b"CoreMLBackend" in made.path.read_bytes()
    assert made.manifest.parity == {}
    with pytest.raises(MissingDependencyError, match="needs macOS"):
        edgectc.load(made.path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"delegate": "xnpack"}, "delegate is 'xnpack'"),
        ({"length": "any"}, "length is 'any'"),
        ({"length": "dynamic", "buckets": (64,)}, "needs no buckets"),
        ({"opset": 18}, "has no opset"),
    ],
)
def test_options_are_checked(options: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=says):
        edgectc.export(target="pte", out=tmp_path, **options)


def test_a_delegate_that_took_nothing_is_refused() -> None:
    import torch

    class Sums(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cumsum(x, 1)

    target = registry.module("targets", "pte")
    with pytest.raises(ExportError, match="xnnpack took no part of forward"):
        target.create(target.Options()).convert(Sums(), {"x": torch.ones(1, 4, 2)})


class _Grouped(nn.Module):
    """A group norm over all frames, padding included, as wav2vec2 has it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(1, 16, 10, 5), nn.GroupNorm(16, 16)
        self.head = nn.Linear(16, 4)
        with torch.no_grad():
            self.norm.weight.uniform_(0.5, 2.0)
            self.norm.bias.uniform_(-1.0, 1.0)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.head(self.norm(self.conv(x[:, None])).transpose(1, 2)).log_softmax(-1)


@torch.no_grad()
def test_a_group_norm_is_written_out_with_its_own_answers() -> None:
    torch.manual_seed(0)
    network = _Grouped()
    written = pte_repairs.with_plain_layers(network)
    assert isinstance(network.norm, nn.GroupNorm)  # the network itself is not changed
    assert not any(isinstance(module, nn.GroupNorm) for module in written.modules())
    x = torch.zeros(2, 800)
    x[0, :31] = torch.randn(31)  # mostly zeros
    x[1] = torch.randn(800)
    wide = _Grouped().double()
    wide.load_state_dict(network.state_dict())
    want = wide(x.double(), torch.tensor([31, 800]))
    got = written(x, torch.tensor([31, 800]))
    assert float((got - want).abs().max()) < 1e-5
    assert written.state_dict().keys() == network.state_dict().keys()
    plain = nn.Sequential(nn.Linear(2, 2))
    assert pte_repairs.with_plain_layers(plain) is plain


@pytest.mark.slow
def test_a_group_norm_of_a_recording_that_is_mostly_zeros(tmp_path: Path) -> None:
    """The kernel of ExecuTorch 1.4 is 2.5e-3 nats off here."""
    torch.manual_seed(0)
    network = _Grouped().eval()
    sample = torch.randn(2, 1600).clamp(-1, 1), torch.tensor([1600, 31])
    made = edgectc.export(
        network, target="pte", sample=sample, tokens=["<blank>", "a", "b", "c"], padding="zeros",
        check_blank=False, out=tmp_path / "x.pte",
    )  # fmt: skip
    x = sample[0][1, :31]
    padded = torch.zeros(1, 1600)
    padded[0, :31] = x
    with torch.no_grad():
        want = network.double()(padded.double(), torch.tensor([31]))[0].numpy()
    got = edgectc.load(made).log_probs(x.numpy())
    assert np.abs(got - want[: len(got)]).max() < 1e-4


def test_executorch_itself_is_linked_with_torch() -> None:
    """The day it is not, `edgectc.runtime.runners.pte` need not import torch either."""
    spec = importlib.util.find_spec("executorch.extension.pybindings")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0])
    (binary,) = [*folder.glob("_portable_lib*.so"), *folder.glob("_C*.so")]
    assert b"libtorch_python.so" in binary.read_bytes()


@pytest.mark.slow
def test_a_pte_costs_little_beyond_torch() -> None:
    """Neither the compiler is imported, nor are there copies of the program.

    Measured: 0.2 s of processor time and 23 MB to load the shipped file with its words, 27 MB more
    for the first of its answers. With the compiler it was 4 s and 130 MB.
    """
    shipped = bundles.locate("swipe-en") / "artifacts" / "swipe-en-int8-static.pte"
    code = (
        "import sys, time, torch, numpy, edgectc\n"
        "from edgectc.benchmarking.machine import peak_rss_bytes\n"
        "began, before = time.process_time(), peak_rss_bytes()\n"
        "model = edgectc.load(sys.argv[1])\n"
        "t = numpy.linspace(0.0, 1.0, 40)\n"
        "assert model(numpy.stack([t, 0.2 + 0 * t, 400 * t], 1)).candidates\n"
        "assert not {'executorch.exir', 'torchao'} & {*sys.modules}\n"
        "print(time.process_time() - began, (peak_rss_bytes() - before) / 1e6)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(shipped)], capture_output=True, text=True, check=True
    )
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 1.5
    assert megabytes < 90
