"""Families, the decoder and the samples of `edgectc quantize`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load as load_tensors

import edgectc
from edgectc.commands import cli
from edgectc.core import registry, schemes
from edgectc.core.errors import InputError, NonFiniteError, UnsupportedSchemeError
from edgectc.exporting import artifact, exporter, packing
from edgectc.exporting import origin as origin_module
from edgectc.exporting.lowering import quantization_plan
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest
from edgectc.networks.model import CtcModel

LONG = pytest.mark.skipif("EDGECTC_LONG" not in os.environ, reason="takes minutes: EDGECTC_LONG=1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "target", "scheme"),
    [
        ("gru", "onnx", "int8-weight"),
        ("gru", "pte", "int8-dynamic"),
        pytest.param("i3d", "pte", "int8-static", marks=LONG),
        ("mobilenetv3", "onnx", "int8-dynamic"),
    ],
)
def test_other_families(
    family: str, target: str, scheme: str, small: Callable[[str], Path], tmp_path: Path
) -> None:
    """Reordered gates, a loop over frames, layers beside a loop, transposed weights."""
    done = edgectc.quantize(small(family), out=tmp_path, target=target, scheme=scheme, limit=8)
    assert done.report["after"]["bytes"] < done.report["before"]["bytes"]
    assert done.report["numbers"]["agreement"] > 0.98
    assert edgectc.verify(done.artifact.path).status == "pass"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["int8-static", "int8-dynamic"])
def test_masks_softmax_and_the_tail_stay_in_float(
    scheme: str, small: Callable[[str], Path]
) -> None:
    """Only layers of the plan are rounded: nothing rounded feeds or leaves what is by design."""
    import onnx

    origin = origin_module.of_bundle(small("conformer"))
    maker, how = exporter.target_for("onnx", scheme), schemes.scheme(scheme)
    found = quantization_plan.operators(origin.model, maker.kinds(scheme))
    names = [one.name for one in found]
    assert len(names) > 10
    ends = dict.fromkeys(names, (-4.0, 4.0))
    plan = quantization_plan.Plan(how, frozenset(names), ends, ends, ends)
    graph = onnx.load_from_string(
        maker.convert(origin.model, artifact.example_inputs(origin), plan)
    ).graph
    users: dict[str, list[str]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node.op_type)
    rounded = {"DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"}
    takes = {kind for n in graph.node if n.op_type in rounded for kind in users[n.output[0]]}
    floats = {"Softmax", "LogSoftmax", "LayerNormalization", "Where", "Sqrt", "Exp", "ReduceMean"}
    assert takes
    assert not takes & floats
    assert {"Softmax", "LogSoftmax"} & {n.op_type for n in graph.node}
    last = {n.output[0]: n for n in graph.node}[graph.output[0].name]
    assert last.op_type not in rounded


@pytest.mark.slow
def test_the_decoder_is_tuned_for_the_new_network_and_says_so(
    swipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["quantize", "--target", "onnx", "--calibration", str(swipes), "--dev", str(swipes)]
    assert cli.main([*given, "--samples", "64", "--retune-decoder", "--out", str(tmp_path)]) == 0
    assert "tuned on these same recordings" in capsys.readouterr().out
    made = manifest.read(tmp_path / "swipe-en-int8-static.onnx")[1]
    assert made.source.quantization["decoder_tuned"]
    shipped = bundles.read(bundles.locate(None)).index.decoder
    assert made.decoder["type"] == "lexicon"
    assert made.decoder != registry.complete("decoders", shipped)
    loaded = edgectc.load(tmp_path / "swipe-en-int8-static.onnx")
    assert loaded.preset["lm_weight"] == made.decoder["lm_weight"]


def test_why_no_sample_is_usable_is_told(small: Callable[[str], Path], tmp_path: Path) -> None:
    frames, channels = 20, 7
    np.savez(
        tmp_path / "raw.npz",
        signal=np.ones((80 * frames, channels), np.float32),
        length=np.full(80, frames),
        target=np.array(["AA B"] * 80),
        split=np.array(["train"] * 80),
        group=np.array(["day-0"] * 80),
    )
    raw = str(tmp_path / "raw.npz")
    with pytest.raises(InputError, match=r"left out: 80 bad_shape \(raw-0: .*\(20, 7\)"):
        edgectc.quantize(
            small("gru"), target="onnx", out=tmp_path, calibration=raw, scheme="int8-weight"
        )


def wide(source: Path, folder: Path, weight: float) -> Path:
    """A bundle with one channel of large weights, and the reference answers that follow from it."""
    bundle = bundles.read(source)
    changed = CtcModel(bundle.index.model)
    tensors = load_tensors(bundle.file("weights.safetensors"))
    tensors["encoder.coarse.0.conv.conv.weight"][0] = weight
    changed.load_state_dict(tensors)
    return packing.repack(bundle, folder, model=changed).path


@pytest.mark.parametrize("target", ["onnx", "coreml"])
def test_a_weight_beyond_float16_is_named(
    target: str, small: Callable[[str], Path], swipes: Path, tmp_path: Path
) -> None:
    bundle, out = wide(small("tcn"), tmp_path / "wide", 7e4), tmp_path / "x.mlpackage"
    with pytest.raises(NonFiniteError, match=r"encoder\.coarse\.0\.conv\.conv\.weight \(up to 699"):
        edgectc.quantize(bundle, target=target, scheme="float16", out=out, dev=str(swipes))
    with pytest.raises(UnsupportedSchemeError, match="'pte' cannot hold scheme 'float16'"):
        edgectc.quantize(bundle, target="pte", scheme="float16", out=tmp_path / "x.pte")
    assert not [*tmp_path.glob("x*")]


def test_an_activation_beyond_float16_is_named(
    small: Callable[[str], Path], swipes: Path, tmp_path: Path
) -> None:
    """Core ML computes in float16; the other targets only store weights in it."""
    pytest.importorskip("coremltools")
    bundle, out = wide(small("tcn"), tmp_path / "wide", 6.5e4), tmp_path / "x.mlpackage"
    with pytest.raises(
        NonFiniteError, match=r"activations leave the range of float16 .*encoder\.coarse\.0\.conv"
    ):
        edgectc.quantize(
            bundle, target="coreml", scheme="float16", out=out, calibration=str(swipes), limit=8
        )
    assert not out.exists()
