"""Failures of networks, exports and data, as the field reports tell them; see docs/failures.md."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

import edgectc
from edgectc.core import config, registry
from edgectc.core.errors import ConfigError, InputError, MissingDependencyError, NonFiniteError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Swipe
from edgectc.data import checks, splits, swipe_files
from edgectc.data.generators import neural
from edgectc.data.generators.swipes import swipe as synthesize
from edgectc.exporting import untrained
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts
from edgectc.networks.model import CtcModel

LAYOUT = layouts.load("qwerty")


def spec_of(family: str, **frontend: Any) -> dict[str, Any]:
    spec = config.family_config(family, "small")["model"]
    return {**spec, "frontend": {**spec["frontend"], **frontend}}


def brain(model: CtcModel, length: int, day: int = 0) -> dict[str, torch.Tensor]:
    shape = model.frontend.options
    rng = torch.Generator().manual_seed(1)
    signal = torch.randn(1, shape.max_frames, shape.channels, generator=rng)
    signal[:, length:] = 0.0
    values = {"length": length, "day": day}
    return {
        "signal": signal,
        **{k: torch.tensor([v], dtype=torch.int32) for k, v in values.items()},
    }


def inputs_of(model: CtcModel, length: int) -> dict[str, torch.Tensor]:
    """Random input of a family that reads a signal, or a swipe of so many frames."""
    if "keys" in model.frontend.input_contract():
        points = synthesize("hello", LAYOUT, np.random.default_rng(0))
        made = {k: torch.from_numpy(v) for k, v in model.frontend.prepare(points, LAYOUT).items()}
        made["length"] = torch.tensor([length], dtype=torch.int32)
        return made
    made = {}
    for name, about in model.frontend.input_contract().items():
        if name == "length":
            made[name] = torch.tensor([length], dtype=torch.int32)
        elif about["dtype"] == "int32":
            made[name] = torch.zeros(about["shape"], dtype=torch.int32)
        else:
            rng = torch.Generator().manual_seed(2)
            made[name] = torch.randn(about["shape"], generator=rng)
            made[name][:, length:] = 0.0
    return made


@pytest.mark.parametrize("days", [1, 2, 5])
def test_the_number_of_days_was_written_in_the_code(days: int) -> None:
    """24 was assumed; a data set of other days crashed, or used a stranger's layer."""
    names = [f"2022.{i}" for i in range(days)]
    model = CtcModel(spec_of("gru", days=names))
    assert len(model.features.day_weight) == days
    assert int(model.frontend.context(names[-1])["day"][0]) == days - 1
    with pytest.raises(LookupError):
        model.frontend.context("2023.1")


@pytest.mark.parametrize("family", ["i3d", "mobilenetv3"])
def test_log_softmax_was_missing_in_the_teacher(family: str) -> None:
    """CTC was given logits. The model ends with log_softmax, whatever the encoder."""
    model = untrained.build(family).eval()
    with torch.inference_mode():
        out = model(**inputs_of(model, 20))
    torch.testing.assert_close(out.exp().sum(-1), torch.ones(out.shape[:2]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", ["i3d", "mobilenetv3"])
def test_pooling_gave_every_frame_the_same_features(family: str) -> None:
    """`AdaptiveAvgPool1d(1)` and `expand`: the error rate stayed at 100 %."""
    model = untrained.build(family).eval()
    with torch.inference_mode():
        out = model(**inputs_of(model, 24))[0]
    assert out.shape[0] == model.frontend.options.max_frames, "upsampled back to every frame"
    assert (out[1:] - out[:-1]).abs().amax(1).min() > 1e-5


def test_a_word_was_added_to_one_map_only() -> None:
    """idx2word lagged behind word2idx, and everything read "<blank>"."""
    tokens = Tokens(("<blank>", "HELLO", "WORLD"), 0, " ")
    assert [tokens.symbols[tokens.ids[s]] for s in tokens.symbols] == list(tokens.symbols)
    more = Tokens((*tokens.symbols, "AGAIN"), 0, " ")
    assert more.decode(more.encode(["AGAIN", "HELLO"])) == "AGAIN HELLO"
    assert Tokens.from_text(more.to_text()).ids == more.ids
    with pytest.raises(dataclasses.FrozenInstanceError):
        tokens.symbols = ("x",)  # type: ignore[misc]
    with pytest.raises(ConfigError, match="twice"):
        Tokens(("<blank>", "HELLO", "HELLO"), 0)


def test_everything_was_decoded_as_the_blank() -> None:
    """The blank is data: the same scores with it in another column read the same."""
    scores = np.log(np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]))
    for blank, symbols, text in (
        (0, ("<blank>", "a", "b"), "ab"),
        (2, ("a", "b", "<blank>"), "ab"),
    ):
        decoder = registry.create("decoders", {"type": "greedy"}, tokens=Tokens(symbols, blank))
        assert decoder(scores).best.text == text


