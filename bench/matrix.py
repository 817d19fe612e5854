"""Every family to every target: fill docs/matrix.md.

    python bench/matrix.py small            # minutes
    python bench/matrix.py full --limit 300 # hours at most: seconds a cell

Each cell is `edgectc export` in a process of its own, verification included. A cell that fails says
why; a cell past the limit says so. Networks are untrained, but for swipe-en.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

from edgectc import config

PAGE = Path(__file__).parents[1] / "docs" / "matrix.md"
CELLS = {
    "onnx 14": ["--target", "onnx", "--opset", "14"],
    "onnx 18": ["--target", "onnx", "--opset", "18"],
    "onnx 25": ["--target", "onnx", "--opset", "25"],
    "pte": ["--target", "pte"],
    "coreml": ["--target", "coreml"],
}
HEAD = "| family | target | verdict | max difference | agreement | MB | s |\n" + "|---" * 7 + "|\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", choices=["small", "full"])
    parser.add_argument("--limit", type=float, default=300.0, help="seconds a cell (default 300)")
    parser.add_argument("--families", default="", help="only these, e.g. gru,tcn")
    options = parser.parse_args()
    names = options.families.split(",") if options.families else sorted(config.families())
    names = ["swipe-en", *names] if options.size == "full" and not options.families else names
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for name in names for row in family(name, options, Path(folder))]
    merge(options.size, rows, partial=bool(options.families))
    return 0


def family(name: str, options: argparse.Namespace, folder: Path) -> list[str]:
    """Return the rows of one family."""
    bundle = name
    if name != "swipe-en":
        bundle = str(folder / name)
        run(["pack", "--init", name, "--config", options.size, "--out", bundle, "--json"], 600.0)
    rows = []
    for cell, how in CELLS.items():
        out = folder / "out"
        out.mkdir(exist_ok=True)
        start = time.perf_counter()
        about = run(["export", bundle, *how, "--out", f"{out}/", "--json"], options.limit)
        row = line(name, cell, about, time.perf_counter() - start)
        print(row, flush=True)
        rows.append(row)
        for made in out.iterdir():
            subprocess.run(["rm", "-r", str(made)], check=True)
    return rows


def run(arguments: list[str], limit: float) -> dict[str, object]:
    """Return what a verb printed as JSON, or ``{"error": why}``."""
    command = [sys.executable, "-m", "edgectc", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"stopped after {limit:g} s"}
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def line(name: str, cell: str, about: dict[str, object], seconds: float) -> str:
    if "error" in about:
        return f"| {name} | {cell} | {about['error']} | | | | {seconds:.0f} |"
    figures = about["figures"]
    assert isinstance(figures, dict)
    verdict = about["status"]
    if cell == "coreml" and verdict == "not_run":
        verdict = "arithmetic pass, prediction not_run"
    worst, agreement = figures["max_abs_diff"], figures["argmax_agreement"]
    size = float(str(about["bytes"])) / 1e6
    told = f"{verdict} | {worst:.1e} | {agreement:.4f} | {size:.2f} | {seconds:.0f}"
    return f"| {name} | {cell} | {told} |"


def merge(size: str, rows: list[str], *, partial: bool) -> None:
    """Put the rows into their section of the page; a partial run replaces its families' rows."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- {size} -->\n", f"<!-- end {size} -->"
    before, rest = page.split(begin)
    old, after = rest.split(end)
    if partial:
        done = {row.split("|")[1].strip() for row in rows}
        kept = [
            r
            for r in old.splitlines()
            if r.startswith("| ") and r.split("|")[1].strip() not in done
        ]
        rows = sorted([r for r in kept if not r.startswith("| family")] + rows, key=rank)
    tools = ("torch", "onnx", "onnxruntime", "executorch", "coremltools")
    versions = ", ".join(f"{tool} {metadata.version(tool)}" for tool in tools)
    threads = os.environ.get("OMP_NUM_THREADS", "default")
    machine = f"{platform.machine()}, OMP_NUM_THREADS={threads}"
    note = f"{time.strftime('%Y-%m-%d')}, {machine}; {versions}.\n\n"
    body = note + HEAD + "\n".join(rows) + "\n"
    PAGE.write_text(before + begin + body + end + after, encoding="utf-8")


def rank(row: str) -> tuple[bool, str, int]:
    name, cell = (part.strip() for part in re.split(r"\|", row)[1:3])
    return (name != "swipe-en", name, list(CELLS).index(cell))


if __name__ == "__main__":
    sys.exit(main())
