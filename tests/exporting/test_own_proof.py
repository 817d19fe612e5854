"""The proof of a network made elsewhere: the user's own network is the oracle, in every mode.

Each network here once passed every check with an artifact that was wrong, or was refused with
advice that led to the same refusal. What a message advises is done, and must work.
"""

from __future__ import annotations

import copy
from pathlib import Path

import networks
import numpy as np
import pytest
import torch
from networks import TOKENS
from torch import Tensor, nn

import edgectc
from edgectc import kit
from edgectc.core.errors import ConfigError, ExportError, NonFiniteError, UnknownNameError
from edgectc.core.tokens import output_length
from edgectc.exporting.byo import length_map as maps
from edgectc.exporting.byo.adapter import PADDING, SHARE, VALID, Adapter
from edgectc.exporting.byo.adoption import About, Adopted, adopt


def adopted(network: nn.Module, **about: object) -> Adopted:
    said = {"tokens": TOKENS, **about}
    return adopt(network, networks.sample(), About(**said))  # type: ignore[arg-type]


def verdicts(found: Adopted) -> dict[str, str]:
    return {check.name: check.detail for check in found.checks}


def alone(network: nn.Module, n: int, *more: Tensor) -> Tensor:
    """What the author of a network gets for the first frames of the sample, without padding."""
    with torch.no_grad():
        out = copy.deepcopy(network).eval()(networks.sample()[0][:1, :n], *more)
    return (out[0] if isinstance(out, tuple) else out).log_softmax(-1)


def padded(found: Adopted, n: int) -> Tensor:
    """What the adapted network answers to the same frames, padded."""
    x = networks.sample()[0][:1].clone()
    x[:, n:] = 0.0
    with torch.no_grad():
        return found.model(x, torch.tensor([n], dtype=torch.int32))[:, :n]


class Attention(nn.Module):
    """One layer of self-attention; each class below says in its own way what is padding."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.Linear(6, 16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(16, len(TOKENS))

    def attend(self, x: Tensor, padding: Tensor | None) -> Tensor:
        x = self.inner(x)
        return self.head(4 * x + 4 * self.attention(x, x, x, key_padding_mask=padding)[0])


class OptionalPadding(Attention):
    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        return self.attend(x, padding_mask)


class RequiredPadding(Attention):
    def forward(self, x: Tensor, pad_mask: Tensor) -> Tensor:
        return self.attend(x, ~(~pad_mask))


class NamelessPadding(Attention):
    """Its name does not say that 1 is padding."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.attend(x, mask.bool())


class KeywordPadding(Attention):
    def forward(
        self, x: Tensor, attn_mask: Tensor | None = None, *, src_key_padding_mask: Tensor = None
    ) -> Tensor:
        assert attn_mask is None
        return self.attend(x, src_key_padding_mask)


class AttentionMask(Attention):
    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return self.attend(x, None if attention_mask is None else attention_mask == 0)


class MisnamedValid(Attention):
    """Its name says padding, and it takes 1 for valid."""

    def forward(self, x: Tensor, padding_mask: Tensor) -> Tensor:
        return self.attend(x, padding_mask == 0)


class DeafToMasked(nn.Module):
    """Multiplied by its mask: the wrong way round, nothing of the recording is left."""

    def __init__(self) -> None:
        super().__init__()
        self.network = networks.Lstm()

    def forward(self, x: Tensor, padding_mask: Tensor) -> Tensor:
        return self.network(x.masked_fill(padding_mask[:, :, None], 0.0), padding_mask)


@pytest.mark.parametrize(
    ("kind", "meaning", "dtype"),
    [
        (OptionalPadding, PADDING, torch.bool),
        (RequiredPadding, PADDING, torch.bool),
        (NamelessPadding, PADDING, torch.int64),
        (KeywordPadding, PADDING, torch.bool),
        (AttentionMask, VALID, torch.int64),
        (MisnamedValid, VALID, torch.bool),
        (DeafToMasked, PADDING, torch.bool),
    ],
)
def test_what_a_mask_means_is_found_out_and_said(
    kind: type[nn.Module], meaning: str, dtype: torch.dtype
) -> None:
    network = networks.seeded(kind)
    found = adopted(network)
    assert (found.model.calling.meaning, found.model.calling.dtype) == (meaning, dtype)
    assert f"as {str(dtype).removeprefix('torch.')} {meaning}" in verdicts(found)["mask"]
    for n in (40, 23, 9, 1):
        nothing = torch.zeros(1, n, dtype=torch.bool)
        optional = kind in (OptionalPadding, AttentionMask, KeywordPadding)
        mask = [] if optional else [nothing if meaning == PADDING else ~nothing]
        torch.testing.assert_close(padded(found, n), alone(network, n, *mask), atol=1e-4, rtol=0)


