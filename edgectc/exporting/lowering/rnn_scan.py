"""Recurrent layers as one loop over frames, for targets that would unroll them.

ExecuTorch has no recurrent operator: torch.nn's layers become one copy of the step for each frame,
which takes minutes to lower. A scan keeps the step once, for each layer and direction. The gates'
inputs are one large product before the loop, which is delegated; inside it the recurrent weights
are stored transposed, because the portable kernels multiply only that way fast.

Source: the formulas of `torch.nn.GRU`, `torch.nn.LSTM` and `torch.nn.RNN`.
"""

from __future__ import annotations

import copy
from typing import TypeAlias, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional as F

State: TypeAlias = Tensor | tuple[Tensor, ...]  # LSTMs have a pair


def rolled(model: nn.Module) -> nn.Module:
    """Return ``model`` with its recurrent layers as loops; itself if it has none."""
    if not any(_fits(module) for module in model.modules()):
        return model
    # Without gradients, or every pass over a scan traces its backward graph too.
    model = copy.deepcopy(model).requires_grad_(False)
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if _fits(child):
                setattr(parent, name, _Loops(child))
    return model


def has_loops(model: nn.Module) -> bool:
    """Return whether a network has loops that `rolled` made."""
    return any(isinstance(module, _Loops) for module in model.modules())


def unrolled(model: nn.Module) -> list[str]:
    """Return the names of the recurrent modules that stay as they are."""
    return [n for n, m in model.named_modules() if isinstance(m, nn.RNNBase) and not _fits(m)]


def _fits(module: nn.Module) -> TypeGuard[nn.RNNBase]:
    return isinstance(module, nn.GRU | nn.LSTM | nn.RNN) and not module.proj_size


class _Loops(nn.Module):
    """All layers and directions of one module of torch.nn, called and answering as it does."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.batch_first, self.directions = layer.batch_first, 2 if layer.bidirectional else 1
        self.pair = isinstance(layer, nn.LSTM)
        ends = ("", "_reverse")[: self.directions]
        self.loops = nn.ModuleList(
            _Loop(layer, f"_l{i}{end}") for i in range(layer.num_layers) for end in ends
        )

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the states of the last layer for every frame, and all layers' last states."""
        x = x if self.batch_first else x.transpose(0, 1)
        given = state if self.pair or state is None else (state,)
        found, last = [x], []
        for i, loop in enumerate(self.loops):
            if i % self.directions == 0:
                x, found = torch.cat(found, dim=2) if len(found) > 1 else found[0], []
            backward = i % self.directions == 1
            first = None if given is None else tuple(part[i] for part in given)
            states, end = loop(x.flip(1) if backward else x, first)
            found.append(states.flip(1) if backward else states)
            last.append(end)
        out = torch.cat(found, dim=2) if len(found) > 1 else found[0]
        ends = tuple(torch.stack(parts) for parts in zip(*last, strict=True))
        return out if self.batch_first else out.transpose(0, 1), ends if self.pair else ends[0]


class _Loop(nn.Module):
    """One layer in one direction, batch first."""

    def __init__(self, layer: nn.RNNBase, end: str) -> None:
        super().__init__()
        steps = {"GRU": self._gru, "LSTM": self._lstm, "RNN_TANH": self._plain}
        self.step = steps.get(layer.mode, self._rectified)
        self.hidden, self.carries = layer.hidden_size, 2 if layer.mode == "LSTM" else 1
        self.weight = getattr(layer, f"weight_ih{end}")
        self.bias = getattr(layer, f"bias_ih{end}") if layer.bias else None
        across = getattr(layer, f"weight_hh{end}")
        self.across = nn.Parameter(across.t().contiguous(), requires_grad=False)
        self.recurrent_bias = (
            getattr(layer, f"bias_hh{end}")
            if layer.bias
            else nn.Parameter(across.new_zeros(len(across)), requires_grad=False)
        )

    def forward(
        self, x: Tensor, first: tuple[Tensor, ...] | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the states (N, T, hidden), and what is carried out of the last frame."""
        from torch._higher_order_ops.scan import scan

        gates = F.linear(x, self.weight, self.bias).transpose(0, 1).contiguous()
        zeros = [gates.new_zeros(x.shape[0], self.hidden) for _ in range(self.carries)]
        carried = list(first) if first is not None else zeros
        last, states = scan(self.step, carried, gates, dim=0)
        return states.transpose(0, 1), tuple(last)

    def _gru(self, carried: list[Tensor], gates: Tensor) -> tuple[list[Tensor], Tensor]:
        (state,) = carried
        inner = torch.mm(state, self.across) + self.recurrent_bias
        r, z, n = gates.split(self.hidden, dim=1)
        hr, hz, hn = inner.split(self.hidden, dim=1)
        new = torch.tanh(n + torch.sigmoid(r + hr) * hn)
        state = new + torch.sigmoid(z + hz) * (state - new)
        return [state], state.clone()

    def _lstm(self, carried: list[Tensor], gates: Tensor) -> tuple[list[Tensor], Tensor]:
        state, cell = carried
        gates = gates + torch.mm(state, self.across) + self.recurrent_bias
        i, f, g, o = gates.split(self.hidden, dim=1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        state = torch.sigmoid(o) * torch.tanh(cell)
        return [state, cell], state.clone()

    def _plain(self, carried: list[Tensor], gates: Tensor) -> tuple[list[Tensor], Tensor]:
        state = torch.tanh(gates + torch.mm(carried[0], self.across) + self.recurrent_bias)
        return [state], state.clone()

    def _rectified(self, carried: list[Tensor], gates: Tensor) -> tuple[list[Tensor], Tensor]:
        state = torch.relu(gates + torch.mm(carried[0], self.across) + self.recurrent_bias)
        return [state], state.clone()
