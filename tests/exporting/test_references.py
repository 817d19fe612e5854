"""What of the proof travels inside a file: within a budget, beside it, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import networks
import numpy as np
import onnx_files
import pytest
import torch
from networks import TOKENS
from torch import Tensor, nn

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import ConfigError


class Wide(nn.Module):
    """Few weights, long recordings of many channels: the proof outweighs the proven."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner, self.head = nn.Linear(80, 64), nn.Linear(64, len(TOKENS))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.head(torch.tanh(self.inner(x)))


def sample() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 600, 80, generator=generator), torch.tensor([600, 450, 200, 30])


def weights_bytes(network: nn.Module) -> int:
    return sum(4 * one.numel() for one in network.parameters())


GIVEN = {"target": "onnx", "tokens": TOKENS}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def held(made: Any) -> int:
    """Return the bytes of arrays inside, as text."""
    cases = made.manifest.reference.values()
    return sum(len(c.trace.base64) + len(c.log_probs.base64) for c in cases)


def test_by_default_it_is_no_larger_than_the_weights_nor_60_kb(here: Path) -> None:
    network = Wide()
    made = edgectc.export(network, sample=sample(), **GIVEN)
    assert weights_bytes(network) < 60_000
    assert 30_000 < held(made) <= 60_000
    assert made.bytes < weights_bytes(network) + 80_000
    names = {*made.manifest.reference}
    assert {"length-1", "length-7"} < names
    assert any(name.startswith("sample-0-first-") for name in names)
    assert edgectc.verify(made).status == "pass"
    told = {check.name: check.detail for check in made.report.checks}
    assert "lengths 1, 2, 7, 31, 200, " in told["log_probs"]  # before it got its name: all
    assert "450, 599, 600" in told["log_probs"]
    assert told["references"].startswith(f"{len(names)} of ")


@pytest.mark.parametrize("most", [20_000, 300_000])
def test_a_budget_is_kept_and_the_answers_are_the_networks(most: int, here: Path) -> None:
    network = Wide().eval()
    made = edgectc.export(network, sample=sample(), references=most, **GIVEN)
    assert 0.4 * most < held(made) <= most
    for case in made.manifest.reference.values():
        x = torch.from_numpy(case.trace.array())
        with torch.no_grad():
            expected = network(x[None, : case.length], None)[0].log_softmax(-1).numpy()
        np.testing.assert_allclose(case.log_probs.array(), expected, atol=1e-5)
        assert len(x) == case.length


@pytest.mark.slow
def test_a_budget_that_nothing_fits_names_one_that_does(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"the smallest has .*; say references=(\d+) or") as info:
        edgectc.export(Wide(), sample=sample(), references=400, **GIVEN)
    enough = int(str(info.value).partition("say references=")[2].split()[0])
    made = edgectc.export(Wide(), sample=sample(), references=enough, **GIVEN)
    assert edgectc.verify(made).status == "pass"
    with pytest.raises(ConfigError, match="expected bytes, 1 or more"):
        edgectc.export(Wide(), sample=sample(), references=0, **GIVEN)


def test_none(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = edgectc.export(Wide(), sample=sample(), references="none", **GIVEN)
    assert made.manifest.reference == {}
    assert made.report.status == "pass"  # all of them were looked at
    assert edgectc.verify(made).status == "not_run"
    assert cli.main(["verify", str(made.path)]) == 3
    assert "made without reference cases" in capsys.readouterr().out
    assert edgectc.load(made)(np.zeros((30, 80), np.float32)) is not None


def test_a_file_beside_it(here: Path) -> None:
    made = edgectc.export(Wide(), sample=sample(), references="proof.safetensors", **GIVEN)
    assert made.manifest.reference == {}
    report = edgectc.verify(made)
    assert report.status == "pass"
    assert "450, 599, 600" in next(c.detail for c in report.checks if c.name == "log_probs")
    folder = here / "far" / "elsewhere"
    folder.mkdir(parents=True)
    alone = shutil.copy(made.path, folder)
    missing = edgectc.verify(alone)
    assert missing.status == "not_run"
    assert "proof.safetensors" in next(c.detail for c in missing.checks if c.status == "not_run")
    data = bytearray(Path("proof.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "proof.safetensors").write_bytes(data)
    assert edgectc.verify(alone).status == "not_run"  # another file of that name
    with pytest.raises(ConfigError, match=r"expected a file beside the artifact, '(.*)'") as info:
        edgectc.export(Wide(), sample=sample(), references="far/p.safetensors", **GIVEN)
    named = str(info.value).split("'")[3]
    assert edgectc.verify(
        edgectc.export(Wide(), sample=sample(), references=named, **GIVEN)
    ).status == "pass"  # fmt: skip


def test_on_the_command_line_and_when_quantized(here: Path) -> None:
    network = networks.seeded(networks.Lstm)
    x, lengths = networks.sample(rows=70)
    np.savez("c.npz", features=x.numpy(), lengths=np.full(70, 40))
    np.savez("s.npz", features=x[:2].numpy(), lengths=lengths[:2].numpy())
    Path("t.txt").write_text("\n".join(TOKENS) + "\n")
    line = "export networks:Lstm --sample s.npz --tokens t.txt --target onnx --references none"
    assert cli.main(line.split()) == 0
    assert cli.main("verify lstm.onnx".split()) == 3
    done = edgectc.quantize(
        network, sample="s.npz", calibration="c.npz", scheme="int8-weight", references=5000, **GIVEN
    )
    assert held(done.artifact) <= 5000
    assert edgectc.verify(done.artifact).status == "pass"
    with pytest.raises(ConfigError, match="references goes with package"):
        edgectc.export(target="onnx", references=5000)


def test_of_adopted_files(here: Path) -> None:
    Path("theirs.onnx").write_bytes(onnx_files.build())
    onnx_files.tokens(Path("t.txt"), ["<blank>", *onnx_files.LETTERS])
    onnx_files.sample(Path("s.npz"))
    given = {"tokens": "t.txt", "sample": "s.npz"}
    none = edgectc.adopt("theirs.onnx", references="none", **given)
    assert none.manifest.reference == {}
    assert edgectc.verify(none).status == "not_run"
    assert cli.main("adopt theirs.onnx --tokens t.txt --references p.safetensors".split()) == 0
    assert edgectc.verify("theirs-adopted.onnx").status == "pass"
    assert Path("p.safetensors").stat().st_size > 1000
    assert cli.main("adopt theirs.onnx --tokens t.txt --references 6000".split()) == 0
    assert edgectc.verify("theirs-adopted.onnx").status == "pass"
