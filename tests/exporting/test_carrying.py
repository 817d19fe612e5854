"""What a network carries over, or hides, is found before the export: each was a wrong file once."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import pytest
import torch
from networks import TOKENS, adopted
from torch import Tensor, nn

import edgectc
from edgectc.core.errors import ConfigError
from edgectc.exporting.byo.adapter import ADDED, LENGTHS

ONNX = pytest.importorskip("onnxruntime") and "onnx"


class Plain(nn.Module):
    """Attention without a mask of its own; each class below does one thing with it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(6, 16), nn.Linear(16, len(TOKENS))
        self.qkv = nn.Linear(16, 48)

    def attend(self, x: Tensor, bias: Tensor | float) -> Tensor:
        q, k, v = self.qkv(2 * self.inner(x)).chunk(3, -1)
        return self.head(4 * v + 4 * ((q @ k.transpose(1, 2) + bias).softmax(-1) @ v))


class Remembers(Plain):
    """Begins where the call before has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(6, 16, batch_first=True)
        self.register_buffer("state", torch.zeros(1, 1, 16))

    def forward(self, x: Tensor) -> Tensor:
        out, state = self.layer(x, self.state.expand(1, len(x), 16).contiguous())
        self.state = state[:, :1].detach()
        return self.head(out)


class WarmsUp(Plain):
    """Counts its calls in an attribute that no state_dict holds."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.head(self.inner(x)) * min(self.calls, 9)


class KeepsItsMask(Plain):
    """Makes its mask once, of the first lengths that it sees."""

    mask: Tensor | None = None

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if self.mask is None or self.mask.shape != x.shape[:2]:
            self.mask = torch.arange(x.shape[1])[None] < lengths[:, None]
        return self.attend(x, torch.where(self.mask, 0.0, -1e4)[:, None])


class NumpysRandom(Plain):
    def forward(self, x: Tensor) -> Tensor:
        noise = np.random.default_rng().standard_normal(x.shape).astype(np.float32)
        return self.head(self.inner(x + torch.from_numpy(noise)))


@pytest.mark.parametrize("padding", ["masked", "zeros"])
@pytest.mark.parametrize("kind", [Remembers, WarmsUp, KeepsItsMask, NumpysRandom])
def test_what_is_kept_from_call_to_call_is_refused(kind: type[nn.Module], padding: str) -> None:
    with pytest.raises(ConfigError, match=r"answers one recording otherwise .* after another") as e:
        adopted(networks.seeded(kind), padding=padding)
    assert ("buffer state changes" in str(e.value)) == (kind is Remembers)


class TimeFirst(Plain):
    """An LSTM that takes (T, N, C), as torch's own does if nothing else is said."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(6, 16)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.head(self.layer(x)[0])


class TimeFirstMasked(Plain):
    """Attention over (T, N, C), whose mask fits a batch of one alone."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = x.transpose(0, 1)
        keep = torch.arange(x.shape[1])[None] < lengths[:, None]
        return self.attend(x, torch.where(keep, 0.0, -1e4)[:, None]).transpose(0, 1)


class Turned(nn.Module):
    """What the message says: a wrapper that turns the features."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.network(x.transpose(0, 1), lengths)


@pytest.mark.parametrize("kind", [TimeFirst, TimeFirstMasked])
def test_features_that_go_time_first_are_refused_until_they_are_turned(
    kind: type[nn.Module], tmp_path: Path
) -> None:
    network = networks.seeded(kind)
    with pytest.raises(ConfigError, match=r"takes features \(T, N, C\).*x\.transpose\(0, 1\)"):
        adopted(network)
    made = edgectc.export(
        Turned(network), target=ONNX, sample=networks.sample(), tokens=TOKENS, axes="TNV",
        check_blank=False, out=tmp_path / "turned.onnx",
    )  # fmt: skip
    x = networks.sample()[0][:1, :23]
    with torch.no_grad():
        expected = network(x.transpose(0, 1), torch.tensor([23]))[:, 0].log_softmax(-1).numpy()
    got = edgectc.load(made.path).log_probs(x[0].numpy())
    np.testing.assert_allclose(got, expected, atol=1e-4)


class Shared(Plain):
    """Divides by the largest value of the batch."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(torch.cumsum(x, 1) / x[:, :1].abs().max()))


