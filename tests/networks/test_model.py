"""What must hold for the network whatever its weights: padding, slots, lengths, finiteness."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgectc.core.errors import NonFiniteError
from edgectc.data.generators.swipes import swipe
from edgectc.formats import layouts
from edgectc.networks.model import CtcModel

SMALL = {
    "frontend": {"type": "swipe"},
    "features": {"type": "swipe", "key_hidden": 24, "key_in": 12, "key_out": 16},
    "encoder": {"type": "tcn", "channels": 16, "fine": [1, 2], "coarse": [1, 4]},
}
LENGTHS = [1, 2, 7, 31, 32, 63, 64]


def randomized(spec: dict[str, object], seed: int = 0) -> CtcModel:
    """A model whose residual branches are not at their zero start, with used statistics."""
    torch.manual_seed(seed)
    model = CtcModel(spec)
    for name, tensor in model.state_dict().items():
        if name.endswith("mix.weight"):
            tensor.normal_(0.0, 0.1)
        elif name.endswith((".mean", ".shift")):
            tensor.normal_(0.0, 0.3)
        elif name.endswith((".var", ".gain")):
            tensor.uniform_(0.5, 2.0)
    return model.eval()


@pytest.fixture(scope="module")
def model() -> CtcModel:
    return randomized(SMALL)


def inputs_of(model: CtcModel, length: int, *, layout: str = "qwerty") -> dict[str, torch.Tensor]:
    layout = layouts.load(layout)
    rng = np.random.default_rng(length)
    word = rng.choice(layout.letters, 12)
    frames = model.frontend.resample(swipe(word, layout, rng), layout)
    full = frames[np.linspace(0, len(frames) - 1, 64).round().astype(int)]
    trace = np.where(np.arange(64)[:, None] < length, full, 0.0).astype(np.float32)
    table = model.frontend.key_table(layout)
    return {
        "trace": torch.from_numpy(trace[None]),
        "length": torch.tensor([length], dtype=torch.int32),
        **{k: torch.from_numpy(v) for k, v in table.items()},
    }


def run(model: CtcModel, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.inference_mode():
        return model(**inputs)


@pytest.mark.parametrize("length", LENGTHS)
def test_padding_never_changes_a_valid_frame(model: CtcModel, length: int) -> None:
    inputs = inputs_of(model, length)
    filled = dict(inputs, trace=inputs["trace"].clone())
    filled["trace"][:, length:] = 3.3
    frames = -(-length // model.stride)
    difference = (run(model, inputs) - run(model, filled))[:, :frames].abs().max()
    assert difference == 0.0


def test_padding_never_changes_a_valid_frame_in_training() -> None:
    model = randomized(SMALL).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout1d):
            module.p = 0.0
    parts = [inputs_of(model, length) for length in (9, 20, 64)]
    batch = {k: torch.cat([p[k] for p in parts]) for k in parts[0]}
    filled = dict(batch, trace=batch["trace"].clone())
    for i, length in enumerate((9, 20, 64)):
        filled["trace"][i, length:] = 3.3
    a, b = run(model, batch), run(model, filled)
    for i, length in enumerate((9, 20, 64)):
        frames = -(-length // 2)
        torch.testing.assert_close(a[i, :frames], b[i, :frames], atol=2e-5, rtol=0)


def test_a_batch_answers_like_its_rows(model: CtcModel) -> None:
    parts = [inputs_of(model, n, layout=name) for n, name in ((5, "dvorak"), (64, "qwerty"))]
    batch = {k: torch.cat([p[k] for p in parts]) for k in parts[0]}
    together = run(model, batch)
    for i, part in enumerate(parts):
        torch.testing.assert_close(together[i : i + 1], run(model, part), atol=2e-5, rtol=0)


def test_slots_may_come_in_any_order(model: CtcModel) -> None:
    inputs = inputs_of(model, 40)
    order = torch.from_numpy(np.random.default_rng(0).permutation(64))
    shuffled = dict(inputs, keys=inputs["keys"][:, order], key_mask=inputs["key_mask"][:, order])
    columns = torch.cat([order, torch.tensor([64])])
    expected = run(model, inputs)[:, :, columns]
    used = torch.cat([shuffled["key_mask"][0] > 0, torch.tensor([True])])
    got = run(model, shuffled)
    torch.testing.assert_close(got[:, :, used], expected[:, :, used], atol=2e-5, rtol=0)


def test_unused_slots_have_no_probability(model: CtcModel) -> None:
    out = run(model, inputs_of(model, 40))
    assert out[:, :, 26:64].max() < -9000
    assert out.exp().sum(-1) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("length", [0, *LENGTHS])
def test_output_is_finite_for_extreme_input(model: CtcModel, length: int) -> None:
    inputs = inputs_of(model, max(length, 1))
    inputs["length"] = torch.tensor([length], dtype=torch.int32)
    extremes = [
        inputs["trace"] * 0.0,
        inputs["trace"] * 1e4,
        torch.full_like(inputs["trace"], -1e4),
        inputs["trace"] * torch.tensor([1.0, 1.0, 0.0]),
        inputs["trace"] * torch.tensor([1.0, 1.0, 1e6]),
    ]
    for trace in extremes:
        out = run(model, dict(inputs, trace=trace))
        assert torch.isfinite(out).all()
    assert torch.isfinite(run(model, dict(inputs, key_mask=inputs["key_mask"] * 0))).all()


def test_gradients_are_finite_for_a_finger_that_rests(model: CtcModel) -> None:
    model = randomized(SMALL).train()
    inputs = inputs_of(model, 20)
    inputs["trace"] = inputs["trace"] * 0 + 0.5
    model(**inputs)[..., 0].sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_folding_changes_nothing_but_rounding() -> None:
    model = randomized(SMALL)
    inputs = inputs_of(model, 50)
    before = run(model, inputs)[..., :26]
    torch.testing.assert_close(run(model.fold(), inputs)[..., :26], before, atol=1e-4, rtol=0)
    torch.testing.assert_close(run(model.fold(), inputs)[..., :26], before, atol=1e-4, rtol=0)


def test_scores_are_bounded(model: CtcModel) -> None:
    out = run(model, inputs_of(model, 64))
    used = torch.cat([out[..., :26], out[..., 64:]], dim=-1)
    assert used.min() > -2 * 15.0 - np.log(27) - 1e-3


def test_a_bad_weight_is_named() -> None:
    model = randomized(SMALL)
    model.encoder.stem.conv.weight.data[1, 2, 0] = float("nan")
    model.head.blank.data[0, 0, 3] = float("inf")
    with pytest.raises(NonFiniteError) as caught:
        model.check_finite()
    assert "encoder.stem.conv.weight (1 values, first at (1, 2, 0))" in str(caught.value)
    assert "head.blank (1 values, first at (0, 0, 3))" in str(caught.value)


def test_default_size() -> None:
    spec = {k: {"type": v["type"]} for k, v in SMALL.items()}
    assert sum(p.numel() for p in CtcModel(spec).parameters()) <= 1_500_000
