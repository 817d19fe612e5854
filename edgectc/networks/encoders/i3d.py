"""Inflated inception in one dimension and a BiLSTM, over landmarks: the sign teacher.

Modalities are projected, gated and fused by attention; inception modules look at one frame in
sixteen; linear interpolation brings the frames back, from valid ones alone.

Source: Szegedy et al. 2015, "Going Deeper with Convolutions" (the widths); Carreira & Zisserman
2017, "Quo Vadis, Action Recognition?" (I3D, here with time as the only axis).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgectc.core.config import check_numbers, number
from edgectc.networks.layers import (
    MOST_LAYERS,
    GroupNorm,
    MaskedConvNorm,
    MaskedNorm,
    Recurrent,
    SelfAttention,
    check_modalities,
)

_STEM = 64
# Channels of the branches: 1x1; 1x1 then 3; 1x1 then 7; pool then 1x1. None is a pool of two.
_MODULES = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    None,
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    None,
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)
_DOWN = 16  # input frames per frame after the last module


@dataclass(frozen=True)
class Options:
    """Shape of the network; the default is the published one.

    Attributes:
        modalities: input channels of pose, hands, face and movement.
        widths: channels that each is projected to.
        shrink: what the channels of stem and modules are divided by, for tests.
        heads: heads of the fusing attention, a divisor of the sum of ``widths``.
        hidden: width of the LSTM, per direction.
        layers: LSTM layers.
        dropout: share of values dropped after fusion and between LSTM layers.
    """

    modalities: tuple[int, ...] = (99, 126, 1404, 4887)
    widths: tuple[int, ...] = (102, 206, 153, 51)
    shrink: int = 1
    heads: int = 8
    hidden: int = 512
    layers: int = number(3, least=0, most=MOST_LAYERS)
    dropout: float = 0.3

    def __post_init__(self) -> None:
        check_numbers(self)
        if len(self.modalities) != len(self.widths):
            raise ValueError("modalities and widths must have the same number of entries")
        if sum(self.widths) % self.heads:
            raise ValueError(f"widths add up to {sum(self.widths)}, no multiple of {self.heads}")


def create(options: Options, *, in_features: int, max_frames: int) -> I3dEncoder:
    """Return an untrained encoder.

    Raises:
        ConfigError: the modalities do not add up to ``in_features``.
    """
    check_modalities(options.modalities, in_features)
    return I3dEncoder(options, max_frames)


class _Fusion(nn.Module):
    """Each modality projected, normalised and gated; all of them fused by attention over time."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        widths = options.widths
        self.modalities = options.modalities
        self.project = nn.ModuleList(
            nn.Linear(size, width) for size, width in zip(options.modalities, widths, strict=True)
        )
        self.norms = nn.ModuleList(MaskedNorm(width) for width in widths)
        self.gates = nn.ModuleList(nn.Linear(width, width) for width in widths)
        self.attention = SelfAttention(sum(widths), options.heads, options.dropout)
        self.norm = nn.LayerNorm(sum(widths))
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, C, T)."""
        parts = x.transpose(1, 2).split(list(self.modalities), dim=2)
        gated = []
        for part, project, norm, gate in zip(
            parts, self.project, self.norms, self.gates, strict=True
        ):
            y = norm(project(part).transpose(1, 2), keep).transpose(1, 2)
            gated.append(y * torch.sigmoid(gate(y)))
        fused = torch.cat(gated, dim=2)
        fused = self.norm(fused + self.dropout(self.attention(fused, keep)))
        return fused.transpose(1, 2)


class _Stem(nn.Module):
    """A wide convolution and a pool, four frames to one, beside a plain projection."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, channels, 7, stride=2, padding=3)
        self.norm = GroupNorm(min(8, channels), channels)
        self.shortcut = nn.Conv1d(in_channels, channels, 1, stride=4)

    def forward(self, x: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N, C, T / 4) and its mask."""
        half = keep[:, :, ::2]
        y = torch.relu(self.norm(self.conv(x * keep), half))
        return torch.relu(_pooled(y, half, 2) + self.shortcut(x)), half[:, :, ::2]


class _Pool(nn.Module):
    """The largest of neighbouring frames added to the frame itself, two frames to one."""

    def forward(self, x: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N, C, T / 2), not negative, and its mask."""
        return _pooled(x, keep, 2) + x[:, :, ::2], keep[:, :, ::2]


