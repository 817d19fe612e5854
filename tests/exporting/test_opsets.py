"""ONNX operator sets 14 to 25, both exporters, batches; the lowering against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import edgectc
from edgectc.core import registry
from edgectc.core.errors import ExportError, InputError, ParityError
from edgectc.exporting import untrained
from edgectc.exporting.lowering import opset_lowering

FAMILIES = ("conformer", "gru", "i3d", "mobilenetv3", "tcn", "transformer")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """An untrained bundle of a family."""
    folder = tmp_path_factory.mktemp("families")

    def pack(family: str) -> Path:
        place = folder / family
        return place if place.exists() else untrained.initialise(place, family, name=family).path

    return pack


def opset_of(path: Path) -> int:
    (entry,) = onnx.load(path).opset_import
    assert entry.domain == ""
    return int(entry.version)


def test_an_older_opset_answers_alike(packed: Callable[[str], Path], tmp_path: Path) -> None:
    for opset, version in ((14, 7), (17, 8)):
        made = edgectc.export(packed("conformer"), target="onnx", opset=opset, out=tmp_path)
        assert made.report.status == "pass"
        assert made.manifest.opset == opset == opset_of(made.path)
        assert made.report.figures["max_abs_diff"] <= 2e-6
        kinds = {node.op_type for node in onnx.load(made.path).graph.node}
        assert ("LayerNormalization" in kinds) == (opset == 17)
        assert onnx.load(made.path).ir_version == version


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "opset"),
    [
        (family, opset)
        for family in FAMILIES
        for opset in (range(14, 26) if family in ("tcn", "transformer") else (14, 17, 25))
    ],
)
def test_every_opset(
    family: str, opset: int, packed: Callable[[str], Path], tmp_path: Path
) -> None:
    made = edgectc.export(packed(family), target="onnx", opset=opset, out=tmp_path)
    assert made.report.status == "pass"
    assert made.manifest.opset == opset == opset_of(made.path)


@pytest.mark.parametrize(("family", "opset"), [("conformer", 14), ("i3d", 14), ("gru", 20)])
def test_the_legacy_exporter(
    family: str, opset: int, packed: Callable[[str], Path], tmp_path: Path
) -> None:
    made = edgectc.export(
        packed(family), target="onnx", opset=opset, exporter="legacy", out=tmp_path
    )
    assert made.report.status == "pass"
    assert opset_of(made.path) == opset


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("gru", {"opset": 14}),
        ("mobilenetv3", {"exporter": "legacy"}),
        pytest.param("transformer", {}, marks=pytest.mark.slow),
        pytest.param("conformer", {}, marks=pytest.mark.slow),
        pytest.param("i3d", {"opset": 14}, marks=pytest.mark.slow),
        pytest.param("tcn", {"opset": 14}, marks=pytest.mark.slow),
    ],
)
def test_ragged_batches(
    family: str, options: dict[str, Any], packed: Callable[[str], Path], tmp_path: Path
) -> None:
    made = edgectc.export(
        packed(family), target="onnx", dynamic_batch=True, out=tmp_path, **options
    )
    verdicts = {check.name: check.status for check in made.report.checks}
    assert (verdicts["batch"], verdicts["contract"], made.report.status) == ("pass",) * 3
    assert {one.shape[0] for one in (*made.manifest.inputs, made.manifest.output)} == {"N"}


class Frozen(torch.nn.Module):
    """Computes with the batch as a Python number, so that the exporter makes it a constant."""

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        x, length = inputs
        return x * float(len(x)) + length.reshape(-1, 1, 1)


class Mixed(torch.nn.Module):
    """Lets one sample of a batch into the others."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        out = self.model(*inputs)
        return out + 1e-2 * (out.mean(0, keepdim=True) - out)


def test_a_frozen_batch_is_named() -> None:
    target = registry.module("targets", "onnx")
    maker = target.create(target.Options(dynamic_batch=True))
    inputs = {"x": torch.ones(1, 4, 3), "length": torch.ones(1, dtype=torch.int32)}
    with pytest.raises(ExportError, match="froze the batch of 'x'"):
        maker.convert(Frozen(), inputs)


