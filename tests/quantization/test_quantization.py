"""Quantized artifacts are right, or refused by name: NaN in every place, garbage, slowness."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

import edgectc
from edgectc.commands import cli
from edgectc.core import nonfinite, registry
from edgectc.core.errors import (
    BudgetError,
    ConfigError,
    ExportError,
    InputError,
    NonFiniteError,
    ParityError,
    UnsupportedSchemeError,
)
from edgectc.data import splits, swipe_files
from edgectc.data.generators.swipes import swipe as synthesize
from edgectc.exporting import packing
from edgectc.exporting.lowering.quantization_plan import Plan
from edgectc.formats import bundle as bundles
from edgectc.formats import layouts
from edgectc.networks import layers
from edgectc.networks.encoders import tcn
from edgectc.quantization import accuracy_drop, quantizer, timing
from edgectc.quantization import layers as quantized_layers

TARGETS = ("onnx", "pte", "coreml")


def user_of(split: str) -> str:
    return next(f"u{i}" for i in range(999) if splits.split_of(f"u{i}") == split)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are not what is tested here."""
    monkeypatch.setattr(timing, "_ROUNDS", 1)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search among two operators, to save time."""
    real = quantized_layers.operators
    monkeypatch.setattr(quantized_layers, "operators", lambda *given: real(*given)[:2])


def quantize(path: Path | None, swipes: Path | None, out: Path, **more: Any) -> Any:
    given: dict[str, Any] = {"calibration": str(swipes), "dev": str(swipes)} if swipes else {}
    if more.get("target") == "coreml":
        given["scheme"] = "int8-weight"
        out = out if out.is_dir() else out.with_suffix(".mlpackage")
    return edgectc.quantize(path, **{"target": "onnx", "samples": 80, "out": out, **given, **more})


@pytest.fixture(scope="module")
def made(swipes: Path, tmp_path_factory: pytest.TempPathFactory) -> quantizer.Quantized:
    """The shipped model in int8."""
    return quantize(None, swipes, tmp_path_factory.mktemp("made"), max_drop=5.0)


def test_the_shipped_model_in_int8_is_small_and_right(made: quantizer.Quantized) -> None:
    path = made.artifact.path
    assert path.name == "swipe-en-int8-static.onnx"
    assert edgectc.verify(path).status == "pass"
    report = made.artifact.manifest.source.quantization
    assert report["after"]["bytes"] < 0.4 * report["before"]["bytes"]
    assert path.stat().st_size < 0.4 * report["before"]["bytes"]
    assert made.point.closeness is not None
    assert made.point.closeness.agreement > 0.98
    assert report["loss"]["rows"] == 40
    assert report["operators"] == 24


def test_the_manifest_tells_scheme_calibration_and_cost(
    made: quantizer.Quantized, swipes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["inspect", str(made.artifact.path), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["scheme"]["type"] == "int8-static"
    told = about["source"]["quantization"]
    source = told["calibration"]
    assert source["sha256"] == __import__("hashlib").sha256(swipes.read_bytes()).hexdigest()
    assert (source["split"], source["samples"], source["usable"]) == ("train", 80, 80)
    assert source["calibrator"] == "mse"
    assert {"points", "interval", "slices"} <= set(told["loss"])


def test_an_int8_artifact_reads_swipes(made: quantizer.Quantized) -> None:
    loaded = edgectc.load(made.artifact.path)
    layout, rng = layouts.load("qwerty"), np.random.default_rng(5)
    said = [loaded(synthesize("keyboard", layout, rng)) for _ in range(5)]
    assert sum("keyboard" in [c.text for c in answer.candidates] for answer in said) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["int8-weight", "float16"])
def test_other_schemes_of_onnx(scheme: str, swipes: Path, tmp_path: Path) -> None:
    done = quantize(None, swipes, tmp_path, scheme=scheme)
    share = {"float16": 0.6}.get(scheme, 0.4)
    assert done.artifact.path.stat().st_size < share * done.report["before"]["bytes"]
    assert edgectc.verify(done.artifact.path).status == "pass"


@pytest.mark.slow
def test_a_scheme_that_changes_texts_is_refused_with_numbers(swipes: Path, tmp_path: Path) -> None:
    said = r"1\d of 16 decoded texts equal \(limit 80%\).* in \d+% of \d+ frames .* leads the next"
    with pytest.raises(ParityError, match=said):
        quantize(None, swipes, tmp_path, scheme="int8-dynamic")
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
def test_pte_in_int8(swipes: Path, tmp_path: Path) -> None:
    done = quantize(None, swipes, tmp_path, target="pte", max_drop=5.0)
    assert done.artifact.path.stat().st_size < 0.4 * done.report["before"]["bytes"]
    assert edgectc.verify(done.artifact.path).status == "pass"
    assert done.point.closeness is not None
    assert done.point.closeness.agreement > 0.98


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "share"), [("int8-weight", 0.4), ("float16", 0.7)])
def test_core_ml(scheme: str, share: float, swipes: Path, tmp_path: Path) -> None:
    pytest.importorskip("coremltools")
    done = quantize(None, swipes, tmp_path, target="coreml", scheme=scheme, limit=20)
    report = done.report
    assert report["after"]["bytes"] < share * report["before"]["bytes"]
    checks = {c.name: c.status for c in edgectc.verify(done.artifact.path).checks}
    assert "fail" not in checks.values()
    assert checks["arithmetic"] == "pass"


@pytest.mark.slow
def test_pte_dynamic_quantizes_linear_layers(
    small: Callable[[str], Path], swipes: Path, tmp_path: Path
) -> None:
    done = quantize(small("transformer"), swipes, tmp_path, target="pte", scheme="int8-dynamic")
    assert edgectc.verify(done.artifact.path).status == "pass"


# Non-finite numbers, each stopped by name, before any converter sees them.


def corrupted(source: Path, folder: Path, name: str, value: float) -> Path:
    """A bundle with one bad weight, hashes and all."""
    bundle = bundles.read(source)
    tensors = load_tensors(bundle.file("weights.safetensors"))
    tensors[name].view(-1)[0] = value
    files = {n: bundle.file(n) for n in bundle.index.files}
    files["weights.safetensors"] = save_tensors(tensors)
    values = {
        field.name: getattr(bundle.index, field.name)
        for field in dataclasses.fields(bundle.index)
        if field.name not in ("schema_version", "files")
    }
    return bundles.write(folder, values, files).path


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_bad_weight_is_named(
    target: str, value: float, small: Callable[[str], Path], swipes: Path, tmp_path: Path
) -> None:
    bad = corrupted(small("tcn"), tmp_path / "bad", "encoder.down.conv.weight", value)
    with pytest.raises(NonFiniteError, match=r"encoder\.down\.conv\.weight \(1 values, first at"):
        quantize(bad, swipes, tmp_path / "x", target=target)
    assert not [*tmp_path.glob("x*")]


def with_bad_row(swipes: Path, out: Path, value: float) -> Path:
    """The same swipes with a number of a training swipe replaced."""
    rows = [json.loads(line) for line in swipes.read_text().splitlines()]
    rows[7]["points"][1][0] = value
    out.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return out


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_bad_sample_is_named(
    target: str, value: float, small: Callable[[str], Path], swipes: Path, tmp_path: Path
) -> None:
    bad = with_bad_row(swipes, tmp_path / "bad.jsonl", value)
    with pytest.raises(NonFiniteError, match=r"samples hold NaN or Inf: row 7 .*drop-samples"):
        quantize(small("tcn"), bad, tmp_path / "x", target=target)
    assert not [*tmp_path.glob("x*")]


def test_a_bad_sample_is_left_out_where_asked(
    small: Callable[[str], Path], swipes: Path, tmp_path: Path
) -> None:
    bad = with_bad_row(swipes, tmp_path / "bad.jsonl", float("nan"))
    done = quantize(small("tcn"), bad, tmp_path, nan_policy="drop-samples")
    assert done.report["calibration"]["dropped"] == {"not_finite": 1}
    assert done.report["calibration"]["samples"] == 79


@pytest.mark.parametrize("target", TARGETS)
def test_a_mask_of_minus_infinity_is_named(
    target: str,
    small: Callable[[str], Path],
    swipes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It answers finitely wherever a frame is valid, and every range it enters is useless."""
    path, real = small("conformer"), torch.softmax  # made before softmax is replaced

    def masked(scores: Tensor, dim: int) -> Tensor:
        return real(torch.where(scores < -layers.MASKED / 2, float("-inf"), scores), dim=dim)

    monkeypatch.setattr(layers.torch, "softmax", masked)
    with pytest.raises(
        NonFiniteError, match=r"row \d+ \(first in \w+ in encoder\.blocks\.0\.attention"
    ):
        quantize(path, swipes, tmp_path / "x", target=target)