@pytest.mark.parametrize("family", ["transformer", "conformer"])
def test_sequence_first_and_batch_first_were_mixed(family: str) -> None:
    """The mask was (256, 177) where (177, 256) was expected. N, T is the one order."""
    model = untrained.build(family).eval()
    rows = [inputs_of(model, n) for n in (5, 64, 31)]
    batch = {k: torch.cat([row[k] for row in rows]) for k in rows[0]}
    with torch.inference_mode():
        together = model(**batch)
        for n, row in enumerate(rows):
            frames = model.output_length(int(row["length"][0]))
            torch.testing.assert_close(
                together[n, :frames, :26], model(**row)[0, :frames, :26], atol=1e-4, rtol=0
            )


@pytest.mark.parametrize("kind", ["sinusoidal", "learned"])
def test_the_positional_table_was_made_for_sequence_first(kind: str) -> None:
    """(max_len, 1, d) was added along the batch. It is (1, max_len, d), and fixed."""
    spec = spec_of("transformer")
    model = CtcModel({**spec, "encoder": {**spec["encoder"], "positions": kind}})
    table = model.encoder.positions.table
    assert table.shape == (1, model.frontend.options.max_frames, 32)
    x = torch.zeros(3, 64, 32)
    moved = model.encoder.positions(x)
    assert torch.equal(moved, moved[:1].expand(3, -1, -1)), "alike for every sample"
    assert not torch.equal(moved[:, 0], moved[:, 1]), "another for every frame"


