"""Habits of networks of others: what each needs is done, or said with a remedy that works."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import networks
import numpy as np
import pytest
import torch
from networks import TOKENS, adopted
from torch import Tensor, nn

import edgectc
from edgectc.core.errors import ConfigError, NonFiniteError
from edgectc.exporting.byo.adapter import SHARE


class Plain(nn.Module):
    """A masked convolution; each class below has one habit."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(6, 16), nn.Linear(16, len(TOKENS))
        self.layer = nn.Conv1d(16, 16, 3, padding=1)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        keep = torch.arange(x.shape[1])[None, :, None] < lengths[:, None, None]
        x = torch.tanh(self.inner(x)) * keep
        return 4 * self.head(self.layer(x.transpose(1, 2)).transpose(1, 2) + x)


class Normalised(Plain):
    """Takes its softmax over some axis."""

    def __init__(self, axis: int, probabilities: bool = False, turned: bool = False) -> None:
        super().__init__()
        self.axis, self.probabilities, self.turned = axis, probabilities, turned

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        scores = super().forward(x, lengths)
        scores = scores.transpose(0, 1) if self.turned else scores
        return scores.softmax(self.axis) if self.probabilities else scores.log_softmax(self.axis)


@pytest.mark.parametrize(
    ("axis", "probabilities", "turned", "over"),
    [
        (1, False, False, "the frames"),
        (1, True, False, "the frames"),
        (0, False, False, "the recordings"),  # what log_softmax takes where no axis is said
        (0, False, True, "the frames"),
    ],
)
def test_a_softmax_over_another_axis_is_refused(
    axis: int, probabilities: bool, turned: bool, over: str
) -> None:
    axes = "TNV" if turned else "NTV"
    for padding in ("masked", "zeros"):
        with pytest.raises(ConfigError, match=rf"taken over {over}.*log_softmax\(dim=2\)"):
            adopted(Normalised(axis, probabilities, turned), padding=padding, axes=axes)
    adopted(Normalised(2, False, turned), axes=axes)


class Overwrites(Plain):
    """Scales its features where they lie."""

    copies = False

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = x.clone() if self.copies else x
        x[:, :, 0] *= 2
        return super().forward(x, lengths)


def test_features_that_are_overwritten_are_refused_until_they_are_copied() -> None:
    network = networks.seeded(Overwrites)
    with pytest.raises(ConfigError, match=r"writes into the features .*test_habits\.py:.*clone"):
        adopted(network)
    network.copies = True
    adopted(network)


class Decides(Plain):
    """Makes loud recordings quieter, one recording at a time, in one of several ways."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if len(x) > 1:
            raise ValueError("one at a time")
        keep = torch.arange(x.shape[1])[None, :, None] < lengths[:, None, None]
        loudest = (x * keep).abs().max()
        if self.how == "branch" and loudest > 4.0:
            x = x / 4
        if self.how == "number":
            x = x / max(4.0, float(loudest))
        if self.how == "numpy":
            x = x / float(np.maximum(loudest.numpy(), 4.0))
        if self.how == "tensors":
            x = torch.where(loudest > 4.0, x / 4, x)
        return super().forward(x, lengths)


@pytest.mark.parametrize("how", ["branch", "number", "numpy"])
def test_what_python_decides_by_a_recording_is_refused_until_tensors_do(how: str) -> None:
    with pytest.raises(ConfigError, match=r"at test_habits\.py:\d+ is taken from the values"):
        adopted(networks.seeded(Decides, how=how))
    adopted(networks.seeded(Decides, how="tensors"))


def normed(kind: str) -> nn.Module:
    """Return a network whose weights are computed from others in every call."""
    network = networks.seeded(Plain)
    if kind == "older":  # keeps a weight with a history, which torch does not copy
        with pytest.warns(FutureWarning, match="deprecated"):
            nn.utils.weight_norm(network.layer)
        network.layer.weight_g.data.mul_(2)
    elif kind == "newer":
        nn.utils.parametrizations.weight_norm(network.layer)
        network.layer.parametrizations.weight.original0.data.mul_(2)
    else:
        nn.utils.parametrizations.spectral_norm(network.layer)
        nn.utils.parametrizations.orthogonal(network.head)
    return network.eval()


@pytest.mark.parametrize("kind", ["older", "newer", "spectral"])
def test_weights_that_are_computed_from_others_become_constants(kind: str) -> None:
    network = normed(kind)
    x, lengths = networks.sample()
    model = adopted(network).model
    with torch.no_grad():
        want = network(x[:1], lengths[:1]).log_softmax(-1)
        torch.testing.assert_close(model(x[:1], lengths[:1]), want)
    assert {*dict(model.network.named_parameters())} == {*dict(Plain().named_parameters())}


@pytest.mark.slow
def test_such_weights_are_quantized_too(tmp_path: Path) -> None:
    x = networks.sample(rows=80)[0].numpy()
    np.savez(tmp_path / "c.npz", features=x, lengths=np.full(80, 40))
    made = edgectc.quantize(
        normed("newer"), target="onnx", scheme="int8-static", sample=networks.sample(),
        tokens=TOKENS, check_blank=False, calibration=str(tmp_path / "c.npz"),
        out=tmp_path / "q.onnx",
    )  # fmt: skip
    assert made.report["operators"] == 3


class Gated(Plain):
    """Keeps the four largest values of a frame, which are nearly equal where it is loud."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = torch.tanh(8 * self.inner(x))
        return 4 * self.head(torch.where(x >= x.topk(4, -1).values[..., -1:], x, 0.0))


