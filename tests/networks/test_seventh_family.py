"""A family that is installed beside edgectc does all that ours do, without an edit of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import edgectc
from edgectc.commands.cli import main
from edgectc.core import config, registry
from edgectc.core.errors import UnknownNameError
from edgectc.data import signals
from edgectc.exporting import untrained
from edgectc.formats import bundle

ENTRY_POINTS = """\
[edgectc.frontends]
morse = morse.frontend
[edgectc.features]
morse = morse.features
[edgectc.encoders]
morse = morse.encoder
[edgectc.samples]
morse = morse.samples
[edgectc.tasks]
morse = morse.task
[edgectc.configs]
morse = morse
"""
HELPERS = Path(__file__).parents[1] / "helpers"


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The family as pip leaves it: modules and entry points on the path, here and in workers."""
    site = tmp_path_factory.mktemp("site")
    about = site / "morse-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: morse\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.setenv("PYTHONPATH", str(HELPERS), prepend=":")
        patch.setenv("PYTHONPATH", str(site), prepend=":")
        yield


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, installed: None) -> Path:
    out = tmp_path_factory.mktemp("run") / "run"
    assert main(["train", "morse-small", "--out", str(out), "--device", "cpu"]) == 0
    return out


@pytest.fixture(scope="module")
def packed(run_folder: Path) -> Path:
    out = run_folder.parent / "morse"
    assert main(["pack", str(run_folder), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def artifact(packed: Path) -> Path:
    return edgectc.export(packed, target="onnx", out=packed.parent).path


def test_its_names_are_known() -> None:
    for kind in ("frontends", "features", "encoders", "samples", "tasks"):
        assert "morse" in registry.names(kind)
    assert config.families()["morse"] == ["small"]
    with pytest.raises(UnknownNameError, match="did you mean 'morse'"):
        config.family_config("mors", "small")


def test_it_learns(run_folder: Path) -> None:
    rows = [json.loads(row) for row in (run_folder / "metrics.jsonl").read_text().splitlines()]
    assert min(row["dev_ler"] for row in rows if "dev_ler" in row) < 0.1


def test_an_untrained_bundle_is_made_of_a_name_or_a_file(tmp_path: Path) -> None:
    for init in ("morse", str(HELPERS / "morse/morse-small.toml")):
        out = tmp_path / Path(init).stem
        assert main(["pack", "--init", init, "--out", str(out)]) == 0
        assert bundle.read(out).index.training["config"] == "morse-small"


def test_its_artifact_is_verified(artifact: Path) -> None:
    report = edgectc.verify(artifact)
    assert {check.status for check in report.checks if check.name != "words"} == {"pass"}


def test_it_is_quantized_and_measured_by_its_own_metric(packed: Path, tmp_path: Path) -> None:
    made = edgectc.quantize(packed, target="onnx", samples=64, out=tmp_path, max_drop=20.0)
    assert made.report["loss"]["unit"] == "letter error rate"
    assert made.report["calibration"]["file"] == "generated"


def test_it_is_timed(artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "morse.npz"
    assert main(["data", "synth", "morse", "--out", str(file), "--count", "100"]) == 0
    capsys.readouterr()
    settings = ["--processes", "1", "--rounds", "1", "--samples", "4", "--json"]
    for data in ([], ["--data", str(file)]):
        assert main(["bench", str(artifact), *data, *settings]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["samples"]["labelled"] is bool(data)
    assert report["rows"][-1]["error_rate"] < 0.1


def test_it_decodes(artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "morse.npz"
    made = list(recordings(20))
    signals.write(file, {"dev": made})
    assert main(["decode", str(artifact), "--input", str(file), "--json"]) == 0
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    right = [
        row["candidates"][0]["text"].split() == list(recording.target)
        for row, recording in zip(rows, made, strict=True)
    ]
    assert np.mean(right) > 0.8


def recordings(count: int) -> Iterator[edgectc.Recording]:
    from edgectc.data.recordings import samples_for

    return samples_for(untrained.config("morse").model["frontend"]).synthesize(count, seed=9)
