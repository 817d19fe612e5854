"""Further architectures, see `_architectures`: recurrent layers, caches, several inputs."""

from __future__ import annotations

from typing import Any

import torch
from _architectures import Block, C, Conv, RelativeAttention, V, mask_of
from torch import Tensor, nn
from torch.nn import functional as F

from edgectc import kit


class Tds(nn.Module):
    """Time-depth separable blocks: 2-D convolutions over time alone (Hannun 2019)."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(1, 4, (4, 1), (2, 1))
        self.convs = nn.ModuleList(nn.Conv2d(4, 4, (5, 1)) for _ in range(2))
        self.linear = nn.ModuleList(nn.Linear(4 * C, 4 * C) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(4 * C) for _ in range(4))
        self.head = nn.Linear(4 * C, V)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.down(x[:, None]))
        for i, (conv, linear) in enumerate(zip(self.convs, self.linear, strict=True)):
            y = x + F.relu(conv(F.pad(x, (0, 0, 4, 0))))
            flat = self.norms[2 * i](y.permute(0, 2, 1, 3).flatten(2))
            flat = self.norms[2 * i + 1](flat + F.relu(linear(flat)))
            x = flat.unflatten(2, (4, C)).permute(0, 2, 1, 3)
        return self.head(x.permute(0, 2, 1, 3).flatten(2))


class Squeezeformer(nn.Module):
    """Half the rate in the middle, repeated and added to what was before (Kim 2022)."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(C, width), nn.Linear(width, V)
        self.one, self.two, self.three = (Conv(width) for _ in range(3))
        self.attention = RelativeAttention(width)
        self.reduce = nn.Conv1d(width, width, 2, 2, groups=width)
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        keep = mask_of(lengths, x.shape[1])
        x = self.one(self.inner(x), keep)
        T = x.shape[1] // 2 * 2
        low = self.reduce((x * keep[:, :, None])[:, :T].transpose(1, 2)).transpose(1, 2)
        few = keep[:, 1:T:2]
        low = self.two(low + self.attention(low * self.scale, few), few)
        back = low.repeat_interleave(2, 1)
        x = x + F.pad(back, (0, 0, 0, x.shape[1] - T)) * keep[:, :, None]
        return self.head(self.three(x, keep))


class Fsmn(nn.Module):
    """Memory of frames before, given and taken as caches (Zhang 2018, as FunASR exports it)."""

    def __init__(self, width: int = 16, order: int = 6) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(C, width), nn.Linear(width, V)
        self.memory = nn.ModuleList(
            nn.Conv1d(width, width, order, groups=width, bias=False) for _ in range(2)
        )
        self.linear = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.order, self.width = order, width

    def initial_states(self) -> tuple[Tensor, Tensor]:
        return (torch.zeros(1, self.width, self.order - 1),) * 2

    def forward(self, x: Tensor, lengths: Tensor, cache0: Tensor, cache1: Tensor) -> Any:
        x, caches = self.inner(x) * mask_of(lengths, x.shape[1])[:, :, None], []
        layers = zip(self.memory, self.linear, (cache0, cache1), strict=True)
        for memory, linear, cache in layers:
            seen = torch.cat([cache, x.transpose(1, 2)], 2)
            caches.append(seen[:, :, -(self.order - 1) :])
            x = F.relu(linear(x + memory(seen).transpose(1, 2)))
        return self.head(x), *caches


class DayGru(nn.Module):
    """A layer for each day before a GRU over windows of frames (Willett 2023)."""

    def __init__(self) -> None:
        super().__init__()
        self.days = nn.Parameter(torch.eye(C).repeat(5, 1, 1) + 0.1 * torch.randn(5, C, C))
        self.layers = nn.GRU(4 * C, 24, 2, batch_first=True)
        self.head = nn.Linear(24, V)

    def forward(self, x: Tensor, day_idx: Tensor) -> Tensor:
        x = F.softsign(torch.einsum("btc,bcd->btd", x, self.days[day_idx]))
        x = x.unfold(1, 4, 2).flatten(2)  # windows of 4 frames, every second
        return self.head(self.layers(x)[0])


class PackedLstm(nn.Module):
    """A bidirectional LSTM over packed sequences, as usual for batches of several lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(C, 16, bidirectional=True, batch_first=True)
        self.head = nn.Linear(32, V)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, True, enforce_sorted=False)
        out, _ = nn.utils.rnn.pad_packed_sequence(self.layers(packed)[0], True, 0.0, x.shape[1])
        return self.head(out)


class KitLstm(nn.Module):
    """The same answers by `edgectc.kit.Recurrent`."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = kit.Recurrent(nn.LSTM, C, 16, 1, bidirectional=True)
        self.head = nn.Linear(32, V)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.head(self.layers(x, kit.keep_mask(lengths, x.shape[1])))


