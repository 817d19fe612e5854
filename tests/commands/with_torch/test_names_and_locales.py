"""Training and exports where file names are no UTF-8 and the locale knows ASCII alone."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import verbs

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a file name is always Unicode"),
    pytest.mark.slow,
]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/w\xe9rk"))
    folder.mkdir()
    return folder


def test_train_pack_and_export(work: Path) -> None:
    small = "--set epochs=1 --set data.train=8 --set data.dev=2 --set batch_size=4"
    for line in (
        f"train gru-small --out {{w}}/run {small} --set validation_rows=2 --json",
        "pack {w}/run --out {w}/gru --json",
        "export {w}/gru --target onnx --out {w}/gru.onnx --json",
        "export {w}/gru --target onnx --out {w}/isolated.onnx --isolate --json",
        "verify {w}/gru.onnx --json",
    ):
        done = verbs.run(line, work, environment=ASCII)
        assert done.returncode == 0, (line, done.stderr)
        json.loads(done.stdout)
        if line.startswith("train"):
            assert b"no TensorBoard: the name of" in done.stderr
    assert (work / "gru.onnx").stat().st_size == (work / "isolated.onnx").stat().st_size


def test_a_package_that_needs_utf_8_is_told_and_the_remedy_works(work: Path) -> None:
    line = f"export {verbs.TINY} --target pte --out {{w}}/x.pte"
    done = verbs.run(line, work, environment=ASCII)
    if done.returncode:
        assert done.returncode == 4
        assert b"reads its own files as ascii" in done.stderr
        assert [*work.iterdir()] == []
        assert b"set PYTHONUTF8=1 and run the same command again" in done.stderr
        assert verbs.run(line, work, environment={**ASCII, "PYTHONUTF8": "1"}).returncode == 0
    assert [path.name for path in work.iterdir()] == ["x.pte"]
