"""What families are built from, against independent implementations of the same formulas."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.exporting import untrained
from edgectc.exporting.lowering import rnn_scan
from edgectc.formats import layouts
from edgectc.networks import layers as _layers
from edgectc.networks.encoders import i3d
from edgectc.networks.model import CtcModel


def test_landmark_features_against_numpy() -> None:
    model = untrained.build("mobilenetv3")
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(9, 48)).astype(np.float32)
    raw[3, 15:27] = np.nan  # the left hand was lost
    inputs = model.frontend.prepare(raw)
    x = model.features(**{k: torch.from_numpy(v) for k, v in inputs.items()})[0][0].numpy()
    seen = np.nan_to_num(raw)
    velocity = np.diff(seen, axis=0, prepend=seen[:1])
    acceleration = np.diff(velocity, axis=0, prepend=velocity[:1])
    parts = [p.reshape(9, -1, 3) for p in np.split(seen, np.cumsum([15, 12, 12]), axis=1)]
    shape = np.concatenate([(p - p.mean(1, keepdims=True)).reshape(9, -1) for p in parts], axis=1)
    expected = np.concatenate([seen, velocity, acceleration, shape], axis=1)
    np.testing.assert_allclose(x[:, :9].T, expected, atol=1e-6)
    assert not x[:, 9:].any()


def test_stretched_frames_are_torchs_linear_interpolation() -> None:
    """Where all frames are valid; with padding, the last valid one is held."""
    encoder = untrained.build("i3d").encoder
    encoder.between = i3d._interpolation(48)[None]
    y = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    got = encoder._stretched(y, torch.ones(2, 1, 3), 48).transpose(1, 2)
    expected = torch.nn.functional.interpolate(y, size=48, mode="linear")
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)
    got = encoder._stretched(y, torch.tensor([[[1.0, 0.0, 0.0]]] * 2), 48).transpose(1, 2)
    torch.testing.assert_close(got[:, :, :16], y[:, :, :1].expand(2, 5, 16), atol=1e-6, rtol=0)


def test_group_norm_is_torchs_on_valid_frames() -> None:
    norm, oracle = _layers.GroupNorm(4, 8), torch.nn.GroupNorm(4, 8)
    x = torch.randn(2, 8, 10, generator=torch.Generator().manual_seed(0))
    keep = (torch.arange(10) < torch.tensor([[10], [6]])).float()[:, None]
    got = norm(x, keep)
    torch.testing.assert_close(got[:1], oracle(x[:1]), atol=1e-5, rtol=0)
    torch.testing.assert_close(got[1:, :, :6], oracle(x[1:, :, :6]), atol=1e-5, rtol=0)


def test_masked_norm_is_torchs_on_valid_frames() -> None:
    norm, oracle = _layers.MaskedNorm(8).train(), torch.nn.BatchNorm1d(8).train()
    x = torch.randn(2, 8, 10, generator=torch.Generator().manual_seed(0))
    keep = (torch.arange(10) < torch.tensor([[10], [6]])).float()[:, None]
    got = norm(x, keep)
    flat = torch.cat([x[0], x[1, :, :6]], dim=1)
    expected = oracle(flat[None])[0]
    torch.testing.assert_close(got[0], expected[:, :10], atol=1e-5, rtol=0)
    torch.testing.assert_close(got[1, :, :6], expected[:, 10:], atol=1e-5, rtol=0)


def test_attention_is_torchs_with_a_key_padding_mask() -> None:
    mine = _layers.SelfAttention(12, 3, 0.0)
    oracle = torch.nn.MultiheadAttention(12, 3, batch_first=True)
    oracle.load_state_dict(
        {
            "in_proj_weight": mine.inputs.weight.data,
            "in_proj_bias": mine.inputs.bias.data,
            "out_proj.weight": mine.output.weight.data,
            "out_proj.bias": mine.output.bias.data,
        }
    )
    x = torch.randn(2, 10, 12, generator=torch.Generator().manual_seed(0))
    keep = (torch.arange(10) < torch.tensor([[10], [6]])).float()[:, None]
    expected = oracle(x, x, x, key_padding_mask=keep[:, 0] == 0)[0]
    torch.testing.assert_close(mine(x, keep), expected, atol=1e-5, rtol=0)


def test_learned_positions_are_weights() -> None:
    spec = untrained.config("transformer").model
    encoder = {**spec["encoder"], "positions": "learned"}
    model = CtcModel({**spec, "encoder": encoder})
    assert model.state_dict()["encoder.positions.table"].shape == (1, 64, 32)
    with pytest.raises(ConfigError, match="expected sinusoidal or learned"):
        CtcModel({**spec, "encoder": {**encoder, "positions": "rotary"}})


def test_sinusoidal_positions_are_the_published_formula() -> None:
    table = untrained.build("transformer").encoder.positions.table[0].numpy()
    place, pair = np.arange(64)[:, None], np.arange(16)[None]
    angle = place / 10000.0 ** (2 * pair / 32)
    np.testing.assert_allclose(table[:, 0::2], np.sin(angle), atol=1e-5)
    np.testing.assert_allclose(table[:, 1::2], np.cos(angle), atol=1e-5)


def test_kinematics_of_a_finger_at_constant_speed() -> None:
    model = untrained.build("transformer")
    layout = layouts.load("qwerty")
    t = np.linspace(0.0, 1000.0, 40)
    along = np.column_stack([0.05 + 0.9 * t / 1000.0, np.full(40, 0.5 / 3), t])
    inputs = {k: torch.from_numpy(v) for k, v in model.frontend.prepare(along, layout).items()}
    x = model.features(**inputs)[0]
    n = int(inputs["length"][0])
    speed = x[0, 4, 1:n]  # vx: nine keys a second, one unit is ten
    torch.testing.assert_close(speed, torch.full((n - 1,), 0.9), atol=1e-3, rtol=0)
    assert x[0, 6, 2:n].abs().max() < 2e-2  # ax
    assert x[0, [3, 5, 7], :n].abs().max() < 1e-4  # no movement across rows
    nearest = x[0, 8:, :n].argmax(0)
    assert [layout.letters[i] for i in nearest[[0, n // 2, n - 1]]] in (list("qtp"), list("qyp"))
    assert torch.equal(x[0, 8:, :n].sum(0), torch.ones(n))
    assert x[:, :, n:].abs().max() == 0


def test_smoothing_is_same_padding_of_an_even_kernel() -> None:
    model = untrained.build("gru")
    features = model.features
    signal = torch.randn(1, 64, 16, generator=torch.Generator().manual_seed(0))
    x, _, _ = features(signal, torch.tensor([64]), torch.tensor([0]))
    kernel = torch.exp(-0.5 * ((torch.arange(20) - 9.5) / 2.0) ** 2)
    kernel = (kernel / kernel.sum()).reshape(1, 1, 20).repeat(16, 1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that it copies
        expected = torch.nn.functional.conv1d(
            signal.transpose(1, 2), kernel, padding="same", groups=16
        )
    torch.testing.assert_close(x, torch.nn.functional.softsign(expected), atol=1e-5, rtol=0)


def test_windows_are_channel_major_like_unfold() -> None:
    encoder = untrained.build("gru").encoder
    x = torch.randn(2, 16, 64, generator=torch.Generator().manual_seed(0))
    unfolded = torch.nn.functional.unfold(x[:, :, :, None], (14, 1), stride=(4, 1))
    torch.testing.assert_close(
        _layers.windows(x, encoder.window, encoder.stride), unfolded.transpose(1, 2), atol=0, rtol=0
    )


def test_each_day_has_its_own_layer() -> None:
    model = untrained.build("gru")
    torch.nn.init.normal_(model.features.day_weight, std=0.3)
    signal = torch.randn(1, 64, 16, generator=torch.Generator().manual_seed(0))
    days = torch.tensor([0, 1, 2], dtype=torch.int32)
    x, _, _ = model.features(signal.repeat(3, 1, 1), torch.tensor([64] * 3), days)
    assert (x[0] - x[1]).abs().max() > 0.1
    with pytest.raises(UnknownNameError, match="did you mean 'day-1'"):
        model.frontend.context("day1")


def test_a_backward_gru_is_torchs_own_on_packed_frames() -> None:
    """The same weights in torch's bidirectional GRU, fed with packed sequences, answer the same."""
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    layers = untrained.build("gru").encoder.layers
    oracle = torch.nn.GRU(224, 24, 2, batch_first=True, bidirectional=True)
    state = {}
    for i, (ahead, back) in enumerate(zip(layers.ahead, layers.back, strict=True)):
        state |= {k.replace("l0", f"l{i}"): v for k, v in ahead.state_dict().items()}
        state |= {k.replace("l0", f"l{i}_reverse"): v for k, v in back.state_dict().items()}
    oracle.load_state_dict(state)
    x = torch.randn(3, 12, 224, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([12, 5, 1])
    keep = (torch.arange(12) < lengths[:, None]).float()[:, None]
    with torch.inference_mode():
        got = layers.eval()(x, keep)
        packed = pack_padded_sequence(x, lengths, batch_first=True)
        expected, _ = pad_packed_sequence(oracle(packed)[0], batch_first=True)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(got[row, :length], expected[row, :length], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", [torch.nn.GRU, torch.nn.LSTM, torch.nn.RNN])
@pytest.mark.parametrize(
    "options",
    [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False}, {"batch_first": False}],
)
def test_a_rolled_layer_is_torchs_own(
    kind: type[torch.nn.Module], options: dict[str, object]
) -> None:
    """Every frame, the last states, and from given first states."""
    network = torch.nn.Sequential(kind(5, 7, **{"batch_first": True, **options}))
    x = torch.randn(2, 9, 5, generator=torch.Generator().manual_seed(0))
    loop = rnn_scan.rolled(network)
    assert not isinstance(network[0], rnn_scan._Loops)
    assert isinstance(loop[0], rnn_scan._Loops)
    with torch.no_grad():
        got, want = loop(x), network(x)
        torch.testing.assert_close(got, want, atol=1e-6, rtol=0)
        again, expected = loop[0](x, want[1]), network[0](x, want[1])
        torch.testing.assert_close(again, expected, atol=1e-6, rtol=0)


def test_a_rectified_layer_is_torchs_own() -> None:
    network = torch.nn.Sequential(torch.nn.RNN(5, 7, nonlinearity="relu"))
    x = torch.randn(9, 2, 5, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(rnn_scan.rolled(network)(x), network(x), atol=1e-6, rtol=0)


def test_what_is_not_recurrent_is_left_alone() -> None:
    plain = torch.nn.Sequential(torch.nn.Linear(2, 2))
    assert rnn_scan.rolled(plain) is plain
    projected = torch.nn.Sequential(torch.nn.LSTM(5, 7, proj_size=3))
    assert rnn_scan.rolled(projected) is projected
    assert rnn_scan.unrolled(projected) == ["0"]
    assert rnn_scan.unrolled(torch.nn.Sequential(torch.nn.GRU(5, 7))) == []