class Landmarks(nn.Module):
    """Landmarks: convolutions, then a bidirectional LSTM that is told no length."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(C, 24, 5, padding=2), nn.Conv1d(24, 24, 5, 2, 2)
        self.layers = nn.LSTM(24, 16, bidirectional=True, batch_first=True)
        self.head = nn.Linear(32, V)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.two(F.relu(self.one(x.transpose(1, 2)))))
        return self.head(self.layers(x.transpose(1, 2))[0])


class TorchEncoder(nn.Module):
    """torch's own encoder, whose mask is True on padding."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.inner, self.encoder = nn.Linear(C, 16), nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(16, V)

    def forward(self, x: Tensor, src_key_padding_mask: Tensor) -> Tensor:
        return self.head(self.encoder(self.inner(x), src_key_padding_mask=src_key_padding_mask))


class DeepSpeech2(nn.Module):
    """2-D convolutions, unidirectional GRUs, a look-ahead convolution (Amodei 2016)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, (5, 5), (2, 2), (2, 2)), nn.BatchNorm2d(4)
        self.layers = nn.GRU(4 * C // 2, 24, 2, batch_first=True)
        self.ahead = nn.Conv1d(24, 24, 4, groups=24)
        self.head = nn.Linear(24, V)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = x * mask_of(lengths, x.shape[1])[:, :, None]
        x = F.hardtanh(self.norm(self.conv(x[:, None])), 0, 20)
        lengths = (lengths - 1) // 2 + 1
        x = x * mask_of(lengths, x.shape[2])[:, None, :, None]
        x = self.layers(x.transpose(1, 2).flatten(2))[0]
        x = x * mask_of(lengths, x.shape[1])[:, :, None]
        x = F.relu(self.ahead(F.pad(x.transpose(1, 2), (0, 3)))).transpose(1, 2)
        return self.head(x), lengths


class Wav2Letter(nn.Module):
    """Nothing but padded convolutions, the first of an even kernel; no lengths (Collobert 2016)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(C, 24, 8, 2, 4), nn.ReLU(), nn.Conv1d(24, 24, 7, padding=3), nn.ReLU(),
            nn.Conv1d(24, V, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.transpose(1, 2)).transpose(1, 2)


class UpDown(nn.Module):
    """Downsampled and brought back by a transposed convolution; masked in between."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.mid = nn.Conv1d(C, 24, 4, 2, 1), nn.Conv1d(24, 24, 3, padding=1)
        self.up, self.head = nn.ConvTranspose1d(24, 24, 4, 2, 1), nn.Linear(24, V)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = x.transpose(1, 2) * mask_of(lengths, x.shape[1])[:, None]
        y = F.relu(self.down(x))
        y = F.relu(self.mid(y * mask_of(lengths // 2, y.shape[2])[:, None]))
        y = self.up(y * mask_of(lengths // 2, y.shape[2])[:, None])
        y = F.pad(y, (0, x.shape[2] - y.shape[2]))
        return self.head(F.relu(y).transpose(1, 2))


class Streamer(nn.Module):
    """A transformer that streams: causal convolution, attention in chunks, a GRU, of the kit."""

    def __init__(self) -> None:
        super().__init__()
        self.first = kit.CausalConv(C, 16, 5, stride=2)
        self.attention = kit.ChunkedAttention(16, 2, 4, 2, 0.1)
        self.layers = kit.StatefulRecurrent(nn.GRU, 16, 16, 1)
        self.head = nn.Linear(16, V)

    def initial_states(self) -> tuple[Tensor, ...]:
        return self.first.initial(), self.attention.initial(), self.layers.initial()

    def forward(self, x: Tensor, lengths: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Any:
        keep = kit.keep_mask(lengths, x.shape[1])
        x, a = self.first(x.transpose(1, 2) * keep, a)
        x = x.transpose(1, 2)
        more, b = self.attention(x, keep[:, :, 1::2], b)
        x, c = self.layers(x + more, c)
        return self.head(x), a, b, c


class Transformer(nn.Module):
    """Post-norm blocks over frames with learned positions, told a share of the longest length."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(C, 16), nn.Linear(16, V)
        self.positions, self.block = nn.Embedding(256, 16), Block(16)

    def forward(self, wavs: Tensor, wav_lens: Tensor) -> Tensor:
        keep = mask_of(torch.round(wav_lens * wavs.shape[1]), wavs.shape[1])
        x = self.inner(wavs) + self.positions(torch.arange(wavs.shape[1]))
        return self.head(self.block(x, keep))