def test_the_file_hears_the_valid_frames(tmp_path: Path) -> None:
    """As an author runs it: no mask at all, and no padding."""
    network = networks.seeded(OptionalPadding)
    made = edgectc.export(
        network, target="onnx", sample=networks.sample(), tokens=TOKENS, out=tmp_path
    )
    loaded = edgectc.load(made.path)
    for n in (40, 31, 12):
        got = loaded.log_probs(networks.sample()[0][0, :n].numpy())
        np.testing.assert_allclose(got, alone(network, n)[0].numpy(), atol=1e-4)


def test_a_meaning_that_is_said_is_taken_and_a_wrong_one_is_seen() -> None:
    network = networks.seeded(NamelessPadding)
    assert adopted(network, mask="padding").model.calling.meaning == PADDING
    with pytest.raises(NonFiniteError, match="answers NaN or Inf"):  # attention to nothing
        adopted(network, mask="valid")
    with pytest.raises(ConfigError, match="mask is 'pad', expected"):
        adopted(network, mask="pad")


def test_a_network_that_hears_nothing_is_refused() -> None:
    class Deaf(Attention):
        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            return self.attend(0.0 * x, None)

    with pytest.raises(ConfigError, match="does not listen: other valid frames change no answer"):
        adopted(networks.seeded(Deaf))


def test_a_share_of_the_longest_is_a_length_too() -> None:
    class Share(Attention):
        def forward(self, x: Tensor, wav_lens: Tensor) -> Tensor:
            place = torch.arange(x.shape[1]) + 0.5
            return self.attend(x, place[None] > wav_lens[:, None] * x.shape[1])

    network = networks.seeded(Share)
    found = adopted(network)
    assert found.model.calling.meaning == SHARE
    for n in (40, 17):
        torch.testing.assert_close(
            padded(found, n), alone(network, n, torch.ones(1)), atol=1e-4, rtol=0
        )


class Sized(networks.Lstm):
    """Reads a number out of its lengths, which an export freezes; `mended` does as is advised."""

    def __init__(self, mended: bool = False) -> None:
        super().__init__()
        self.mended = mended


class MeanOfValid(Sized):
    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if self.mended:
            keep = kit.keep_mask(lengths, x.shape[1])
            return super().forward(x - kit.masked_mean(x, keep), lengths)
        rows = [x[i] - x[i, : int(n)].mean(0) for i, n in enumerate(lengths)]
        return super().forward(torch.stack(rows), lengths)