@pytest.mark.parametrize("family", ["transformer", "conformer"])
def test_a_graph_traced_at_one_length_failed_at_another(family: str) -> None:
    """Slices followed the sequence. Shapes are fixed, the length is an input."""
    model = untrained.build(family).eval()
    T = model.frontend.options.max_frames
    first = inputs_of(model, T)
    graph = torch.export.export(model, (), kwargs=first).module()
    for length in (model.window, T // 2 + 1, T):
        inputs = inputs_of(model, length)
        frames = model.output_length(length)
        with torch.inference_mode():
            expected = model(**inputs)[:, :frames, :26]
            torch.testing.assert_close(
                graph(**inputs)[:, :frames, :26], expected, atol=1e-4, rtol=0
            )


@pytest.mark.parametrize("opset", [11, 13])
def test_the_opset_was_too_low_for_attention(opset: int, tmp_path: Path) -> None:
    """Opset 11 has no `unflatten`, 13 no attention. What cannot be written is refused at once."""
    packed = untrained.initialise(tmp_path / "m", "conformer", name="m").path
    with pytest.raises(ConfigError, match=f"opset is {opset}, expected 14"):
        edgectc.export(packed, target="onnx", opset=opset, out=tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()


def test_the_onnx_package_was_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ImportError came out of the exporter. The line to type comes instead."""
    packed = untrained.initialise(tmp_path / "m", "tcn", name="m").path
    for name in ("onnx", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match="pip install"):
        edgectc.export(packed, target="onnx", out=tmp_path / "x.onnx")


def with_nan(folder: Path, weight: str) -> Path:
    """A bundle with one NaN, hashes and all."""
    made = bundles.read(untrained.initialise(folder / "good", "tcn", name="m").path)
    tensors = load_tensors(made.file("weights.safetensors"))
    tensors[weight].view(-1)[0] = float("nan")
    files = {name: made.file(name) for name in made.index.files}
    files["weights.safetensors"] = save_tensors(tensors)
    values = {
        field.name: getattr(made.index, field.name)
        for field in dataclasses.fields(made.index)
        if field.name not in ("schema_version", "files")
    }
    return bundles.write(folder / "bad", values, files).path


def test_quantization_said_scale_issue(tmp_path: Path) -> None:
    """A NaN weight gave `AssertionError: scale issue`. It is named before anything is converted."""
    user = next(f"u{i}" for i in range(99) if splits.split_of(f"u{i}") == "train")
    rng = np.random.default_rng(0)
    swipes = [Swipe(synthesize("hello", LAYOUT, rng), "hello", user=user) for _ in range(40)]
    swipe_files.write(tmp_path / "s.jsonl", swipes)
    bad = with_nan(tmp_path, "encoder.down.conv.weight")
    with pytest.raises(NonFiniteError, match=r"encoder\.down\.conv\.weight"):
        edgectc.quantize(
            bad, target="onnx", calibration=str(tmp_path / "s.jsonl"), out=tmp_path / "x"
        )
    with pytest.raises(NonFiniteError, match=r"encoder\.down\.conv\.weight"):
        edgectc.export(bad, target="onnx", out=tmp_path / "x.onnx")


def test_features_on_the_phone_were_computed_otherwise() -> None:
    """Two programs, two scales. Velocities and keys are computed in the graph that is exported."""
    model = untrained.build("transformer").eval()
    points = synthesize("hello", LAYOUT, np.random.default_rng(0))
    inputs = model.frontend.prepare(points, LAYOUT)
    assert inputs["trace"].shape[-1] == 3, "the host passes places and times, nothing derived"
    graph = torch.export.export(
        model, (), kwargs={k: torch.from_numpy(v) for k, v in inputs.items()}
    )
    origins = [str(node.meta.get("nn_module_stack", "")) for node in graph.graph.nodes]
    assert sum("features" in origin for origin in origins) > 10


def test_a_resting_finger_divided_by_zero() -> None:
    """Equal points and equal times gave infinite velocities."""
    rest = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 900.0]])
    for family in ("tcn", "transformer", "conformer"):
        model = untrained.build(family).eval()
        inputs = {k: torch.from_numpy(v) for k, v in model.frontend.prepare(rest, LAYOUT).items()}
        features, _, _ = model.features(**inputs)
        assert torch.isfinite(features).all()
        assert torch.isfinite(model(**inputs)[..., :26]).all()


def test_a_probability_of_zero_had_no_logarithm() -> None:
    """1e-8 was added to every probability. log_softmax needs no such thing."""
    model = untrained.build("gru").eval()
    inputs = brain(model, 64)
    inputs["signal"] *= 1e4
    with torch.inference_mode():
        out = model(**inputs)
    assert torch.isfinite(out).all()
    torch.testing.assert_close(out.exp().sum(-1), torch.ones(out.shape[:2]), atol=1e-4, rtol=0)


def test_words_and_gestures_did_not_match(tmp_path: Path) -> None:
    """Nobody looked. `edgectc data check` does."""
    rng = np.random.default_rng(0)
    swipes = [Swipe(synthesize("hello", LAYOUT, rng), "hello", user=f"u{i}") for i in range(5)]
    swipes.append(Swipe(synthesize("zaz", LAYOUT, rng), "hello", user="u9"))
    swipe_files.write(tmp_path / "s.jsonl", swipes)
    found = checks.check_data([tmp_path / "s.jsonl"])
    assert [row.split(":")[0] for row in found.problems["label_mismatch"]] == ["s.jsonl row 5"]


@pytest.mark.parametrize("length", range(1, 65))
def test_the_length_map_was_one_frame_short(length: int) -> None:
    """The baseline divides (length - window) by the stride, one frame fewer than it computes."""
    model = untrained.build("gru")
    window, stride = model.window, model.stride
    frames = len(range(0, length - window + 1, stride))
    assert model.output_length(length) == frames
    if length >= window:
        baseline = int((length - window) / stride)
        assert frames == baseline + 1


def test_a_recording_without_frames_for_its_label_is_said(tmp_path: Path) -> None:
    """The loss was made finite by pretending that the recording was longer."""
    from edgectc.data import signals

    made = list(neural.synthesize(4, seed=0, channels=16))
    short = dataclasses.replace(made[0], signal=made[0].signal[:3], target=("AA", "AA"))
    signals.write(tmp_path / "x.npz", {"train": [*made[1:3], short], "dev": made[3:]})
    found = checks.check_data([tmp_path / "x.npz"], room=lambda s: len(s.signal) // 4, days=True)
    assert len(found.problems["label_too_long"]) == 1


def test_nan_coordinates_were_replaced_by_none() -> None:
    """A sample without values was passed on as None. It is refused, with the reason."""
    rec = edgectc.load(runner="onnx")
    points = synthesize("hello", LAYOUT, np.random.default_rng(0))
    points[3, 0] = np.nan
    with pytest.raises(InputError) as caught:
        rec(points)
    assert caught.value.reason == "not_finite"
