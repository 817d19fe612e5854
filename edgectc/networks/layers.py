"""What several encoders are built from. Padding never changes a valid frame in any of it.

``x`` is (N, C, T) unless said otherwise; ``keep`` is (N, 1, T), 1 on valid frames, 0 on padding.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from edgectc.core.errors import ConfigError

MOST_LAYERS = 1000  # of an encoder; a file that asks for more would only cost time
MASKED = 1e4  # subtracted from scores that nobody may choose; below float16's 65504


def full_precision(device: torch.device) -> AbstractContextManager[None]:
    """Return a context in which autocast rounds nothing (it does not know meta tensors)."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


class MaskedNorm(nn.Module):
    """Batch normalisation whose statistics are taken over the valid frames alone.

    Source: Ioffe & Szegedy 2015, "Batch Normalization".
    """

    mean: Tensor
    var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, C, T)."""
        mean, var = self._statistics(x, keep) if self.training else (self.mean, self.var)
        scale = self.gain / torch.sqrt(var + 1e-5)
        return x * scale[:, None] + (self.shift - mean * scale)[:, None]

    def _statistics(self, x: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        # In half precision the difference of the two moments would be rounding alone.
        with full_precision(x.device):
            x, weight = x.float(), (keep[:, 0] / torch.clamp(keep.sum(), min=1.0)).float()
            mean = torch.einsum("nct,nt->c", x, weight)
            var = torch.clamp(torch.einsum("nct,nt->c", x * x, weight) - mean * mean, min=0.0)
        with torch.no_grad():
            self.mean.lerp_(mean, 0.1)
            self.var.lerp_(var, 0.1)
        return mean, var


class MaskedConvNorm(MaskedNorm):
    """A convolution of masked input, normalised over the valid frames of the batch.

    Frame j of the output lies at frame j * stride of the input, so its mask is
    ``keep[:, :, ::stride]``.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int,
        *,
        dilation: int = 1,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(channels)
        self.conv = nn.Conv1d(
            in_channels,
            channels,
            kernel,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            stride=stride,
            groups=groups,
            bias=bias,
        )
        self.folded = False

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, C, T'). ``keep`` is (N, 1, T'), the valid frames of the output."""
        x = self.conv(x)
        if self.folded:
            return x
        if x.dtype == self.gain.dtype:
            return super().forward(x, keep)
        with full_precision(x.device):
            return super().forward(x.float(), keep)

    @torch.no_grad()
    def fold(self) -> None:
        """Merge the running statistics into the convolution; for inference, once."""
        if not self.folded:
            scale = self.gain / torch.sqrt(self.var + 1e-5)
            if self.conv.bias is None:
                self.conv.bias = nn.Parameter(torch.zeros_like(self.shift))
            bias = self.conv.bias
            self.conv.weight.mul_(scale[:, None, None])
            bias.copy_((bias - self.mean) * scale + self.shift)
            self.folded = True


class GroupNorm(nn.Module):
    """Normalisation over groups of channels and the valid frames of each sample.

    Source: Wu & He 2018, "Group Normalization".
    """

    def __init__(self, groups: int, channels: int) -> None:
        super().__init__()
        self.groups = groups
        self.gain = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, C, T)."""
        N, C, T = x.shape
        G = self.groups
        weight = keep / torch.clamp(keep.sum(2, keepdim=True) * (C // G), min=1.0)
        grouped = x.reshape(N, G, C // G, T)
        weight = weight.reshape(N, 1, 1, T)
        mean = (grouped * weight).sum((2, 3), keepdim=True)
        centred = grouped - mean
        var = (centred * centred * weight).sum((2, 3), keepdim=True)
        normal = (centred / torch.sqrt(var + 1e-5)).reshape(N, C, T)
        return normal * self.gain[:, None] + self.shift[:, None]


class SelfAttention(nn.Module):
    """Multi-head attention of the valid frames, heads folded into the batch.

    Source: Vaswani et al. 2017, "Attention Is All You Need".
    """

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, T, C) of x (N, T, C)."""
        N, T, C = x.shape
        H = self.heads
        # Finite, so that a row of nothing but padding averages instead of dividing 0 by 0.
        masked = ((keep - 1.0) * MASKED).expand(N, H, T).reshape(N * H, 1, T)
        q, k, v = (
            part.reshape(N, T, H, C // H).transpose(1, 2).reshape(N * H, T, C // H)
            for part in self.inputs(x).split(C, dim=2)
        )
        scores = torch.bmm(q * (C // H) ** -0.5, k.transpose(1, 2)) + masked
        mixed = torch.bmm(self.dropout(torch.softmax(scores, dim=2)), v)
        mixed = mixed.reshape(N, H, T, C // H).transpose(1, 2).reshape(N, T, C)
        return self.output(mixed)


class Positions(nn.Module):
    """Adds the place of each frame, from a table of fixed shape (1, max_frames, C).

    Source: Vaswani et al. 2017, section 3.5 (sinusoidal); Gehring et al. 2017 (learned).
    """

    table: Tensor

    def __init__(self, kind: str, max_frames: int, channels: int) -> None:
        super().__init__()
        if kind == "learned":
            self.table = nn.Parameter(torch.randn(1, max_frames, channels) * 0.02)
            return
        position = torch.arange(max_frames)[:, None]
        rate = torch.exp(torch.arange(0, channels, 2) * (-math.log(10000.0) / channels))
        table = torch.stack([torch.sin(position * rate), torch.cos(position * rate)], dim=2)
        # Follows from the options, so it is no weight to be stored.
        self.register_buffer("table", table.reshape(1, max_frames, channels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, T, C); T is at most the table's length."""
        T = x.shape[1]
        # At full length without a slice in the graph; of a dynamic length T is no int.
        full = isinstance(T, int) and T == self.table.shape[1]
        return x + (self.table if full else self.table[:, :T])


class Recurrent(nn.Module):
    """GRU or LSTM layers in one direction or both; backward from the last valid frame.

    A sample's frames are turned round within its own length, so no state ever comes out of padding
    into a valid frame, and no packed sequence is needed: the graph has a fixed shape.

    Source: Cho et al. 2014 (GRU); Hochreiter & Schmidhuber 1997 (LSTM); Schuster & Paliwal 1997
    (both directions).
    """

    def __init__(
        self,
        kind: type[nn.GRU] | type[nn.LSTM],
        in_channels: int,
        channels: int,
        layers: int,
        *,
        bidirectional: bool,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        sizes = [in_channels] + [directions * channels] * (layers - 1)
        self.bidirectional = bidirectional
        self.out_features = directions * channels
        self.ahead = nn.ModuleList(kind(size, channels, batch_first=True) for size in sizes)
        self.back = nn.ModuleList(
            kind(size, channels, batch_first=True) for size in sizes if bidirectional
        )
        self.dropout = nn.Dropout(dropout)
        for name, parameter in self.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(parameter)
            elif "weight_ih" in name:
                nn.init.xavier_uniform_(parameter)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, T, out_features) of x (N, T, C)."""
        order = turned(keep)
        for i, ahead in enumerate(self.ahead):
            x = self.dropout(x) if i else x
            forth = ahead(x)[0]
            if not self.bidirectional:
                x = forth
                continue
            around = self.back[i](taken(x, order))[0]
            x = torch.cat([forth, taken(around, order)], dim=2)
        return x


def keep_mask(lengths: Tensor, frames: int) -> Tensor:
    """Return (N, 1, frames) float32: 1 on the first ``lengths`` (N,) frames, 0 after them.

    By a clamp of floats, because comparisons leave the delegate of some targets.
    """
    position = torch.arange(frames, device=lengths.device, dtype=torch.float32)
    return torch.clamp(lengths.float()[:, None] - position, 0.0, 1.0)[:, None]


def masked_mean(x: Tensor, keep: Tensor) -> Tensor:
    """Return (N, 1, C): the mean of the valid frames of x (N, T, C), zero where there are none."""
    weight = keep.transpose(1, 2)
    return (x * weight).sum(1, keepdim=True) / torch.clamp(weight.sum(1, keepdim=True), min=1.0)


def windows(x: Tensor, window: int, stride: int) -> Tensor:
    """Return (N, T', C * window) of x (N, C, T): value c * window + k is frame k of channel c.

    Strided slices, because no target has a kernel for unfold. T' is
    floor((T - window) / stride) + 1, and a window is valid if its last frame is: its mask is
    ``keep[:, :, window - 1 :: stride]``.
    """
    N, C, T = x.shape
    frames = (T - window) // stride + 1
    last = (frames - 1) * stride + 1
    taken = [x[:, :, k : k + last : stride] for k in range(window)]
    return torch.stack(taken, dim=2).reshape(N, C * window, frames).transpose(1, 2)


def check_modalities(modalities: tuple[int, ...], in_features: int) -> None:
    """Check that the channels of the modalities are those of the features.

    Raises:
        ConfigError: they do not add up.
    """
    if sum(modalities) != in_features:
        raise ConfigError(
            f"encoder.modalities {list(modalities)} add up to {sum(modalities)}, the features have "
            f"{in_features} channels; make them agree"
        )


def turned(keep: Tensor) -> Tensor:
    """Return (N, T) int64: the frame that stands in each place when valid frames are reversed."""
    N, _, T = keep.shape
    keep = keep.reshape(N, T).float()
    position = torch.arange(T, device=keep.device).float()
    back = keep.sum(1, keepdim=True) - 1.0 - position
    return (back * keep + position * (1.0 - keep)).long()


def taken(x: Tensor, order: Tensor) -> Tensor:
    """Return (N, T, C): the frames of x (N, T, C) in the order (N, T)."""
    return torch.gather(x, 1, order[:, :, None].expand(x.shape))
