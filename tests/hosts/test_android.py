"""The Android keyboard's core on this machine's Java; `android_demo/run_tests` has the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2] / "android_demo" / "tools" / "run_tests.py"


@pytest.mark.slow
def test_the_java_core_answers_the_golden_vectors() -> None:
    done = subprocess.run(
        [sys.executable, str(TESTS), "--only", "core"], capture_output=True, text=True
    )
    if "skipped" in done.stdout:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "core: passed" in done.stdout
