"""What must hold for every family of models, whatever its weights, at its small size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from edgectc.core import config, registry
from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.core.tokens import output_length
from edgectc.data.generators import landmarks, neural
from edgectc.data.generators.swipes import swipe
from edgectc.exporting import untrained
from edgectc.formats import layouts
from edgectc.networks import torch_state
from edgectc.networks.model import CtcModel
from edgectc.training.settings import Settings

FAMILIES = sorted(config.families())
Inputs = dict[str, torch.Tensor]


def randomized(family: str) -> CtcModel:
    """A model with used statistics and no branch at a zero start, so that every part counts."""
    model = untrained.build(family, seed=3)
    rng = torch.Generator().manual_seed(3)
    for name, tensor in model.state_dict().items():
        if name.endswith((".mean", ".shift", ".day_bias")):
            tensor.normal_(0.0, 0.3, generator=rng)
        elif name.endswith((".var", ".gain")):
            tensor.uniform_(0.5, 2.0, generator=rng)
        elif not tensor.any() and name.endswith("weight"):
            tensor.normal_(0.0, 0.1, generator=rng)
    return model.eval()


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(family: str) -> CtcModel:
    return randomized(family)


def frames_of(model: CtcModel, seed: int) -> tuple[np.ndarray, object]:
    """Frames as the network sees them, and what they were made with."""
    shape = model.frontend.options
    if model.frontend.slots:
        layout = layouts.load("qwerty")
        rng = np.random.default_rng(seed)
        raw: object = swipe(rng.choice(layout.letters, 12), layout, rng)
        return model.frontend.frames(raw, layout), layout
    if model.frontend.settings:
        size = {"channels": shape.channels, "days": shape.days, "max_frames": shape.max_frames}
        (*_, sample) = neural.synthesize(1 + seed % 3, seed=seed, **size)
        return model.frontend.frames(sample.signal, sample.group), sample.group
    points = landmarks.Points(shape.pose, shape.hand, shape.face)
    named = {"glosses": model.frontend.tokens().symbols[1:], "max_frames": shape.max_frames}
    (sample,) = landmarks.synthesize(1, seed=seed, points=points, **named)
    return model.frontend.frames(sample.signal, None), None


def inputs_of(model: CtcModel, length: int, *, seed: int = 0, junk: float = 0.0) -> Inputs:
    """One sample of ``length`` frames, its padding filled with ``junk``."""
    T = model.frontend.options.max_frames
    frames, setting = frames_of(model, seed)
    full = frames[np.linspace(0, len(frames) - 1, T).round().astype(int)]
    table = np.where(np.arange(T)[:, None] < length, full, junk).astype(np.float32)
    first = next(iter(model.frontend.input_contract()))
    values = {first: table[None], "length": np.array([length], np.int32)}
    return {
        k: torch.from_numpy(v) for k, v in {**values, **model.frontend.context(setting)}.items()
    }


def run(model: CtcModel, inputs: Inputs) -> torch.Tensor:
    with torch.inference_mode():
        return model(**inputs)


def lengths_of(model: CtcModel) -> list[int]:
    T = model.frontend.options.max_frames
    return sorted({1, 2, 7, model.window, 23, T // 2, T - 1, T})


def used(model: CtcModel, log_probs: torch.Tensor) -> torch.Tensor:
    """Drop unused key slots: they read about -1e4, where one float32 step is 1e-3."""
    if model.frontend.slots:
        return torch.cat([log_probs[..., :26], log_probs[..., -1:]], dim=-1)
    return log_probs


def test_every_encoder_has_a_family() -> None:
    assert registry.names("encoders") == FAMILIES
    assert config.families() == {family: ["full", "small"] for family in FAMILIES}


def test_inputs_are_what_the_contract_says(model: CtcModel) -> None:
    contract = model.frontend.input_contract()
    inputs = inputs_of(model, 5)
    assert list(inputs) == list(contract)
    for name, about in contract.items():
        assert list(inputs[name].shape) == about["shape"]
        assert str(inputs[name].dtype) == f"torch.{about['dtype']}"


def test_output_has_a_column_a_token_and_sums_to_one(model: CtcModel) -> None:
    T = model.frontend.options.max_frames
    inputs = inputs_of(model, T)
    out = run(model, inputs)
    layout = layouts.load("qwerty") if "keys" in inputs else None
    tokens = model.frontend.tokens(layout)
    assert out.shape == (1, model.output_length(T), len(tokens))
    assert torch.isfinite(out).all()
    assert out.exp().sum(-1) == pytest.approx(1.0, abs=1e-5)
    assert model.time_first(**inputs).shape == (out.shape[1], 1, out.shape[2])


def test_the_length_map_is_exact_for_every_length(model: CtcModel) -> None:
    """Cutting the input to a length leaves as many output frames as the map says, for all."""
    T = model.frontend.options.max_frames
    seen = []
    with torch.inference_mode():
        for length in range(model.window, T + 1):
            x = torch.zeros(1, model.features.out_features, length)
            seen.append(model.encoder(x, torch.ones(1, 1, length)).shape[2])
    expected = [output_length(n, model.stride, model.window) for n in range(model.window, T + 1)]
    assert seen == expected
    assert all(output_length(n, model.stride, model.window) == 0 for n in range(model.window))


def test_padding_never_changes_a_valid_frame(model: CtcModel) -> None:
    for length in lengths_of(model):
        frames = model.output_length(length)
        clean = used(model, run(model, inputs_of(model, length)))[:, :frames]
        for junk in (3.3, -50.0):
            dirty = used(model, run(model, inputs_of(model, length, junk=junk)))[:, :frames]
            torch.testing.assert_close(dirty, clean, atol=1e-5, rtol=0)


def test_padding_is_like_no_padding(model: CtcModel) -> None:
    """A sample in a longer tensor answers as it does in one of its own length."""
    for length in lengths_of(model):
        frames = model.output_length(length)
        if not frames:
            continue
        inputs = inputs_of(model, length)
        x, keep, context = model.features(**inputs)
        with torch.inference_mode():
            alone = model.head(model.encoder(x[:, :, :length], keep[:, :, :length]), *context)
            alone = used(model, torch.log_softmax(alone, dim=-1))
        assert alone.shape[1] == frames
        together = used(model, run(model, inputs))[:, :frames]
        torch.testing.assert_close(together, alone, atol=2e-5, rtol=0)


def test_padding_never_changes_a_valid_frame_in_training(family: str) -> None:
    model = randomized(family).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout | torch.nn.Dropout1d):
            module.p = 0.0
    T = model.frontend.options.max_frames
    lengths = [max(model.window, n) for n in (9, T // 2 + 1, T)]

    def batch(junk: float) -> Inputs:
        parts = [inputs_of(model, n, seed=n, junk=junk) for n in lengths]
        return {k: torch.cat([p[k] for p in parts]) for k in parts[0]}

    clean, dirty = run(model, batch(0.0)), run(model, batch(3.3))
    for i, length in enumerate(lengths):
        frames = model.output_length(length)
        a, b = used(model, clean)[i, :frames], used(model, dirty)[i, :frames]
        torch.testing.assert_close(a, b, atol=5e-5, rtol=0)


def test_a_ragged_batch_answers_like_its_rows(model: CtcModel) -> None:
    parts = [inputs_of(model, n, seed=n) for n in lengths_of(model)]
    together = run(model, {k: torch.cat([p[k] for p in parts]) for k in parts[0]})
    for i, part in enumerate(parts):
        frames = model.output_length(int(part["length"][0]))
        alone = used(model, run(model, part))[0, :frames]
        torch.testing.assert_close(used(model, together)[i, :frames], alone, atol=2e-5, rtol=0)


def test_frames_of_one_sample_differ(model: CtcModel) -> None:
    """A network that pools all time into one vector says the same in every frame."""
    out = used(model, run(model, inputs_of(model, model.frontend.options.max_frames)))[0]
    assert (out - out.mean(0)).abs().max() > 1e-2


def test_nothing_but_padding_gives_finite_output(model: CtcModel) -> None:
    for junk in (0.0, 50.0):
        assert torch.isfinite(run(model, inputs_of(model, 0, junk=junk))).all()


def test_extreme_input_gives_finite_output(model: CtcModel) -> None:
    inputs = inputs_of(model, model.frontend.options.max_frames)
    first = next(iter(inputs))
    for factor in (0.0, 1e4, -1e4):
        assert torch.isfinite(run(model, {**inputs, first: inputs[first] * factor})).all()


def test_float16_holds_every_mask(family: str) -> None:
    """In half precision, whatever the length: no mask, feature or sum leaves float16's range."""
    model = randomized(family).half()
    for length in (0, 1, *lengths_of(model)[-2:]):
        inputs = inputs_of(model, length)
        half = {k: v.half() if v.is_floating_point() else v for k, v in inputs.items()}
        with torch_state.training(1):
            torch_state.allow_float16()
            assert torch.isfinite(run(model, half)).all()


