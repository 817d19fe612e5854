"""Reads the operators of an ONNX file; shapes are inferred, a dynamic axis counts as one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from edgectc.core.errors import BundleError, MissingDependencyError
from edgectc.evaluation.inspection.contents import Contents, Operator, Weight, elements, summed

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

_TYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16"}
_TYPES |= {11: "float64", 16: "bfloat16", 21: "uint4", 22: "int4"}
_BITS = {"float64": 64, "int64": 64, "float32": 32, "int32": 32, "uint4": 4, "int4": 4}
_BITS |= {"float16": 16, "bfloat16": 16}
# Nodes that only rename what they are given.
_PASS = ("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity")
_GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}


def read(data: bytes) -> Contents:
    """Return what the bytes of an ONNX file hold.

    Raises:
        MissingDependencyError: the package onnx is not installed.
        BundleError: the bytes are no ONNX graph.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingDependencyError(
            "listing the operators of .onnx", package="onnx", extra="export-onnx"
        ) from error
    try:
        model = onnx.load_from_string(data)
    except Exception as error:  # protobuf raises its own classes
        raise BundleError(f"the file is no ONNX graph: {error}") from error
    try:
        model = onnx.shape_inference.infer_shapes(model)
    except Exception as error:  # of protobuf or onnx; the operators stand without shapes
        logging.getLogger("edgectc").warning("edgectc: no multiply-adds of the graph: %s", error)
    graph = _Graph(model.graph)
    return summed(list(graph.operators(model.graph)), graph.weights, delegates=False)


class _Graph:
    """Shapes, types and makers of every value by its name, subgraphs included."""

    def __init__(self, graph: GraphProto) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.types: dict[str, str] = {}
        self.makers: dict[str, NodeProto] = {}
        self.weights: list[Weight] = []
        self._learn(graph)

    def _learn(self, graph: GraphProto) -> None:
        for value in [*graph.value_info, *graph.input, *graph.output]:
            tensor = value.type.tensor_type
            self.types[value.name] = _TYPES.get(tensor.elem_type, str(tensor.elem_type))
            if tensor.HasField("shape"):
                dims = tensor.shape.dim
                self.shapes[value.name] = tuple(max(1, int(dim.dim_value)) for dim in dims)
        for tensor in graph.initializer:
            shape = tuple(int(n) for n in tensor.dims)
            kind = _TYPES.get(tensor.data_type, str(tensor.data_type))
            self.shapes[tensor.name], self.types[tensor.name] = shape, kind
            size = (elements(shape) * _BITS.get(kind, 8) + 7) // 8
            self.weights.append(Weight(tensor.name, kind, shape, size))
        for node in graph.node:
            self.makers |= dict.fromkeys(node.output, node)
            for inner in _subgraphs(node):
                self._learn(inner)

    def operators(self, graph: GraphProto) -> Iterator[Operator]:
        """Yield every operator; the body of a loop counts once."""
        for node in graph.node:
            if node.op_type != "Constant":
                yield Operator(node.op_type, self._dtype(node), self._macs(node))
            for inner in _subgraphs(node):
                yield from self.operators(inner)

    def _dtype(self, node: NodeProto) -> str:
        kind = node.op_type
        if kind in ("MatMulInteger", "ConvInteger", "QLinearConv", "QLinearMatMul"):
            return "int8"
        if kind == "MatMulNBits":
            bits = next((a.i for a in node.attribute if a.name == "bits"), 4)
            return f"float32 (int{bits} weights)"
        if kind in ("MatMul", "Gemm", "Conv", "ConvTranspose") and all(
            self._dequantized(name) for name in node.input[:2]
        ):
            return "int8"
        named = [self.types[name] for name in node.output if name in self.types]
        given = [self.types[name] for name in node.input if name in self.types]
        return (named or given or ["unknown"])[0]

    def _dequantized(self, name: str) -> bool:
        """Whether a value comes out of DequantizeLinear: the runtime computes in integers then."""
        node = self.makers.get(name)
        while node is not None and node.op_type in _PASS:
            node = self.makers.get(node.input[0])
        return node is not None and node.op_type == "DequantizeLinear"

    def _macs(self, node: NodeProto) -> int:
        kind, shape = node.op_type, self.shapes.get
        out = shape(node.output[0]) if node.output else None
        first = shape(node.input[0]) if node.input else None
        second = 3 if kind.startswith("QLinear") else 1
        weight = shape(node.input[second]) if len(node.input) > second else None
        if first is None or weight is None:
            return 0
        if kind in _GATES:
            return _recurrent(node, first, weight)
        if kind == "ConvTranspose":
            return elements(first) * elements(weight[1:])
        if out is None:
            return 0
        if kind in ("MatMul", "MatMulInteger", "QLinearMatMul", "MatMulNBits"):
            return elements(out) * first[-1]
        if kind == "Gemm":
            turned = any(a.name == "transA" and a.i for a in node.attribute)
            return elements(out) * first[0 if turned else -1]
        if kind in ("Conv", "ConvInteger", "QLinearConv"):
            return elements(out) * elements(weight[1:])
        return 0


def _recurrent(node: NodeProto, x: Sequence[int], weight: Sequence[int]) -> int:
    """Products of all frames: x (T, N, C), weight (directions, gates * H, C)."""
    directions, rows, C = weight
    hidden = rows // _GATES[node.op_type]
    return x[0] * x[1] * directions * rows * (C + hidden)


def _subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