class ZeroedRows(Sized):
    """Backwards, so that what lies after a frame is heard."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if self.mended:
            x = x * kit.keep_mask(lengths, x.shape[1]).transpose(1, 2)
        else:
            x = x.clone()
            for i, n in enumerate(lengths):
                x[i, n.item() :] = 0.0
        return super().forward(x.flip(1), lengths).flip(1)


class ShareOfTime(Sized):
    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        longest = lengths.max() if self.mended else int(lengths.max())
        share = torch.arange(x.shape[1]) / longest
        return super().forward(x + 3 * share[None, :, None], lengths)


@pytest.mark.parametrize("padding", ["masked", "zeros"])
@pytest.mark.parametrize("kind", [MeanOfValid, ShareOfTime])
def test_a_size_that_an_export_would_freeze_is_refused_with_its_line(
    kind: type[Sized], padding: str
) -> None:
    with pytest.raises(ConfigError, match=r"read from a tensor at test_own_proof\.py:\d+") as told:
        adopted(networks.seeded(kind), padding=padding)
    line = int(str(told.value).split("test_own_proof.py:")[1].split(";")[0])
    assert "int(" in Path(__file__).read_text().splitlines()[line - 1]
    mended = kind(mended=True)
    found = adopted(mended, padding=padding)
    for n in (40, 23, 9):
        torch.testing.assert_close(
            padded(found, n), alone(mended, n, torch.tensor([n])), atol=1e-4, rtol=0
        )


def test_rows_cut_by_a_size_each_are_refused_with_their_line() -> None:
    class Dirty(ZeroedRows):
        """What it zeroes holds something: a bias that stands before."""

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            return super().forward(x + 1.0, lengths)

    for padding in ("masked", "zeros"):
        with pytest.raises(ConfigError, match=r"read from a tensor at test_own_proof\.py:\d+"):
            adopted(networks.seeded(Dirty), padding=padding)
    found = adopted(Dirty(mended=True), padding="zeros")
    assert "declared padding-sensitive" in verdicts(found)["padding"]


def test_what_an_argument_is_that_no_name_explains_is_asked() -> None:
    class Days(networks.Lstm):
        def __init__(self) -> None:
            super().__init__()
            self.days = nn.Embedding(41, 6)

        def forward(self, x: Tensor, day: Tensor) -> Tensor:
            return super().forward(x + self.days(day)[:, None], day)

    class OneDay(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = networks.seeded(Days)

        def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
            return self.network(features, torch.full_like(lengths, 3))

    with pytest.raises(ConfigError, match=r"what 'day' is, its name does not say.*lengths='day'"):
        adopted(networks.seeded(Days))
    wrapped = OneDay()
    got = padded(adopted(wrapped), 12)
    torch.testing.assert_close(got, alone(wrapped.network, 12, torch.tensor([3])))


def test_a_length_of_an_odd_name_can_be_said() -> None:
    class Odd(networks.Encoder):
        def forward(self, x: Tensor, n: Tensor) -> Tensor:
            return super().forward(x, n)

    with pytest.raises(ConfigError, match=r"lengths='n' \(--lengths n\)"):
        adopted(networks.seeded(Odd))
    assert adopted(networks.seeded(Odd), lengths="n").model.calling.second == "n"
    with pytest.raises(UnknownNameError, match="m"):
        adopted(networks.seeded(Odd), lengths="m")


def test_a_cache_keeps_its_default() -> None:
    class Cached(networks.Lstm):
        def forward(self, x: Tensor, cache: Tensor | None = None) -> Tensor:
            assert cache is None
            return super().forward(x, x)

    assert adopted(networks.seeded(Cached)).model.calling.second == ""


def test_references_are_those_of_the_users_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that answers otherwise changes no reference, so that an export cannot pass."""
    network = networks.seeded(networks.Lstm)
    right = adopted(network, padding="zeros").cases
    real = Adapter._answer

    def wrong(self: Adapter, x: Tensor, n: Tensor) -> Tensor:
        return (real(self, x, n) * 1.5).log_softmax(-1)

    monkeypatch.setattr(Adapter, "_answer", wrong)
    for case, other in zip(right, adopted(network, padding="zeros").cases, strict=True):
        np.testing.assert_array_equal(case.log_probs, other.log_probs)
    with pytest.raises(ConfigError, match="answered otherwise"):
        adopted(network)


