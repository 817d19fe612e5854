"""A writer that is killed loses nothing; `scripts/kills.py` kills at every event."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import writers
from names import ROOT

QUICK = ["lexicon build", "lm build", "user dictionary", "data synth", "pack"]
OTHERS = [[name] for name in writers.writers() if name not in QUICK]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize(
    ("names", "most"),
    [(QUICK, "3"), *(pytest.param(n, "1", id=n[0], marks=pytest.mark.slow) for n in OTHERS)],
)
def test_a_killed_writer_loses_nothing(names: list[str], most: str) -> None:
    # In a process of its own: what is forked may hold no threads of other tests.
    command = [sys.executable, str(ROOT / "scripts" / "kills.py"), "--most", most, *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[-2]) >= len(names)
