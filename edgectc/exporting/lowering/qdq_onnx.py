"""Quantized ONNX graphs: steps are put around the chosen operators, nothing else is touched.

Quantize and dequantize pairs (QDQ) surround an operator; ONNX Runtime fuses them into its integer
kernels. A convolution needs a quantized output to be fused, a matrix product does not, so its sum
with the bias stays in float.

Source: ONNX operators QuantizeLinear and DequantizeLinear; Nagel et al. 2021, "A White Paper on
Neural Network Quantization" (one scale a channel for weights, symmetric).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from edgectc.core.console import suppress_output
from edgectc.core.errors import ExportError
from edgectc.core.staging import scratch
from edgectc.core.types import Array
from edgectc.exporting.lowering.calibration import Range, parameters
from edgectc.exporting.lowering.quantization_plan import Plan

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_LEAST = 256  # values: storing less in fewer bits saves nothing
CHANNELS = {"Conv": 0, "MatMul": 1, "Gemm": 1, "GRU": 1, "LSTM": 1}


def module_of(node: NodeProto) -> str:
    """Return the path of the module that a node was exported from."""
    for entry in node.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes":
            scopes = ast.literal_eval(entry.value)
            return str(scopes[-2]) if len(scopes) > 1 else ""
    return ""


def name_of(node: NodeProto) -> str:
    """Return the name of a node, by which a plan for a graph of others knows it."""
    return str(node.name)


def quantized(
    graph: ModelProto, plan: Plan, *, named: Callable[[NodeProto], str] = module_of
) -> ModelProto:
    """Return the ModelProto ``graph`` under ``plan``.

    Args:
        graph: is not changed.
        plan: what to quantize.
        named: the operator of the plan that a node belongs to.

    Raises:
        ExportError: an operator of the plan is not in the graph, or the tools failed.
    """
    edit = _Edit(graph)
    edit.fold_weights()
    nodes = _chosen(edit.model, plan.operators, named)
    scheme = plan.scheme.name
    if scheme == "int8-dynamic":
        return _dynamic(edit.model, nodes)
    if scheme == "int8-static":
        for node in nodes:
            edit.static(node, plan, named(node))
    elif scheme == "int8-weight":
        for node in nodes:
            edit.weights_int8(node)
    elif scheme == "float16":
        edit.weights_float16()
    else:
        raise ExportError(f"no way to write scheme {scheme!r} as ONNX")
    return edit.finish()


def _chosen(
    graph: ModelProto, names: frozenset[str], named: Callable[[NodeProto], str]
) -> list[NodeProto]:
    constants = {tensor.name for tensor in graph.graph.initializer}
    found = [
        node
        for node in graph.graph.node
        if node.op_type in CHANNELS and node.input[1] in constants and named(node) in names
    ]
    if missing := names - {named(node) for node in found}:
        raise ExportError(f"the exported graph has no operator of {sorted(missing)[0]!r}")
    return found


def _dynamic(graph: ModelProto, nodes: list[NodeProto]) -> ModelProto:
    """Weights in uint8: with signed ones, kernels of some ARM processors were seen to be wrong."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # The quantizer turns Gemm into MatMul of another name, its weight round, and not the shape that
    # it was told.
    names = [f"{n.name}_MatMul" if n.op_type == "Gemm" else n.name for n in nodes]
    del graph.graph.value_info[:]
    try:
        with scratch() as folder, suppress_output():
            path = folder / "dynamic.onnx"
            quantize_dynamic(
                graph,
                path,
                nodes_to_quantize=names,
                weight_type=QuantType.QUInt8,
                extra_options={"MatMulConstBOnly": True},
            )
            return onnx.load(path)
    except Exception as error:  # the quantizer raises assertions and many unrelated classes
        raise ExportError(f"onnxruntime.quantization failed: {error}") from error


