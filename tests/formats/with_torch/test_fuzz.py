"""No damage to any file ends in an exception that is not ours; `scripts/fuzz.py` tries 20,000."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from names import ROOT


@pytest.mark.parametrize("mutations", [340, pytest.param(3400, marks=pytest.mark.slow)])
def test_every_kind_of_file_is_refused_or_read(mutations: int) -> None:
    # In a process of its own: what is forked may hold no threads of other tests.
    command = [sys.executable, str(ROOT / "scripts" / "fuzz.py"), "--json"]
    command += ["--mutations", str(mutations), "--seed", str(mutations)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    found = json.loads(done.stdout)
    assert {name: value["faults"] for name, value in found.items() if value["faults"]} == {}
    assert sum(value["tried"] for value in found.values()) >= mutations
    assert all(value["outcomes"].get("refused") for value in found.values())
    assert done.returncode == 0
