"""`decode` and `eval` by several processes say what one says, in order."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import edgectc
from edgectc.core.errors import ConfigError

ROOT = Path(__file__).parents[2]
TINY = ROOT / "models" / "swipe-en-tiny" / "artifacts" / "swipe-en-tiny.onnx"


@pytest.fixture
def swipes(tmp_path: Path) -> Path:
    path = tmp_path / "swipes.jsonl"
    edgectc.synth_data("swipe", out=path, count=70)
    rows = path.read_text().splitlines()
    rows[40:40] = ["no json", '{"points": [[0, 0, 0]]}']
    path.write_text("\n".join(rows))
    return path


def printed(*words: object) -> str:
    command = [sys.executable, "-m", "edgectc", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_two_processes_answer_as_one(swipes: Path) -> None:
    for verb in (("decode", TINY, "--input", swipes, "--json"),):
        assert printed(*verb, "--jobs", 2) == printed(*verb)
    verb = ("eval", TINY, "--data", swipes, "--json", "--against", "greedy", "--confusions", 5)
    one, two = (
        json.loads(printed(*verb, "--jobs", jobs, "--predictions", swipes.with_suffix(f".{jobs}")))
        for jobs in (1, 2)
    )
    for figures in (one, two):
        assert figures.pop("ms_per_swipe") > 0
    assert one == two
    assert swipes.with_suffix(".1").read_bytes() == swipes.with_suffix(".2").read_bytes()


def test_open_models_are_not_shared_out(swipes: Path) -> None:
    recognizer = edgectc.load(TINY)
    with pytest.raises(ConfigError, match="goes with the path of a model"):
        edgectc.evaluate(recognizer, swipes, jobs=2)
    with pytest.raises(ConfigError, match="goes with the path of a model"):
        edgectc.decode(recognizer, input=swipes, jobs=2)
