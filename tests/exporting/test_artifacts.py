"""The shipped model through every target: equal numbers, equal words, and planted bugs seen."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import edgectc
from edgectc.core import registry
from edgectc.core.errors import (
    BundleFileMissingError,
    ConfigError,
    ExportError,
    NonFiniteError,
    ParityError,
    UnknownNameError,
)
from edgectc.core.schemes import Scheme
from edgectc.core.types import Array
from edgectc.data import swipe_files
from edgectc.evaluation import verification
from edgectc.exporting import exporter
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.formats import reference
from edgectc.language import lexicon_file
from edgectc.language.lexicon import Lexicon
from edgectc.language.spelling import letters
from edgectc.networks import model as models
from edgectc.runtime import loading
from edgectc.runtime.recognizer import Recognizer

TARGETS = ["onnx", "native", "pte"]  # what runs here; coreml has tests of its own


@pytest.fixture(scope="session")
def eager() -> Recognizer:
    return edgectc.load(runner="eager")


@pytest.mark.parametrize("target", TARGETS)
def test_an_artifact_alone_in_a_folder_passes(artifacts: dict[str, Path], target: str) -> None:
    path = artifacts[target]
    suffix = {"native": "edgectc"}.get(target, target)
    assert [p.name for p in path.parent.iterdir()] == [f"swipe-en.{suffix}"]
    report = edgectc.verify(path)
    assert [c for c in report.checks if c.status != "pass"] == []
    assert report.status == "pass"
    assert {c.name for c in report.checks} == {
        "hash", "contract", "log_probs", "padding", "resampling", "greedy", "words",
    }  # fmt: skip
    assert {1, 2, 7, 31, 32, 63, 64} <= {
        case.length for case in reference.from_json(manifests.read(path)[1].reference)
    }


@pytest.mark.data
@pytest.mark.parametrize("target", TARGETS)
def test_500_real_traces_agree(
    artifacts: dict[str, Path], target: str, eager: Recognizer, swipes_file: Path
) -> None:
    swipes, _ = swipe_files.load(swipes_file, split="test")
    chosen = np.random.default_rng(0).permutation(len(swipes))[:500]
    other = edgectc.load(artifacts[target])
    worst, lengths = 0.0, set()
    for i in chosen:
        points = swipes[i].points
        a, b = eager.log_probs(points), other.log_probs(points)
        used = [*range(26), 64]
        worst = max(worst, float(np.abs(a - b)[:, used].max()))
        lengths.add(len(a))
        setting = eager.setting("qwerty")
        for decoder in ("greedy", "lexicon"):
            one = eager.decoder(setting, decoder)(a, nbest=1).best.text
            assert one == other.decoder(setting, decoder)(b, nbest=1).best.text
    assert worst <= 1e-4
    assert len(lengths) > 15


@pytest.mark.parametrize("target", TARGETS)
def test_one_artifact_serves_every_layout(artifacts: dict[str, Path], target: str) -> None:
    from edgectc.data.generators.swipes import swipe
    from edgectc.formats import layouts

    loaded = edgectc.load(artifacts[target])
    rng = np.random.default_rng(1)
    for name in ("azerty", "dvorak", "colemak"):
        layout = layouts.load(name)
        said = [loaded(swipe("keyboard", layout, rng), layout=name) for _ in range(5)]
        assert sum("keyboard" in [c.text for c in answer.candidates] for answer in said) >= 4


def test_other_exports_leave_no_file_when_they_fail(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'onnx'"):
        edgectc.export(target="onxx", out=tmp_path)
    with pytest.raises(UnknownNameError, match="unknown scheme"):
        edgectc.export(target="onnx", scheme="int9", out=tmp_path)
    with pytest.raises(ConfigError, match=r"opset is 13, expected 14\.\.25"):
        edgectc.export(target="onnx", opset=13, out=tmp_path)
    with pytest.raises(ConfigError, match=r"opset is 21, expected 14\.\.20 for exporter legacy"):
        edgectc.export(target="onnx", opset=21, exporter="legacy", out=tmp_path)
    with pytest.raises(ConfigError, match="has no opset"):
        edgectc.export(target="pte", opset=18, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_asked_opset_is_what_the_file_has(tmp_path: Path) -> None:
    import onnx

    made = edgectc.export(target="onnx", opset=20, out=tmp_path / "x.onnx")
    graph = onnx.load(made.path)
    assert [entry.version for entry in graph.opset_import if entry.domain == ""] == [20]
    assert made.manifest.opset == 20


def test_an_exporter_that_returns_another_opset_is_caught(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = torch.onnx.export

    def sly(*arguments: Any, **options: Any) -> Any:
        return real(*arguments, **{**options, "opset_version": 18})

    monkeypatch.setattr(torch.onnx, "export", sly)
    with pytest.raises(ExportError, match="asked for opset 19, the exporter wrote 18"):
        edgectc.export(target="onnx", opset=19, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def copied(shipped: Path, folder: Path, change: Mapping[str, bytes]) -> Path:
    """A bundle like the shipped one with some files replaced, hashes and all."""
    bundle = bundles.read(shipped)
    files = {name: bundle.file(name) for name in bundle.index.files}
    values = {
        field.name: getattr(bundle.index, field.name)
        for field in dataclasses.fields(bundle.index)
        if field.name not in ("schema_version", "files")
    }
    return bundles.write(folder, values, files | change).path


def weights_with(shipped: Path, name: str, value: float) -> bytes:
    from safetensors.torch import load, save

    tensors = load(bundles.read(shipped).file("weights.safetensors"))
    tensors[name].view(-1)[0] = value
    return save(tensors)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_bad_weight_stops_the_export_by_name(shipped: Path, tmp_path: Path, value: float) -> None:
    bad = weights_with(shipped, "encoder.down.conv.weight", value)
    bundle = copied(shipped, tmp_path / "bad", {"weights.safetensors": bad})
    with pytest.raises(NonFiniteError, match=r"encoder\.down\.conv\.weight"):
        edgectc.export(bundle, target="onnx", out=tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()


def test_weights_that_drifted_from_the_reference_stop_the_export(
    shipped: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load, save

    tensors = load(bundles.read(shipped).file("weights.safetensors"))
    tensors["head.query.weight"] *= 1.01
    bundle = copied(shipped, tmp_path / "bad", {"weights.safetensors": save(tensors)})
    with pytest.raises(ParityError, match="does not reproduce the bundle's own reference"):
        edgectc.export(bundle, target="onnx", out=tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()


class Broken(torch.nn.Module):
    """The network as a careless export would leave it."""

    def __init__(self, model: models.CtcModel, how: str) -> None:
        super().__init__()
        self.model, self.how = model, how
        if how == "one weight scaled":
            weight = next(p for _, p in model.named_parameters() if p.dim() > 1)
            weight.data *= 1.01

    def forward(self, trace, length, keys, key_mask, key_size):  # type: ignore[no-untyped-def]
        if self.how == "frozen length":
            length = length * 0 + 64
        if self.how == "other constant":
            key_size = key_size * 1.05
        out = self.model(trace, length, keys, key_mask, key_size)
        if self.how == "swapped tokens":
            out = torch.cat([out[..., 1:2], out[..., 0:1], out[..., 2:]], dim=-1)
        if self.how == "blank moved":
            out = torch.cat([out[..., -1:], out[..., :-1]], dim=-1)
        if self.how == "leaking padding":
            out = out + trace[:, -1:, :1] * 1e-2
        return out


@pytest.mark.parametrize(
    ("how", "seen_by"),
    [
        ("frozen length", "log_probs"),
        ("other constant", "log_probs"),
        ("swapped tokens", "log_probs"),
        ("blank moved", "log_probs"),
        ("one weight scaled", "log_probs"),
        ("leaking padding", "padding"),
    ],
)
def test_planted_bugs_are_seen(how: str, seen_by: str, shipped: Path) -> None:
    bundle = bundles.read(shipped)
    loaded = edgectc.load(shipped, runner="eager")
    eager = registry.module("runners", "eager")
    loaded.runner = eager.EagerRunner(Broken(models.load(bundle), how), eager.Options())
    cases = reference.from_safetensors(bundle.file("reference.safetensors"))
    checks, _ = verification.compare_numbers(loaded, cases, Scheme(1e-4))
    assert seen_by in {check.name for check in checks if check.status == "fail"}


def test_a_converter_that_breaks_the_graph_leaves_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = registry.module("targets", "onnx")
    real = target.OnnxTarget.convert

    def careless(self: Any, model: Any, inputs: Any, plan: Any, **more: Any) -> bytes:
        return real(self, Broken(model, "frozen length"), inputs)

    monkeypatch.setattr(target.OnnxTarget, "convert", careless)
    with pytest.raises(ParityError, match="log_probs"):
        edgectc.export(target="onnx", out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_resampling_with_another_constant_is_seen(artifacts: dict[str, Path]) -> None:
    data, manifest = manifests.read(artifacts["onnx"])
    drifted = dataclasses.replace(manifest, frontend={**manifest.frontend, "time_share": 0.4})
    loaded = loading.from_bytes(data, drifted)
    report = verification.compare(loaded, drifted, reference.from_json(manifest.reference))
    assert {c.name for c in report.checks if c.status == "fail"} == {"resampling"}


def test_where_texts_differ_it_is_said_how_near_the_network_was_to_others(shipped: Path) -> None:
    """Each case is told twice what it says; the lead of a best token over the next is halved."""
    data, manifest = manifests.read(next(shipped.rglob("*.onnx")))
    flat = [
        dataclasses.replace(case, log_probs=case.log_probs * 0.5, greedy=2 * case.greedy)
        for case in reference.from_json(manifest.reference)
    ]
    report = verification.compare(loading.from_bytes(data, manifest), manifest, flat)
    (said,) = (check.detail for check in report.checks if check.name == "greedy")
    leads = [top[-1] - top[-2] for case in flat for top in np.sort(case.log_probs, 1)]
    share = np.mean(np.array(leads) < report.figures["max_abs_diff"])
    assert 0.1 < share
    assert f"in {share:.0%} of {len(leads)} frames the best token of the trained network" in said


def test_resampling_of_nothing_is_not_said_to_pass(artifacts: dict[str, Path]) -> None:
    data, manifest = manifests.read(artifacts["onnx"])
    cases = [
        dataclasses.replace(case, points=None) for case in reference.from_json(manifest.reference)
    ]
    report = verification.compare(loading.from_bytes(data, manifest), manifest, cases)
    assert [(c.status, c.detail) for c in report.checks if c.name == "resampling"] == [
        ("not_run", "no reference case holds a raw recording")
    ]
    assert report.status == "pass"


@pytest.mark.parametrize(
    ("seen_by", "change"),
    [
        ("contract", lambda m: {"tokens": ("w", "q", *m.tokens[2:])}),
        ("contract", lambda m: {"blank_id": 0}),
        ("contract", lambda m: {"separator": " "}),
        ("contract", lambda m: {"inputs": (*m.inputs[:1], *m.inputs[:0:-1])}),
        ("contract", lambda m: {"output": dataclasses.replace(m.output, shape=(1, 31, 65))}),
        ("log_probs", lambda m: {"output": dataclasses.replace(m.output, window=3)}),
    ],
)
def test_a_manifest_that_contradicts_its_graph_is_red(
    seen_by: str, change: Any, artifacts: dict[str, Path], tmp_path: Path
) -> None:
    """Sealed well, but made wrong: what a host would believe is checked, too."""
    import onnx

    data, manifest = manifests.read(artifacts["onnx"])
    assert isinstance(data, bytes)
    graph = onnx.load_from_string(data)
    del graph.metadata_props[:]
    forged = dataclasses.replace(manifest, **change(manifest))
    target = registry.create("targets", {"type": "onnx"})
    (tmp_path / "x.onnx").write_bytes(
        manifests.sealed(target.embed(graph.SerializeToString(), forged))
    )
    report = edgectc.verify(tmp_path / "x.onnx")
    assert report.status == "fail"
    assert seen_by in {check.name for check in report.checks if check.status == "fail"}


@pytest.mark.parametrize("answer", [np.nan, 0.5])
def test_answers_that_no_decoder_takes_are_a_verdict(
    answer: float, artifacts: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN, and rows that do not sum to one: red, and not an error of the input."""
    runner = registry.module("runners", "onnx").OnnxRunner
    real = runner.run
    monkeypatch.setattr(runner, "run", lambda self, inputs: real(self, inputs) + answer)
    report = edgectc.verify(artifacts["onnx"])
    verdicts = {check.name: check.status for check in report.checks}
    assert (verdicts["log_probs"], verdicts["greedy"], report.status) == ("fail", "fail", "fail")


