"""What quantizing an operator does to the answers, computed in PyTorch without any converter.

Weights and activations are rounded to quantized values where a target would round them. That is
close enough to rank operators, and takes milliseconds where a converter takes seconds; whether a
budget holds is always measured on the artifact itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from edgectc.core.console import progress
from edgectc.exporting.lowering.calibration import LEVELS, Range, parameters
from edgectc.exporting.lowering.quantization_plan import Plan
from edgectc.exporting.origin import Network
from edgectc.quantization.activations import Inputs, batches


@torch.no_grad()
def sensitivity(model: Network, plan: Plan, samples: Sequence[Inputs]) -> dict[str, float]:
    """Return the sensitivity to each operator of a plan, quantized by itself, see `difference`."""
    inputs = list(batches(model, samples))
    before = [log_probs(model, batch) for batch in inputs]
    return {
        name: _changed(model, replace(plan, operators=frozenset({name})), inputs, before)
        for name in progress(sorted(plan.operators), "operator")
    }


@torch.no_grad()
def difference(model: Network, plan: Plan, samples: Sequence[Inputs]) -> float:
    """Return the mean |difference| in nats of the log_probs of likely tokens on valid frames."""
    inputs = list(batches(model, samples))
    return _changed(model, plan, inputs, [log_probs(model, batch) for batch in inputs])


def log_probs(model: nn.Module, inputs: Mapping[str, Tensor]) -> Tensor:
    """Return what a network answers; of one chunk without the states."""
    found = model(**inputs)
    first: Tensor = found[0] if isinstance(found, tuple) else found
    return first


def _changed(
    model: Network, plan: Plan, inputs: Sequence[dict[str, Tensor]], before: Sequence[Tensor]
) -> float:
    with fake_quantized(model, plan):
        after = [log_probs(model, batch) for batch in inputs]
    total, count = 0.0, 0
    for batch, old, new in zip(inputs, before, after, strict=True):
        likely = (old >= math.log(plan.scheme.likely)) & _frames(model, batch, old)
        total += float((new - old).abs()[likely].sum())
        count += int(likely.sum())
    return total / max(count, 1)


def _frames(model: Network, inputs: dict[str, Tensor], log_probs: Tensor) -> Tensor:
    """Return (N, T', 1) bool, True on valid frames."""
    valid = torch.tensor([model.output_length(n) for n in inputs["length"].tolist()])
    return (torch.arange(log_probs.shape[1]) < valid[:, None])[:, :, None]


@contextmanager
def fake_quantized(model: nn.Module, plan: Plan) -> Iterator[None]:
    """Round weights and activations of the plan's operators inside the block."""
    modules = dict(model.named_modules())
    originals: list[tuple[Tensor, Tensor]] = []
    handles: list[RemovableHandle] = []
    static = plan.scheme.name == "int8-static"
    for name in plan.operators:
        module = modules[name]
        for parameter in module.parameters():
            if parameter.dim() > 1:
                originals.append((parameter.data, parameter.data.clone()))
                parameter.data.copy_(_weights(parameter.data))
        if static:
            handles.append(module.register_forward_pre_hook(_entering(plan.inputs[name])))
        elif plan.scheme.name == "int8-dynamic":
            handles.append(module.register_forward_pre_hook(_entering(None)))
        if static and isinstance(module, (nn.Conv1d, nn.Conv2d)):
            handles.append(module.register_forward_hook(_leaving(plan.outputs[name])))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for data, old in originals:
            data.copy_(old)


def _weights(weight: Tensor) -> Tensor:
    """Return weights rounded to the quantized values -127..127, one scale a row."""
    scale = weight.abs().flatten(1).amax(1).reshape(-1, *[1] * (weight.dim() - 1)) / 127
    scale = torch.clamp(scale, min=torch.finfo(torch.float32).tiny)
    return torch.round(weight / scale) * scale


def _entering(limits: Range | None) -> Callable[..., tuple[Tensor, ...]]:
    return lambda module, args: (_rounded(args[0], limits), *args[1:])


def _leaving(limits: Range) -> Callable[..., Tensor]:
    return lambda module, args, out: _rounded(out, limits)


def _rounded(x: Tensor, limits: Range | None) -> Tensor:
    """Return x rounded to quantized values; without a range, in that of each sample."""
    if limits is not None:
        scale, zero = parameters(limits)
        return (torch.clamp(torch.round(x / scale) + zero, 0, LEVELS - 1) - zero) * scale
    flat = x.flatten(1)
    low = torch.clamp(flat.amin(1), max=0.0).reshape(-1, *[1] * (x.dim() - 1))
    high = torch.clamp(flat.amax(1), min=0.0).reshape(-1, *[1] * (x.dim() - 1))
    scales = torch.clamp((high - low) / (LEVELS - 1), min=1e-12)
    return torch.round((x - low) / scales) * scales + low
