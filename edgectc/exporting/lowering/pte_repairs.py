"""Graphs as ExecuTorch takes them: what it reads and PyTorch leaves out is filled in."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

_POOLS = (torch.ops.aten.max_pool2d.default, torch.ops.aten.avg_pool2d.default)


def with_strides(program: ExportedProgram) -> ExportedProgram:
    """Return the program, every pooling with its stride said, which is its window by default.

    XNNPACK's partitioner of ExecuTorch 1.4 reads the third argument of ``max_pool2d`` and fails
    with "tuple index out of range" where it is left out.
    """
    changed = False
    for node in program.graph.nodes:
        if node.target in _POOLS and (len(node.args) == 2 or not node.args[2]):
            node.args = (*node.args[:2], node.args[1], *node.args[3:])
            changed = True
    if changed:
        program.graph_module.recompile()
    return program


def without_assertions(program: ExportedProgram) -> ExportedProgram:
    """Return the program without what it asserts of a dynamic length as it runs.

    The arithmetic of such assertions, as "1 modulo half the length", is of Python's operators,
    which the edge dialect of ExecuTorch 1.4 does not know. That they hold is proven by the
    reference cases, of many lengths, and a length out of its range is refused by the memory plan.
    """
    graph, asserts = program.graph_module.graph, torch.ops.aten._assert_scalar.default
    found = [node for node in graph.nodes if node.target is asserts]
    for node in found:
        graph.erase_node(node)
    if found:
        graph.eliminate_dead_code()
        program.graph_module.recompile()
    return program


class _GroupNorm(nn.Module):
    """`torch.nn.GroupNorm` of plain operators, which XNNPACK takes: mean first, then variance."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.groups, self.eps = norm.num_groups, norm.eps
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, ...)."""
        grouped = x.reshape(x.shape[0], self.groups, -1)
        centred = grouped - grouped.mean(2, keepdim=True)
        var = (centred * centred).mean(2, keepdim=True)
        normal = (centred * torch.rsqrt(var + self.eps)).reshape(x.shape)
        if self.weight is None:
            return normal
        shape = (1, -1, *[1] * (x.dim() - 2))
        return normal * self.weight.reshape(shape) + self.bias.reshape(shape)


class _PReLU(nn.Module):
    """`torch.nn.PReLU` of plain operators."""

    def __init__(self, layer: nn.PReLU) -> None:
        super().__init__()
        self.weight = layer.weight

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, ...)."""
        slope = self.weight.reshape(-1, *[1] * (x.dim() - 2)) if x.dim() > 2 else self.weight
        return x.clamp(min=0) + slope * x.clamp(max=0)


_WRITTEN_OUT: Mapping[type[nn.Module], Callable[..., nn.Module]] = {
    nn.GroupNorm: _GroupNorm,
    nn.PReLU: _PReLU,
}


def with_plain_layers(model: nn.Module) -> nn.Module:
    """Return the network, group norms and PReLUs written out; a copy if it has any.

    ExecuTorch 1.4 runs the norms by a portable kernel that takes the variance as a difference of
    squares in float32: of a recording that is mostly zeros little of it is left, 1.5e-4 nats in
    wav2vec2. PReLUs of (N, C, T) fail in its pass "ChannelsLastTaggedReshapePass".
    """
    if not any(type(module) in _WRITTEN_OUT for module in model.modules()):
        return model
    model = copy.deepcopy(model)
    for module in [*model.modules()]:
        for name, child in module.named_children():
            if type(child) in _WRITTEN_OUT:
                setattr(module, name, _WRITTEN_OUT[type(child)](child))
    return model


def with_numbers_of_padding(model: nn.Module) -> nn.Module:
    """Return the network, every "same" and "valid" of a convolution in numbers; a copy if any.

    PyTorch captures the words as other operators, which no quantizer of XNNPACK's takes. An even
    kernel has one more frame of padding at the end, which is an operator before the convolution.
    """
    if not any(_padded_by_word(module) for module in model.modules()):
        return model
    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d)) and _padded_by_word(module):
            whole = [
                (size - 1) * step if module.padding == "same" else 0
                for size, step in zip(module.kernel_size, module.dilation, strict=True)
            ]
            if any(frames % 2 for frames in whole):
                # Zeros, as many at each end as the module has counted for such modes.
                vars(module)["padding_mode"] = "constant"  # of `torch.nn.functional.pad`
            module.padding = tuple(frames // 2 for frames in whole)
    return model


def _padded_by_word(module: nn.Module) -> bool:
    words = isinstance(module, (nn.Conv1d, nn.Conv2d)) and isinstance(module.padding, str)
    return words and module.padding_mode == "zeros"


def with_own_convolutions(model: nn.Module, inputs: Mapping[str, Tensor]) -> nn.Module:
    """Return the network, a convolution of one axis that is called again having weights for each.

    A copy if there is one. The pass of ExecuTorch 1.4 that gives such convolutions a second axis
    gives it to their weights at each call, and fails at the second one.
    """
    calls = dict.fromkeys((m for m in model.modules() if isinstance(m, nn.Conv1d)), 0)

    def count(module: nn.Conv1d, args: tuple[Tensor, ...]) -> None:
        calls[module] += 1

    hooks = [module.register_forward_pre_hook(count) for module in calls]
    try:
        with torch.no_grad():
            model(**inputs)
    finally:
        for hook in hooks:
            hook.remove()
    again = [(place, calls[one]) for place, one in enumerate(calls) if calls[one] > 1]
    if not again:
        return model
    model = copy.deepcopy(model)
    modules = [m for m in model.modules() if isinstance(m, nn.Conv1d)]
    for place, number in again:
        layer = modules[place]
        layer.turns = nn.ModuleList(copy.deepcopy(layer) for _ in range(number))
        layer.forward = partial(_in_turn, layer.turns, [0])  # type: ignore[method-assign]
    return model


def _in_turn(layers: nn.ModuleList, turn: list[int], x: Tensor) -> Tensor:
    """Call one layer after the other, over and over."""
    answer: Tensor = layers[turn[0]](x)
    turn[0] = (turn[0] + 1) % len(layers)
    return answer
