"""Architectures of published networks, small and untrained, each of a few lines of plain PyTorch.

Every one is written as its authors write it: the way it is told a length, masks, pads and answers
is theirs. Nothing here knows of edgectc but where a row says that it uses `edgectc.kit`.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

V, C = 11, 16  # tokens with the blank; channels of features


def mask_of(lengths: Tensor, frames: int) -> Tensor:
    """Return (N, frames) bool, True on valid frames."""
    return torch.arange(frames)[None] < lengths[:, None]


class Attention(nn.Module):
    """Multi-head attention with an additive bias, as fairseq, NeMo and transformers write it."""

    def __init__(self, width: int, heads: int = 2) -> None:
        super().__init__()
        self.qkv, self.out, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads

    def forward(self, x: Tensor, keep: Tensor | None, bias: Tensor | float = 0.0) -> Tensor:
        N, T, D = x.shape
        q, k, v = self.qkv(x).view(N, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / math.sqrt(D // self.heads) + bias
        if keep is not None:
            scores = scores.masked_fill(~keep[:, None, None], -1e4)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(N, T, D))


class Block(nn.Module):
    """Attention and feed-forward, norms before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = Attention(width)
        self.one, self.two = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor, keep: Tensor | None, bias: Tensor | float = 0.0) -> Tensor:
        x = x + self.attention(self.one(x), keep, bias)
        return x + self.down(F.gelu(self.up(self.two(x))))


class Wav2Vec2(nn.Module):
    """Waveform; convolutions, a group norm first; even positional convolution (Baevski 2020)."""

    def __init__(self, norm: str = "group") -> None:
        super().__init__()
        sizes = [(1, 16, 10, 5), (16, 16, 3, 2), (16, 16, 2, 2)]
        self.convs = nn.ModuleList(nn.Conv1d(i, o, k, s) for i, o, k, s in sizes)
        self.group = nn.GroupNorm(16, 16) if norm == "group" else None
        self.norms = nn.ModuleList(nn.LayerNorm(16) for _ in sizes) if norm == "layer" else None
        self.position = nn.Conv1d(16, 16, 8, padding=4, groups=4)
        self.blocks, self.head = nn.ModuleList(Block(16) for _ in range(2)), nn.Linear(16, V)

    def frames(self, lengths: Tensor) -> Tensor:
        for conv in self.convs:
            lengths = (lengths - conv.kernel_size[0]) // conv.stride[0] + 1
        return lengths

    def features(self, x: Tensor) -> Tensor:
        x = x[:, None]
        for i, conv in enumerate(self.convs):
            x = conv(x)
            if self.group is not None and i == 0:
                x = self.group(x)
            if self.norms is not None:
                x = self.norms[i](x.transpose(1, 2)).transpose(1, 2)
            x = F.gelu(x)
        return x.transpose(1, 2)

    def bias(self, x: Tensor) -> Tensor | float:
        return 0.0

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = self.features(x)
        keep = mask_of(self.frames(lengths), x.shape[1])
        x = x * keep[:, :, None]
        x = x + F.gelu(self.position(x.transpose(1, 2))[..., :-1]).transpose(1, 2)
        for block in self.blocks:
            x = block(x, keep, self.bias(x))
        return self.head(x)


class WavLm(Wav2Vec2):
    """Relative position buckets beside the scores (Chen 2022)."""

    def __init__(self) -> None:
        super().__init__("layer")
        self.relative = nn.Embedding(33, 2)

    def bias(self, x: Tensor) -> Tensor:
        place = torch.arange(x.shape[1])
        apart = (place[None] - place[:, None]).clamp(-16, 16) + 16
        return self.relative(apart).permute(2, 0, 1)[None]


class Sew(Wav2Vec2):
    """Attention at half the rate: pooled by pairs, upsampled by a linear layer (Wu 2021)."""

    def __init__(self) -> None:
        super().__init__("layer")
        self.up = nn.Linear(16, 32)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = self.features(x)
        keep = mask_of(self.frames(lengths), x.shape[1])
        x = x * keep[:, :, None]
        T = x.shape[1] // 2 * 2
        half = F.avg_pool1d(x[:, :T].transpose(1, 2), 2).transpose(1, 2)
        for block in self.blocks:
            half = block(half, keep[:, 1:T:2])
        x = self.up(half).reshape(len(x), T, 16)
        return self.head(F.pad(x, (0, 0, 0, keep.shape[1] - T)))


