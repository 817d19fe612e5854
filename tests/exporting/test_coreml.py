"""Core ML packages: written whole, read back, evaluated off a Mac, refused when damaged."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import edgectc
from edgectc.commands.cli import main
from edgectc.core import registry
from edgectc.core.console import suppress_output
from edgectc.core.errors import (
    BundleError,
    BundleMismatchError,
    ConfigError,
    ExportError,
    MissingDependencyError,
    ParityError,
)
from edgectc.exporting import artifact, untrained
from edgectc.exporting.targets import coreml
from edgectc.formats import manifest as manifests
from edgectc.runtime import mil

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="checks what other systems do")
FAMILIES = [
    "gru",
    *(
        pytest.param(f, marks=pytest.mark.slow)
        for f in ("conformer", "i3d", "mobilenetv3", "tcn", "transformer")
    ),
]


def statuses(report: Any) -> dict[str, str]:
    return {check.name: check.status for check in report.checks}


def test_a_package_alone_in_a_folder(artifacts: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "swipe-en.mlpackage"
    shutil.copytree(artifacts["coreml"], path)
    report = edgectc.verify(path)
    assert statuses(report) == {
        "hash": "pass", "contract": "pass", "weights": "pass", "arithmetic": "pass",
        "padding": "pass", "resampling": "pass", "greedy": "pass", "words": "pass",
        "log_probs": "not_run",
    }  # fmt: skip
    assert report.status == "not_run"
    assert "needs macOS" in report.checks[-1].detail
    assert report.figures["max_abs_diff"] <= 1e-4
    manifest = manifests.read(path)[1]
    assert (manifest.target, manifest.name) == ("coreml", "swipe-en")
    with pytest.raises(MissingDependencyError, match="needs macOS 14"):
        edgectc.load(path)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_converts_and_computes_the_same(family: str, tmp_path: Path) -> None:
    bundle = untrained.initialise(tmp_path / family, family, name=family).path
    made = edgectc.export(bundle, target="coreml", out=tmp_path)
    assert {k: v for k, v in statuses(made.report).items() if v != "pass"} == {
        "words": "not_run", "log_probs": "not_run",
    }  # fmt: skip
    assert made.report.figures["max_abs_diff"] <= 2e-6


def test_from_the_command_line(artifacts: dict[str, Path], capsys: Any) -> None:
    path = str(artifacts["coreml"])
    assert main(["verify", path, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["status"] == "not_run"
    assert main(["inspect", path]) == 0
    assert "target: coreml" in capsys.readouterr().out
    assert main(["decode", path, "--input", "x.jsonl"]) == 3
    assert "needs macOS" in capsys.readouterr().err


def test_the_tree_hash_can_be_made_with_sha256sum(artifacts: dict[str, Path]) -> None:
    data, _ = manifests.read(artifacts["coreml"])
    assert isinstance(data, dict)
    (name,) = [name for name, content in data.items() if manifests.PREFIX in content]
    assert name == "Data/com.apple.CoreML/model.mlmodel"
    start = data[name].index(manifests.PREFIX) + len(manifests.PREFIX)
    stored = data[name][start : start + 64].decode()
    zeroed = {**data, name: data[name][:start] + b"0" * 64 + data[name][start + 64 :]}
    lines = [f"{hashlib.sha256(zeroed[k]).hexdigest()}  {k}\n" for k in sorted(zeroed)]
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == stored


def damage(place: Path, kind: str) -> None:
    weights = next(place.rglob("weight.bin"))
    if kind == "bit":
        content = bytearray(weights.read_bytes())
        content[len(content) // 2] ^= 1
        weights.write_bytes(content)
    elif kind == "missing":
        weights.unlink()
    elif kind == "more":
        (place / "Data" / "note.txt").write_text("x")
    elif kind == "renamed":
        weights.rename(weights.with_name("weights.bin"))
    elif kind == "swapped":
        one, two = weights, place / "Manifest.json"
        a, b = one.read_bytes(), two.read_bytes()
        one.write_bytes(b)
        two.write_bytes(a)


@pytest.mark.parametrize("kind", ["bit", "missing", "more", "renamed", "swapped"])
def test_any_change_to_the_folder_is_seen(
    kind: str, artifacts: dict[str, Path], tmp_path: Path
) -> None:
    place = tmp_path / "x.mlpackage"
    shutil.copytree(artifacts["coreml"], place)
    damage(place, kind)
    with pytest.raises(BundleMismatchError, match="damaged"):
        edgectc.verify(place)


def test_links_and_other_folders_are_refused(artifacts: dict[str, Path], tmp_path: Path) -> None:
    place = tmp_path / "x.mlpackage"
    shutil.copytree(artifacts["coreml"], place)
    (place / "link").symlink_to("/etc/hostname")
    with pytest.raises(BundleError, match="no plain file"):
        edgectc.verify(place)
    (tmp_path / "empty.mlpackage").mkdir()
    with pytest.raises(BundleError, match="no manifest"):
        edgectc.verify(tmp_path / "empty.mlpackage")


@pytest.mark.slow
def test_what_an_export_may_replace(tmp_path: Path) -> None:
    bundle = untrained.initialise(tmp_path / "gru", "gru", name="gru").path
    mine = tmp_path / "mine.mlpackage"
    mine.mkdir()
    (mine / "diary.txt").write_text("x")
    with pytest.raises(ConfigError, match="no artifact"):
        edgectc.export(bundle, target="coreml", out=mine)
    with pytest.raises(ConfigError, match=r"is a folder NAME\.mlpackage"):
        edgectc.export(bundle, target="coreml", out=tmp_path / "x.bin")
    first = edgectc.export(bundle, target="coreml", out=tmp_path / "x.mlpackage").path
    again = edgectc.export(bundle, target="coreml", out=tmp_path / "x.mlpackage").path
    assert first == again
    assert statuses(edgectc.verify(again))["arithmetic"] == "pass"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["gru", "mine.mlpackage", "x.mlpackage"]


class Scaled(torch.nn.Module):
    """The network with one weight scaled by 1.01, or its length frozen."""

    def __init__(self, model: torch.nn.Module, how: str) -> None:
        super().__init__()
        self.model, self.how = model, how
        if how == "scaled":
            with torch.no_grad():
                self.model.encoder.norm.weight.mul_(1.01)  # type: ignore[union-attr,operator]

    def forward(self, signal: Any, length: Any, day: Any) -> Any:
        return self.model(signal, length * 0 + 64 if self.how == "frozen" else length, day)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["scaled", "frozen"])
def test_planted_bugs_leave_no_folder(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = untrained.initialise(tmp_path / "gru", "gru", name="gru").path
    real = coreml.CoremlTarget.convert
    monkeypatch.setattr(
        coreml.CoremlTarget,
        "convert",
        lambda self, m, i, *plan, **more: real(self, Scaled(m, how), i),
    )
    with pytest.raises(ParityError, match=r"failed arithmetic|changed the weight"):
        edgectc.export(bundle, target="coreml", out=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["gru"]


@pytest.mark.slow
def test_without_its_repair_a_reciprocal_is_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with suppress_output():  # importing it warns
        from coremltools.converters.mil.frontend.torch import ops
        from coremltools.converters.mil.frontend.torch.torch_op_registry import (
            _TORCH_OPS_REGISTRY,
        )
    real, original = coreml.repaired, ops.reciprocal

    @contextlib.contextmanager
    def half() -> Iterator[None]:
        with real():
            _TORCH_OPS_REGISTRY.name_to_func_mapping["reciprocal"] = original
            yield

    monkeypatch.setattr(coreml, "repaired", half)
    with pytest.raises(
        ParityError, match=r"failed arithmetic: in numpy: max .difference. 0\.0?[1-9]"
    ):
        edgectc.export(target="coreml", out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_weight_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = untrained.initialise(tmp_path / "gru", "gru", name="gru").path
    real = artifact._compare_weights

    def careless(stored: Any, model: Any) -> None:
        assert "head_scores_weight" in stored
        with torch.no_grad():
            model.head.scores.weight[3, 5] += 1e-3
        real(stored, model)

    monkeypatch.setattr(artifact, "_compare_weights", careless)
    with pytest.raises(ParityError, match=r"changed the weight head\.scores\.weight by 0\.001"):
        edgectc.export(bundle, target="coreml", out=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["gru"]


def test_threads_are_not_ours_to_choose() -> None:
    with pytest.raises(ConfigError, match="chooses its threads"):
        registry.create("runners", {"type": "coreml", "threads": 2}, source={})


# The evaluation in numpy against torch.


def close(ours: Any, theirs: torch.Tensor) -> None:
    np.testing.assert_allclose(np.asarray(ours), theirs.detach().numpy(), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("groups", "stride", "dilation", "pad"),
    [(1, 1, 1, 1), (2, 2, 1, 0), (6, 1, 2, 3), (1, 3, 2, 2)],
)
def test_convolutions(groups: int, stride: int, dilation: int, pad: int) -> None:
    torch.manual_seed(0)
    x, w, b = torch.randn(2, 6, 20), torch.randn(12, 6 // groups, 3), torch.randn(12)
    ours = mil._conv(
        x.numpy(), w.numpy(), b.numpy(), strides=[stride], pad_type="custom", pad=[pad, pad],
        dilations=[dilation], groups=groups,
    )  # fmt: skip
    close(ours, F.conv1d(x, w, b, stride, pad, dilation, groups))


def test_two_dimensional_convolution_and_pool() -> None:
    torch.manual_seed(0)
    x, w = torch.randn(1, 4, 7, 9), torch.randn(3, 4, 3, 2)
    ours = mil._conv(x.numpy(), w.numpy(), strides=[2, 1], pad_type="custom", pad=[1, 1, 0, 0])
    close(ours, F.conv2d(x, w, stride=(2, 1), padding=(1, 0)))
    ours = mil._max_pool(x.numpy(), [3, 3], [2, 1], "custom", [1, 1, 1, 1])
    close(ours, F.max_pool2d(x, 3, (2, 1), 1))


@pytest.mark.parametrize("pad", [0, 1])
def test_transposed_convolution(pad: int) -> None:
    torch.manual_seed(0)
    x, w, b = torch.randn(2, 5, 6), torch.randn(5, 3, 4), torch.randn(3)
    ours = mil._conv_transpose(
        x.numpy(), w.numpy(), b.numpy(), strides=[3], pad_type="custom", pad=[pad, pad]
    )
    close(ours, F.conv_transpose1d(x, w, b, 3, pad))


def test_lstm_norm_and_activations() -> None:
    torch.manual_seed(0)
    layer, x = torch.nn.LSTM(4, 3), torch.randn(6, 2, 4)
    order = [0, 1, 3, 2]  # torch has i f g o, MIL i f o g

    def gates(t: torch.Tensor) -> np.ndarray[Any, Any]:
        return torch.cat([t.chunk(4)[i] for i in order]).detach().numpy()

    zero = np.zeros((2, 3), np.float32)
    bias = gates(layer.bias_ih_l0) + gates(layer.bias_hh_l0)
    ours = mil._lstm(
        x.numpy(), zero, zero, gates(layer.weight_ih_l0), gates(layer.weight_hh_l0), bias,
        output_sequence=True,
    )  # fmt: skip
    theirs, (h, c) = layer(x)
    close(ours[0], theirs)
    close(ours[1], h[0])
    close(ours[2], c[0])
    g, s = torch.randn(4), torch.randn(4)
    close(mil._layer_norm(x.numpy(), [-1], g.numpy(), s.numpy(), 1e-5), F.layer_norm(x, (4,), g, s))
    close(mil._gelu(x.numpy()), F.gelu(x))
    close(mil._sigmoid(x.numpy()), torch.sigmoid(x))
    close(mil._softmax(x.numpy(), 1), torch.softmax(x, 1))
    close(mil._log_sum_exp(x.numpy() * 50, [1], True), torch.logsumexp(x * 50, 1, keepdim=True))


def test_shapes_of_tensors() -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    n = x.numpy()
    close(mil._slice(n, [0, 1, 3], [0, 3, 0], None, None, [True, False, True]), x[:, 1:3, 3:])
    close(
        mil._slice(n, [1, 0, 0], [0, 0, 0], [1, 1, 2], None, [True] * 3, [True, False, False]),
        x[1, :, ::2],
    )
    close(mil._pad(n, [1, 0, 2, 3], constant_val=np.float32(7)), F.pad(x, (2, 3, 1, 0), value=7.0))
    close(mil._reshape(n, [0, -1]), x.reshape(2, 12))
    parts = mil._split(n, 2, split_sizes=np.array([1, 3]))
    close(parts[1], x[:, :, 1:])
    close(mil._matmul(n, n, transpose_y=True), x @ x.transpose(1, 2))


def test_unknown_operators_are_said_not_guessed() -> None:
    for call in (
        lambda: mil._conv(np.ones((1, 1, 4)), np.ones((1, 1, 3)), pad_type="same"),
        lambda: mil._gelu(np.ones(3), mode="TANH_APPROXIMATION"),
        lambda: mil._lstm(*[np.ones((1, 1, 1))] * 5, direction="reverse"),
        lambda: mil._max_pool(np.ones((1, 1, 4)), [2], ceil_mode=True),
    ):
        with pytest.raises(ExportError, match="checked off a Mac"):
            call()


def test_importing_the_runner_imports_nothing_heavy() -> None:
    code = "import sys, edgectc.runtime.runners.coreml as _\n"
    code += "print({'coremltools', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
