"""Who is asked to end, by Ctrl-C or SIGTERM, says so in one line and leaves no temporary file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def heard() -> None:
    """Undo what a shell does to its background jobs: they ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "word"),
    [
        pytest.param(signal.SIGTERM, "terminated", marks=pytest.mark.slow),
        (signal.SIGINT, "interrupted"),
    ],
)
def test_a_signal_ends_a_run_cleanly(number: signal.Signals, word: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "edgectc", "train", "gru-small", "--out", str(out)]
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=heard
    ) as child:
        while not (out / "metrics.jsonl").exists() and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(number)
        assert child.stderr is not None
        *_, advice, last = child.stderr.read().splitlines()
    assert last == f"edgectc: error: {word}"
    assert advice == f"the run is saved; to go on: edgectc train gru-small --out {out}"
    assert child.returncode == 128 + number
    left = [path.name for path in (tmp_path / "tmp").iterdir()]
    assert [name for name in left if not name.startswith("torchinductor_")] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "tmp"]
    assert (out / "last.safetensors").exists()
    assert not [path.name for path in out.iterdir() if path.name.startswith(".")]
