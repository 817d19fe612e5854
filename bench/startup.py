"""From the start of a process to the first word: time and memory, and what imports cost.

    python bench/startup.py [--repeats 9] [--out FILE]

Fresh processes, one kind after another, so that a busy moment meets all; files are in the page
cache. Processor time says what the process costs where others want the processor too; the fastest
wall time what it costs where they do not. And the most memory the process ever held.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from edgectc.benching.machine import describe
from edgectc.report import progress, table

PEAK = "from edgectc.benching.machine import peak_rss_bytes; print(peak_rss_bytes())"
WORD = (
    "import edgectc, numpy; from edgectc.data import layouts\n"
    "from edgectc.data.synthesis import swipe\n"
    "trace = swipe('hello', layouts.load('qwerty'), numpy.random.default_rng(0))\n"
    "model = edgectc.load(runner={runner!r}); assert model(trace).best.text\n"
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
    here = describe()
    names = ("numpy", "onnxruntime", "torch", "pyctcdecode", "flashlight-text")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    text = (
        f"python bench/startup.py --repeats {options.repeats}\n{here['processor']}, "
        f"{here['cores']} shared cores, load {here['load_1_min']}, Python "
        f"{platform.python_version()}, {versions}\n\n"
        f"{table(HEAD, rows)}\n"
    )
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