class OneAtATime(Shared):
    def forward(self, x: Tensor) -> Tensor:
        if len(x) > 1:
            raise ValueError("one recording at a time")
        return super().forward(x)


def test_a_batch_that_shares_a_maximum_is_refused_until_it_takes_one_recording() -> None:
    with pytest.raises(ConfigError, match="raise an error for more than one"):
        adopted(networks.seeded(Shared))
    adopted(networks.seeded(OneAtATime))


class Added(Plain):
    """Takes what is added to its scores: 0 on valid frames."""

    def forward(self, x: Tensor, attn_mask: Tensor) -> Tensor:
        return self.attend(x, attn_mask[:, None])


def test_a_mask_that_is_added_to_scores_is_found_out(tmp_path: Path) -> None:
    network = networks.seeded(Added)
    assert adopted(network).model.calling.meaning == ADDED
    assert adopted(network, mask="added").model.calling.meaning == ADDED
    made = edgectc.export(
        network, target=ONNX, sample=networks.sample(), tokens=TOKENS, check_blank=False,
        out=tmp_path / "added.onnx",
    )  # fmt: skip
    loaded = edgectc.load(made.path)
    for n in (40, 17, 1):
        x = networks.sample()[0][:1, :n]
        with torch.no_grad():
            expected = network(x, torch.zeros(1, n))[0].log_softmax(-1).numpy()
        np.testing.assert_allclose(loaded.log_probs(x[0].numpy()), expected, atol=1e-4)


class Reflects(Plain):
    """Feels its padding, for it reflects it; told a share it would hide all but a frame."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(16, 16, 5, padding=2, padding_mode="reflect")

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        keep = torch.arange(x.shape[1])[None] < lengths[:, None]
        x = self.inner(x) * keep[:, :, None]
        return self.head(self.layer(x.transpose(1, 2)).transpose(1, 2))


class HalfFrames(Plain):
    """Counts lengths in pairs of frames."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        keep = torch.arange(x.shape[1])[None] < 2 * lengths[:, None]
        return self.attend(x, torch.where(keep, 0.0, -1e4)[:, None])


@pytest.mark.parametrize("kind", [Reflects, HalfFrames])
def test_a_length_is_no_share_because_a_share_hides_what_leaks(kind: type[nn.Module]) -> None:
    network = networks.seeded(kind)
    with pytest.raises(ConfigError, match=r"padding leaks|is answered otherwise"):
        adopted(network)
    assert adopted(network, padding="zeros").model.calling.meaning == LENGTHS


class HalfFramesMean(HalfFrames):
    """Takes a mean too, so that a length that is too long is no harmless one."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        keep = torch.arange(x.shape[1])[None] < 2 * lengths[:, None]
        mean = (x * keep[:, :, None]).sum(1) / (2 * lengths[:, None])
        return super().forward(x + 0.1 * mean[:, None], lengths)


class Halved(Turned):
    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.network(x, (lengths + 1) // 2)


def test_a_length_in_a_unit_of_its_own_is_asked_for_and_a_wrapper_gives_it() -> None:
    network = networks.seeded(HalfFramesMean)
    with pytest.raises(ConfigError, match=r"what 'lengths' tells cannot be found out.*wrap the"):
        adopted(network, padding="zeros")
    assert adopted(Halved(network), padding="zeros").model.calling.meaning == LENGTHS


class SaysLess(Plain):
    """Answers a frame for each pair of frames, an odd one too, and says that it does not."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(16, 16, 3, 2, 1)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        keep = torch.arange(x.shape[1])[None] < lengths[:, None]
        x = self.layer((self.inner(x) * keep[:, :, None]).transpose(1, 2)).transpose(1, 2)
        return self.head(x), lengths // 2


def test_lengths_that_it_says_are_held_against_odd_and_even_ones() -> None:
    network = networks.seeded(SaysLess)
    with pytest.raises(ConfigError, match=r"for 21 valid frames .* says 10 output frames, not 11"):
        adopted(network)
    adopted(network, stride=2, window=1)
