"""scripts/gpu, tried on the CPU: a line a part, whatever a part does."""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

import edgectc
from edgectc.core.config import from_dict
from edgectc.networks.model import CtcModel
from edgectc.training.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_script", ROOT / "scripts" / "gpu.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return argparse.Namespace(device="cpu", seconds=0.2, data=None)


def test_every_model_of_a_part_is_there(script: ModuleType) -> None:
    for part in script.parts():
        kind, *rest = part.split(":")
        if kind == "train":
            for device in ("cuda", "cpu"):
                settings = from_dict(Settings, script.config_of(rest[0], 8, device)).completed()
                assert settings.decoder["type"] == "greedy"  # which needs no words
            assert rest[1] in script.PRECISIONS
    assert len(script.parts()) == len({*script.parts()}) == 22


@pytest.mark.slow
def test_a_part_that_fails_costs_its_line(
    script: ModuleType, options: argparse.Namespace, tmp_path: Path
) -> None:
    line = script.apart("train:nonsense-full:fp32", options, tmp_path, 300.0)
    assert line["status"] == "failed"
    assert "nonsense" in line["reason"]


def test_a_part_that_takes_too_long_is_ended(
    script: ModuleType,
    options: argparse.Namespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(script, "limit_of", lambda *_: 0.3)
    line = script.apart("train:swipe-en:fp32", options, tmp_path, 0.3 + script.LEAST)
    assert line["status"] == "timeout"
    assert line["seconds"] < 30


def test_on_the_cpu_a_limit_is_of_its_time_and_not_of_the_clock(
    script: ModuleType,
    options: argparse.Namespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine that is busy with other programs costs no line; a part that hangs does."""
    waits = "import time; time.sleep(1.5); print('{}')"
    works = "while True: pass"
    monkeypatch.setattr(script, "limit_of", lambda *_: 1.0)
    told = {}
    for name, body in (("waits", waits), ("works", works)):
        program = tmp_path / f"{name}.py"
        program.write_text(
            "import resource, sys; n = int(sys.argv[sys.argv.index('--cpu-limit') + 1]); "
            f"resource.setrlimit(resource.RLIMIT_CPU, (n, n + 10))\n{body}"
        )
        monkeypatch.setattr(script, "__file__", str(program))
        told[name] = script.apart("versions", options, tmp_path, math.inf)
    assert told["waits"]["status"] == "ok"
    assert told["works"]["status"] == "timeout"
    assert told["works"]["reason"] == "more than 1 s of CPU time"
    assert script.BUDGET["cpu"] == math.inf


def test_no_part_is_begun_without_time(
    script: ModuleType, options: argparse.Namespace, tmp_path: Path
) -> None:
    assert script.apart("versions", options, tmp_path, 3.0)["reason"] == "no time left"


@pytest.mark.slow
def test_the_accuracy_run_brings_home_what_is_packed(tmp_path: Path) -> None:
    words = ROOT / "models" / "swipe-en" / "lexicon.trie"
    edgectc.synth_data("swipe", out=tmp_path / "some.jsonl", count=60, lexicon=words)
    line = [str(ROOT / "scripts" / "gpu"), "--device", "cpu", "--only", "accuracy"]
    line += ["--data", str(tmp_path / "some.jsonl")]
    environment = {**os.environ, "OUT": str(tmp_path / "out")}
    subprocess.run(line, env=environment, check=True, capture_output=True)
    told = json.loads((tmp_path / "out" / "gpu.jsonl").read_text())
    assert told["status"] == "ok", told
    assert {*told["kept"]} == {path.name for path in (tmp_path / "out").iterdir()} - {"gpu.jsonl"}
    packed = edgectc.pack(tmp_path / "out", out=tmp_path / "bundle", lexicon=words)
    assert packed.index.training["identity"]["data"][0]["name"] == "some.jsonl"


@pytest.mark.slow
def test_the_script_writes_a_line_a_part(tmp_path: Path) -> None:
    line = [str(ROOT / "scripts" / "gpu"), "--device", "cpu", "--seconds", "0.2"]
    line += ["--only", "versions,train:swipe-en:fp32,accuracy"]
    environment = {**os.environ, "OUT": str(tmp_path)}
    subprocess.run(line, env=environment, check=True, capture_output=True)
    lines = [json.loads(row) for row in (tmp_path / "gpu.jsonl").read_text().splitlines()]
    assert [row["part"] for row in lines] == ["versions", "train:swipe-en:fp32", "accuracy"]
    assert [row["status"] for row in lines] == ["ok", "ok", "not_run"]
    assert lines[0]["packages"]["torch"]
    assert lines[1]["samples_per_s"] > 0
    assert lines[1]["weights"] == sum(p.numel() for p in _swipe_en().parameters())


def _swipe_en() -> CtcModel:
    import tomllib

    text = (ROOT / "models" / "swipe-en" / "train.toml").read_text(encoding="utf-8")
    return CtcModel(tomllib.loads(text)["model"])
