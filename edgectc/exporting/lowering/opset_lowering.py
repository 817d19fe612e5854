"""ONNX graphs of opset 18 written with the operators of 14 to 17.

torch's dynamo exporter writes 18 at the least, and no converter goes below in general: ONNX's own
leaves graphs that its checker refuses. Of the operators that changed between 14 and 18, `_SAME`
lists those that only took more types or attributes, `_RULES` rewrites others, and the rest is
refused by name. The full checker then holds every node to the older schema.

Source: the operator schemas of ONNX, "Operators.md" and "Changelog.md".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

from edgectc.core.errors import ExportError
from edgectc.core.types import JSON, Array

WRITTEN = 18  # what the exporter writes, and this file reads
OLDEST = 14

# Changed between 14 and 18 in the types they take or by attributes whose default is the old
# meaning; the checker refuses such an attribute in the older schema.
_SAME = frozenset(
    "BatchNormalization GreaterOrEqual Identity If LeakyRelu LessOrEqual Loop PRelu Pow Scan "
    "ScatterElements ScatterND Where".split()
)
_REDUCTIONS = frozenset(
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
    "ReduceSumSquare".split()
)


def lowered(model: ModelProto, opset: int) -> ModelProto:
    """Return a ModelProto of ``opset`` that computes what ``model``, of opset 18, computes.

    Raises:
        ExportError: an operator that the older set cannot express, named.
    """
    known = onnx.shape_inference.infer_shapes(model)
    out = onnx.ModelProto()
    out.CopyFrom(model)
    _Lowering(known.graph, opset).rewrite(out.graph)
    del out.opset_import[:]
    out.opset_import.append(helper.make_opsetid("", opset))
    out.ir_version = helper.find_min_ir_version_for(out.opset_import)
    return out


class _Lowering:
    """Rewrites the nodes of one graph, its subgraphs included."""

    def __init__(self, known: GraphProto, opset: int) -> None:
        self.opset = opset
        self.constants: dict[str, Array] = {}
        self.shapes: dict[str, list[int | None]] = {}
        self.made = 0
        for value in [*known.input, *known.value_info, *known.output]:
            if value.type.tensor_type.HasField("shape"):
                self.shapes[value.name] = [
                    d.dim_value if d.HasField("dim_value") else None
                    for d in value.type.tensor_type.shape.dim
                ]

    def rewrite(self, graph: GraphProto) -> None:
        for tensor in graph.initializer:
            self.constants[tensor.name] = tensor
        for node in graph.node:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = node.attribute[0].t
        used = {name for node in graph.node for name in node.input}
        used |= {value.name for value in graph.output}
        nodes: list[NodeProto] = []
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.GRAPH:
                    self.rewrite(attribute.g)
            nodes += self.nodes(node, used)
        del graph.node[:]
        graph.node.extend(nodes)
        # Shapes and names of values that are gone, and of constants that became attributes.
        del graph.value_info[:]
        used = {name for node in graph.node for name in node.input}
        used |= {value.name for value in graph.output} | _captured(graph.node)
        kept = [tensor for tensor in graph.initializer if tensor.name in used]
        del graph.initializer[:]
        graph.initializer.extend(kept)

    def nodes(self, node: NodeProto, used: set[str]) -> list[NodeProto]:
        """Return what stands for ``node`` in the older set."""
        kind = node.op_type
        if kind not in _SAME:
            now, then = (_since(kind, version) for version in (WRITTEN, self.opset))
            if now != then:
                rule = _RULES.get("Reduce" if kind in _REDUCTIONS else kind)
                if rule is None:
                    raise ExportError(
                        f"operator {kind} (node {node.name!r}) of opset {now} has no form in "
                        f"opset {self.opset}; ask for opset {WRITTEN} or higher"
                    )
                return rule(self, node, used)
        if kind.startswith("Scatter") and self.opset < 16:
            _drop(node, "reduction", default=b"none")
        return [node]

    def array(self, name: str, node: NodeProto) -> Array:
        """Return the constant called ``name``, an input of ``node``."""
        if name not in self.constants:
            raise ExportError(
                f"input {name!r} of {node.op_type} (node {node.name!r}) is computed; opset "
                f"{self.opset} takes only a constant there; ask for opset {WRITTEN} or higher"
            )
        return numpy_helper.to_array(self.constants[name])

    def constant(
        self, values: ArrayLike, dtype: DTypeLike, node: NodeProto
    ) -> tuple[str, NodeProto]:
        """Return the name of a new constant and the node that makes it."""
        name = self.name(node)
        tensor = numpy_helper.from_array(np.asarray(values, dtype), name)
        return name, helper.make_node("Constant", [], [name], name=name, value=tensor)

    def name(self, node: NodeProto) -> str:
        self.made += 1
        return f"{node.output[0]}__{self.made}"


def _layer_norm(lowering: _Lowering, node: NodeProto, used: set[str]) -> list[NodeProto]:
    """Mean, centre, mean of squares, divide; scale and shift."""
    if any(name in used for name in node.output[1:] if name):
        raise ExportError("LayerNormalization whose mean or deviation is used needs opset 17")
    about = _attributes(node)
    axis, rank = int(about.get("axis", -1)), len(lowering.shapes.get(node.input[0], ()))
    if axis >= 0 and not rank:
        raise ExportError(f"LayerNormalization {node.name!r}: rank unknown; needs opset 17")
    axes = list(range(axis - rank if axis >= 0 else axis, 0))
    x, scale, *shift = node.input
    make = _Maker(lowering, node)
    epsilon = make.constant(float(about.get("epsilon", 1e-5)), np.float32)
    centred = make("Sub", x, make("ReduceMean", x, axes=axes, keepdims=1))
    square = make("Mul", centred, centred)
    var = make("Add", make("ReduceMean", square, axes=axes, keepdims=1), epsilon)
    scaled = make("Mul", make("Div", centred, make("Sqrt", var)), scale)
    make("Add", scaled, shift[0]) if shift and shift[0] else make("Identity", scaled)
    return make.finished()


def _reduce(lowering: _Lowering, node: NodeProto, used: set[str]) -> list[NodeProto]:
    """Axes were an attribute."""
    about = _attributes(node)
    axes = lowering.array(node.input[1], node).tolist() if len(node.input) > 1 else []
    if not axes and about.get("noop_with_empty_axes", 0):
        if node.op_type not in ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd"):
            raise ExportError(f"{node.op_type} {node.name!r} of no axes needs opset {WRITTEN}")
        return [_renamed(node, "Identity", node.input[:1])]
    out = _renamed(node, node.op_type, node.input[:1], keepdims=about.get("keepdims", 1))
    if axes:
        out.attribute.append(helper.make_attribute("axes", axes))
    return [out]


def _split(lowering: _Lowering, node: NodeProto, used: set[str]) -> list[NodeProto]:
    """Without sizes, the older operator makes equal parts."""
    about = _attributes(node)
    axis = int(about.get("axis", 0))
    if len(node.input) > 1:
        return [_renamed(node, "Split", node.input, axis=axis)]
    parts = len(node.output)
    size = (lowering.shapes.get(node.input[0]) or [None] * 64)[axis]
    if size is None:
        raise ExportError(f"Split {node.name!r}: size of axis {axis} unknown; needs opset 18")
    chunk = -(-size // parts)
    sizes = [min(chunk, size - i * chunk) for i in range(parts)]
    name, made = lowering.constant(sizes, np.int64, node)
    return [made, _renamed(node, "Split", [node.input[0], name], axis=axis)]


def _pad(lowering: _Lowering, node: NodeProto, used: set[str]) -> list[NodeProto]:
    """Pads of some axes become pads of all."""
    mode = _attributes(node).get("mode", b"constant")
    if len(node.input) < 4 or not node.input[3]:
        return [_renamed(node, "Pad", node.input[:3], mode=mode)]
    axes = lowering.array(node.input[3], node).tolist()
    some = lowering.array(node.input[1], node).tolist()
    rank = len(lowering.shapes.get(node.input[0], ()))
    if not rank:
        raise ExportError(f"Pad {node.name!r}: rank unknown; needs opset 18")
    pads = [0] * (2 * rank)
    for i, axis in enumerate(axes):
        pads[axis % rank], pads[axis % rank + rank] = some[i], some[i + len(axes)]
    name, made = lowering.constant(pads, np.int64, node)
    return [made, _renamed(node, "Pad", [node.input[0], name, *node.input[2:3]], mode=mode)]


def _shape(lowering: _Lowering, node: NodeProto, used: set[str]) -> list[NodeProto]:
    """A part of the shape is a slice of the whole."""
    about = _attributes(node)
    if not about:
        return [node]
    make = _Maker(lowering, node)
    ends = (int(about.get("start", 0)), int(about.get("end", np.iinfo(np.int64).max)))
    start, end = (make.constant([value], np.int64) for value in ends)
    make("Slice", make("Shape", node.input[0]), start, end)
    return make.finished()


def _mish(lowering: _Lowering, node: NodeProto, used: set[str]) -> list[NodeProto]:
    """Mish is x * tanh(softplus(x))."""
    make = _Maker(lowering, node)
    make("Mul", node.input[0], make("Tanh", make("Softplus", node.input[0])))
    return make.finished()


_RULES: dict[str, Callable[[_Lowering, NodeProto, set[str]], list[NodeProto]]] = {
    "LayerNormalization": _layer_norm,
    "Mish": _mish,
    "Pad": _pad,
    "Reduce": _reduce,
    "Shape": _shape,
    "Split": _split,
}


class _Maker:
    """Makes a chain of nodes that ends in the output of ``node``, and remembers its module."""

    def __init__(self, lowering: _Lowering, node: NodeProto) -> None:
        self.lowering, self.node = lowering, node
        self.made: list[NodeProto] = []

    def __call__(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = self.lowering.name(self.node)
        made = helper.make_node(kind, list(inputs), [name], name=name, **attributes)
        made.metadata_props.extend(self.node.metadata_props)
        self.made.append(made)
        return name

    def constant(self, value: ArrayLike, dtype: DTypeLike) -> str:
        name, made = self.lowering.constant(value, dtype, self.node)
        self.made.append(made)
        return name

    def finished(self) -> list[NodeProto]:
        self.made[-1].output[0] = self.node.output[0]
        return self.made


def _since(kind: str, opset: int) -> int | None:
    """Return the version of an operator that ``opset`` holds, None where it holds none."""
    try:
        return int(onnx.defs.get_schema(kind, opset).since_version)
    except onnx.defs.SchemaError:
        return None


def _attributes(node: NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _drop(node: NodeProto, name: str, *, default: JSON) -> None:
    """Remove an attribute that says what the older operator does anyway."""
    for i, attribute in enumerate(node.attribute):
        if attribute.name == name and helper.get_attribute_value(attribute) == default:
            del node.attribute[i]
            return


def _renamed(node: NodeProto, kind: str, inputs: Iterable[str], **attributes: Any) -> NodeProto:
    made = helper.make_node(kind, list(inputs), list(node.output), name=node.name, **attributes)
    made.metadata_props.extend(node.metadata_props)
    return made


def _captured(nodes: Iterable[NodeProto]) -> set[str]:
    """Return the names that subgraphs use; they may be constants of the graph around them."""
    found: set[str] = set()
    for node in nodes:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                inner = attribute.g
                found |= {name for n in inner.node for name in n.input} | _captured(inner.node)
                found |= {value.name for value in inner.output}
    return found
