"""What is wrong with a network is found before the export, and said with what to do."""

from __future__ import annotations

import networks
import numpy as np
import pytest
import torch
from networks import TOKENS
from torch import Tensor, nn
from torch.nn import functional as F

from edgectc.core.errors import ConfigError, InputError, NonFiniteError
from edgectc.core.tokens import output_length
from edgectc.exporting.byo import length_map as maps
from edgectc.exporting.byo.adoption import About, Adopted, adopt, tokens_of


def adopted(network: nn.Module, **about: object) -> Adopted:
    said = {"tokens": TOKENS, **about}
    return adopt(network, networks.sample(), About(**said))  # type: ignore[arg-type]


def verdicts(found: Adopted) -> dict[str, tuple[str, str]]:
    return {check.name: (check.status, check.detail) for check in found.checks}


class Changed(nn.Module):
    """A causal network with something done to its input or its answer."""

    def __init__(self, before=None, after=None) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        torch.manual_seed(0)
        self.network = networks.Lstm()
        self.before, self.after = before, after

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if self.before is not None:
            x = self.before(x, lengths)
        scores = self.network(x, lengths)
        return scores if self.after is None else self.after(scores, lengths)


def test_raw_logits_get_a_log_softmax_and_it_is_said() -> None:
    found = adopted(Changed())
    status, text = verdicts(found)["log_softmax"]
    assert status == "pass"
    assert "raw logits" in text
    assert "was added" in text
    x, lengths = networks.sample()
    got = found.model(x, lengths.int())
    torch.testing.assert_close(got.exp().sum(-1), torch.ones(2, 40), atol=1e-5, rtol=0)
    expected = torch.log_softmax(found.model.network(x, lengths), dim=-1)
    torch.testing.assert_close(got, expected)


def test_log_probs_are_left_alone() -> None:
    found = adopted(Changed(after=lambda s, _: s.log_softmax(-1)))
    assert "rows sum to one" in verdicts(found)["log_softmax"][1]
    assert not found.model.calling.log_softmax


def test_probabilities_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"answers probabilities.*return logits"):
        adopted(Changed(after=lambda s, _: s.softmax(-1)))


@pytest.mark.parametrize(("axes", "order"), [("TNV", (1, 0, 2)), ("NVT", (0, 2, 1))])
def test_other_axes_are_named_and_can_be_said(axes: str, order: tuple[int, int, int]) -> None:
    network = Changed(after=lambda s, _: s.permute(order))
    with pytest.raises(ConfigError, match=f"its axes are {axes}, not NTV; say so with axes="):
        adopted(network)
    found = adopted(network, axes=axes)
    x, lengths = networks.sample()
    assert found.model(x, lengths.int()).shape == (2, 40, len(TOKENS))


def test_another_number_of_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no axis has the 3 tokens"):
        adopted(Changed(), tokens=("<blank>", "a", "b"))


def test_packed_sequences_are_refused_with_their_line() -> None:
    class Packed(networks.Lstm):
        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, True, enforce_sorted=False)
            out = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]
            return self.head(out)

    with pytest.raises(ConfigError, match=r"test_adoption\.py:\d+ .*edgectc\.kit\.Recurrent"):
        adopted(networks.seeded(Packed))


def test_functional_dropout_is_refused_and_modules_are_not() -> None:
    with pytest.raises(ConfigError, match=r"random numbers at test_adoption\.py:\d+"):
        adopted(Changed(before=lambda x, _: F.dropout(x, 0.5)))
    network = networks.Lstm()
    network.head = nn.Sequential(nn.Dropout(0.5), network.head)
    found = adopted(network)
    assert "a copy in evaluation mode" in verdicts(found)["mode"][1]
    assert network.training  # the caller's module is as it was


def test_random_numbers_that_are_not_used_do_no_harm() -> None:
    found = verdicts(adopted(Changed(before=lambda x, _: x + 0.0 * torch.rand([]))))
    assert "fail" not in {status for status, _ in found.values()}
    assert len(found) > 3


def test_statistics_of_the_batch_are_refused() -> None:
    class Batch(networks.Lstm):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(6, track_running_stats=False)

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            return super().forward(self.norm(x.transpose(1, 2)).transpose(1, 2), lengths)

    with pytest.raises(ConfigError, match=r"statistics from the batch in evaluation mode"):
        adopted(networks.seeded(Batch))