def test_gradients_are_finite_and_reach_every_weight(family: str) -> None:
    model = randomized(family).train()
    parts = [inputs_of(model, n, seed=n) for n in lengths_of(model)[-3:]]
    out = model(**{k: torch.cat([p[k] for p in parts]) for k in parts[0]})
    frames = torch.tensor([model.output_length(int(p["length"][0])) for p in parts])
    blank = model.frontend.tokens(layouts.load("qwerty") if "keys" in parts[0] else None).blank_id
    targets = torch.tensor([[1, 2]] * len(parts))
    loss = torch.nn.functional.ctc_loss(
        out.transpose(0, 1), targets, frames, torch.full((len(parts),), 2), blank=blank
    )
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_folding_changes_nothing_but_rounding(family: str) -> None:
    model = randomized(family)
    inputs = inputs_of(model, model.frontend.options.max_frames // 2 + 1)
    before = used(model, run(model, inputs))
    for _ in range(2):
        after = used(model, run(model.fold(), inputs))
        torch.testing.assert_close(after, before, atol=1e-4, rtol=0)


def test_weights_are_seeded(family: str) -> None:
    state = torch.get_rng_state()
    one, same, other = (untrained.build(family, seed=s).state_dict() for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("mobilenetv3", {"cross_attention": True, "layers": 2}),
        ("conformer", {"norm": "layer", "stride": 1}),
        ("conformer", {"stride": 4, "positions": "learned"}),
        ("gru", {"bidirectional": False, "layer_norm": False, "window": 9, "stride": 3}),
    ],
)
def test_options_keep_the_promises_too(family: str, options: dict[str, Any]) -> None:
    spec = untrained.config(family).model
    torch.manual_seed(0)
    model = CtcModel({**spec, "encoder": {**spec["encoder"], **options}}).eval()
    test_the_length_map_is_exact_for_every_length(model)
    test_padding_never_changes_a_valid_frame(model)
    test_padding_is_like_no_padding(model)
    test_nothing_but_padding_gives_finite_output(model)