def test_an_answer_that_hangs_on_rounding_is_said() -> None:
    said = {check.name: check for check in adopted(networks.seeded(Gated)).checks}
    assert said["rounding"].status == "not_run"
    assert "five times as loud" in said["rounding"].detail
    for kind in (Plain, networks.Conformer, networks.Lstm):
        about = {"padding": "zeros"} if kind is networks.Conformer else {}
        assert "rounding" not in {c.name for c in adopted(networks.seeded(kind), **about).checks}


class Blanks(Plain):
    """Fills its padding."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        scores = super().forward(x, lengths).log_softmax(-1)
        keep = torch.arange(x.shape[1])[None, :, None] < lengths[:, None, None]
        return torch.where(keep, scores, self.value)


def test_padding_that_is_not_finite_is_refused() -> None:
    for value in (float("nan"), -float("inf")):
        with pytest.raises(NonFiniteError, match="in the padding of 1 valid frames"):
            adopted(networks.seeded(Blanks, value=value))
    adopted(networks.seeded(Blanks, value=-1e4))


def test_what_torch_has_quantized_is_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of its quantization
        network = torch.ao.quantization.quantize_dynamic(networks.seeded(Plain), {nn.Linear})
    with pytest.raises(ConfigError, match=r"is quantized already .*export the module of floats"):
        edgectc.export(
            network, target="onnx", sample=networks.sample(), tokens=TOKENS, check_blank=False
        )


class Masked(Plain):
    """Told by a mask, True on padding, which only its name says."""

    def forward(self, x: Tensor, padding_mask: Tensor) -> Tensor:
        return super().forward(x, (~padding_mask).sum(1))


@pytest.mark.parametrize(
    "wrap", [nn.DataParallel, torch.compile, lambda n: nn.DataParallel(torch.compile(n))]
)
def test_what_wraps_a_module_does_not_hide_its_arguments(
    wrap: Callable[[nn.Module], nn.Module], tmp_path: Path
) -> None:
    network = networks.seeded(Masked)
    made = edgectc.export(
        wrap(network), target="onnx", sample=networks.sample(), tokens=TOKENS,
        check_blank=False, out=tmp_path,
    )  # fmt: skip
    assert made.path.name == "masked.onnx"
    x = networks.sample()[0][:1, :17]
    with torch.no_grad():
        want = network(x, torch.zeros(1, 17, dtype=torch.bool))[0].log_softmax(-1)
    got = edgectc.load(made).log_probs(x[0].numpy())
    np.testing.assert_allclose(got, want.numpy(), atol=1e-4)


def test_what_cannot_be_copied_is_refused_until_it_is_taken_out() -> None:
    network = networks.seeded(Plain)
    network.lock = threading.Lock()
    with pytest.raises(ConfigError, match=r"Plain cannot be copied: .*take what is no weight out"):
        adopted(network)
    del network.lock
    adopted(network)


class Relative(Plain):
    """Told a share, as SpeechBrain does; its convolution feels what a bias leaves in padding."""

    def forward(self, x: Tensor, wav_lens: Tensor) -> Tensor:
        keep = torch.arange(x.shape[1])[None] < (wav_lens * x.shape[1]).round()[:, None]
        x = torch.tanh(self.inner((x - 0.1) * keep[:, :, None]))
        return 4 * self.head(self.layer(x.transpose(1, 2)).transpose(1, 2))


def test_a_name_of_shares_is_believed_where_answers_do_not_tell() -> None:
    network = networks.seeded(Relative)
    with pytest.raises(ConfigError, match=r"say padding='zeros'"):
        adopted(network)
    assert adopted(network, padding="zeros").model.calling.meaning == SHARE