def test_leaking_padding_is_refused_or_said() -> None:
    torch.manual_seed(0)
    layer = nn.Conv1d(6, 6, 5, padding=2)
    network = Changed(before=lambda x, _: layer(x.transpose(1, 2)).transpose(1, 2))
    with pytest.raises(ConfigError, match=r"padding leaks.*padding='zeros'"):
        adopted(network)
    found = adopted(network, padding="zeros")
    assert verdicts(found)["padding"][0] == "not_run"

    def zeroed(x: Tensor, lengths: Tensor) -> Tensor:
        keep = torch.arange(x.shape[1])[None] < lengths[:, None]
        return layer((x * keep[:, :, None]).transpose(1, 2)).transpose(1, 2)

    assert verdicts(adopted(Changed(before=zeroed)))["padding"][0] == "pass"


def test_something_taken_from_the_full_width_is_refused() -> None:
    """No leak, and still another answer alone than padded: places counted from the end."""

    def from_the_end(x: Tensor, lengths: Tensor) -> Tensor:
        return x + torch.arange(x.shape[1], 0, -1)[None, :, None]

    with pytest.raises(ConfigError, match=r"answered otherwise .* alone than padded"):
        adopted(Changed(before=from_the_end))


def test_a_conformer_that_masks_half_is_explained() -> None:
    """The padding itself is unheard, but not what the blocks make of it."""
    network = networks.seeded(networks.HalfMaskedConformer)
    with pytest.raises(ConfigError, match=r"convolution or norm mixes them in.*padding='zeros'"):
        adopted(network)
    found = verdicts(adopted(network, padding="zeros"))
    assert found["padding"][0] == "not_run"
    assert "alone, " in found["padding"][1]


def test_a_leak_behind_a_layer_norm_is_heard() -> None:
    """A norm over channels makes any constant padding the same."""
    norm, layer = nn.LayerNorm(6), nn.Conv1d(6, 6, 5, padding=2)

    def leaking(x: Tensor, _: Tensor) -> Tensor:
        return layer(norm(x).transpose(1, 2)).transpose(1, 2)

    with pytest.raises(ConfigError, match=r"padding leaks"):
        adopted(Changed(before=leaking))


@pytest.mark.parametrize("how", ["int", "item", "slice", "arange", "tolist"])
def test_a_slice_by_the_longest_length_is_taken_at_full_length(how: str) -> None:
    def cut(x: Tensor, lengths: Tensor) -> Tensor:
        longest = lengths.max()
        if how == "int":
            return x[:, : int(longest)]
        if how == "item":
            return x[:, : longest.item()]
        if how == "tolist":
            return x[:, : lengths[:1].tolist()[0]]
        if how == "arange":
            return x[:, torch.arange(longest)]
        return x[:, :longest]

    found = adopted(Changed(before=cut))
    status, text = verdicts(found)["sizes"]
    assert status == "pass"
    assert "an exporter would freeze them" in text
    x, _ = networks.sample()
    assert found.model(x[:1], torch.tensor([7], dtype=torch.int32)).shape == (1, 40, len(TOKENS))


def test_a_cut_that_is_no_slice_is_refused() -> None:
    def cut(scores: Tensor, lengths: Tensor) -> Tensor:
        return scores[:, torch.arange(scores.shape[1]) < lengths[0]]

    with pytest.raises(ConfigError, match=r"cuts its tensors by the values of lengths"):
        adopted(Changed(after=cut))


def test_a_sure_network_with_another_blank_is_refused() -> None:
    def peaky(scores: Tensor, lengths: Tensor) -> Tensor:
        """Column 3 everywhere but at spikes of others, never 0: what blank 3 looks like."""
        N, T, _ = scores.shape
        wanted = torch.full((T,), 3)
        wanted[4::9], wanted[7::9] = 1, 2
        return scores * 1e-3 + 20.0 * F.one_hot(wanted, len(TOKENS)).float().expand(N, T, -1)

    network = Changed(after=peaky)
    with pytest.raises(ConfigError, match=r"column 3 \('c'\).*blank_id=3"):
        adopted(network)
    symbols = tuple("xabcdefg")
    assert verdicts(adopted(network, tokens=symbols, blank_id=3))["blank"][0] == "pass"
    assert verdicts(adopted(network, check_blank=False))["blank"][0] == "not_run"


def test_bad_numbers_are_refused_by_name() -> None:
    network = networks.seeded(networks.Lstm)
    network.head.weight.data[1, 2] = float("nan")
    with pytest.raises(NonFiniteError, match=r"head\.weight \(1 values, first at \(1, 2\)\)"):
        adopted(network)
    with pytest.raises(NonFiniteError, match="answers NaN or Inf"):
        adopted(Changed(after=lambda s, _: s.softmax(-1).sub(0.2).log()))