class _Inception(nn.Module):
    """Four branches that see 1, 3, 7 and 3 frames."""

    def __init__(self, in_channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        one, reduce3, three, reduce7, seven, pool = widths

        def conv(a: int, b: int, kernel: int) -> MaskedConvNorm:
            return MaskedConvNorm(a, b, kernel, bias=False)

        self.one = conv(in_channels, one, 1)
        self.reduce3, self.three = conv(in_channels, reduce3, 1), conv(reduce3, three, 3)
        self.reduce7, self.seven = conv(in_channels, reduce7, 1), conv(reduce7, seven, 7)
        self.pool = conv(in_channels, pool, 1)
        self.out = one + three + seven + pool

    def forward(self, x: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N, C, T), not negative, and its mask."""
        near = self.three(torch.relu(self.reduce3(x, keep)) * keep, keep)
        far = self.seven(torch.relu(self.reduce7(x, keep)) * keep, keep)
        top = self.pool(_pooled(x, keep, 1), keep)
        return torch.relu(torch.cat([self.one(x, keep), near, far, top], dim=1)), keep


class I3dEncoder(nn.Module):
    """Encodes (N, F, T) to (N, 2 * hidden, T), T at most ``max_frames``.

    Attributes:
        stride: input frames per output frame.
        window: input frames that the first output frame needs.
        out_features: 2 * hidden.
    """

    stride = 1
    window = 1
    between: Tensor

    def __init__(self, options: Options, max_frames: int) -> None:
        super().__init__()
        self.fusion = _Fusion(options)
        width = _STEM // options.shrink
        layers: list[nn.Module] = [_Stem(sum(options.widths), width)]
        for widths in _MODULES:
            if widths is None:
                layers.append(_Pool())
                continue
            module = _Inception(width, tuple(w // options.shrink for w in widths))
            layers.append(module)
            width = module.out
        self.layers = nn.ModuleList(layers)
        self.register_buffer("between", _interpolation(max_frames)[None], persistent=False)
        self.lstm = Recurrent(
            nn.LSTM,
            width,
            options.hidden,
            options.layers,
            bidirectional=True,
            dropout=options.dropout,
        )
        self.out_features = self.lstm.out_features

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, C, T).

        Args:
            x: (N, F, T) float32 features, modality by modality.
            keep: (N, 1, T) float32, 1 on valid frames, 0 on padding.
        """
        y, coarse = self.fusion(x, keep), keep
        for layer in self.layers:
            y, coarse = layer(y, coarse)
        return self.lstm(self._stretched(y, coarse, x.shape[2]), keep).transpose(1, 2)

    def _stretched(self, y: Tensor, coarse: Tensor, T: int) -> Tensor:
        """Return (N, T, C): linear interpolation whose weights on padding are zero."""
        frames = y.shape[2]
        between = self.between
        if between.shape[1:] != (frames, T):
            between = between[:, :frames, :T]
        weight = coarse.transpose(1, 2) * between
        weight = weight / torch.clamp(weight.sum(1, keepdim=True), min=1e-3)
        return torch.bmm(weight.transpose(1, 2), y.transpose(1, 2))


def _pooled(x: Tensor, keep: Tensor, stride: int) -> Tensor:
    """Return the largest of three neighbouring valid frames; x is not negative, so padding is 0."""
    return F.max_pool1d(x * keep, 3, stride=stride, padding=1)


def _interpolation(max_frames: int) -> Tensor:
    """Return (T', T) weights of coarse frames, each at the middle of its sixteen, in each frame."""
    position = torch.clamp((torch.arange(max_frames) + 0.5) / _DOWN - 0.5, min=0.0)
    coarse = torch.arange(-(-max_frames // _DOWN))[:, None]
    return torch.clamp(1.0 - (position - coarse).abs(), min=0.0)