def test_a_runner_that_answers_nan_is_caught(shipped: Path) -> None:
    loaded = edgectc.load(shipped, runner="onnx")

    class Sick:
        name = "onnx"

        def run(self, inputs: Mapping[str, Array]) -> Array:
            return np.full((1, 32, 65), np.nan, np.float32)

    loaded.runner = Sick()
    with pytest.raises(NonFiniteError, match="answered NaN"):
        loaded(np.array([[0.1, 0.1, 0], [0.5, 0.5, 200]]))


def test_a_lone_artifact_without_any_lexicon_says_which_one_it_wants(
    artifacts: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "models_dir", lambda: None)
    path = Path(shutil.copy(artifacts["onnx"], tmp_path))
    wanted = manifests.read(path)[1].lexicon
    assert wanted is not None
    with pytest.raises(BundleFileMissingError, match=wanted.sha256):
        edgectc.load(path)
    report = edgectc.verify(path)
    assert {c.name for c in report.checks if c.status == "not_run"} == {"words"}
    assert report.status == "pass"


def test_a_lexicon_of_ones_own(artifacts: dict[str, Path], tmp_path: Path) -> None:
    lexicon_file.write(Lexicon.from_counts({"edge": 3.0, "edgy": 1.0}), tmp_path / "mine.tsv")
    loaded = edgectc.load(artifacts["onnx"], lexicon=str(tmp_path / "mine.tsv"))
    case = next(
        c for c in reference.from_json(manifests.read(artifacts["onnx"])[1].reference)
        if c.name == "qwerty-edge"
    )  # fmt: skip
    answer = loaded(case.points)
    assert letters(answer.best.text) == "edge"
    assert {c.text for c in answer.candidates} <= {"edge", "edgy"}


