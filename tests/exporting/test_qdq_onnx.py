"""Graphs as the exporter writes them, quantized: same answers, fewer bytes, nothing left over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgectc.core.errors import ExportError
from edgectc.core.schemes import Float16, Int8Dynamic, Int8Weight, Scheme
from edgectc.exporting.lowering import qdq_onnx
from edgectc.exporting.lowering.quantization_plan import Plan

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def graph(
    nodes: list[Any], constants: dict[str, np.ndarray], shape: tuple[int, ...], rank: int
) -> Any:
    """A checked model from ``x`` to ``y``; every node belongs to module ``layer``."""
    h = onnx.helper
    for node in nodes:
        scopes = node.metadata_props.add()
        scopes.key, scopes.value = "pkg.torch.onnx.name_scopes", "['', 'layer', 'node']"
    made = h.make_model(
        h.make_graph(
            nodes,
            "g",
            [h.make_tensor_value_info("x", 1, shape)],
            [h.make_tensor_value_info("y", 1, [None] * rank)],
            [onnx.numpy_helper.from_array(v, k) for k, v in constants.items()],
            # The exporter tells the shapes of constants too.
            value_info=[h.make_tensor_value_info(k, 1, v.shape) for k, v in constants.items()]
            if all(v.dtype == np.float32 for v in constants.values())
            else [],
        ),
        opset_imports=[h.make_opsetid("", 18)],
        ir_version=10,
    )
    onnx.checker.check_model(made, full_check=True)
    return made


def answer(model: Any, x: np.ndarray) -> np.ndarray:
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run(None, {"x": x})[0])


def gru(rng: np.random.Generator) -> Any:
    """A GRU whose gates are put in ONNX's order by nodes: PyTorch has them r, z, n."""
    H, F = 16, 32
    node = onnx.helper.make_node
    constants: dict[str, np.ndarray] = {
        "torch_w": rng.normal(0, 0.3, (3 * H, F)).astype(np.float32),
        "r": rng.normal(0, 0.3, (1, 3 * H, H)).astype(np.float32),
        "b": np.zeros((1, 6 * H), np.float32),
        "axis": np.array([0]),
    }
    nodes = []
    for i, gate in enumerate("rzn"):
        constants |= {f"{gate}_from": np.array([i * H]), f"{gate}_to": np.array([(i + 1) * H])}
        given = ["torch_w", f"{gate}_from", f"{gate}_to", "axis"]
        nodes.append(node("Slice", given, [f"w_{gate}"]))
    nodes += [
        node("Concat", ["w_z", "w_r", "w_n"], ["joined"], axis=0),
        node("Unsqueeze", ["joined", "axis"], ["w"]),
        node("GRU", ["x", "w", "r", "b"], ["y"], hidden_size=H, linear_before_reset=1),
    ]
    return graph(nodes, constants, (5, 1, F), 4)


@pytest.mark.parametrize(
    ("scheme", "share", "close"), [(Int8Weight(), 0.4, 0.02), (Float16(), 0.6, 1e-3)]
)
def test_weights_that_nodes_reorder_are_quantized(
    scheme: Scheme, share: float, close: float, rng: np.random.Generator
) -> None:
    before = gru(rng)
    operators = frozenset({"layer"} if scheme.name == "int8-weight" else ())
    after = qdq_onnx.quantized(before, Plan(scheme, operators))
    x = rng.normal(0, 1, (5, 1, 32)).astype(np.float32)
    old, new = answer(before, x), answer(after, x)
    assert np.abs(old - new).max() < close
    assert np.abs(old).max() > 0.1
    big = sum(len(t.raw_data) for t in before.graph.initializer)
    assert sum(len(t.raw_data) for t in after.graph.initializer) < share * big
    assert not {"Slice", "Concat", "Unsqueeze"} & {n.op_type for n in after.graph.node}


def test_weights_that_depend_on_the_input_are_not_constants(rng: np.random.Generator) -> None:
    node = onnx.helper.make_node
    model = graph(
        [
            node("ReduceMean", ["x"], ["mean"], keepdims=1),
            node("Mul", ["w0", "mean"], ["w"]),
            node("GRU", ["x", "w", "r"], ["y"], hidden_size=4),
        ],
        {
            "w0": rng.normal(0, 1, (1, 12, 8)).astype(np.float32),
            "r": rng.normal(0, 1, (1, 12, 4)).astype(np.float32),
        },
        (5, 1, 8),
        4,
    )
    with pytest.raises(ExportError, match="no operator of 'layer'"):
        qdq_onnx.quantized(model, Plan(Int8Weight(), frozenset({"layer"})))
    same = qdq_onnx.quantized(model, Plan(Float16(), frozenset()))
    x = rng.normal(0, 1, (5, 1, 8)).astype(np.float32)
    assert np.array_equal(answer(model, x), answer(same, x))  # too small to store in fewer bits


def test_a_transposed_weight_goes_through_the_dynamic_quantizer(rng: np.random.Generator) -> None:
    """It turns Gemm into MatMul and its weight round, and trips over the shape it was told."""
    weights = {
        "w": rng.normal(0, 0.3, (24, 16)).astype(np.float32),
        "c": np.zeros(24, np.float32),
    }
    layer = onnx.helper.make_node("Gemm", ["x", "w", "c"], ["y"], name="gemm", transB=1)
    before = graph([layer], weights, (1, 16), 2)
    after = qdq_onnx.quantized(before, Plan(Int8Dynamic(), frozenset({"layer"})))
    x = rng.normal(0, 1, (1, 16)).astype(np.float32)
    assert np.abs(answer(before, x) - answer(after, x)).max() < 0.05
    assert "MatMulInteger" in {n.op_type for n in after.graph.node}


@pytest.mark.parametrize("scheme", [Int8Weight(), Int8Dynamic(), Float16()])
def test_a_layer_that_is_used_twice(scheme: Scheme, rng: np.random.Generator) -> None:
    node = onnx.helper.make_node
    model = graph(
        [
            node("MatMul", ["x", "w"], ["once"], name="first"),
            node("Tanh", ["once"], ["bent"]),
            node("MatMul", ["bent", "w"], ["y"], name="second"),
        ],
        {"w": rng.normal(0, 0.2, (24, 24)).astype(np.float32)},
        (3, 24),
        2,
    )
    names = frozenset({"layer"} if scheme.name != "float16" else ())
    after = qdq_onnx.quantized(model, Plan(scheme, names))
    x = rng.normal(0, 1, (3, 24)).astype(np.float32)
    assert np.abs(answer(model, x) - answer(after, x)).max() < 0.05
    assert not [
        t
        for t in after.graph.initializer
        if t.data_type == 1 and len(t.dims) == 2 and t.dims[0] > 1
    ]
