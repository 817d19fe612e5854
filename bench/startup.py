"""From the start of a process to the first word: time and memory, and what imports cost.

    python bench/startup.py [--repeats 9] [--out FILE]

Fresh processes, one kind after another, so that a busy moment meets all; files are in the page
cache. Processor time says what the process costs where others want the processor too; the fastest
wall time what it costs where they do not. And the most memory the process ever held.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from _result import heading, publish

from edgectc.core.console import progress, table

PEAK = "from edgectc.benchmarking.machine import peak_rss_bytes; print(peak_rss_bytes())"
WORD = (
    "import edgectc, numpy; from edgectc.formats import layouts\n"
    "layout, t = layouts.load('qwerty'), numpy.linspace(0, 3, 60)\n"
    "keys = [layout.centers[layout.letters.index(letter)] for letter in 'helo']\n"
    "x, y = (numpy.interp(t, range(4), axis) for axis in numpy.transpose(keys))\n"
    "model = edgectc.load(runner={runner!r})\n"
    "assert model(numpy.stack([x, y, 250 * t], 1)).best.text == 'hello'\n"
)
KINDS = {
    "python": "",
    "import edgectc": "import edgectc\n",
    "import numpy": "import numpy\n",
    "import onnxruntime": "import onnxruntime\n",
    "import torch": "import torch\n",
    "import pyctcdecode": "import pyctcdecode\n",
    "import flashlight.lib.text.decoder": "import flashlight.lib.text.decoder\n",
    "first of 5 words, ONNX Runtime": WORD.format(runner="onnx"),
    "first of 5 words, ExecuTorch": WORD.format(runner="pte"),
    "first of 5 words, PyTorch": WORD.format(runner="eager"),
}


HEAD = ("process", "CPU ms, median", "least", "wall ms, least", "median", "peak MB")


def cpu_s() -> float:
    """Return the processor time of all processes that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def figures(spent: list[tuple[float, float]]) -> list[str]:
    cpu, wall = zip(*spent, strict=True)
    found = (statistics.median(cpu), min(cpu), min(wall), statistics.median(wall))
    return [f"{value:.0f}" for value in found]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in KINDS}
    memory: dict[str, str] = {}
    for repeat in progress(range(options.repeats + 1), "repeat"):
        for name, code in KINDS.items():
            began, cpu = time.perf_counter(), cpu_s()
            done = subprocess.run(
                [sys.executable, "-c", code + PEAK], capture_output=True, text=True, check=False
            )
            spent, cpu = time.perf_counter() - began, cpu_s() - cpu
            if done.returncode:
                memory[name] = "not installed"
            elif repeat:  # the first one only fills the page cache
                times[name].append((cpu * 1e3, spent * 1e3))
                memory[name] = f"{int(done.stdout) / 1e6:.0f}"
    rows = [[name, *figures(ms), memory[name]] for name, ms in times.items() if ms]
    said = heading(
        ("numpy", "onnxruntime", "torch", "executorch", "pyctcdecode", "flashlight-text"),
        repeats=f"{options.repeats} fresh processes each, files in the page cache",
    )
    text = f"{said}\n{table(HEAD, rows)}\n"
    publish(text, options.out)


if __name__ == "__main__":
    main()
