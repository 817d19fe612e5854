"""Quantized ExecuTorch programs: PT2E with annotations and ranges of our own, for XNNPACK.

XNNPACK's quantizer annotates by operator type and asks a filter about weights, which carry no
module path: excluding one layer leaves all weights in float, without a word. So the chosen
operators are annotated here, one by one, as XNNPACK's kernels expect it: int8 activations with one
scale a tensor, int8 weights with one a channel, a ReLU fused into what feeds it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node

from edgectc.core.errors import ExportError
from edgectc.exporting.lowering.calibration import Range, parameters
from edgectc.exporting.lowering.quantization_plan import Plan

# Least scale. That of XNNPACK's own quantizer is 2**-12, which leaves 41 levels of 127 to a channel
# of weights up to 0.01, and none to one up to 0.0001; its kernels take smaller ones.
_EPS = 2.0**-23
_WEIGHTED = (
    torch.ops.aten.conv1d.default,
    torch.ops.aten.conv2d.default,
    torch.ops.aten.linear.default,
)


def quantized(
    captured: ExportedProgram, inputs: Mapping[str, Tensor], plan: Plan, model: nn.Module
) -> ExportedProgram:
    """Return the exported program ``captured`` of ``model`` under ``plan``.

    Raises:
        ExportError: an operator of the plan is not in the graph.
    """
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer import Quantizer

    found: set[str] = set()
    names = _names(model, plan.operators)

    class Ours(Quantizer):  # type: ignore[misc]
        def annotate(self, model: GraphModule) -> GraphModule:
            # Called once for the graph, and once for each loop in it.
            found.update(_annotated(model, plan, names))
            return model

        def validate(self, model: GraphModule) -> None:
            """Nothing to check: what is annotated is what was asked for."""

    graph = captured.module(check_guards=False)
    _give_own_biases(graph)
    prepared = prepare_pt2e(graph, Ours())
    if missing := plan.operators - found:
        raise ExportError(f"the captured graph has no operator of {sorted(missing)[0]!r}")
    with torch.no_grad():
        prepared(**inputs)  # shows the observers of the weights their weights
    converted = convert_pt2e(prepared)
    return torch.export.export(converted, (), dict(inputs), strict=False)


def _names(model: nn.Module, operators: frozenset[str]) -> dict[str, str]:
    """Return the operator at each path; a module may lie at several."""
    first = {module: name for name, module in model.named_modules() if name in operators}
    everywhere = model.named_modules(remove_duplicate=False)
    return {path: first[module] for path, module in everywhere if module in first}


def _give_own_biases(model: GraphModule) -> None:
    """Give each operator a bias that no other has.

    The XNNPACK delegate of ExecuTorch 1.4 keeps one for all, in the scale of the first of them:
    another that is quantized adds it in its own scale, and one in float is refused as it loads.
    """
    held: dict[str, Tensor] = dict(model.named_parameters(remove_duplicate=False))
    held |= model.named_buffers(remove_duplicate=False)
    seen: set[int] = set()
    for node in [node for node in model.graph.nodes if node.target in _WEIGHTED]:
        bias = node.args[2] if len(node.args) > 2 else None
        if not isinstance(bias, Node) or bias.op != "get_attr":
            continue
        tensor = held.get(str(bias.target))
        if tensor is not None and id(tensor) in seen:
            own = f"bias_of_{node.name}"
            model.register_buffer(own, tensor.detach().clone())
            with model.graph.inserting_before(node):
                again = model.graph.get_attr(own)
            again.meta = dict(bias.meta)
            node.args = (*node.args[:2], again, *node.args[3:])
        seen.add(id(tensor))
    model.recompile()


def _annotated(model: GraphModule, plan: Plan, names: Mapping[str, str]) -> set[str]:
    """Mark the operators of a plan, and return the names of those that are in this graph."""
    from torchao.quantization.pt2e.quantizer import QuantizationAnnotation
    from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY

    found: set[str] = set()
    stepped: dict[Any, Any] = {}
    fed = _fed(model)
    for node in model.graph.nodes:
        name = _owner(node, names)
        if node.target not in _WEIGHTED or not name:
            continue
        found.add(name)
        if node not in fed and plan.scheme.name == "int8-dynamic":
            logging.getLogger("edgectc").warning(
                "%s sees constants alone, which XNNPACK takes in float: it stays in float", name
            )
            continue
        source, weight = node.args[0], node.args[1]
        about = QuantizationAnnotation(_annotated=True)
        about.input_qspec_map[weight] = _weights()
        if plan.scheme.name == "int8-dynamic":
            about.input_qspec_map[source] = _dynamic()
        else:
            # One tensor has one scale, that of the operator which made it.
            about.input_qspec_map[source] = stepped.get(source) or _fixed(plan.inputs[name])
            last, ends = _last(node, plan, name)
            stepped[last] = _fixed(ends)
            if last is node:
                about.output_qspec = stepped[last]
            else:
                last.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
                    output_qspec=stepped[last], _annotated=True
                )
        node.meta[Q_ANNOTATION_KEY] = about
    return found


def _fed(model: GraphModule) -> set[Node]:
    """Return the nodes that depend on what the graph is given; weights and their like do not."""
    fed: set[Node] = set()
    for node in model.graph.nodes:
        if node.op == "placeholder" or fed.intersection(node.all_input_nodes):
            fed.add(node)
    return fed


def _last(node: Node, plan: Plan, name: str) -> tuple[Node, Range]:
    """Return the node whose output is stored, a ReLU if one follows, and its range."""
    users = list(node.users)
    if len(users) == 1 and users[0].target is torch.ops.aten.relu.default:
        return users[0], plan.rectified[name]
    return node, plan.outputs[name]


def _owner(node: Node, names: Mapping[str, str]) -> str:
    """Return which of the operators ``names`` a node was captured from; "" if none."""
    stack = node.meta.get("nn_module_stack") or {}
    return next((names[path] for path, _ in stack.values() if path in names), "")


def _fixed(ends: Range) -> Any:
    from torchao.quantization.pt2e.quantizer import FixedQParamsQuantizationSpec

    scale, zero = parameters(ends)
    return FixedQParamsQuantizationSpec(
        dtype=torch.int8,
        scale=max(scale, _EPS),
        zero_point=zero - 128,
        quant_min=-128,
        quant_max=127,
        qscheme=torch.per_tensor_affine,
    )


def _dynamic() -> Any:
    from torchao.quantization.pt2e import PlaceholderObserver
    from torchao.quantization.pt2e.quantizer import QuantizationSpec

    return QuantizationSpec(
        dtype=torch.int8,
        quant_min=-128,
        quant_max=127,
        qscheme=torch.per_tensor_affine,
        is_dynamic=True,
        observer_or_fake_quant_ctr=PlaceholderObserver.with_args(eps=_EPS),
    )


def _weights() -> Any:
    from torchao.quantization.pt2e import PerChannelMinMaxObserver
    from torchao.quantization.pt2e.quantizer import QuantizationSpec

    return QuantizationSpec(
        dtype=torch.int8,
        quant_min=-127,
        quant_max=127,
        qscheme=torch.per_channel_symmetric,
        ch_axis=0,
        observer_or_fake_quant_ctr=PerChannelMinMaxObserver.with_args(eps=_EPS),
    )
