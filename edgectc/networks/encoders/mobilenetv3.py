"""MobileNetV3 in one dimension and a BiLSTM, over landmarks: the sign student.

Each modality (pose, hands, face, movement) has an encoder of its own; six inverted residual blocks
look at a quarter of the frames, a transposed convolution brings them back, so every input frame
has an output frame and CTC has its alignment. Squeeze-and-excite averages valid frames alone.

Source: Howard et al. 2019, "Searching for MobileNetV3"; Hu et al. 2018, "Squeeze-and-Excitation".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgectc.core.config import check_numbers, number
from edgectc.networks.layers import (
    MOST_LAYERS,
    MaskedConvNorm,
    MaskedNorm,
    Recurrent,
    SelfAttention,
    check_modalities,
)


class _Shape(NamedTuple):
    expanded: int
    out: int
    kernel: int
    stride: int
    excite: bool
    hard: bool


_STEM = 16
_BLOCKS = (
    _Shape(16, 16, 3, 1, True, False),
    _Shape(72, 24, 3, 2, False, False),
    _Shape(88, 24, 3, 1, False, False),
    _Shape(96, 40, 5, 1, True, True),
    _Shape(240, 40, 5, 1, True, True),
    _Shape(120, 48, 5, 1, True, True),
)
_DOWN = 4  # input frames per frame of the blocks after the second


@dataclass(frozen=True)
class Options:
    """Shape of the network; the default is the published one.

    Attributes:
        modalities: input channels of pose, hands, face and movement.
        widths: channels that each is encoded to.
        shrink: what the channels of stem and blocks are divided by, for tests.
        upsampled: channels after the blocks, at the input's frame rate.
        hidden: width of the LSTM, per direction.
        layers: LSTM layers.
        cross_attention: whether the modalities attend to one another in each frame.
        dropout: share of values dropped in the modality encoders and between LSTM layers.
    """

    modalities: tuple[int, ...] = (99, 126, 1404, 4887)
    widths: tuple[int, ...] = (64, 128, 64, 128)
    shrink: int = 1
    upsampled: int = 128
    hidden: int = 128
    layers: int = number(1, least=1, most=MOST_LAYERS)
    cross_attention: bool = False
    dropout: float = 0.3

    def __post_init__(self) -> None:
        check_numbers(self)
        if len(self.modalities) != len(self.widths):
            raise ValueError("modalities and widths must have the same number of entries")


def create(options: Options, *, in_features: int, max_frames: int) -> MobileNetEncoder:
    """Return an untrained encoder, for any number of frames.

    Raises:
        ConfigError: the modalities do not add up to ``in_features``.
    """
    check_modalities(options.modalities, in_features)
    return MobileNetEncoder(options)


class _CrossAttention(nn.Module):
    """Within each frame, every modality looks at all of them."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        common = max(widths)
        self.widths = widths
        self.enter = nn.ModuleList(nn.Linear(width, common) for width in widths)
        self.attention = SelfAttention(common, 4, 0.0)
        self.leave = nn.ModuleList(nn.Linear(common, width) for width in widths)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, T, C) of x (N, T, C), C the sum of the widths."""
        N, T, _ = x.shape
        parts = x.split(list(self.widths), dim=2)
        tokens = torch.stack([f(p) for f, p in zip(self.enter, parts, strict=True)], dim=2)
        M, C = tokens.shape[2:]
        flat = tokens.reshape(N * T, M, C)
        mixed = self.attention(flat, flat.new_ones(N * T, 1, M)).reshape(N, T, M, C)
        added = [f(mixed[:, :, i]) for i, f in enumerate(self.leave)]
        return x + torch.cat(added, dim=2)


class _SqueezeExcite(nn.Module):
    """Channels weighted by what their mean over valid frames says."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = max(channels // 4, 8)
        self.squeeze, self.excite = nn.Linear(channels, squeezed), nn.Linear(squeezed, channels)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        share = keep / torch.clamp(keep.sum(2, keepdim=True), min=1.0)
        weight = self.excite(torch.relu(self.squeeze((x * share).sum(2))))
        return x * nn.functional.hardsigmoid(weight)[:, :, None]