def test_samples_that_see_each_other_are_caught(
    packed: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = registry.module("targets", "onnx")
    real = target.OnnxTarget.convert
    monkeypatch.setattr(
        target.OnnxTarget,
        "convert",
        lambda self, model, *rest, **more: real(self, Mixed(model), *rest, **more),
    )
    with pytest.raises(ParityError, match="failed batch"):
        edgectc.export(packed("gru"), target="onnx", dynamic_batch=True, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_shape_is_an_input_error(packed: Callable[[str], Path], tmp_path: Path) -> None:
    made = edgectc.export(packed("gru"), target="onnx", out=tmp_path)
    loaded = edgectc.load(made.path)
    with pytest.raises(InputError, match="refused the inputs"):
        loaded.runner.run({"signal": np.zeros((2, 64, 16), np.float32)})


def test_no_path_of_this_machine_is_in_the_file(
    packed: Callable[[str], Path], tmp_path: Path
) -> None:
    data = edgectc.export(packed("conformer"), target="onnx", out=tmp_path).path.read_bytes()
    assert str(Path(edgectc.__file__).parent).encode() not in data
    assert b"stack_trace" not in data
    scopes = {p.key for n in onnx.load_from_string(data).graph.node for p in n.metadata_props}
    assert scopes == {"pkg.torch.onnx.name_scopes"}


# One node each: operator, attributes, input shapes (float32), further constant inputs (int64).
NODES = [
    ("LayerNormalization", {"axis": -1, "epsilon": 1e-3}, [(2, 3, 4), (4,), (4,)], []),
    ("LayerNormalization", {"axis": 1}, [(2, 3, 4), (3, 4)], []),
    ("ReduceMean", {"keepdims": 0}, [(2, 3, 4)], [[1, 2]]),
    ("ReduceMean", {}, [(2, 3, 4)], []),
    ("ReduceMax", {"keepdims": 1}, [(2, 3, 4)], [[-1]]),
    ("ReduceL2", {"keepdims": 0}, [(2, 3, 4)], [[0, 2]]),
    ("ReduceProd", {"noop_with_empty_axes": 1}, [(2, 3, 4)], []),
    ("ReduceSum", {}, [(2, 3, 4)], [[1]]),
    ("Split", {"axis": 2, "num_outputs": 2}, [(2, 3, 5)], []),
    ("Split", {"axis": 1}, [(2, 3, 5)], [[1, 2]]),
    ("Mish", {}, [(2, 3)], []),
    ("Shape", {"start": 1, "end": 3}, [(2, 3, 4)], []),
    ("Shape", {"start": -1}, [(2, 3, 4)], []),
    ("Where", {}, [(2, 3), (2, 3), (1, 3)], []),
]


def single(kind: str, attributes: dict[str, Any], shapes: list[Any], constants: list[Any]) -> Any:
    names = [f"x{i}" for i in range(len(shapes))]
    values = [helper.make_tensor_value_info(n, 1, s) for n, s in zip(names, shapes, strict=True)]
    fixed = [
        numpy_helper.from_array(np.array(c, np.int64), f"c{i}") for i, c in enumerate(constants)
    ]
    nodes = []
    if kind == "Where":
        nodes.append(helper.make_node("Cast", ["x0"], ["b"], to=TensorProto.BOOL))
    inputs = [*(["b", *names[1:]] if kind == "Where" else names), *(c.name for c in fixed)]
    outputs = ["y", "z"] if kind == "Split" else ["y"]
    nodes.append(helper.make_node(kind, inputs, outputs, name="one", **attributes))
    dtype = TensorProto.INT64 if kind == "Shape" else TensorProto.FLOAT
    out = [helper.make_tensor_value_info(name, dtype, None) for name in outputs]
    graph = helper.make_graph(nodes, "g", values, out, fixed)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return onnx.shape_inference.infer_shapes(model)


def answers(model: Any, inputs: dict[str, Any]) -> list[Any]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: list[Any] = session.run(None, inputs)
    return found


@pytest.mark.parametrize(("kind", "attributes", "shapes", "constants"), NODES)
@pytest.mark.parametrize("opset", [14, 15, 16, 17])
def test_a_lowered_operator_answers_alike(
    kind: str,
    attributes: dict[str, Any],
    shapes: list[Any],
    constants: list[Any],
    opset: int,
    rng: np.random.Generator,
) -> None:
    model = single(kind, attributes, shapes, constants)
    low = opset_lowering.lowered(model, opset)
    onnx.checker.check_model(low, full_check=True)
    assert [(e.domain, e.version) for e in low.opset_import] == [("", opset)]
    inputs = {f"x{i}": rng.normal(size=s).astype(np.float32) for i, s in enumerate(shapes)}
    for ours, theirs in zip(answers(low, inputs), answers(model, inputs), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_pads_of_some_axes(rng: np.random.Generator) -> None:
    model = single("Identity", {}, [(2, 3, 4)], [])
    model.graph.node[0].op_type = "Pad"
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    for size in (2, 3, 7):
        model.graph.output[0].type.tensor_type.shape.dim.add().dim_value = size
    constants = {"pads": [1, 2], "axes": [-1]}
    for name, values in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(7.0), "fill"))
    model.graph.node[0].input.extend(["pads", "fill", "axes"])
    low = opset_lowering.lowered(model, 14)
    onnx.checker.check_model(low, full_check=True)
    inputs = {"x0": rng.normal(size=(2, 3, 4)).astype(np.float32)}
    np.testing.assert_array_equal(answers(low, inputs)[0], answers(model, inputs)[0])
    assert answers(low, inputs)[0].shape == (2, 3, 7)


def test_what_an_older_set_cannot_say_is_refused_by_name() -> None:
    model = single("Resize", {}, [(1, 1, 4, 4)], [])
    with pytest.raises(ExportError, match=r"operator Resize .* has no form in opset 14"):
        opset_lowering.lowered(model, 14)
    computed = single("ReduceMean", {}, [(2, 3)], [])
    computed.graph.node[0].input.append("x9")
    with pytest.raises(ExportError, match="takes only a constant"):
        opset_lowering.lowered(computed, 17)
