"""Nothing is sent, no address is looked up, and no file is written that was not asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import outside
import pytest

import edgectc
from edgectc.commands import environment
from edgectc.core import privacy

VERBS = {
    "load": "edgectc.load()(edgectc_points)",
    "export onnx": "edgectc.export('swipe-en-tiny', target='onnx', out='asked/x.onnx')",
    "export pte": "edgectc.export('swipe-en-tiny', target='pte', out='asked/x.pte')",
    "export coreml": "edgectc.export('swipe-en-tiny', target='coreml', out='asked/x.mlpackage')",
    "quantize": "edgectc.quantize('swipe-en', target='onnx', scheme='int8-weight', limit=5, "
    "out='asked/x.onnx')",
    "bench": "edgectc.bench('swipe-en-tiny', runtime=['onnx'], samples=3, rounds=1, processes=1, "
    "html='asked/x.html')",
    "train": "edgectc.train('gru-small', out='asked/run', overrides=['epochs=1', 'data.train=8', "
    "'data.dev=2', 'batch_size=4', 'validation_rows=2'])",
}
START = """
import edgectc
edgectc_points = [[0.1, 0.2, 0.0], [0.5, 0.5, 90.0], [0.7, 0.2, 190.0]]
"""


def clean(home: Path) -> dict[str, str]:
    """Return an environment of a user who has nothing yet."""
    kept = {"PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "OMP_NUM_THREADS"}
    (home / "tmp").mkdir(parents=True)
    (home / "asked").mkdir()
    return {
        **{name: value for name, value in os.environ.items() if name in kept},
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(Path(edgectc.__file__).parents[1]),
    }


def left(home: Path) -> list[str]:
    return sorted(path.relative_to(home).as_posix() for path in home.rglob("*"))


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_writes_what_was_asked_for_and_calls_nobody(verb: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    variables = clean(home)
    command = [sys.executable, "-c", START + VERBS[verb]]
    if outside.STRACE:
        seen = outside.watch(command, home, variables)
        assert seen.code == 0, seen.output
        assert seen.addresses == ()
        elsewhere = [f for f in seen.written if not f.startswith((str(home), "/dev/", "/proc/"))]
        assert elsewhere == []
    else:
        subprocess.run(command, cwd=home, env=variables, check=True, capture_output=True)
    # PyTorch makes the folder of its compiler's cache, empty, among the temporary files.
    known = ("asked", "tmp/torchinductor_")
    assert [name for name in left(home) if not name.startswith(known)] == ["tmp"]


@pytest.mark.slow
@pytest.mark.skipif(not outside.STRACE, reason="needs strace")
def test_the_watch_sees_what_a_dependency_writes_and_whom_it_calls(tmp_path: Path) -> None:
    home = tmp_path / "home"
    script = (
        "import pathlib, socket; pathlib.Path.home().joinpath('id').write_text('x')\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))"
    )
    seen = outside.watch([sys.executable, "-c", script], home, clean(home))
    assert str(home / "id") in seen.written
    assert len(seen.addresses) == 1


def test_a_child_process_inherits_the_opt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in privacy.OPT_OUTS.values():
        monkeypatch.delenv(variable)
    script = (
        "import edgectc, subprocess, sys; print(subprocess.check_output([sys.executable, '-c', "
        "'import json, os; print(json.dumps(dict(os.environ)))'], text=True))"
    )
    printed = subprocess.check_output([sys.executable, "-c", script], text=True)
    variables = json.loads(printed)
    assert {variables[name] for name in privacy.OPT_OUTS.values()} == {"1"}


def test_an_earlier_import_is_said_by_load_and_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY")
    script = """
import sys
sys.modules["onnxruntime"] = type(sys)("onnxruntime")
import edgectc
del sys.modules["onnxruntime"]
edgectc.load(runner="onnx")
edgectc.load(runner="onnx")
print([f.found for f in edgectc.doctor().findings if f.name == "telemetry"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr.count("onnxruntime was imported before edgectc") == 1
    assert "possible: onnxruntime (imported before edgectc)" in done.stdout


def test_a_value_of_the_users_stays_and_doctor_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    privacy.opt_out()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"
    assert privacy.reporting() == {"onnxruntime": "ORT_DISABLE_TELEMETRY=0"}
    row = next(f for f in environment.machine() if f.name == "telemetry")
    assert row.found == "possible: onnxruntime (ORT_DISABLE_TELEMETRY=0)"
    assert "ORT_DISABLE_TELEMETRY=1" in row.fix
    monkeypatch.undo()
    off = next(f for f in environment.machine() if f.name == "telemetry")
    assert off.found == "off, of dependencies too"
