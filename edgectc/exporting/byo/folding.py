"""Batch norms merged into the layers before them, as converters do, so that ranges fit the graph.

Which norm follows which layer is seen by running the network: the very tensor that one gives is
what the other takes. A fold that changes the answer is undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from edgectc.exporting.byo.tracing_modes import Arguments

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_ALIKE = 1e-3  # nats


@torch.no_grad()
def fold(model: nn.Module, inputs: Mapping[str, Tensor]) -> list[str]:
    """Merge what can be merged, in place, and return the names of the norms that are gone.

    Args:
        model: in evaluation mode; ``forward`` takes the inputs by name.
        inputs: of one recording.
    """
    before = _first(model(**inputs))
    folded = []
    for norm_name, layer_name in _pairs(model, inputs):
        layer, norm = model.get_submodule(layer_name), model.get_submodule(norm_name)
        assert isinstance(layer, _LAYERS)
        assert isinstance(norm, _NORMS)
        kept = {name: value.clone() for name, value in layer.named_parameters()}
        had_bias = layer.bias is not None
        _merge(layer, norm)
        parent, _, last = norm_name.rpartition(".")
        setattr(model.get_submodule(parent), last, nn.Identity())
        if float((_first(model(**inputs)) - before).abs().max()) <= _ALIKE:
            folded.append(norm_name)
            continue
        setattr(model.get_submodule(parent), last, norm)  # its input is used elsewhere too
        layer.weight.copy_(kept["weight"])
        layer.bias = nn.Parameter(kept["bias"], requires_grad=False) if had_bias else None
    return folded


def _first(found: Any) -> Tensor:
    """Return log_probs; a network of one chunk gives its states after them."""
    answer: Tensor = found[0] if isinstance(found, tuple) else found
    return answer


def _pairs(model: nn.Module, inputs: Mapping[str, Tensor]) -> list[tuple[str, str]]:
    """Return (norm, layer) where a norm takes the very tensor that a layer gives, each once."""
    given: dict[int, str] = {}
    held: list[Tensor] = []  # so that no identity is used again
    pairs, calls = dict[str, str](), list[str]()
    handles = []

    def leaving(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Arguments, out: Tensor) -> None:
            given[id(out)] = name
            held.append(out)
            calls.append(name)

        return hook

    def entering(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Arguments) -> None:
            calls.append(name)
            if id(args[0]) in given:
                pairs[name] = given[id(args[0])]

        return hook

    for name, module in model.named_modules():
        if type(module) in _LAYERS and "weight" in module._parameters:
            handles.append(module.register_forward_hook(leaving(name)))
        elif type(module) in _NORMS and module._buffers.get("running_mean") is not None:
            handles.append(module.register_forward_pre_hook(entering(name)))
    try:
        model(**inputs)
    finally:
        for handle in handles:
            handle.remove()
    return [
        (norm, layer)
        for norm, layer in pairs.items()
        if calls.count(norm) == calls.count(layer) == 1
    ]


def _merge(layer: nn.Conv1d | nn.Conv2d | nn.Linear, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    """Scale and shift a layer as a norm would its answer.

    Source: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", section 3.2.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = torch.rsqrt(norm.running_var + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight
    bias = torch.zeros_like(norm.running_mean) if layer.bias is None else layer.bias
    shifted = (bias - norm.running_mean) * scale
    if norm.bias is not None:
        shifted = shifted + norm.bias
    layer.weight.copy_(layer.weight * scale.reshape(-1, *[1] * (layer.weight.dim() - 1)))
    layer.bias = nn.Parameter(shifted, requires_grad=False)
