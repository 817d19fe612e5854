"""Recurrent layers as one loop over frames, for targets that would unroll them.

ExecuTorch has no recurrent operator: torch.nn's layers become one copy of the step for each frame,
which takes minutes to lower. A scan keeps the step once. The gates' inputs are one large product
before the loop, which is delegated; inside it the recurrent weights are stored transposed, because
the portable kernels multiply only that way fast.

Source: the formulas of `torch.nn.GRU` and `torch.nn.LSTM`.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def rolled(model: nn.Module) -> nn.Module:
    """Return ``model`` with its recurrent layers as loops; itself if it has none.

    Only what the encoders use is replaced: one layer, one direction, batch first, with biases.
    """
    if not any(_fits(module) for module in model.modules()):
        return model
    # Without gradients, or every pass over a scan traces its backward graph too.
    model = copy.deepcopy(model).requires_grad_(False)
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if _fits(child):
                setattr(parent, name, _Loop(child))
    return model


def _fits(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.GRU | nn.LSTM)
        and (module.num_layers, module.bidirectional, module.proj_size) == (1, False, 0)
        and module.batch_first
        and module.bias
    )


class _Loop(nn.Module):
    """One layer; called with (N, T, C) like torch.nn's, from a state of zeros."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.gated = isinstance(layer, nn.GRU)
        self.hidden = layer.hidden_size
        self.weight, self.bias = layer.weight_ih_l0, layer.bias_ih_l0
        self.across = nn.Parameter(layer.weight_hh_l0.t().contiguous(), requires_grad=False)
        self.recurrent_bias = layer.bias_hh_l0

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """Return the states (N, T, hidden), and nothing where torch has the last one."""
        from torch._higher_order_ops.scan import scan

        gates = F.linear(x, self.weight, self.bias).transpose(0, 1).contiguous()
        zero = gates.new_zeros(x.shape[0], self.hidden)
        if self.gated:
            _, states = scan(self._gru, zero, gates, dim=0)
        else:
            _, states = scan(self._lstm, (zero, zero.clone()), gates, dim=0)
        return states.transpose(0, 1), None

    def _gru(self, state: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
        inner = torch.mm(state, self.across) + self.recurrent_bias
        r, z, n = gates.split(self.hidden, dim=1)
        hr, hz, hn = inner.split(self.hidden, dim=1)
        new = torch.tanh(n + torch.sigmoid(r + hr) * hn)
        state = new + torch.sigmoid(z + hz) * (state - new)
        return state, state.clone()

    def _lstm(
        self, carried: tuple[Tensor, Tensor], gates: Tensor
    ) -> tuple[tuple[Tensor, Tensor], Tensor]:
        state, cell = carried
        gates = gates + torch.mm(state, self.across) + self.recurrent_bias
        i, f, g, o = gates.split(self.hidden, dim=1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        state = torch.sigmoid(o) * torch.tanh(cell)
        return (state, cell), state.clone()