def test_a_wrong_option_is_refused() -> None:
    spec = untrained.config("mobilenetv3").model
    with pytest.raises(ConfigError, match="add up to 191, the features have 192"):
        CtcModel({**spec, "encoder": {**spec["encoder"], "modalities": [15, 24, 9, 143]}})
    with pytest.raises(ConfigError, match="expected batch or layer"):
        CtcModel({**spec, "encoder": {"type": "conformer", "norm": "group"}})
    with pytest.raises(ConfigError, match="did you mean 'layers'"):
        CtcModel({**spec, "encoder": {"type": "i3d", "layer": 2}})
    gru = untrained.config("gru").model
    with pytest.raises(ConfigError, match="expected a window"):
        CtcModel({**gru, "encoder": {"type": "gru", "window": 65}})
    with pytest.raises(ConfigError, match="expected 1 <= stride"):
        CtcModel({**gru, "encoder": {"type": "gru", "window": 2}})


def test_a_config_is_refused_with_the_nearest_spelling() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'transformer'"):
        untrained.config("transfomer")
    with pytest.raises(UnknownNameError, match="did you mean 'small'"):
        untrained.config("gru", "smal")


def test_every_config_is_a_complete_file() -> None:
    from importlib import resources

    for family, sizes in config.families().items():
        for size in sizes:
            path = resources.files("edgectc") / "configs" / f"{family}-{size}.toml"
            assert path.read_text().startswith("# ")
            config.from_dict(Settings, config.family_config(family, size)).completed()
