"""The gate of instruction counts: unchanged code passes, 3 % more in a stage does not."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import keyboard_fuzz
import pytest

from edgectc.decoding.search import compiled

SCRIPT = Path(__file__).parents[2] / "bench" / "instructions.py"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind"),
    pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler"),
    pytest.mark.skipif(compiled.library() is None, reason="needs the compiled library"),
]
STAGES = (
    "open", "keys", "network", "search", "context", "swipe", "moving", "taps", "learn", "beam",
)  # fmt: skip


@pytest.fixture(scope="module")
def instructions() -> ModuleType:
    spec = importlib.util.spec_from_file_location("instructions", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_slow_down_of_three_percent_is_caught_and_nothing_else(
    instructions: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("language.json", "lexicon.trie", "words.lm")
    for name, data in zip(names, keyboard_fuzz.small_language(), strict=True):
        (tmp_path / name).write_bytes(data)
    counter = instructions.Counter(tmp_path, tmp_path)
    before = counter.count()
    assert tuple(before) == STAGES
    few = {name: before[name] for name in ("network", "taps")}
    counted = counter.count
    counter.count = lambda *planted: {name: counted(*planted)[name] for name in few}
    assert instructions.prove(counter, few, 1, 2.0)
    told = capsys.readouterr().out
    assert "1 unchanged runs: 0 alarms" in told
    assert "alarm of network" in told
    assert instructions.slower({"network": 103}, {"network": 100}) == ["network"]
    assert not instructions.slower({"network": 101}, {"network": 100})
