"""Every family at its small size through every target, with the verification of any artifact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.core import config
from edgectc.core.schemes import Scheme
from edgectc.core.tokens import output_length
from edgectc.exporting import untrained
from edgectc.formats import bundle as bundles
from edgectc.formats import reference

FAMILIES = sorted(config.families())
# Each takes 10 to 40 s. (Of pte, the shipped tcn is in the fast run.)
FAST = {("gru", "onnx"), ("tcn", "onnx")}
CELLS = [
    pytest.param(family, target, marks=[pytest.mark.slow] * ((family, target) not in FAST))
    for family in FAMILIES
    for target in ("onnx", "pte")
]


# One a layer and direction, never unrolled.
OPERATORS = {"gru": {"GRU": 4}, "mobilenetv3": {"LSTM": 2}, "i3d": {"LSTM": 4}}


def recurrent_operators(path: Path) -> dict[str, int]:
    import onnx

    kinds = [node.op_type for node in onnx.load(path).graph.node]
    return {kind: kinds.count(kind) for kind in ("GRU", "LSTM", "Loop", "Scan") if kind in kinds}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An untrained bundle of each family."""
    folder = tmp_path_factory.mktemp("families")
    return {f: untrained.initialise(folder / f, f, name=f).path for f in FAMILIES}


@pytest.mark.parametrize(("family", "target"), CELLS)
def test_a_family_exports_and_passes(
    family: str, target: str, packed: dict[str, Path], tmp_path: Path
) -> None:
    made = edgectc.export(packed[family], target=target, out=tmp_path)
    report = edgectc.verify(made.path)
    verdicts = {check.name: check.status for check in report.checks}
    # An untrained network has no words to say.
    assert verdicts.pop("words") == "not_run"
    assert set(verdicts.values()) == {"pass"}
    cases = reference.from_json(made.manifest.reference)
    T = made.manifest.inputs[0].shape[1]
    stride, window = made.manifest.output.stride, made.manifest.output.window
    assert {1, 2, 7, T // 2, T - 1, T, window} <= {case.length for case in cases}
    assert made.manifest.output.shape[1] == output_length(T, stride, window)
    for case in cases:
        assert len(case.log_probs) == output_length(case.length, stride, window)
    assert made.report.figures["padding_leak"] <= 1e-5
    tokens = bundles.read(packed[family]).tokens()
    assert (made.manifest.tokens, made.manifest.blank_id) == (tokens.symbols, tokens.blank_id)
    assert made.manifest.tokens[tokens.blank_id] == "<blank>"
    assert made.manifest.separator == ("" if made.manifest.layouts else " ")
    if target == "onnx":
        assert recurrent_operators(made.path) == OPERATORS.get(family, {})


VARIANTS = [
    ("conformer", {"norm": "layer"}),
    ("transformer", {"positions": "learned"}),
    ("mobilenetv3", {"cross_attention": True, "layers": 2}),
    ("gru", {"window": 32, "bidirectional": False}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("family", "options"), VARIANTS)
def test_an_option_of_a_family_exports_too(
    family: str, options: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = untrained.config(family)
    spec = {**about.model, "encoder": {**about.model["encoder"], **options}}
    monkeypatch.setattr(untrained, "config", lambda *names: replace(about, model=spec))
    bundle = untrained.initialise(tmp_path / family, family, name=family)
    assert options.items() <= bundle.index.model["encoder"].items()
    made = edgectc.export(bundle.path, target="onnx", out=tmp_path)
    verdicts = {check.name: check.status for check in edgectc.verify(made.path).checks}
    assert verdicts.pop("words") == "not_run"
    assert set(verdicts.values()) == {"pass"}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_bundle_loads_answers_and_verifies(family: str, packed: dict[str, Path]) -> None:
    assert edgectc.verify(packed[family]).status == "pass"
    loaded = edgectc.load(packed[family], runner="eager")
    bundle = bundles.read(packed[family])
    cases = reference.from_safetensors(bundle.file("reference.safetensors"))
    recordings = [case for case in cases if case.points is not None]
    assert len(recordings) >= 3
    for case in recordings:
        answer = loaded(case.points, layout=case.layout or None)
        assert answer.best.text == case.greedy
        log_probs = loaded.log_probs(case.points, layout=case.layout or None)
        np.testing.assert_allclose(np.exp(log_probs).sum(1), 1.0, atol=1e-5)
    assert len((packed[family] / "samples.jsonl").read_text().splitlines()) >= 6


def test_the_same_seed_packs_the_same_bytes(packed: dict[str, Path], tmp_path: Path) -> None:
    for family in FAMILIES:
        again = untrained.initialise(tmp_path / family, family, name=family)
        assert again.index == bundles.read(packed[family]).index
    other = untrained.initialise(tmp_path / "gru", "gru", name="gru", seed=1)
    assert other.index.files["weights.safetensors"] != again.index.files["weights.safetensors"]


def test_a_wrong_length_map_is_seen(packed: dict[str, Path]) -> None:
    """The baseline's off-by-one, planted: one output frame fewer than the network answers."""
    from edgectc.evaluation import verification

    loaded = edgectc.load(packed["gru"], runner="eager")
    loaded._length_map = (4, 15)
    bundle = bundles.read(packed["gru"])
    cases = reference.from_safetensors(bundle.file("reference.safetensors"))
    checks, _ = verification.compare_numbers(loaded, cases, Scheme(1e-4))
    assert [check.status for check in checks] == ["fail"]
    assert "got shape" in checks[0].detail
