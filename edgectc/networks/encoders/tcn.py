"""Dilated residual convolutions: after training only convolutions, ReLU, additions and one mask.

Statistics of the normalisation are taken over valid frames alone, so padding never changes what a
valid frame becomes, in training or after it. `fold` merges the normalisation into the convolutions;
the exported graph has none. Each residual branch ends in a convolution that starts at zero, which
lets depth train from the first step.

Source: Ioffe & Szegedy 2015, "Batch Normalization"; De & Smith 2020, "Batch Normalization Biases
Residual Blocks Towards the Identity Function" (branches that start at zero).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgectc.networks.layers import MaskedConvNorm
from edgectc.networks.lowering import NativeWriter


@dataclass(frozen=True)
class Options:
    """Shape of the network.

    Attributes:
        channels: width of every block.
        kernel: frames that one convolution sees, odd.
        fine: dilations of the blocks at the input frame rate.
        coarse: dilations of the blocks after the stride-2 convolution.
        dropout: share of channels dropped per sample on each residual branch while training.
    """

    channels: int = 128
    kernel: int = 3
    fine: tuple[int, ...] = (1, 2, 4)
    coarse: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8)
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.channels < 1 or self.kernel % 2 == 0:
            raise ValueError("channels must be >= 1 and kernel odd")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")


def create(options: Options, *, in_features: int, max_frames: int) -> TcnEncoder:
    """Return an untrained encoder of ``in_features`` input channels, for any number of frames."""
    return TcnEncoder(options, in_features)


class _Block(nn.Module):
    """x + conv1x1(relu(norm(conv(x))))."""

    def __init__(self, options: Options, dilation: int) -> None:
        super().__init__()
        C = options.channels
        self.conv = MaskedConvNorm(C, C, options.kernel, dilation=dilation)
        self.mix = nn.Conv1d(C, C, 1)
        self.dropout = nn.Dropout1d(options.dropout)
        for parameter in self.mix.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        # Masked before the convolution, so no valid frame ever sees a padded one.
        return x + self.dropout(self.mix(torch.relu(self.conv(x * keep, keep))))

    def lower(self, writer: NativeWriter, x: int) -> int:
        """Take the block down for the target "native"."""
        inner = writer.convolution(x, self.conv.conv, relu=True)
        return writer.convolution(inner, self.mix, onto=x)


class TcnEncoder(nn.Module):
    """Encodes (N, F, T) to (N, C, ceil(T / 2)).

    Attributes:
        stride: input frames per output frame.
        window: input frames that the first output frame needs (`core.tokens.output_length`).
        out_features: C.
    """

    stride = 2
    window = 1

    def __init__(self, options: Options, in_features: int) -> None:
        super().__init__()
        C, k = options.channels, options.kernel
        self.out_features = C
        self.stem = MaskedConvNorm(in_features, C, k)
        self.fine = nn.ModuleList(_Block(options, d) for d in options.fine)
        self.down = MaskedConvNorm(C, C, k, stride=self.stride)
        self.coarse = nn.ModuleList(_Block(options, d) for d in options.coarse)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, C, T').

        Args:
            x: (N, F, T) float32 features.
            keep: (N, 1, T) float32, 1 on valid frames, 0 on padding.
        """
        x = torch.relu(self.stem(x * keep, keep))
        for block in self.fine:
            x = block(x, keep)
        coarse = keep[:, :, :: self.stride]
        x = torch.relu(self.down(x * keep, coarse))
        for block in self.coarse:
            x = block(x, coarse)
        return x

    def lower(self, writer: NativeWriter, x: int) -> int:
        """Take the encoder down for the target "native"."""
        x = writer.convolution(x, self.stem.conv, relu=True)
        for block in self.fine:
            x = _lowered(block, writer, x)
        x = writer.convolution(x, self.down.conv, relu=True)
        for block in self.coarse:
            x = _lowered(block, writer, x)
        return x


def _lowered(block: nn.Module, writer: NativeWriter, x: int) -> int:
    assert isinstance(block, _Block)
    return block.lower(writer, x)