class Conv(nn.Module):
    """A conformer's convolution module, masked (Gulati 2020)."""

    def __init__(self, width: int, kernel: int = 5) -> None:
        super().__init__()
        self.norm, self.inner = nn.LayerNorm(width), nn.Conv1d(width, 2 * width, 1)
        self.deep = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.batch, self.outer = nn.BatchNorm1d(width), nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor, keep: Tensor | None) -> Tensor:
        x = F.glu(self.inner(self.norm(x).transpose(1, 2)), 1)
        x = x if keep is None else x.masked_fill(~keep[:, None], 0.0)
        return self.outer(F.silu(self.batch(self.deep(x)))).transpose(1, 2)


class RelativeAttention(Attention):
    """Scores of relative positions by Transformer-XL's shift (Dai 2019), as NeMo's conformers."""

    def __init__(self, width: int, heads: int = 2, longest: int = 256) -> None:
        super().__init__(width, heads)
        self.position = nn.Linear(width, width, bias=False)
        self.u, self.v = (nn.Parameter(torch.randn(heads, width // heads) * 0.1) for _ in range(2))
        place = torch.arange(longest, -longest, -1)[:, None]
        angle = place / 10000 ** (torch.arange(0, width, 2)[None] / width)
        self.longest = longest
        self.register_buffer("table", torch.cat([angle.sin(), angle.cos()], 1))

    def forward(self, x: Tensor, keep: Tensor | None, bias: Tensor | float = 0.0) -> Tensor:
        N, T, D = x.shape
        d = D // self.heads
        q, k, v = self.qkv(x).view(N, T, 3, self.heads, d).permute(2, 0, 3, 1, 4)
        table = self.table[self.longest - T + 1 : self.longest + T]
        p = self.position(table).view(2 * T - 1, self.heads, d).permute(1, 2, 0)
        content = (q + self.u[:, None]) @ k.transpose(-1, -2)
        shifted = F.pad((q + self.v[:, None]) @ p, (1, 0)).view(N, self.heads, 2 * T, T)
        scores = content + shifted[:, :, 1:].reshape(N, self.heads, T, 2 * T - 1)[..., :T]
        if keep is not None:
            scores = scores.masked_fill(~keep[:, None, None], -1e4)
        weights = (scores / math.sqrt(d)).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(N, T, D))


class ParakeetCtc(nn.Module):
    """Depthwise 2-D convolutions, relative attention (FastConformer, Rekesh 2023)."""

    masked = True

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, 2, 1)
        self.deep, self.point = nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.Conv2d(8, 8, 1)
        self.inner = nn.Linear(8 * C // 4, width)
        self.attention = nn.ModuleList(RelativeAttention(width) for _ in range(2))
        self.convs = nn.ModuleList(Conv(width, 9) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.head = nn.Linear(width, V)

    def forward(self, audio_signal: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        x = audio_signal * mask_of(length, audio_signal.shape[1])[:, :, None]
        x = F.relu(self.first(x[:, None]))
        length = (length - 1) // 2 + 1
        x = x * mask_of(length, x.shape[2])[:, None, :, None]
        x = F.relu(self.point(self.deep(x)))
        length = (length - 1) // 2 + 1
        x = self.inner(x.transpose(1, 2).flatten(2))
        keep = mask_of(length, x.shape[1])
        for attention, conv, norm in zip(self.attention, self.convs, self.norms, strict=True):
            x = x + attention(norm(x), keep)
            x = x + conv(x, keep if self.masked else None)
        return self.head(x).log_softmax(-1), length


class W2vBert(ParakeetCtc):
    """The convolutions of the blocks are not masked, as in transformers and torchaudio."""

    masked = False


class Mamba(nn.Module):
    """A selective state space, its scan a loop over frames (Gu and Dao 2023)."""

    def __init__(self, width: int = 16, states: int = 4) -> None:
        super().__init__()
        self.inner = nn.Linear(C, 2 * width)
        self.conv = nn.Conv1d(width, width, 4, groups=width, padding=3)
        self.step, self.pair = nn.Linear(width, width), nn.Linear(width, 2 * states)
        self.a = nn.Parameter(torch.log(torch.arange(1.0, states + 1).repeat(width, 1)))
        self.head = nn.Linear(width, V)

    def forward(self, x: Tensor) -> Tensor:
        T = x.shape[1]
        x, gate = self.inner(x).chunk(2, -1)
        x = F.silu(self.conv(x.transpose(1, 2))[..., :T]).transpose(1, 2)
        step = F.softplus(self.step(x))[..., None]
        b, c = self.pair(x).chunk(2, -1)
        decay, drive = torch.exp(-step * self.a.exp()), step * b[:, :, None] * x[..., None]
        state, out = torch.zeros_like(drive[:, 0]), []
        for t in range(T):
            state = decay[:, t] * state + drive[:, t]
            out.append((state * c[:, t, None]).sum(-1))
        return self.head(torch.stack(out, 1) * F.silu(gate))


class Emformer(nn.Module):
    """Attention within blocks of 8 frames and the block before (Shi 2021), by a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(C, 16), nn.Linear(16, V)
        self.blocks = nn.ModuleList(Block(16) for _ in range(2))

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        block = torch.arange(x.shape[1]) // 8
        apart = block[:, None] - block[None]
        bias = torch.where((apart == 0) | (apart == 1), 0.0, -1e4)
        x, keep = self.inner(x), mask_of(lengths, x.shape[1])
        for layer in self.blocks:
            x = layer(x, keep, bias)
        return self.head(x), lengths


class Crnn(nn.Module):
    """Images (N, 1, 32, W); convolutions, bidirectional LSTM over columns (Shi 2015)."""

    def __init__(self, residual: bool = False) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(i, 16, 3, padding=1) for i in (1, 16, 16))
        self.norms = nn.ModuleList(nn.BatchNorm2d(16) for _ in range(3))
        self.residual = residual
        self.layers = nn.LSTM(16 * 4, 16, bidirectional=True, batch_first=True)
        self.head = nn.Linear(32, V)

    def forward(self, image: Tensor) -> Tensor:
        x = image
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            y = F.relu(norm(conv(x)))
            x = y + x if self.residual and i else y
            x = F.max_pool2d(x, (2, 2) if i == 0 else (2, 1))
        return self.head(self.layers(x.permute(0, 3, 1, 2).flatten(2))[0])


class ResNetOcr(Crnn):
    """Residual convolutions before the LSTM (Cheng 2017)."""

    def __init__(self) -> None:
        super().__init__(residual=True)


class Svtr(nn.Module):
    """Patches, depthwise mixing, attention over all of them, the height pooled (Du 2022)."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.mix = nn.Conv2d(1, 16, 4, 4), nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.block, self.head = Block(16), nn.Linear(16, V)

    def forward(self, image: Tensor) -> Tensor:
        x = F.gelu(self.patch(image))
        x = x + self.mix(x)
        N, D, H, W = x.shape
        x = self.block(x.flatten(2).transpose(1, 2), None)
        return self.head(x.transpose(1, 2).reshape(N, D, H, W).mean(2).transpose(1, 2))


class Jasper(nn.Module):
    """Separable convolutions, masked before each, with batch norms (QuartzNet, Kriman 2020)."""

    def __init__(self, squeeze: bool = False, kernel: int = 7) -> None:
        super().__init__()
        widths = [(C, 24, 2), (24, 24, 1), (24, 24, 1)]
        pad = kernel // 2
        self.deep = nn.ModuleList(
            nn.Conv1d(i, i, kernel, s, pad, groups=i, bias=False) for i, _, s in widths
        )
        self.point = nn.ModuleList(nn.Conv1d(i, o, 1, bias=False) for i, o, _ in widths)
        self.norms = nn.ModuleList(nn.BatchNorm1d(24) for _ in widths)
        self.down, self.up = nn.Linear(24, 6), nn.Linear(6, 24)
        self.squeeze, self.head = squeeze, nn.Conv1d(24, V, 1)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        for i, (deep, point, norm) in enumerate(
            zip(self.deep, self.point, self.norms, strict=True)
        ):
            x = deep(x * mask_of(lengths, x.shape[2])[:, None])
            lengths = (lengths - 1) // deep.stride[0] + 1
            y = norm(point(x))
            if self.squeeze:  # Citrinet: the mean of valid frames alone
                keep = mask_of(lengths, y.shape[2])[:, None]
                mean = (y * keep).sum(2) / keep.sum(2)
                y = y * torch.sigmoid(self.up(F.relu(self.down(mean))))[..., None]
            x = F.relu(x + y if i and x.shape == y.shape else y)
        return self.head(x).transpose(1, 2).log_softmax(-1)


class Citrinet(Jasper):
    """With squeeze and excitation (Majumdar 2021)."""

    def __init__(self) -> None:
        super().__init__(squeeze=True)


# What they are run on.


def frames(rng: np.random.Generator, rows: int, T: int = 64) -> np.ndarray:
    """Return smooth features (rows, T, C)."""
    x = rng.standard_normal((rows, T, C))
    return (0.6 * x + 0.5 * np.roll(x, 1, 1)).astype(np.float32)


def short(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Return features of 24 frames."""
    return frames(rng, rows, 24)


def waves(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Return waveforms (rows, 1600)."""
    return (0.3 * rng.standard_normal((rows, 1600))).clip(-1, 1).astype(np.float32)


def images(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Return images (rows, 1, 32, 64)."""
    return rng.standard_normal((rows, 1, 32, 64)).astype(np.float32)
