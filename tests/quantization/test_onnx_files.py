"""ONNX files of others in fewer bits; the oracle is the file, run by hand in ONNX Runtime."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnx_files
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgectc
from edgectc.commands import cli
from edgectc.core.errors import ConfigError, ExportError, InputError, UnsupportedSchemeError
from edgectc.exporting.onnx_files import simplifying
from edgectc.quantization import timing

C, V, ROWS = 6, 7, 80
SYMBOLS = ["<blank>", *"abcdef"]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are not what is tested here."""
    monkeypatch.setattr(timing, "_ROUNDS", 1)


def constant(name: str, values: np.ndarray) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(values, name))


def network(opset: int = 11) -> bytes:
    """As Paddle writes: weights are nodes, nodes have no names, an old operator set, batch norm."""
    rng = np.random.default_rng(3)
    f = np.float32
    weights = {
        "w": rng.standard_normal((16, C, 3)).astype(f) * f(0.5),
        "scale": rng.uniform(0.5, 2, 16).astype(f),
        "shift": rng.standard_normal(16).astype(f),
        "mean": rng.standard_normal(16).astype(f),
        "var": rng.uniform(0.5, 2, 16).astype(f),
        "m": rng.standard_normal((16, V)).astype(f),
        "b": np.array([4.0] + [0.0] * (V - 1), f),  # the blank is the best where nothing is said
    }
    nodes = [
        *(constant(name, values) for name, values in weights.items()),
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1]),
        helper.make_node("BatchNormalization", ["c", "scale", "shift", "mean", "var"], ["n"]),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("Transpose", ["r"], ["t"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["t", "m"], ["p"]),
        helper.make_node("Add", ["p", "b"], ["out"]),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", C, "T"])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [given], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    return bytes(model.SerializeToString())


def by_hand(data: bytes, x: np.ndarray) -> np.ndarray:
    """Return log_probs (T, V) of features (T, C)."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    scores = session.run(None, {"x": x.T[None]})[0][0].astype(np.float64)
    return scores - np.log(np.exp(scores).sum(-1, keepdims=True))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("theirs.onnx").write_bytes(data := network())
    onnx_files.tokens(Path("t.txt"), SYMBOLS)
    rng = np.random.default_rng(0)
    features = rng.standard_normal((ROWS, 40, C)).astype(np.float32)
    lengths = rng.integers(15, 41, ROWS)
    texts = []
    for x, n in zip(features, lengths, strict=True):
        best = by_hand(data, x[:n]).argmax(-1)
        texts.append("".join(SYMBOLS[c] for i, c in enumerate(best) if c and c != [0, *best][i]))
    np.savez("c.npz", features=features, lengths=lengths, texts=np.array(texts))
    np.savez("s.npz", features=features[:3], lengths=lengths[:3])
    return tmp_path


@pytest.fixture
def adopted(files: Path) -> Path:
    return edgectc.adopt("theirs.onnx", tokens="t.txt", sample="s.npz", max_frames=64).path


@pytest.mark.parametrize("scheme", ["int8-static", "int8-dynamic", "int8-weight", "float16"])
def test_an_adopted_file_in_every_scheme(scheme: str, adopted: Path) -> None:
    done = edgectc.quantize(adopted, target="onnx", scheme=scheme, calibration="c.npz")
    assert done.artifact.path.name == f"theirs-{scheme}.onnx"
    assert edgectc.verify(done.artifact).status == "pass"
    assert len(done.report["tried"]) == 1
    assert done.report["operators"] == (0 if scheme == "float16" else 2)
    assert done.point.drop.before == 0.0
    x = np.load("c.npz")["features"][7][:33]
    apart = np.abs(edgectc.load(done.artifact).log_probs(x) - by_hand(network(), x))
    assert 0.0 < apart.max() < (0.02 if scheme == "float16" else 0.5)


def test_a_raw_file_by_one_command(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (
        "quantize theirs.onnx --tokens t.txt --sample s.npz --calibration c.npz --target onnx "
        "--max-drop 5 --json"
    )
    assert cli.main(line.split()) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["path"] == "theirs-int8-static.onnx"
    assert document["quantization"]["loss"]["rows"] == ROWS
    kinds = [node.op_type for node in onnx.load(document["path"]).graph.node]
    assert kinds.count("QuantizeLinear") == 3  # to and from the convolution, to the product
    assert "BatchNormalization" not in kinds
    assert cli.main(["eval", document["path"], "--data", "c.npz", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["error_rate"]["value"] < 0.05


def test_ranges_are_those_of_what_runs_through(adopted: Path) -> None:
    done = edgectc.quantize(adopted, target="onnx", calibration="c.npz", calibrator="minmax")
    held = {t.name: t for t in onnx.load(done.artifact.path).graph.initializer}
    scales = [name for name in held if name.endswith("/in/scale")]
    rows = np.load("c.npz")
    cut = [x[:n] for x, n in zip(rows["features"], rows["lengths"], strict=True)]
    low, high = min(map(np.min, cut)), max(map(np.max, cut))
    found = [float(numpy_helper.to_array(held[name])) for name in scales]
    assert any(abs(one - (high - low) / 255) < 1e-6 for one in found)


def test_more_sensitive_operators_stay_in_float(adopted: Path) -> None:
    """What the search ranks is what happens if one operator alone is quantized."""
    given = {"target": "onnx", "calibration": "c.npz"}
    done = edgectc.quantize(adopted, max_drop=50.0, **given)
    assert done.point.float_operators == ()
    with pytest.raises(edgectc.BudgetError, match="no quantized network meets"):
        edgectc.quantize(adopted, max_drop=50.0, min_speedup=1e6, **given)


def test_what_cannot_be_is_refused_by_name(adopted: Path) -> None:
    given = {"target": "onnx", "calibration": "c.npz"}
    with pytest.raises(ConfigError, match=r"so it stays ONNX; say target='onnx'"):
        edgectc.quantize(adopted, target="pte", calibration="c.npz")
    with pytest.raises(UnsupportedSchemeError, match=r"'int4-weight'; it takes \['float32'"):
        edgectc.quantize(adopted, scheme="int4-weight", **given)
    with pytest.raises(ConfigError, match=r"tokens was said when .* leave it out"):
        edgectc.quantize(adopted, tokens="t.txt", **given)
    with pytest.raises(ConfigError, match=r"needs sample=FILE\.npz"):
        edgectc.quantize("theirs.onnx", tokens="t.txt", **given)
    with pytest.raises(ConfigError, match="got tuple"):
        edgectc.quantize("theirs.onnx", tokens="t.txt", sample=(1, 2), **given)
    with pytest.raises(ConfigError, match="has no token; did you mean tokens"):
        edgectc.quantize("theirs.onnx", token="t.txt", sample="s.npz", **given)
    few = np.load("c.npz")
    np.savez("few.npz", **{name: few[name][:5] for name in few.files})
    with pytest.raises(InputError, match="5 usable recordings to calibrate with"):
        edgectc.quantize(adopted, target="onnx", calibration="few.npz")
    np.savez("dev.npz", **{name: few[name][:16] for name in few.files})
    symbols = sum(map(len, few["texts"][:16].tolist()))
    needed = int(np.ceil(100 / 0.1 * 16 / symbols))
    with pytest.raises(InputError, match=rf"16 labelled recordings cannot.*give {needed} rec"):
        edgectc.quantize(adopted, dev="dev.npz", max_drop=0.1, **given)


def test_noise_says_nothing_of_fewer_bits(files: Path) -> None:
    made = edgectc.adopt("theirs.onnx", tokens="t.txt", out="noise.onnx", max_frames=64)
    with pytest.raises(ConfigError, match=r"make it again with sample="):
        edgectc.quantize(made, target="onnx", calibration="c.npz")
    again = edgectc.adopt(
        "theirs.onnx", tokens="t.txt", sample="s.npz", out="noise.onnx", max_frames=64
    )
    assert edgectc.quantize(again, target="onnx", calibration="c.npz").point.drop is not None


def test_a_file_that_is_quantized_is_not_quantized_again(adopted: Path) -> None:
    done = edgectc.quantize(adopted, target="onnx", calibration="c.npz")
    with pytest.raises(UnsupportedSchemeError, match="is int8-static already"):
        edgectc.quantize(done.artifact, target="onnx", calibration="c.npz")
    with pytest.raises(ExportError, match="it is quantized already"):
        simplifying.folded(done.artifact.path.read_bytes())


def test_images(files: Path) -> None:
    """Recordings (N, C, H, W) calibrate and are measured as they are."""
    Path("image.onnx").write_bytes(onnx_files.build(layout="NCHW"))
    words = ["abc", "deaf", "fade", "bad", "cab", "fab", "dab", "bed"] * 10
    columns = np.stack([onnx_files.spoken(word) for word in words])  # (N, W, 2 * 3)
    images = columns.transpose(0, 2, 1).reshape(len(words), 2, 3, -1)
    np.savez("i.npz", features=images, texts=np.array(words))
    np.savez("is.npz", features=images[:3])
    made = edgectc.adopt("image.onnx", tokens="t.txt", sample="is.npz", max_frames=64)
    figures = edgectc.evaluate(made.path, "i.npz")
    assert figures["rows"] == 80
    assert figures["error_rate"]["value"] == 0.0
    done = edgectc.quantize(made, target="onnx", calibration="i.npz", max_drop=1.0)
    assert edgectc.evaluate(done.artifact.path, "i.npz")["error_rate"]["value"] == 0.0
    assert edgectc.load(done.artifact)(images[1]).best.text == "deaf"