class Both(networks.Lstm):
    """Backwards over the padding too: what is answered depends on how wide that is."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return super().forward(x, lengths) + super().forward(x.flip(1), lengths).flip(1)


def test_references_are_padded_as_the_file_will_be() -> None:
    network = networks.seeded(Both)
    x = networks.sample()[0]
    buckets = {True: 16, False: 40}
    about = About(tokens=TOKENS, padding="zeros")
    sample = (x, torch.tensor([40, 9]))
    found = adopt(network, sample, about, width=lambda n, most, window, stride: buckets[n <= 16])
    case = next(case for case in found.cases if case.name == "sample-1")
    row = torch.cat([x[1:2, :9], torch.zeros(1, 7, 6)], dim=1)
    with torch.no_grad():
        want = network.eval()(row, torch.tensor([9]))[0, :9].log_softmax(-1)
    np.testing.assert_allclose(case.log_probs, want.numpy(), atol=1e-6)
    assert "of the best tokens are others" in verdicts(found)["padding"]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"length": "dynamic"}, {"buckets": [16, 40]}])
def test_zeros_go_with_every_length_of_a_pte(options: dict[str, object], tmp_path: Path) -> None:
    class Wide(nn.Sequential):
        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            return super().forward(x.transpose(1, 2)).transpose(1, 2)

    torch.manual_seed(0)
    network = Wide(nn.Conv1d(6, 16, 9, padding=4), nn.ReLU(), nn.Conv1d(16, len(TOKENS), 1))
    made = edgectc.export(
        network, target="pte", sample=networks.sample(), tokens=TOKENS, out=tmp_path,
        padding="zeros", **options,
    )  # fmt: skip
    assert edgectc.verify(made.path).status == "pass"


class Evenly(nn.Module):
    """An even kernel, padded by its half: floor(T / 2) + 1 frames, as of a CRNN or Wav2Letter."""

    def __init__(self, told: int = 0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv1d(6, len(TOKENS), 2, stride=2, padding=1)
        self.told = told

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = x * kit.keep_mask(lengths, x.shape[1]).transpose(1, 2)
        scores = self.layer(x.transpose(1, 2)).transpose(1, 2)
        return (scores, lengths // 2 + 1 + self.told) if self.told else scores


def test_a_window_of_nothing_is_found_and_exported(tmp_path: Path) -> None:
    network = Evenly()
    made = edgectc.export(
        network, target="onnx", sample=networks.sample(), tokens=TOKENS, out=tmp_path
    )
    assert (made.manifest.output.stride, made.manifest.output.window) == (2, 0)
    loaded = edgectc.load(made.path)
    for n in (40, 39, 12, 1):
        got = loaded.log_probs(networks.sample()[0][0, :n].numpy())
        want = alone(network, n, torch.tensor([n]))[0].numpy()
        assert len(got) == len(want) == n // 2 + 1
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_a_map_that_is_said_is_held_against_the_network() -> None:
    for told in (1, -1):
        network = Evenly(told)
        with pytest.raises(ConfigError, match=r"say stride=2 and window=0"):
            adopted(network)
        found = adopted(network, stride=2, window=0)  # as the message says
        assert f"itself says {11 + told} output frames, not 11" in verdicts(found)["length map"]
        network.told = 0  # or the lengths are mended
        assert (adopted(network).model.stride, adopted(network).model.window) == (2, 0)
    with pytest.raises(ConfigError, match=r"20 -> 11.*say stride=2 and window=0"):
        adopted(Evenly(), stride=2, window=2)


@pytest.mark.parametrize(("stride", "window"), [(1, 0), (2, -1), (4, 0), (3, -5), (2, 2), (5, 4)])
def test_any_window_is_found(stride: int, window: int) -> None:
    T = 10 * stride + abs(window) + 3

    def frames(n: int) -> int:
        return output_length(n, stride, window)

    fit = maps.find(frames, T)
    assert [output_length(n, *fit) for n in range(1, T + 1)] == [frames(n) for n in range(1, T + 1)]


def test_frames_that_follow_no_map_are_refused_until_they_do() -> None:
    class Odd(networks.Lstm):
        drops = True

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            scores = super().forward(x, lengths)
            return scores[:, : -(x.shape[1] % 7)] if self.drops and x.shape[1] % 7 else scores

    network = networks.seeded(Odd)
    with pytest.raises(ConfigError, match="follow no stride and window"):
        adopted(network)
    network.drops = False
    adopted(network)


def test_the_first_call_is_guarded() -> None:
    network = networks.seeded(networks.Lstm).double()
    with pytest.raises(ConfigError, match=r"float32 features \(1, 40, 6\).*network\.float\(\)"):
        adopted(network)
    adopted(network.float())


class Wide(Attention):
    """Takes its mask as (N, 1, T), 1 = valid, and reads three axes of it, as WeNet's layers do."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.attend(x, ~mask[:, 0, :].bool())


class Shaped(nn.Module):
    """What the message advises."""

    def __init__(self) -> None:
        super().__init__()
        self.network = Wide()

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        return self.network(features, mask[:, None])


def test_a_mask_of_another_shape_is_asked_for_in_a_wrapper() -> None:
    with pytest.raises(ConfigError, match=r"a mask is given as \(N, T\): .*mask\[:, None\]"):
        adopted(Wide())
    found = adopted(Shaped())
    assert found.model.calling.meaning == VALID
    own = alone(Wide(), 17, torch.ones(1, 1, 17))
    torch.testing.assert_close(padded(found, 17), own, atol=1e-5, rtol=0)


class Less(Attention):
    """Makes padding of a mask by arithmetic, in its own kind or in floats."""

    def __init__(self, *, floats: bool) -> None:
        super().__init__()
        self.floats = floats

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.inner(x)
        hidden = (1.0 - (mask.float() if self.floats else mask)) * -1e4
        return self.head(4 * x + 4 * ((x @ x.transpose(1, 2) + hidden[:, None]).softmax(-1) @ x))


def test_a_float_less_a_mask_of_integers_is_written_otherwise(tmp_path: Path) -> None:
    said = {"target": "onnx", "sample": networks.sample(), "tokens": TOKENS, "check_blank": False}
    said["out"] = tmp_path / "x.onnx"
    with pytest.raises(ExportError, match=r"write 1\.0 - mask\.float\(\), or take --exporter leg"):
        edgectc.export(Less(floats=False), **said)
    own = alone(Less(floats=False), 17, torch.ones(1, 17))[0].numpy()
    x = networks.sample()[0][0, :17].numpy()
    for network, more in ((Less(floats=True), {}), (Less(floats=False), {"exporter": "legacy"})):
        made = edgectc.export(network, **said, **more)
        assert np.abs(edgectc.load(made.path).log_probs(x) - own).max() < 1e-4
