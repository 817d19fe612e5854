"""The operators of a finished ONNX graph, and what runs through them, as ONNX Runtime tells.

Every figure is of the graph run as its users run it: without padding where it takes any length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edgectc.core import registry
from edgectc.core.console import progress
from edgectc.core.tokens import output_length
from edgectc.core.types import Array
from edgectc.exporting.finished import FinishedTarget
from edgectc.exporting.lowering.calibration import Histogram
from edgectc.exporting.lowering.qdq_onnx import CHANNELS
from edgectc.exporting.lowering.quantization_plan import (
    CONVOLUTION,
    LINEAR,
    RECURRENT,
    ActivationStatistics,
    Operator,
    Plan,
)
from edgectc.quantization.activations import Inputs

if TYPE_CHECKING:
    from onnx import NodeProto

    from edgectc.runtime.runners.onnx import OnnxRunner

_KINDS = {"Conv": CONVOLUTION, "MatMul": LINEAR, "Gemm": LINEAR, "GRU": RECURRENT}
_KINDS["LSTM"] = RECURRENT
_RANKED = 32  # samples that operators are ranked on: each is a session of its own


class GraphLayers:
    """See `edgectc.quantization.layers.Layers`."""

    def __init__(self, target: FinishedTarget, length_map: tuple[int, int]) -> None:
        """Read the graph.

        Args:
            target: holds it.
            length_map: stride and window.
        """
        import onnx

        self._target, self._length_map = target, length_map
        self._model = target.parsed()
        held = {t.name: t for t in self._model.graph.initializer}
        kind = onnx.TensorProto.FLOAT
        self._weights = {
            name: onnx.numpy_helper.to_array(tensor)
            for name, tensor in held.items()
            if tensor.data_type == kind
        }

    def operators(self, kinds: tuple[str, ...], kept: tuple[str, ...] = ()) -> list[Operator]:
        """Return the nodes whose weights are constants of float32 that nothing else uses."""
        found = []
        for node in self._model.graph.node:
            kind = _KINDS.get(node.op_type, "")
            if kind in kinds and node.domain in ("", "ai.onnx") and self._quantizable(node):
                names = node.input[1:3] if kind == RECURRENT else node.input[1:2]
                weights = sum(self._weights[name].size for name in names)
                found.append(Operator(node.name, kind, weights))
        return found

    def _quantizable(self, node: NodeProto) -> bool:
        """Return whether scales can stand at the weights of a node."""
        whole = node.input[1:3] if node.op_type in ("GRU", "LSTM") else node.input[1:2]
        if node.op_type == "Conv":
            whole = node.input[1:]  # its bias too is stored in steps
        if not {*whole} <= self._weights.keys():
            return False
        if node.op_type in ("MatMul", "Gemm") and self._weights[node.input[1]].ndim != 2:
            return False
        about = {a.name: a.i for a in node.attribute}
        users = [one for one in self._model.graph.node if node.input[1] in one.input]
        alike = all(one.op_type == node.op_type for one in users)
        return alike and not about.get("transA") and node.op_type in CHANNELS

    def largest_weights(self) -> dict[str, float]:
        """Return the largest magnitude in each constant."""
        return {k: float(np.abs(v).max()) for k, v in self._weights.items() if v.size}

    def check(
        self, samples: Sequence[Inputs], names: Sequence[str]
    ) -> tuple[dict[str, str], dict[str, float]]:
        """Look at every output of every node; -Inf masks attention and is no fault by itself."""
        nodes = {out: node for node in self._model.graph.node for out in node.output if out}
        bad, largest = dict[str, str](), dict[str, float]()
        answers = self._outputs([*nodes], samples, "activations")
        for name, found in zip(names, answers, strict=True):
            for out, values in found.items():
                if values.dtype.kind != "f" or not values.size:
                    continue
                where = f"{nodes[out].op_type} {nodes[out].name}"
                top = float(np.abs(np.where(values == -np.inf, 0, values)).max())
                if not np.isfinite(top):
                    bad.setdefault(name, where)
                else:
                    largest[where] = max(top, largest.get(where, 0.0))
        return bad, largest

    def histograms(
        self, chosen: Sequence[Operator], samples: Sequence[Inputs]
    ) -> Mapping[str, ActivationStatistics]:
        """Return what the operators take and give."""
        by_name = {node.name: node for node in self._model.graph.node}
        ends = {op.name: (by_name[op.name].input[0], by_name[op.name].output[0]) for op in chosen}
        statistics = {op.name: ActivationStatistics(Histogram(), Histogram()) for op in chosen}
        given = {one.name for one in self._model.graph.input}
        wanted = sorted({tensor for pair in ends.values() for tensor in pair} - given)
        for update in (Histogram.widen, Histogram.add):
            found = self._outputs(wanted, samples, f"ranges ({update.__name__})")
            for sample, tensors in zip(samples, found, strict=True):
                held = {**sample, **tensors}
                for name, (entering, leaving) in ends.items():
                    update(statistics[name].input, held[entering])
                    update(statistics[name].output, held[leaving])
        return statistics

    def sensitivity(self, plan: Plan, samples: Sequence[Inputs]) -> Mapping[str, float]:
        """Return what each operator changes, quantized by itself in a graph of its own."""
        few = samples[:: -(-len(samples) // _RANKED)]
        before = self._log_probs(None, few)
        likely = math.log(plan.scheme.likely)
        found = {}
        for name in progress(sorted(plan.operators), "operator"):
            after = self._log_probs(replace(plan, operators=frozenset({name})), few)
            pairs = [
                np.abs(new - old)[old >= likely] for old, new in zip(before, after, strict=True)
            ]
            values = np.concatenate(pairs)
            found[name] = float(values.mean()) if values.size else 0.0
        return found

    def _log_probs(self, plan: Plan | None, samples: Sequence[Inputs]) -> list[Array]:
        """Return log_probs (frames, V) of valid frames."""
        runner = _runner(self._target.quantized(plan))
        return [
            runner.run(one)[0, : output_length(int(one["length"][0]), *self._length_map)]
            for one in samples
        ]

    def _outputs(
        self, wanted: Sequence[str], samples: Sequence[Inputs], label: str
    ) -> Iterator[dict[str, Array]]:
        """Yield the named tensors of the float graph for each sample."""
        import onnx

        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        stated = {one.name for one in model.graph.output}
        for name in wanted:
            if name not in stated:
                model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
        runner = _runner(model.SerializeToString())
        for sample in progress(list(samples), label):
            answers = runner.step(runner.trimmed(sample), wanted)
            pairs = zip(wanted, answers, strict=True)
            yield {name: values for name, values in pairs if isinstance(values, np.ndarray)}


def _runner(data: bytes) -> OnnxRunner:
    made: OnnxRunner = registry.create("runners", {"type": "onnx"}, source=data)
    return made
