"""PyTorch and ExecuTorch in a forked child: with one thread they answer, else they refuse."""

from __future__ import annotations

import os
import sys

import pytest
import verbs
from names import ROOT

SCRIPT = """
import json, os, signal
import numpy as np
import edgectc
with open({root!r} + "/models/swipe-en/samples.jsonl") as file:
    points = np.array(json.loads(next(file))["points"])
runner, threads = {runner!r}, {threads}
loaded = edgectc.load(runner=runner, threads=int(threads))
assert loaded(points).best.text == "hello"
child = os.fork()
if not child:
    signal.alarm(200)
    try:
        text = loaded(points).best.text
    except edgectc.ConfigError as error:
        text = str(error)
    print(text, flush=True)
    os._exit(0)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert code == 0, code
assert loaded(points).best.text == "hello"
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="no fork here")
@pytest.mark.parametrize(
    ("runner", "threads", "said"),
    [
        ("eager", 1, "hello"),
        ("eager", 2, "take threads=1, or start processes with spawn"),
        ("pte", 1, "hello"),
        ("pte", 2, "no longer are; start processes with spawn"),
    ],
)
def test_a_forked_child(runner: str, threads: int, said: str) -> None:
    done = verbs.python(SCRIPT.format(root=str(ROOT), runner=runner, threads=threads))
    assert done.returncode == 0, done.stderr.decode()
    assert said in done.stdout.decode()
