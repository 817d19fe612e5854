"""Layers that go on where they stopped: each takes what it remembers and gives it back.

Chunk by chunk they answer what they answer on the whole signal. A state is a tensor of fixed shape,
``initial()`` before the first frame; a padded frame may change it, so padding comes last.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor, nn

from edgectc.core.errors import ConfigError
from edgectc.networks.layers import MASKED

Pair: TypeAlias = tuple[Tensor, Tensor]


class CausalConv(nn.Module):
    """A convolution that sees no frame after its own: output j ends at frame (j + 1) * stride - 1.

    What lies before the first frame reads as zeros. T frames give floor(T / stride).

    Attributes:
        reach: frames before its own that it sees, C * reach values of state.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.channels, self.reach = in_channels, dilation * (kernel - 1) + 1 - stride
        if self.reach < 0:
            raise ConfigError(f"stride is {stride}, expected at most {self.reach + stride} frames")
        self.conv = nn.Conv1d(
            in_channels, channels, kernel, stride=stride, dilation=dilation, groups=groups,
            bias=bias,
        )  # fmt: skip

    def initial(self, batch: int = 1) -> Tensor:
        """Return (batch, C, reach) zeros."""
        return torch.zeros(batch, self.channels, self.reach)

    def forward(self, x: Tensor, state: Tensor) -> Pair:
        """Return (N, C', T // stride) of x (N, C, T), and the state after it.

        T is a multiple of the stride wherever more frames follow.
        """
        seen = torch.cat([state, x], dim=2)
        return self.conv(seen), seen[:, :, seen.shape[2] - self.reach :]


class ChunkedAttention(nn.Module):
    """Attention within chunks of a fixed size and to ``left`` chunks before, heads in the batch.

    A frame sees its own chunk whole, so ``chunk - 1`` frames after it at most.

    Source: Vaswani et al. 2017, "Attention Is All You Need"; the mask of Chen et al. 2021,
    "Developing Real-Time Streaming Transformer Transducer", section 3.
    """

    def __init__(self, channels: int, heads: int, chunk: int, left: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.chunk, self.left = heads, chunk, left
        self.inputs = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def initial(self, batch: int = 1) -> Tensor:
        """Return (batch, left * chunk, 2 C + 1) zeros: keys, values, and which are there."""
        width = 2 * self.output.in_features + 1
        return torch.zeros(batch, self.left * self.chunk, width)

    def forward(self, x: Tensor, keep: Tensor, state: Tensor) -> Pair:
        """Return (N, T, C) of x (N, T, C), and the state after it.

        Args:
            x: T is a multiple of the chunk wherever more frames follow.
            keep: (N, 1, T) float32, 1 on valid frames.
            state: (N, left * chunk, 2 C + 1).
        """
        N, T, C = x.shape
        H, past = self.heads, self.left * self.chunk
        q, k, v = self.inputs(x).split(C, dim=2)
        rows = torch.cat([state, torch.cat([k, v, keep.transpose(1, 2)], dim=2)], dim=1)
        k, v, there = rows.split([C, C, 1], dim=2)
        at = torch.arange(past + T, device=x.device) // self.chunk
        back = at[past:, None] - at[None]  # chunks that a key lies before its query
        sees = ((back >= 0) & (back <= self.left)).to(x.dtype)
        # Finite, so that a row of nothing but padding averages instead of dividing 0 by 0.
        hidden = (sees[None] * there.transpose(1, 2) - 1.0) * MASKED
        q, k, v = (
            part.reshape(N, -1, H, C // H).transpose(1, 2).reshape(N * H, -1, C // H)
            for part in (q, k, v)
        )
        scores = torch.bmm(q * (C // H) ** -0.5, k.transpose(1, 2))
        scores = (scores.reshape(N, H, T, past + T) + hidden[:, None]).reshape(N * H, T, past + T)
        mixed = torch.bmm(self.dropout(torch.softmax(scores, dim=2)), v)
        mixed = mixed.reshape(N, H, T, C // H).transpose(1, 2).reshape(N, T, C)
        return self.output(mixed), rows[:, rows.shape[1] - past :]


class StatefulRecurrent(nn.Module):
    """GRU or LSTM layers in one direction, whose states are one tensor that goes in and out.

    Source: Cho et al. 2014 (GRU); Hochreiter & Schmidhuber 1997 (LSTM).
    """

    def __init__(
        self,
        kind: type[nn.GRU] | type[nn.LSTM],
        in_channels: int,
        channels: int,
        layers: int,
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        sizes = [in_channels] + [channels] * (layers - 1)
        self.out_features, self.pair = channels, kind is nn.LSTM
        self.layers = nn.ModuleList(kind(size, channels, batch_first=True) for size in sizes)
        self.dropout = nn.Dropout(dropout)

    @classmethod
    def of(cls, layer: nn.GRU | nn.LSTM) -> StatefulRecurrent:
        """Return the layers of a module of torch, with copies of its weights.

        Raises:
            ConfigError: it reads backward, or has projections or no biases.
        """
        if layer.bidirectional or layer.proj_size or not layer.bias:
            raise ConfigError(
                f"{layer} is bidirectional, or has projections or no biases; a stream takes layers "
                "of one direction with neither"
            )
        made = cls(
            type(layer), layer.input_size, layer.hidden_size, layer.num_layers,
            dropout=layer.dropout,
        )  # fmt: skip
        for i, inner in enumerate(made.layers):
            named = inner.state_dict()
            inner.load_state_dict({k: layer.state_dict()[k[:-1] + str(i)] for k in named})
        return made.train(layer.training)

    def initial(self, batch: int = 1) -> Tensor:
        """Return (layers, batch, channels) zeros; of an LSTM twice as many, states then cells."""
        rows = len(self.layers) * (2 if self.pair else 1)
        return torch.zeros(rows, batch, self.out_features)

    def forward(self, x: Tensor, state: Tensor) -> Pair:
        """Return (N, T, channels) of x (N, T, C), and the state after it."""
        return carried(self.layers, x, state, self.dropout)


def carried(
    layers: nn.ModuleList, x: Tensor, state: Tensor, between: nn.Module | None = None
) -> Pair:
    """Return (N, T, channels) of x (N, T, C), and the state after it.

    Args:
        layers: GRUs or LSTMs of one direction, one layer each, batch first.
        x: frames.
        state: (layers, N, channels) of GRUs; of LSTMs twice as many rows, states then cells.
        between: what stands between two layers, e.g. dropout.
    """
    count = len(layers)
    states: list[Tensor] = []
    cells: list[Tensor] = []
    for i, layer in enumerate(layers):
        x = between(x) if i and between is not None else x
        first = state[i : i + 1]
        if isinstance(layer, nn.LSTM):
            x, (last, cell) = layer(x, (first, state[count + i : count + i + 1]))
            cells.append(cell)
        else:
            x, last = layer(x, first)
        states.append(last)
    return x, torch.cat(states + cells, dim=0)
