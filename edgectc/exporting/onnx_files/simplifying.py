"""A finished ONNX graph made ready for quantization: the same answers from fewer nodes.

ONNX Runtime's basic optimizations fold what is constant and merge batch norms into convolutions, as
it does whenever it loads the file; weights that were nodes become constants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgectc.core.console import suppress_output
from edgectc.core.errors import ExportError
from edgectc.core.staging import scratch
from edgectc.core.toolchain_errors import explained

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

_OLDEST = 13  # operator set of DequantizeLinear with one scale a channel
_QUANTIZED = ("QuantizeLinear", "DequantizeLinear", "MatMulInteger", "ConvInteger", "QLinearConv")


def folded(data: bytes) -> tuple[bytes, int]:
    """Return the serialized graph, all nodes named, and its operator set, 13 or later.

    Raises:
        ExportError: it is quantized already, or ONNX Runtime or ONNX cannot rewrite it.
    """
    model = _optimized(data)
    kinds = {node.op_type for node in model.graph.node}
    if found := kinds & {*_QUANTIZED}:
        raise ExportError(
            f"the graph has {sorted(found)[0]} in it: it is quantized already; take the file in "
            "float32"
        )
    model = _modern(model)
    _named(model.graph)
    stripped: bytes = model.SerializeToString()
    return stripped, _opset(model)


def _optimized(data: bytes) -> ModelProto:
    import onnx
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = 4
    with scratch() as folder, suppress_output():
        path = folder / "folded.onnx"
        settings.optimized_model_filepath = str(path)
        try:
            onnxruntime.InferenceSession(data, settings, ["CPUExecutionProvider"])
            model = onnx.load(path)
        except Exception as error:  # ONNX Runtime raises its own unrelated classes
            raise ExportError(f"ONNX Runtime cannot rewrite the graph: {explained(error)}") from (
                error
            )
    used = {"", *_domains(model.graph)}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return model


def _modern(model: ModelProto) -> ModelProto:
    """Return the model in an operator set that has scales for each channel."""
    if (opset := _opset(model)) >= _OLDEST:
        return model
    from onnx import version_converter

    try:
        return version_converter.convert_version(model, _OLDEST)
    except Exception as error:  # its own unrelated classes
        raise ExportError(
            f"the graph is of operator set {opset}, int8 needs {_OLDEST}, and ONNX cannot bring "
            f"it there: {explained(error)}"
        ) from error


def _named(graph: GraphProto) -> None:
    """Give every node a name of its own, by which a plan knows it."""
    seen = set[str]()
    for place, node in enumerate(graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}.{place}"
        seen.add(node.name)
        while node.input and not node.input[-1]:  # optional inputs that are left out
            node.input.pop()


def _domains(graph: GraphProto) -> set[str]:
    """Return the operator domains of a graph and of those inside its nodes."""
    found = {node.domain for node in graph.node}
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                found |= _domains(inner)
    return found


def _opset(model: ModelProto) -> int:
    return next((e.version for e in model.opset_import if e.domain in ("", "ai.onnx")), 1)