def test_a_runner_that_does_not_fit_is_refused(artifacts: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="cannot run with 'pte'"):
        edgectc.load(artifacts["onnx"], runner="pte")
    with pytest.raises(UnknownNameError, match="did you mean 'onnx'"):
        edgectc.load(runner="onxx")


def test_exports_are_the_same_bytes_twice(artifacts: dict[str, Path], tmp_path: Path) -> None:
    again = exporter.export(target="onnx", out=tmp_path)
    assert again.path.read_bytes() == artifacts["onnx"].read_bytes()


def test_a_manifest_says_all_that_a_host_needs(artifacts: dict[str, Path]) -> None:
    for target in (*TARGETS, "coreml"):
        data, manifest = manifests.read(artifacts[target])
        assert (manifest.target, manifest.family) == (target, "tcn")
        assert None not in (manifest.inputs[0].unit, manifest.inputs[0].rate)
        assert manifest.tokens[manifest.blank_id] == "<blank>"
        assert (manifest.output.stride, manifest.output.window) == (2, 1)
        assert manifest.scheme.type == "float32"
        assert manifest.decoder["type"] == "lexicon"
        assert {layout.name for layout in manifest.layouts} >= {"qwerty", "azerty"}
        assert len(manifest.source.weights_sha256) == 64
        assert {"edgectc", "torch", "numpy"} <= {*manifest.source.versions}
        assert {"max_abs_diff", "sqnr_db", "argmax_agreement"} <= {*manifest.parity}
        case = manifest.reference["qwerty-hello"]
        assert (case.word, case.greedy != "") == ("hello", True)
        assert case.log_probs.array().dtype == np.float32
        assert manifests.size(data) > 3e6