class _Block(nn.Module):
    """Expand, depthwise, squeeze-and-excite, project; added to the input where shapes agree."""

    def __init__(self, in_channels: int, shape: _Shape) -> None:
        super().__init__()
        E = shape.expanded
        self.stride = shape.stride
        self.expand = MaskedConvNorm(in_channels, E, 1, bias=False) if E != in_channels else None
        self.depthwise = MaskedConvNorm(
            E, E, shape.kernel, stride=shape.stride, groups=E, bias=False
        )
        self.excite = _SqueezeExcite(E) if shape.excite else None
        self.project = MaskedConvNorm(E, shape.out, 1, bias=False)
        self.act = nn.Hardswish() if shape.hard else nn.ReLU()
        self.residual = shape.stride == 1 and in_channels == shape.out

    def forward(self, x: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N, C, T') and its mask."""
        y = self.act(self.expand(x, keep)) if self.expand is not None else x
        out = keep if self.stride == 1 else keep[:, :, :: self.stride]
        y = self.act(self.depthwise(y * keep, out))
        if self.excite is not None:
            y = self.excite(y, out)
        y = self.project(y, out)
        return (x + y if self.residual else y), out


class MobileNetEncoder(nn.Module):
    """Encodes (N, F, T) to (N, 2 * hidden, T).

    Attributes:
        stride: input frames per output frame.
        window: input frames that the first output frame needs.
        out_features: 2 * hidden.
    """

    stride = 1
    window = 1

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.modalities = options.modalities
        self.encoders = nn.ModuleList(
            _modality(size, width, options.dropout)
            for size, width in zip(options.modalities, options.widths, strict=True)
        )
        self.cross = _CrossAttention(options.widths) if options.cross_attention else None
        width = _STEM // options.shrink
        self.stem = MaskedConvNorm(sum(options.widths), width, 3, stride=2, bias=False)
        blocks = []
        for shape in _BLOCKS:
            shape = shape._replace(
                expanded=shape.expanded // options.shrink, out=shape.out // options.shrink
            )
            blocks.append(_Block(width, shape))
            width = shape.out
        self.blocks = nn.ModuleList(blocks)
        U = options.upsampled
        self.upsample = nn.ConvTranspose1d(width, U, _DOWN, stride=_DOWN)
        self.upsampled = MaskedNorm(U)
        self.project = nn.Conv1d(U, U, 3, padding=1)
        self.lstm = Recurrent(
            nn.LSTM, U, options.hidden, options.layers, bidirectional=True, dropout=options.dropout
        )
        self.out_features = self.lstm.out_features

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, C, T).

        Args:
            x: (N, F, T) float32 features, modality by modality.
            keep: (N, 1, T) float32, 1 on valid frames, 0 on padding.
        """
        T = x.shape[2]
        parts = x.transpose(1, 2).split(list(self.modalities), dim=2)
        tokens = torch.cat([f(p) for f, p in zip(self.encoders, parts, strict=True)], dim=2)
        if self.cross is not None:
            tokens = self.cross(tokens)
        coarse = keep[:, :, ::2]
        y = nn.functional.hardswish(self.stem(tokens.transpose(1, 2) * keep, coarse))
        for block in self.blocks:
            y, coarse = block(y, coarse)
        # Frame j becomes frames 4j..4j+3: no valid one comes from a padded one.
        y = self.upsample(y)
        if y.shape[2] != T:
            y = y[:, :, :T]
        y = torch.relu(self.upsampled(y, keep))
        y = self.project(y * keep)
        return self.lstm(y.transpose(1, 2), keep).transpose(1, 2)


def _modality(size: int, width: int, dropout: float) -> nn.Module:
    between = (size + width) // 2
    return nn.Sequential(
        nn.Linear(size, between),
        nn.LayerNorm(between),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(between, width),
        nn.LayerNorm(width),
    )
