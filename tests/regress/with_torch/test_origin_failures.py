"""Failures told in the field reports that this project was born from, one test each.

Those that concern quantization, mixed precision or other model families are tested where these
live; here are the ones that the main path could repeat.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import edgectc
from edgectc.core import registry
from edgectc.core.config import family_config
from edgectc.core.errors import ConfigError, InputError, NonFiniteError
from edgectc.core.tokens import Tokens
from edgectc.data.frontends.swipe import Options, create
from edgectc.formats import layouts
from edgectc.networks.model import CtcModel
from edgectc.training.loop.guards import StepGuard

QWERTY = layouts.load("qwerty")


def test_language_model_download_vanished() -> None:
    """Training died on a 404. Nothing here downloads anything."""
    package = Path(edgectc.__file__).parent
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        words = ["urllib.request", "requests", "http.client", "huggingface", "hf_hub", "socket"]
        if path.parent.name == "serving":  # it answers a browser, and calls nobody
            words.remove("socket")
            assert ".create_connection" not in text, path
        if path.name == "hub.py":  # fetches, when it is told to, what the user names
            words.remove("huggingface")
        for word in words:
            assert f"import {word}" not in text, f"{path}: {word}"
            assert f"from {word}" not in text, f"{path}: {word}"


def test_input_width_was_counted_by_hand() -> None:
    """10 base features were assumed, 8 were given. The encoder asks the features."""
    for key_in in (8, 48):
        spec = {
            "frontend": {"type": "swipe"},
            "features": {"type": "swipe", "key_in": key_in},
            "encoder": {"type": "tcn", "channels": 8, "fine": [], "coarse": []},
        }
        assert CtcModel(spec).encoder.stem.conv.in_channels == 15 + key_in


def test_one_dimensional_points() -> None:
    """Augmentation met a 1-D array deep inside. It never gets that far."""
    with pytest.raises(InputError) as caught:
        create(Options()).prepare(np.arange(17.0), QWERTY)
    assert caught.value.reason == "bad_shape"


def test_points_that_do_not_divide_by_three() -> None:
    """A reshape to (n, 3) failed on 17 numbers."""
    with pytest.raises(InputError) as caught:
        create(Options()).prepare([[0.1, 0.2, 0.0], [0.3, 0.4]], QWERTY)
    assert caught.value.reason == "bad_shape"


def test_label_longer_than_its_frames_made_the_loss_nan() -> None:
    """Refused by name before training; and CTC itself is never asked."""
    from edgectc.data.validation import check_label

    with pytest.raises(InputError) as caught:
        check_label("mississippi", set(QWERTY.letters), frames=12)
    assert caught.value.reason == "label_too_long"


def test_nan_loss_was_logged_and_training_went_on_for_hours() -> None:
    model = torch.nn.Linear(1, 1)
    guard = StepGuard(model, torch.optim.AdamW(model.parameters()), limit=3, back_off=5)
    for _ in range(2):
        guard.bad_step("loss of swipe-1", steps=64851)
    with pytest.raises(NonFiniteError, match="loss of swipe-1"):
        guard.bad_step("loss of swipe-1", steps=64851)


def test_time_axis_collapsed_to_one_step() -> None:
    """Global pooling gave every frame the same output."""
    torch.manual_seed(0)
    spec = {kind: {"type": "swipe"} for kind in ("frontend", "features")}
    model = CtcModel({**spec, "encoder": {"type": "tcn", "channels": 16}}).eval()
    points = np.array([[0.05, 0.2, 0.0], [0.95, 0.2, 400.0], [0.5, 0.8, 800.0]])
    inputs = model.frontend.prepare(points, QWERTY)
    with torch.inference_mode():
        out = model(**{k: torch.from_numpy(v) for k, v in inputs.items()})[0]
    frames = -(-int(inputs["length"][0]) // 2)
    assert (out[1:frames, :26] - out[: frames - 1, :26]).abs().max(1).values.min() > 1e-4


def test_pad_and_blank_shared_an_id() -> None:
    with pytest.raises(ConfigError, match="exactly one"):
        Tokens.from_text("<blank>\n<blank>\na\n")


def test_logits_were_passed_for_log_probs() -> None:
    """log_softmax was missing in the forward; decoding went on with garbage."""
    tokens = Tokens(("a", "b", "<blank>"), 2)
    decoder = registry.create("decoders", {"type": "greedy"}, tokens=tokens)
    with pytest.raises(InputError, match="log_softmax") as caught:
        decoder(np.array([[2.0, 0.5, -1.0]]))
    assert caught.value.reason == "not_log_probs"


def test_features_had_another_scale_on_the_phone() -> None:
    """Pixels instead of the letter area: noise without an error, elsewhere."""
    rec = edgectc.load(runner="onnx")
    pixels = [[100.0 + 9 * i, 900.0 + i, 16.0 * i] for i in range(40)]
    with pytest.raises(InputError) as caught:
        rec(pixels)
    assert caught.value.reason == "pixel_coordinates"
    assert "divide" in str(caught.value)


def test_timestamps_were_ignored_by_the_demo() -> None:
    """The same path at another pace is another input."""
    frontend = create(Options())
    path = np.array([[0.05, 0.2, 0.0], [0.5, 0.2, 300.0], [0.95, 0.2, 900.0]])
    slow = frontend.prepare(path * [1, 1, 2], QWERTY)
    fast = frontend.prepare(path, QWERTY)
    assert not np.array_equal(slow["trace"][..., 2], fast["trace"][..., 2])


@pytest.mark.parametrize("kind", ["swipe", "kinematic"])
def test_features_were_clipped_to_ten(kind: str) -> None:
    """A jump across the screen within a millisecond gave features in the thousands."""
    family = {"swipe": "tcn", "kinematic": "transformer"}[kind]
    model = CtcModel(family_config(family, "small")["model"]).eval()
    frames = model.frontend.max_frames
    trace = torch.zeros(1, frames, 3)
    trace[0, ::2, :2] = 1e4  # there and back
    trace[0, :, 2] = torch.arange(frames) * 1e-3
    context = {k: torch.from_numpy(v) for k, v in model.frontend.context(QWERTY).items()}
    length = torch.tensor([frames], dtype=torch.int32)
    with torch.no_grad():
        features = model.features(trace=trace, length=length, **context)[0]
    assert torch.isfinite(features).all()
    assert features.abs().max() <= 10.0


def test_dilations_widen_what_a_frame_sees() -> None:
    """Features at several scales: with dilations a frame sees what lies further away."""
    spec, reach = family_config("tcn", "small")["model"], {}
    for coarse in ((1, 1), (1, 4)):
        torch.manual_seed(0)
        encoder = CtcModel({**spec, "encoder": {**spec["encoder"], "coarse": coarse}}).encoder
        with torch.no_grad():
            for weight in encoder.parameters():  # the branches begin at zero
                weight.normal_()
        x = torch.randn(1, encoder.stem.conv.in_channels, 64, requires_grad=True)
        out = encoder.eval()(x, torch.ones(1, 1, 64))
        out[0, :, 16].sum().backward()
        assert x.grad is not None
        seen = x.grad.abs().sum(1)[0].nonzero()[:, 0]
        reach[coarse] = int(seen[-1] - seen[0])
    assert reach[1, 4] - reach[1, 1] == 2 * 2 * 3  # each side: three strided frames more