@pytest.mark.parametrize("target", TARGETS)
def test_a_sample_without_frames_is_named(
    target: str,
    small: Callable[[str], Path],
    swipes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mean over valid frames divides by zero where there is none: a fully masked row."""
    path, real = small("tcn"), tcn.TcnEncoder.forward  # made before forward is replaced

    def pooled(self: Any, x: Tensor, keep: Tensor) -> Tensor:
        x = x - (x * keep).sum(2, keepdim=True) / keep.sum(2, keepdim=True)
        return real(self, x, keep)

    monkeypatch.setattr(tcn.TcnEncoder, "forward", pooled)
    bundle = packing.repack(bundles.read(path), tmp_path / "tcn")
    with pytest.raises(NonFiniteError, match=r"length 0 \(first in div in encoder"):
        quantize(bundle.path, swipes, tmp_path / "x", target=target)


@pytest.mark.slow
def test_repair_takes_the_named_tensors_from_an_earlier_state(
    small: Callable[[str], Path], swipes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "encoder.down.conv.weight"
    bad = corrupted(small("tcn"), tmp_path / "bad", name, float("nan"))
    done = quantize(bad, swipes, tmp_path, repair_from=small("tcn"))
    assert done.report["repaired"] == [name]
    assert name in capsys.readouterr().err
    assert edgectc.verify(done.artifact.path).status == "pass"
    with pytest.raises(NonFiniteError, match="holds no finite encoder"):
        quantize(bad, swipes, tmp_path, repair_from=bad)
    with pytest.raises(ConfigError, match="every weight is finite"):
        quantize(small("tcn"), swipes, tmp_path, repair_from=small("tcn"))


def test_an_answer_that_is_not_finite_is_stopped(
    small: Callable[[str], Path], swipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = registry.module("runners", "onnx").OnnxRunner
    real = runner.run

    def sick(self: Any, inputs: Mapping[str, Any]) -> Any:
        out = real(self, inputs).copy()
        out[:, -1] = np.nan
        return out

    monkeypatch.setattr(runner, "run", sick)
    with pytest.raises(ParityError, match="answered NaN or Inf at output frame"):
        quantize(small("tcn"), swipes, tmp_path / "x")
    assert not [*tmp_path.glob("x*")]


def test_a_bad_step_size_stops_it(
    small: Callable[[str], Path], swipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgectc.exporting.lowering import qdq_onnx

    monkeypatch.setattr(qdq_onnx, "parameters", lambda ends: (float("inf"), 0))
    with pytest.raises(NonFiniteError, match=r"the quantized graph is not sound: .*scale \("):
        quantize(small("tcn"), swipes, tmp_path / "x")
    assert not [*tmp_path.glob("x*")]


# What the tools make without a word, and the gate refuses.


def all_operators(graph: Any, samples: list[Mapping[str, Any]]) -> Any:
    """ONNX Runtime's own static quantization of every operator."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.rows = iter(samples)

        def get_next(self) -> Any:
            return next(self.rows, None)

    with tempfile.TemporaryDirectory() as folder:
        quantize_static(graph, Path(folder) / "q.onnx", Reader())
        return onnx.load(Path(folder) / "q.onnx")


def test_all_operators_under_large_masks_are_refused(
    swipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A score of -1e4 among scores of 15 leaves one step for all that matters: silent garbage."""
    from edgectc.exporting.lowering import qdq_onnx

    bundle = bundles.read(bundles.locate(None))
    frontend = registry.create("frontends", dict(bundle.index.model["frontend"]))
    rows = [s for s in swipe_files.load(swipes, split="train")[0]][:32]
    samples = [dict(frontend.prepare(s.points, layouts.load("qwerty"))) for s in rows]
    monkeypatch.setattr(qdq_onnx, "quantized", lambda graph, plan: all_operators(graph, samples))
    with pytest.raises(ParityError, match="log_probs"):
        quantize(None, swipes, tmp_path / "x")
    assert not [*tmp_path.glob("x*")]


@pytest.mark.slow
def test_weight_only_through_xnnpack_is_refused(
    small: Callable[[str], Path], swipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lowers, loads and answers, off by thousands."""
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    target = registry.module("targets", "pte").PteTarget
    real = target.convert

    def careless(
        self: Any, network: nn.Module, inputs: Any, plan: Plan | None = None, **more: Any
    ) -> Any:
        if plan is not None:
            import copy

            network = copy.deepcopy(network)
            quantize_(network, Int8WeightOnlyConfig())
        return real(self, network, inputs)

    monkeypatch.setattr(target, "convert", careless)
    with pytest.raises((ParityError, NonFiniteError)):
        quantize(small("transformer"), swipes, tmp_path / "x", target="pte", scheme="int8-dynamic")
    assert not [*tmp_path.glob("x*")]


@pytest.mark.slow
def test_weights_left_in_float_are_noticed(
    swipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter that excludes too much leaves a right, large and slow file."""
    from edgectc.exporting.lowering import qdq_onnx

    monkeypatch.setattr(qdq_onnx, "quantized", lambda graph, plan: graph)
    with pytest.raises(ExportError, match="the converter left weights in float"):
        quantize(None, swipes, tmp_path / "x")


@pytest.mark.usefixtures("few")
def test_slower_than_float32_is_refused(
    small: Callable[[str], Path], swipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "compare_speed", lambda *given: timing.Speed(1.0, 1.7))
    with pytest.raises(BudgetError, match=r"at least 1 times as fast.*0\.59 times as fast"):
        quantize(small("tcn"), swipes, tmp_path / "x", min_speedup=1.0)
    assert not [*tmp_path.glob("x*")]


@pytest.mark.usefixtures("few")
def test_a_lost_accuracy_is_refused(
    small: Callable[[str], Path],
    swipes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Numbers may look close while the words are gone: the decoder has the last say."""
    real = accuracy_drop.AccuracyEvaluator._wrong

    def worse(self: Any, answers: Any, preset: Any = None) -> Any:
        wrong, count = real(self, answers, preset)
        return wrong + 0.1 * (answers is not self.log_probs), count

    monkeypatch.setattr(accuracy_drop.AccuracyEvaluator, "_wrong", worse)
    with pytest.raises(BudgetError, match=r"at most 2\.5 points.*accuracy drop \+10\.00 points"):
        quantize(small("tcn"), swipes, tmp_path / "x", max_drop=2.5)
    assert not [*tmp_path.glob("x*")]


# Refusals.


def test_samples_in_pixels_are_refused(small: Callable[[str], Path], tmp_path: Path) -> None:
    gru = small("gru")
    rng = np.random.default_rng(0)
    n, frames, channels = 80, 40, 16
    np.savez(
        tmp_path / "raw.npz",
        signal=rng.normal(0, 400.0, (n * frames, channels)).astype(np.float32),
        length=np.full(n, frames),
        target=np.array(["AA B"] * n),
        split=np.array(["train"] * 70 + ["dev"] * 10),
        group=np.array(["day-0"] * n),
    )
    raw = str(tmp_path / "raw.npz")
    with pytest.raises(InputError, match="another unit") as caught:
        quantize(gru, None, tmp_path / "x", calibration=raw, scheme="int8-weight")
    assert caught.value.reason == "other_unit"


def test_too_few_samples_are_refused(
    small: Callable[[str], Path], swipes: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="60 usable recordings to calibrate with, expected 64"):
        quantize(small("tcn"), swipes, tmp_path / "x", samples=60)


def test_only_training_rows_calibrate(
    small: Callable[[str], Path], swipes: Path, tmp_path: Path
) -> None:
    rows = [{**json.loads(line), "split": "dev"} for line in swipes.read_text().splitlines()]
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match="0 usable recordings to calibrate with"):
        quantize(small("tcn"), tmp_path / "dev.jsonl", tmp_path / "x")


def test_what_makes_no_sense_is_refused(
    small: Callable[[str], Path], swipes: Path, tmp_path: Path
) -> None:
    tcn_path = small("tcn")
    with pytest.raises(ConfigError, match="use: edgectc export"):
        quantize(tcn_path, swipes, tmp_path, scheme="float32")
    with pytest.raises(UnsupportedSchemeError, match="cannot hold scheme 'int8-weight'"):
        quantize(tcn_path, swipes, tmp_path, target="pte", scheme="int8-weight")
    with pytest.raises(UnsupportedSchemeError, match="edgectc quantize --target onnx"):
        edgectc.export(tcn_path, target="onnx", scheme="int8-static", out=tmp_path)
    with pytest.raises(ConfigError, match="nan_policy"):
        quantize(tcn_path, swipes, tmp_path, nan_policy="ignore")
    with pytest.raises(ExportError, match=r"encoder is convolution; .* for it: int8-static$"):
        quantize(tcn_path, swipes, tmp_path, target="pte", scheme="int8-dynamic")
    with pytest.raises(ConfigError, match="max_drop is nan"):
        quantize(tcn_path, swipes, tmp_path, max_drop=float("nan"))
    with pytest.raises(ConfigError, match=r"min_speedup is 0\.0, expected above 0"):
        quantize(tcn_path, swipes, tmp_path, min_speedup=0.0)
    with pytest.raises(ConfigError, match="limit is 1"):
        quantize(tcn_path, swipes, tmp_path, limit=1)
    with pytest.raises(ConfigError, match="decoder is 'greedy' over 'neural'"):
        quantize(small("gru"), None, tmp_path, scheme="int8-weight", retune_decoder=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("few")
def test_the_command_line(
    small: Callable[[str], Path],
    swipes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["quantize", str(small("tcn")), "--target", "onnx", "--calibration", str(swipes)]
    given += ["--dev", str(swipes), "--samples", "64", "--out", str(tmp_path / "a.onnx")]
    assert cli.main(given) == 0
    text = capsys.readouterr().out
    assert "ms, one thread" in text
    assert "in float by design: features, head" in text
    assert "ranges from 64 of 80 usable samples of swipes.jsonl" in text
    with pytest.raises(SystemExit, match="2"):
        cli.main([*given, "--nan-policy", "repair"])
    assert "--repair-from CHECKPOINT" in capsys.readouterr().err
    assert cli.main([*given, "--samples", "3"]) == 2
    assert cli.main([*given, "--min-speedup", "1000", "--json"]) == 1
    assert "no quantized network meets the budget" in capsys.readouterr().err
    assert nonfinite.POLICIES == ("error", "drop-samples")
