"""Another unit, order or scale is called by its name, before anything is trained on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgectc.commands.cli import main
from edgectc.core.config import family_config
from edgectc.core.types import Array, Recording
from edgectc.data import checks, scales, signals
from edgectc.data.recordings import samples_for


def made(kind: str, count: int = 12) -> list[Recording]:
    return list(samples_for({"type": kind}).synthesize(count, seed=3))


def people(rng: np.random.Generator, count: int = 10) -> list[Recording]:
    """Bodies as a holistic tracker sees them, in our order of points."""
    rows = []
    for n in range(count):
        pose = rng.normal([0.5, 0.5, 0.0], [0.1, 0.25, 0.05], (33, 3))
        pose[0], pose[23:25] = [0.5, 0.2, -0.1], [0.5, 0.9, 0.0]
        pose[11:13] = [0.65, 0.4, 0.0], [0.35, 0.4, 0.0]
        hands = rng.normal([0.5, 0.6, -0.05], [0.2, 0.05, 0.02], (42, 3))
        face = rng.normal([0.5, 0.2, -0.05], [0.04, 0.06, 0.02], (468, 3))
        body = np.concatenate([pose, hands, face])
        frames = body + rng.normal(0, 0.005, (20, 543, 3))
        rows.append(Recording(frames.reshape(20, -1).astype(np.float32), ("A",), f"r{n}", f"s{n}"))
    return rows


def changed(rows: list[Recording], change: Callable[[Array], Array]) -> list[Recording]:
    """Change points, (T, 543, 3)."""
    return [
        replace(row, signal=change(row.signal.reshape(20, 543, 3)).reshape(20, -1)) for row in rows
    ]


CHANGES: dict[str, tuple[Callable[[Array], Array], str]] = {
    "as they should be": (lambda p: p, ""),
    "pixels": (lambda p: p * np.float32([1280, 720, 1280]), "pixel_coordinates"),
    "pixels of x alone": (lambda p: p * np.float32([640, 1, 1]), "pixel_coordinates"),
    "all x first": (lambda p: p.transpose(0, 2, 1), "axis_order"),
    "y before x": (lambda p: p[..., [1, 0, 2]], "axis_order"),
    "y runs up": (lambda p: p * [1, -1, 1] + [0, 1, 0], "y_upwards"),
    "face first": (lambda p: p[:, [*range(75, 543), *range(33, 54), *range(33), *range(54, 75)]],
                   "point_order"),
    "hands first": (lambda p: p[:, [*range(33, 75), *range(33), *range(75, 543)]], "point_order"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_landmarks(name: str) -> None:
    change, problem = CHANGES[name]
    found = scales.of_landmarks(changed(people(np.random.default_rng(0)), change))
    assert [*found] == ([problem] if problem else [])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda x: x, ""),
        (lambda x: np.round(np.exp(x)), "not_z_scored"),  # counts of spikes
        (lambda x: x * 300, "not_z_scored"),
        (lambda x: x + 5, "not_z_scored"),
        (lambda x: x / 100, "not_z_scored"),
    ],
)
def test_activity(change: Callable[[Array], Array], problem: str) -> None:
    rng = np.random.default_rng(0)
    rows = [Recording(change(rng.normal(size=(40, 8))), ("AA",)) for _ in range(9)]
    assert [*scales.of_activity(rows)] == ([problem] if problem else [])
    assert scales.of_activity(rows[:4]) == {}, "a few recordings say little"


@pytest.mark.parametrize("kind", ["landmarks", "neural"])
def test_generated_recordings_pass(kind: str) -> None:
    assert samples_for({"type": kind}).problems(made(kind, 40)) == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize("family", ["mobilenetv3", "gru"])
@pytest.mark.parametrize("size", ["small", "full"])
def test_generated_recordings_of_every_size_pass(family: str, size: str) -> None:
    samples = samples_for(family_config(family, size)["model"]["frontend"])
    assert samples.problems(list(samples.synthesize(40, seed=0))) == {}  # type: ignore[attr-defined]


def test_data_check_finds_its_own_generated_days_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Days are in all splits on purpose, and phonemes tell that groups are days."""
    for kind in ("neural", "landmarks"):
        out = str(tmp_path / f"{kind}.npz")
        assert main(["data", "synth", kind, "--out", out, "--count", "40"]) == 0
        capsys.readouterr()
        assert main(["data", "check", out, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["kind"] == kind


def test_data_check_shows_what_is_wrong_by_name(tmp_path: Path) -> None:
    rows = people(np.random.default_rng(0))
    pixels = changed(rows, CHANGES["pixels"][0])
    signals.write(tmp_path / "x.npz", {"train": pixels[:8], "dev": pixels[8:]})
    found = checks.check_data([tmp_path / "x.npz"])
    assert (found.kind, found.failed) == ("landmarks", True)
    assert "divide x by the width" in found.problems["pixel_coordinates"][0]
    nameless = [replace(row, group=None) for row in made("neural")]
    loud = [replace(row, signal=row.signal * 90) for row in nameless]
    signals.write(tmp_path / "y.npz", {"": loud})
    found = checks.check_data([tmp_path / "y.npz"])
    assert {"not_z_scored", "no_group"} <= {*found.problems}
    found = checks.check_data([tmp_path / "x.npz"], kind="features")
    assert "pixel_coordinates" not in found.problems
