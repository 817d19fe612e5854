"""Windows of neural activity through stacked GRUs: the brain-to-text decoder.

Output frame j sees the input frames j * stride to j * stride + window - 1, so a recording of
``length`` frames gives floor((length - window) / stride) + 1 output frames, and none if it is
shorter than one window. (The baseline's training code passes (length - window) / stride to its
loss: one frame fewer than the network answers.)

Source: Willett et al. 2023, "A high-performance speech neuroprosthesis" (the baseline).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgectc.core.config import check_numbers, number
from edgectc.core.errors import ConfigError
from edgectc.networks.causal import carried
from edgectc.networks.layers import MOST_LAYERS, Recurrent, windows


@dataclass(frozen=True)
class Options:
    """Shape of the network; the default is the published one.

    Attributes:
        window: input frames that one output frame sees.
        stride: input frames between output frames.
        channels: width of each layer, per direction.
        layers: GRU layers.
        bidirectional: whether a second GRU reads each sample from its end.
        input_dropout: share of window values dropped while training.
        layer_norm: whether each window is normalised before the first layer.
        dropout: share of values dropped between layers while training.
    """

    window: int = 32
    stride: int = 4
    channels: int = 1024
    layers: int = number(5, least=1, most=MOST_LAYERS)
    bidirectional: bool = True
    input_dropout: float = 0.0
    layer_norm: bool = False
    dropout: float = 0.4

    def __post_init__(self) -> None:
        check_numbers(self)
        if not 1 <= self.stride <= self.window:
            raise ValueError(f"expected 1 <= stride ({self.stride}) <= window ({self.window})")


def create(options: Options, *, in_features: int, max_frames: int) -> GruEncoder:
    """Return an untrained encoder of ``in_features`` input channels.

    Raises:
        ConfigError: ``max_frames`` does not hold one window.
    """
    if max_frames < options.window:
        raise ConfigError(
            f"frontend.max_frames is {max_frames}, expected a window ({options.window}) or more"
        )
    return GruEncoder(options, in_features)


class GruEncoder(nn.Module):
    """Encodes (N, F, T) to (N, C, floor((T - window) / stride) + 1).

    Attributes:
        stride: input frames per output frame.
        window: input frames that the first output frame needs.
        out_features: C.
    """

    def __init__(self, options: Options, in_features: int) -> None:
        super().__init__()
        self.stride, self.window = options.stride, options.window
        width = in_features * options.window
        self.norm = nn.LayerNorm(width) if options.layer_norm else nn.Identity()
        self.input_dropout = nn.Dropout(options.input_dropout)
        self.layers = Recurrent(
            nn.GRU,
            width,
            options.channels,
            options.layers,
            bidirectional=options.bidirectional,
            dropout=options.dropout,
        )
        self.out_features = self.layers.out_features

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return (N, C, T').

        Args:
            x: (N, F, T) float32 features.
            keep: (N, 1, T) float32, 1 on valid frames, 0 on padding.
        """
        frames, whole = self._windows(x, keep)
        return self.layers(frames, whole).transpose(1, 2)

    def _windows(self, x: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        """Return the windows (N, T', F * window), and which are valid (N, 1, T')."""
        frames = windows(x, self.window, self.stride)
        # A window is valid if its last frame is.
        whole = keep[:, :, self.window - 1 :: self.stride]
        return self.input_dropout(self.norm(frames)) * whole.transpose(1, 2), whole

    @property
    def look_ahead(self) -> int:
        """Return the frames after a chunk that its last window needs."""
        return self.window - self.stride

    def initial(self) -> tuple[Tensor, ...]:
        """Return the states before the first chunk: (layers, 1, channels).

        Raises:
            ConfigError: the layers read each recording from its end, too.
        """
        if self.layers.bidirectional:
            raise ConfigError(
                "encoder.bidirectional is true: such a network reads a recording from its end, so "
                "it cannot stream; train one with encoder.bidirectional=false"
            )
        return (torch.zeros(len(self.layers.ahead), 1, self.out_features),)

    def step(
        self, x: Tensor, keep: Tensor, states: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return (1, C, T') of the frames of one chunk and the look-ahead, and the states after."""
        out, after = carried(self.layers.ahead, self._windows(x, keep)[0], states[0])
        return out.transpose(1, 2), (after,)
