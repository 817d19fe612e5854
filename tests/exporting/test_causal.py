"""Layers that go on where they stopped, against torch's own operators on the whole signal."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgectc import kit
from edgectc.core.errors import ConfigError


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"), [(1, 1, 1), (5, 1, 1), (3, 1, 4), (4, 2, 1), (3, 3, 1)]
)
@pytest.mark.parametrize("chunk", [3, 6, 12])
def test_a_causal_convolution_is_torchs_of_frames_padded_before(
    kernel: int, stride: int, dilation: int, chunk: int
) -> None:
    torch.manual_seed(0)
    layer = kit.CausalConv(4, 6, kernel, stride=stride, dilation=dilation, groups=2)
    chunk *= stride
    x = torch.randn(2, 4, 4 * chunk)
    reach = dilation * (kernel - 1) + 1 - stride
    weight, bias = layer.conv.weight, layer.conv.bias
    want = F.conv1d(F.pad(x, (reach, 0)), weight, bias, stride, dilation=dilation, groups=2)
    state, got = layer.initial(2), []
    for piece in x.split(chunk, dim=2):
        out, state = layer(piece, state)
        got.append(out)
    torch.testing.assert_close(torch.cat(got, 2), want)


def test_a_stride_beyond_the_kernel_is_refused() -> None:
    with pytest.raises(ConfigError, match="stride is 4, expected at most 3"):
        kit.CausalConv(4, 6, 3, stride=4)


@pytest.mark.parametrize("left", [0, 1, 3])
def test_chunked_attention_is_torchs_under_its_mask(left: int) -> None:
    torch.manual_seed(0)
    layer = kit.ChunkedAttention(8, 2, 4, left, 0.0).eval()
    x, lengths = torch.randn(2, 24, 8), torch.tensor([24, 14])
    keep = kit.keep_mask(lengths, 24)
    of = torch.arange(24) // 4
    sees = (of[None] <= of[:, None]) & (of[None] >= of[:, None] - left)
    mask = (sees[None] & (keep > 0))[:, None]
    q, k, v = (t.unflatten(2, (2, 4)).transpose(1, 2) for t in layer.inputs(x).chunk(3, dim=2))
    want = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
    want = layer.output(want)
    for chunk in (4, 8, 24):
        state, got = layer.initial(2), []
        for piece, kept in zip(x.split(chunk, 1), keep.split(chunk, 2), strict=True):
            out, state = layer(piece, kept, state)
            got.append(out)
        for row, length in enumerate(lengths.tolist()):
            torch.testing.assert_close(torch.cat(got, 1)[row, :length], want[row, :length])


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_stateful_layers_are_torchs_with_its_weights(kind: type[nn.GRU | nn.LSTM]) -> None:
    torch.manual_seed(0)
    theirs = kind(5, 7, num_layers=3, batch_first=True).eval()
    layer = kit.StatefulRecurrent.of(theirs)
    x = torch.randn(2, 12, 5)
    want, last = theirs(x)
    for chunk in (1, 5, 12):
        state, got = layer.initial(2), []
        for piece in x.split(chunk, 1):
            out, state = layer(piece, state)
            got.append(out)
        torch.testing.assert_close(torch.cat(got, 1), want)
        torch.testing.assert_close(state, torch.cat(last) if kind is nn.LSTM else last)
    with pytest.raises(ConfigError, match="one direction"):
        kit.StatefulRecurrent.of(kind(5, 7, bidirectional=True))
