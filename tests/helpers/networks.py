"""Small networks as other people write them, untrained, seeded."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgectc.exporting.byo.adoption import About, Adopted, adopt

TOKENS = ("<blank>", *"abcdefg")


class Lstm(nn.Module):
    """Causal, so padding behind a frame cannot matter; answers logits."""

    def __init__(self, channels: int = 6) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, 12, batch_first=True)
        self.head = nn.Linear(12, len(TOKENS))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0])


def padding_mask(lengths: Tensor) -> Tensor:
    """As wide as the longest length, which is read out of the tensor: torchaudio's way."""
    longest = int(torch.max(lengths).item())
    return torch.arange(longest)[None, :] >= lengths[:, None]


class ConvolutionModule(nn.Module):
    """The pointwise, depthwise, pointwise block of a conformer (Gulati et al. 2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.inner = nn.Conv1d(channels, 2 * channels, 1)
        self.depthwise = nn.Conv1d(channels, channels, 5, padding=2, groups=channels)
        self.normed = nn.BatchNorm1d(channels)
        self.outer = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = F.glu(self.inner(self.norm(x).transpose(1, 2)), dim=1)
        x = self.depthwise(x.masked_fill(mask[:, None], 0.0))
        return self.outer(F.silu(self.normed(x))).transpose(1, 2)


class Conformer(nn.Module):
    """Conformer blocks over a strided convolution; answers (log_probs, output lengths)."""

    well_masked = True

    def __init__(self, channels: int = 6, width: int = 16, layers: int = 2) -> None:
        super().__init__()
        self.down = nn.Conv1d(channels, width, 3, stride=2)
        self.attention = nn.ModuleList(
            nn.MultiheadAttention(width, 2, batch_first=True) for _ in range(layers)
        )
        self.convolution = nn.ModuleList(ConvolutionModule(width) for _ in range(layers))
        self.forth = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(layers))
        self.back = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.head = nn.Linear(width, len(TOKENS))

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = self.down(x.transpose(1, 2)).transpose(1, 2)
        lengths = torch.clamp((lengths - 3) // 2 + 1, min=0)
        mask = padding_mask(lengths)
        if not self.well_masked:
            x = x.masked_fill(mask[:, :, None], 0.0)
        blocks = zip(
            self.attention, self.convolution, self.forth, self.back, self.norms, strict=True
        )
        for attention, convolution, forth, back, norm in blocks:
            x = x + 0.5 * back(F.silu(forth(norm(x))))
            x = x + attention(x, x, x, key_padding_mask=mask, need_weights=False)[0]
            x = x + convolution(x, mask & self.well_masked)
        return torch.log_softmax(self.head(x), dim=-1), lengths


class HalfMaskedConformer(Conformer):
    """As in transformers: input and attention are masked, the convolutions of blocks are not."""

    well_masked = False


class Encoder(nn.Module):
    """torch's own encoder, which in evaluation mode takes a shortcut by nested tensors."""

    def __init__(self, channels: int = 6) -> None:
        super().__init__()
        self.inner = nn.Linear(channels, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(16, len(TOKENS))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        mask = torch.arange(x.shape[1])[None] >= lengths[:, None]
        return self.head(self.encoder(self.inner(x), src_key_padding_mask=mask))


def sample(
    frames: int = 40, channels: int = 6, rows: int = 2, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Smooth random features with the lengths frames, frames - 9, ..."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, frames, channels, generator=generator).cumsum(1) * 0.3
    return x, torch.tensor([frames - 9 * i for i in range(rows)])


def adopted(network: nn.Module, **about: object) -> Adopted:
    """Return a network of one's own as it is adopted, with tokens of no meaning."""
    said = {"tokens": TOKENS, "check_blank": False, **about}
    return adopt(network, sample(), About(**said))  # type: ignore[arg-type]


def seeded(kind: type[nn.Module], **options: int) -> nn.Module:
    torch.manual_seed(0)
    return kind(**options).eval()
