"""Layer-wise comparison: the first operator of an artifact that differs from its network.

The network is captured once and run operator by operator in PyTorch; the exporters keep its names,
so the same values can be read out of the artifact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter

from edgectc.core import metrics, registry
from edgectc.core.console import suppress_output
from edgectc.core.errors import ConfigError, MissingDependencyError, UnknownNameError
from edgectc.core.types import Array
from edgectc.evaluation.inspection import pte as operators
from edgectc.formats import layouts, reference
from edgectc.formats import manifest as manifests
from edgectc.formats.manifest import Manifest
from edgectc.formats.reference import Case

# Least signal over noise of a healthy operator, in dB: float32 has about 140.
_LIMITS = {"float32": 80.0}
_QUANTIZED = 15.0
_BOUNDARIES = 48  # values of a program compared in one lowering


@dataclass(frozen=True)
class Step:
    """One operator, in the order of the graph.

    Attributes:
        name: of its output, in the artifact and in the captured network.
        kind: operator.
        module: of the network it belongs to, "" for the outermost.
        sqnr_db: 10 log10 of signal over noise against PyTorch; 200 for no difference.
        difference: largest absolute difference.
    """

    name: str
    kind: str
    module: str
    sqnr_db: float
    difference: float


@dataclass(frozen=True)
class LayerComparison:
    """An artifact against its network, operator by operator.

    Attributes:
        case: name of the reference case compared, the one that differs most.
        limit_db: least signal over noise of a healthy operator.
        steps: operators compared, in order.
        how: the two sides of the comparison, in words.
        weights: stored tensors that a fresh export lacks; only of ``.pte``.
    """

    case: str
    limit_db: float
    steps: tuple[Step, ...]
    how: str
    weights: tuple[str, ...] = ()

    @property
    def first(self) -> Step | None:
        """The first operator past the limit, None if there is none."""
        return next((step for step in self.steps if step.sqnr_db < self.limit_db), None)


def compare_network(
    path: Path, model: nn.Module, *, limit_db: float | None = None
) -> LayerComparison:
    """Compare the operators of an artifact with its network in PyTorch.

    Of ``.onnx`` every operator of the file itself is read. The parts of a ``.pte`` cannot be read
    at run time, so the network is lowered again with the output of every module as an output.

    Args:
        path: artifact.
        model: the network it was made from, see `edgectc.exporting.origin.of_bundle`.
        limit_db: least signal over noise; None for 80 dB of float32, else 15 dB.

    Raises:
        BundleError: the file is damaged.
        MissingDependencyError: a runtime or converter is missing.
        UnknownNameError: operators of this target cannot be compared.
    """
    data, manifest = manifests.read(path)
    comparisons: dict[str, Callable[..., LayerComparison]] = {"onnx": _onnx, "pte": _pte}
    if manifest.target not in comparisons or not isinstance(data, bytes):
        raise UnknownNameError("target to compare layer by layer", manifest.target, comparisons)
    if limit_db is None:
        limit_db = _LIMITS.get(str(manifest.scheme.type), _QUANTIZED)
    case, inputs = _worst(data, manifest, model)
    return comparisons[manifest.target](data, manifest, model, case, inputs, limit_db)


def _worst(data: bytes, manifest: Manifest, model: Any) -> tuple[Case, dict[str, Array]]:
    """The reference case whose answer differs most, and its inputs."""
    from edgectc.runtime import loading

    loaded = loading.from_bytes(data, manifest)
    by_name = {layout.name: layout for layout in manifest.layouts}
    found: list[tuple[float, str, Case, dict[str, Array]]] = []
    for case in reference.from_json(manifest.reference):
        if not len(case.log_probs):
            continue
        inputs = case.inputs(loaded.frontend, layouts.setting(by_name, case.layout))
        got, want = loaded.run(inputs), _answer(model, inputs)[0, : len(case.log_probs)]
        found.append((float(np.abs(got - want).max()), case.name, case, inputs))
    if not found:
        raise ConfigError("the artifact holds no reference case with an answer")
    return max(found, key=lambda one: one[:2])[2:]


def _answer(model: nn.Module, inputs: Mapping[str, Array]) -> Array:
    with torch.inference_mode():
        out: Array = model(*_tensors(inputs)).numpy()
    return out


def _tensors(inputs: Mapping[str, Array]) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(value.copy()) for value in inputs.values())


class _Recording(Interpreter):
    """Runs a captured network and keeps every value."""

    def __init__(self, graph: GraphModule) -> None:
        super().__init__(graph)
        self.values: dict[str, Array] = {}

    def run_node(self, n: Any) -> Any:
        """Run one operator and keep what it answers."""
        out = super().run_node(n)
        if isinstance(out, Tensor) and n.op == "call_function":
            self.values[n.name] = out.detach().numpy()
        return out


def _onnx(
    data: bytes,
    manifest: Manifest,
    model: nn.Module,
    case: Case,
    inputs: Mapping[str, Array],
    limit_db: float,
) -> LayerComparison:
    try:
        import onnx
    except ImportError as error:
        raise MissingDependencyError(
            "a layer-wise comparison of .onnx", package="onnx", extra="export-onnx"
        ) from error
    with suppress_output():
        program = torch.onnx.export(
            model, _tensors(inputs), dynamo=True, input_names=list(inputs),
            output_names=["log_probs"], verbose=False,
        )  # fmt: skip
        assert program is not None
        captured: Any = program.exported_program
    graph = captured.module()
    truth = _Recording(graph)
    with torch.inference_mode():
        truth.run(*_tensors(inputs))
    modules = {node.name: _module(node) for node in graph.graph.nodes}
    truth.values["log_probs"] = _answer(model, inputs)
    file = onnx.load_from_string(data)
    got = _intermediate(file, inputs, set(truth.values))
    steps = [
        _step(name, node.op_type, modules.get(name, ""), got[name], truth.values[name])
        for node in file.graph.node
        for name in node.output
        if name in got and got[name].shape == truth.values[name].shape
    ]
    how = f"{len(steps)} of {len(file.graph.node)} operators of the file against PyTorch"
    return LayerComparison(case.name, limit_db, tuple(steps), how)


def _intermediate(file: Any, inputs: Mapping[str, Array], wanted: set[str]) -> dict[str, Array]:
    """The named values of a run of the file; the graph gets them as further outputs."""
    import onnx
    import onnxruntime

    tapped = onnx.ModelProto()
    tapped.CopyFrom(file)
    names = [n for node in file.graph.node for n in node.output if n in wanted]
    have = {one.name for one in file.graph.output}
    tapped.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in have)
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    # As it stands: merged operators have no values in between.
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        tapped.SerializeToString(), settings, ["CPUExecutionProvider"]
    )
    outputs = list(dict.fromkeys(names))
    return dict(zip(outputs, session.run(outputs, dict(inputs)), strict=True))


def _pte(
    data: bytes,
    manifest: Manifest,
    model: nn.Module,
    case: Case,
    inputs: Mapping[str, Array],
    limit_db: float,
) -> LayerComparison:
    tensors = dict(zip(inputs, _tensors(inputs), strict=True))
    tapped = _Tapped(model)
    with torch.inference_mode():
        truth = [out.numpy() for out in tapped(**tensors)]
    names = [*tapped.names]
    target = registry.create("targets", {"type": "pte"})
    fresh = target.embed(target.convert(tapped, tensors), manifest)
    runner = registry.create("runners", {"type": "pte"}, source=fresh)
    got = [out.numpy().copy() for out in runner.execute(list(_tensors(inputs)))]
    steps = [
        _step(name, type(model.get_submodule(name)).__name__, name, mine, theirs)
        for name, mine, theirs in zip(names, got[1:], truth[1:], strict=True)
    ]
    steps.append(_step("log_probs", "log_softmax", "", got[0], truth[0]))
    # Taps keep batch norm from being folded into the convolution before it: once more without.
    plain = target.embed(target.convert(model, tensors), manifest)
    ours = {weight.name for weight in operators.stored(plain)}
    strange = [
        f"{one.name} {one.dtype} {'x'.join(map(str, one.shape))}"
        for one in operators.stored(data)
        if one.name not in ours
    ]
    how = f"the outputs of {len(names)} modules, lowered anew, against PyTorch"
    return LayerComparison(case.name, limit_db, tuple(steps), how, tuple(strange))


class _Tapped(nn.Module):
    """A network that also answers what its modules answer, in the order of their calls.

    Attributes:
        names: of the modules, known after a call.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        quiet_ones = nn.Identity | nn.Dropout | nn.ModuleList | nn.ModuleDict
        found = [n for n, m in model.named_modules() if n and not isinstance(m, quiet_ones)]
        step = max(1, math.ceil(len(found) / _BOUNDARIES))
        self.chosen, self.names = found[::step], list[str]()

    def forward(self, **inputs: Tensor) -> tuple[Tensor, ...]:
        """Return log_probs and the outputs of the modules."""
        kept: list[Tensor] = []
        self.names.clear()

        def keep(name: str) -> Callable[..., None]:
            def hook(module: nn.Module, given: Any, out: Any) -> None:
                first = out[0] if isinstance(out, tuple) else out
                if isinstance(first, Tensor) and first.is_floating_point():
                    kept.append(first)
                    self.names.append(name)

            return hook

        handles = [
            self.model.get_submodule(name).register_forward_hook(keep(name)) for name in self.chosen
        ]
        try:
            return (self.model(**inputs), *kept)
        finally:
            for handle in handles:
                handle.remove()


def _module(node: Any) -> str:
    """Name of the innermost module of the network that an operator belongs to."""
    stack = node.meta.get("nn_module_stack") or {}
    names = [name for name, _ in stack.values()]
    return str(names[-1]) if names else ""


def _step(name: str, kind: str, module: str, got: Array, want: Array) -> Step:
    ratio = metrics.sqnr_db([(want, got)])
    return Step(name, kind, module, ratio, metrics.max_abs_difference(want, got))