def test_attention_of_nothing_is_explained() -> None:
    def attend(x: Tensor, lengths: Tensor) -> Tensor:
        mask = torch.zeros(1, 1, 40, 40)
        mask[..., 3, :] = float("-inf")
        y = F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None], attn_mask=mask)
        return torch.log(y[:, 0] - y[:, 0])  # whatever torch makes of such a row today

    with pytest.raises(NonFiniteError, match=r"scaled_dot_product_attention has a mask at test_"):
        adopted(Changed(before=attend))


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        (None, "expected a pair"),
        ((torch.ones(2, 4), torch.tensor([1.0, 1.0])), "sample lengths are torch.float32"),
        ((torch.ones(2, 4, 6), torch.tensor([4])), r"expected \(2,\) integers"),
        ((torch.ones(2, 4, 6), torch.tensor([4, 5])), "expected 1..4 each"),
        ((torch.ones(2, 4, 6), torch.tensor([4, 0])), "expected 1..4 each"),
        ((torch.ones(2, 4, 6).long(), torch.tensor([4, 4])), "expected floats"),
        ((torch.full((1, 4, 6), float("inf")), torch.tensor([4])), "NaN or Inf"),
    ],
)
def test_bad_samples(sample: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        adopt(networks.seeded(networks.Lstm), sample, About(tokens=TOKENS))


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"tokens": tuple("ab")}, "name the blank's column"),
        ({"axes": "VTN"}, "expected one of"),
        ({"stride": 2}, "stride and window together"),
        ({"padding": "zero"}, "padding is 'zero'"),
        ({"tokens": ("<blank>", "a", "a"), "blank_id": 0}, "tokens occur twice"),
        ({"blank_id": 8}, r"expected 0\.\.7"),
    ],
)
def test_bad_descriptions(about: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        adopted(networks.seeded(networks.Lstm), **about)


def test_a_network_of_one_input_is_taken() -> None:
    found = adopted(nn.Sequential(nn.Linear(6, 8)))
    assert "is not told the length" in verdicts(found)["length"][1]
    x, lengths = networks.sample()
    torch.testing.assert_close(
        found.model(x, lengths.int()), found.model.network(x).log_softmax(-1)
    )


@pytest.mark.parametrize(("stride", "window"), [(1, 1), (2, 3), (4, 7), (4, 1), (320, 400), (3, 2)])
def test_the_length_map_is_found(stride: int, window: int) -> None:
    T = 10 * stride + window + 3
    assert maps.find(lambda n: output_length(n, stride, window), T) == (stride, window)


def test_a_length_map_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"follow no stride and window.*1 -> 1"):
        maps.find(lambda n: int(np.sqrt(n)), 64)


def test_a_network_that_contradicts_its_own_lengths_is_refused() -> None:
    network = Changed(after=lambda s, lengths: (s, lengths // 2))
    with pytest.raises(ConfigError, match=r"itself says 10 output frames, not 20.*window=1"):
        adopted(network)


def test_a_network_of_one_width_is_measured_by_what_it_says() -> None:
    def one_width(x: Tensor, lengths: Tensor) -> Tensor:
        if x.shape[1] != 40:
            raise ValueError("40 frames, please")
        return x

    assert "one frame out" in verdicts(adopted(Changed(one_width)))["length map"][1]
    told = Changed(one_width, lambda s, n: (s[:, ::2], (n + 1) // 2))
    found = adopted(told)
    assert (found.model.stride, found.model.window) == (2, 1)
    with pytest.raises(ConfigError, match="name stride and window"):
        adopted(Changed(one_width, lambda s, n: s[:, ::2]))
    found = adopted(Changed(one_width, lambda s, n: s[:, ::2]), stride=2, window=1)
    assert "as said" in verdicts(found)["length map"][1]


def test_token_files() -> None:
    assert tokens_of(["<blank>", "a"]) == (("<blank>", "a"), None)
    assert tokens_of(["a", "_"], "_") == (("a", "_"), 1)
    assert tokens_of(["a", "b"], "1") == (("a", "b"), 1)
    assert tokens_of(["<blk>", "a"]) == (("<blk>", "a"), 0)
    assert tokens_of(["a", "b"], "2") == (("a", "b", "<blank>"), 2)
    with pytest.raises(ConfigError, match="none of the tokens of the token file"):
        tokens_of(["a", "b"], "<pad>")