class _Edit:
    """A copy of a graph with nodes put in."""

    def __init__(self, model: ModelProto) -> None:
        import onnx

        self.onnx = onnx
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self.graph = self.model.graph
        self.constants = {tensor.name: tensor for tensor in self.graph.initializer}
        self.before: dict[
            str, list[NodeProto]
        ] = {}  # nodes to put before a node, by its first output
        self.after: dict[str, list[NodeProto]] = {}
        self.stepped: dict[str, str] = {}  # tensor: the same tensor after its steps

    def constant(self, name: str, values: Array) -> str:
        """Add an initializer once and return its name."""
        if name not in self.constants:
            tensor = self.onnx.numpy_helper.from_array(values, name)
            self.constants[name] = tensor
            self.graph.initializer.append(tensor)
        return name

    def fold_weights(self) -> None:
        """Turn weights that nodes compute from constants into constants.

        The exporter leaves larger gates of recurrent layers to be reordered at load.
        """
        makers = {name: node for node in self.graph.node for name in node.output}
        for node in self.graph.node:
            for name in node.input[1:3] if node.op_type in ("GRU", "LSTM") else ():
                parts = self._computed_by(name, makers)
                given = {one for part in parts for one in part.input if one}
                outputs = {one for part in parts for one in part.output}
                if parts and given <= outputs | self.constants.keys():
                    self.constant(name, self._computed(name, parts))
        self._drop_unused()

    def _drop_unused(self) -> None:
        """Drop nodes and constants that nothing depends on any more."""
        used = {one.name for one in self.graph.output}
        nodes: list[NodeProto] = []
        for node in reversed(self.graph.node):
            if any(one in used and one not in self.constants for one in node.output):
                used.update(node.input)
                nodes.append(node)
        kept = [tensor for tensor in self.graph.initializer if tensor.name in used]
        del self.graph.node[:]
        self.graph.node.extend(reversed(nodes))
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)
        self.constants = {tensor.name: tensor for tensor in self.graph.initializer}

    def _computed_by(self, name: str, makers: dict[str, NodeProto]) -> list[NodeProto]:
        """Return the nodes that ``name`` is computed by, in their order."""
        found, ahead = set[str](), [name]
        while ahead:
            maker = makers.get(ahead.pop())
            if maker is not None and maker.output[0] not in found:
                found.add(maker.output[0])
                ahead += maker.input
        return [node for node in self.graph.node if node.output[0] in found]

    def _computed(self, name: str, parts: list[NodeProto]) -> Array:
        from onnx.reference import ReferenceEvaluator

        given = {one for part in parts for one in part.input} & self.constants.keys()
        value = self.onnx.helper.make_empty_tensor_value_info(name)
        graph = self.onnx.helper.make_graph(
            parts, "weight", [], [value], [self.constants[one] for one in given]
        )
        model = self.onnx.helper.make_model(graph, opset_imports=self.model.opset_import)
        (values,) = ReferenceEvaluator(model).run(None, {})
        made: Array = values
        return made

    def array(self, name: str) -> Array:
        """Return the values of an initializer."""
        values: Array = self.onnx.numpy_helper.to_array(self.constants[name])
        return values

    def node(self, kind: str, inputs: list[str], output: str, **about: Any) -> NodeProto:
        return self.onnx.helper.make_node(kind, inputs, [output], name=f"{output}/{kind}", **about)

    def static(self, node: NodeProto, plan: Plan, name: str) -> None:
        """Put steps around one operator."""
        rows = self.before.setdefault(node.output[0], [])
        ends = plan.inputs[name]
        steps = self.stepped.get(node.input[0])
        if steps is None:
            steps = self._steps(node.input[0], f"{node.output[0]}/in", ends, rows)
            scale = parameters(ends)[0]
        else:
            scale = self._scale_of(steps)
        axis = self._axis(node)
        weight_name = node.input[1]
        weight, weight_scale = _rounded(self.array(weight_name), axis)
        node.input[1] = self._dequantized(weight_name, weight, weight_scale, axis, rows)
        node.input[0] = steps
        if node.op_type != "Conv":
            return
        if len(node.input) > 2:
            each = weight_scale.astype(np.float64) * scale
            bias = np.round(self.array(node.input[2]) / each)
            bias = np.clip(bias, -(2**31) + 1, 2**31 - 1).astype(np.int32)
            node.input[2] = self._dequantized(
                f"{node.output[0]}/bias", bias, each.astype(np.float32), 0, rows
            )
        self._step_output(node, plan, name)

    def _step_output(self, node: NodeProto, plan: Plan, name: str) -> None:
        users = self._users(node.output[0])
        last, ends = node, plan.outputs[name]
        if len(users) == 1 and users[0].op_type == "Relu":
            last, ends = users[0], plan.rectified[name]
        out = last.output[0]
        rows = self.after.setdefault(out, [])
        steps = self._steps(out, f"{out}/out", ends, rows)
        for user in self._users(out):
            for place, given in enumerate(user.input):
                if given == out:
                    user.input[place] = steps
        for given in self.graph.output:
            if given.name == out:
                raise ExportError(f"output {out!r} of the graph cannot be quantized")
        self.stepped[steps] = steps

    def _users(self, tensor: str) -> list[NodeProto]:
        return [node for node in self.graph.node if tensor in node.input]

    def _steps(self, tensor: str, label: str, ends: Range, rows: list[NodeProto]) -> str:
        scale, zero = parameters(ends)
        about = [
            self.constant(f"{label}/scale", np.array(scale, np.float32)),
            self.constant(f"{label}/zero", np.array(zero, np.uint8)),
        ]
        rows.append(self.node("QuantizeLinear", [tensor, *about], f"{label}/steps"))
        rows.append(self.node("DequantizeLinear", [f"{label}/steps", *about], f"{label}/values"))
        return f"{label}/values"

    def _scale_of(self, steps: str) -> float:
        return float(self.array(f"{steps.removesuffix('/values')}/scale"))

    def _dequantized(
        self, name: str, values: Array, scale: Array, axis: int, rows: list[NodeProto]
    ) -> str:
        given = [
            self.constant(f"{name}/int", values),
            self.constant(f"{name}/scale", scale.astype(np.float32)),
            self.constant(f"{name}/int_zero", np.zeros(scale.shape, values.dtype)),
        ]
        out = f"{name}/float"
        made = any(out in row.output for more in self.before.values() for row in more)
        if not made:
            rows.append(self.node("DequantizeLinear", given, out, axis=axis))
        return out

    def _axis(self, node: NodeProto) -> int:
        about = {a.name: a.i for a in node.attribute if a.type == self.onnx.AttributeProto.INT}
        return 0 if node.op_type == "Gemm" and about.get("transB") else CHANNELS[node.op_type]

    def weights_int8(self, node: NodeProto) -> None:
        """Store the weights of one operator in int8; ONNX Runtime widens them when it loads."""
        places = (1, 2) if node.op_type in ("GRU", "LSTM") else (1,)
        for place in places:
            name = node.input[place]
            node.input[place] = f"{name}/float"
            if f"{name}/int" in self.constants:  # a layer that is used twice
                continue
            weight, scale = _rounded(self.array(name), self._axis(node))
            shape = [1] * weight.ndim
            shape[self._axis(node)] = -1
            rows = self.before.setdefault(node.output[0], [])
            self.constant(f"{name}/int", weight)
            self.constant(f"{name}/scale", scale.reshape(shape))
            rows.append(self.node("Cast", [f"{name}/int"], f"{name}/wide", to=1))
            rows.append(self.node("Mul", [f"{name}/wide", f"{name}/scale"], f"{name}/float"))

    def weights_float16(self) -> None:
        """Store every larger constant in float16; ONNX Runtime widens them when it loads."""
        for name in list(self.constants):
            values = self.array(name)
            if values.dtype != np.float32 or values.size < _LEAST:
                continue
            self.constant(f"{name}/half", values.astype(np.float16))
            first = next(node for node in self.graph.node if name in node.input)
            rows = self.before.setdefault(first.output[0], [])
            rows.append(self.node("Cast", [f"{name}/half"], f"{name}/float", to=1))
            for node in self._users(name):
                for place, given in enumerate(node.input):
                    if given == name:
                        node.input[place] = f"{name}/float"

    def finish(self) -> ModelProto:
        """Return the edited model, checked."""
        nodes = []
        for node in self.graph.node:
            nodes += self.before.get(node.output[0], [])
            nodes.append(node)
            nodes += self.after.get(node.output[0], [])
        del self.graph.node[:]
        self.graph.node.extend(nodes)
        self._drop_unused()
        del self.graph.value_info[:]
        try:
            self.onnx.checker.check_model(self.model, full_check=True)
        except Exception as error:  # the checker raises its own unrelated classes
            raise ExportError(f"the quantized graph is not valid ONNX: {error}") from error
        return self.model


def _rounded(weight: Array, axis: int) -> tuple[Array, Array]:
    """Return int8 steps -127..127 and the scale (C,) float32 of each channel along ``axis``."""
    others = tuple(i for i in range(weight.ndim) if i != axis)
    scale = np.abs(weight).max(axis=others).astype(np.float32) / 127
    scale = np.maximum(scale, np.finfo(np.float32).tiny)
    shape = [1] * weight.ndim
    shape[axis] = -1
    steps = np.clip(np.round(weight / scale.reshape(shape)), -127, 127)
    return steps.astype(np.int8), scale


def constants(data: bytes) -> Iterator[tuple[str, Array]]:
    """Yield name and values of every float constant of a serialized graph."""
    import onnx

    for tensor in onnx.load_from_string(data).graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype.kind == "f":
            yield tensor.name, values
