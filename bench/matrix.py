"""Every family to every target: fill docs/matrix.md.

    python bench/matrix.py small            # minutes
    python bench/matrix.py full --limit 300 # hours at most: seconds a cell
    python bench/matrix.py small --cells litert  # one column; the others stay as they are

Each cell is one `edgectc.export`, verification included, in a worker process that a cell past the
limit ends. A cell that fails says why. Networks are untrained, but for swipe-en.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import select
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from edgectc.core import config
from edgectc.exporting.untrained import initialise

PAGE = Path(__file__).parents[1] / "docs" / "matrix.md"
CELLS: dict[str, dict[str, Any]] = {
    "onnx 14": {"target": "onnx", "opset": 14},
    "onnx 18": {"target": "onnx", "opset": 18},
    "onnx 25": {"target": "onnx", "opset": 25},
    "pte": {"target": "pte"},
    "coreml": {"target": "coreml"},
    "litert": {"target": "litert"},
    "coreai": {"target": "coreai"},
}
HEAD = "| family | target | verdict | max difference | agreement | MB | s |\n" + "|---" * 7 + "|\n"


def main() -> int:
    if sys.argv[1:2] == ["worker"]:
        return work(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", choices=["small", "full"])
    parser.add_argument("--limit", type=float, default=300.0, help="seconds a cell (default 300)")
    parser.add_argument("--families", default="", help="only these, e.g. gru,tcn")
    parser.add_argument("--cells", default=",".join(CELLS), help="only these, e.g. pte,litert")
    options = parser.parse_args()
    names = options.families.split(",") if options.families else sorted(config.families())
    names = ["swipe-en", *names] if options.size == "full" and not options.families else names
    with tempfile.TemporaryDirectory() as folder:
        for name in names:  # a row as soon as it is known
            merge(options.size, family(name, options, Path(folder)))
    return 0


def family(name: str, options: argparse.Namespace, folder: Path) -> list[str]:
    """Return the rows of one family."""
    bundle = name
    if name != "swipe-en":
        bundle = str(initialise(folder / name, name, options.size, name=name).path)
    rows, left = [], options.cells.split(",")
    while left:
        worker = subprocess.Popen(
            [sys.executable, __file__, "worker", bundle, *left], stdout=subprocess.PIPE, text=True
        )
        assert worker.stdout is not None
        while left:
            # The first cell of a worker pays for the imports too; its own clock does not.
            if not select.select([worker.stdout], [], [], options.limit + 60.0)[0]:
                about = {"error": f"stopped after {options.limit:g} s", "seconds": options.limit}
                worker.kill()
            else:
                answer = worker.stdout.readline()
                about = json.loads(answer) if answer else {"error": "crashed", "seconds": 0.0}
            rows.append(line(name, left.pop(0), about))
            print(rows[-1], flush=True)
            if "error" in about:
                break
        worker.kill()
        worker.wait()
    return rows


def work(bundle: str, cells: list[str]) -> int:
    """Export to each cell and print a JSON line for it."""
    import edgectc

    for cell in cells:
        with tempfile.TemporaryDirectory() as out:
            start = time.perf_counter()
            try:
                made = edgectc.export(bundle, out=f"{out}/", **CELLS[cell])
                about = {"status": made.report.status, "bytes": made.bytes}
                about |= {"figures": dict(made.report.figures)}
            except edgectc.EdgectcError as error:
                about = {"error": str(error)}
        print(json.dumps({**about, "seconds": time.perf_counter() - start}), flush=True)
    return 0


def line(name: str, cell: str, about: dict[str, Any]) -> str:
    if "error" in about:
        return f"| {name} | {cell} | {about['error']} | | | | {about['seconds']:.0f} |"
    verdict, figures = about["status"], about["figures"]
    if cell == "coreml" and verdict == "not_run":
        verdict = "arithmetic pass, prediction not_run"
    worst, agreement = figures["max_abs_diff"], figures["argmax_agreement"]
    told = f"{verdict} | {worst:.1e} | {agreement:.4f} | {about['bytes'] / 1e6:.2f}"
    return f"| {name} | {cell} | {told} | {about['seconds']:.0f} |"


def merge(size: str, rows: list[str]) -> None:
    """Put rows into their section of the page, instead of those of the same cells."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- {size} -->\n", f"<!-- end {size} -->"
    before, rest = page.split(begin)
    old, after = rest.split(end)
    done = {("family", "target"), *map(place, rows)}
    kept = [row for row in old.splitlines() if row.startswith("| ") and place(row) not in done]
    rows = sorted([*kept, *rows], key=rank)
    tools = (
        "torch",
        "onnx",
        "onnxruntime",
        "executorch",
        "coremltools",
        "ai-edge-litert",
        "coreai-core",
    )
    held = {one.metadata["Name"]: one.version for one in metadata.distributions()}
    versions = ", ".join(f"{tool} {held[tool]}" for tool in tools if tool in held)
    threads = os.environ.get("OMP_NUM_THREADS", "default")
    machine = f"{platform.machine()}, OMP_NUM_THREADS={threads}"
    note = f"{time.strftime('%Y-%m-%d')}, {machine}; {versions}.\n\n"
    body = note + HEAD + "\n".join(rows) + "\n"
    PAGE.write_text(before + begin + body + end + after, encoding="utf-8")


def place(row: str) -> tuple[str, str]:
    """Return family and cell of a row."""
    name, cell = (part.strip() for part in re.split(r"\|", row)[1:3])
    return name, cell


def rank(row: str) -> tuple[bool, str, int]:
    name, cell = place(row)
    return (name != "swipe-en", name, list(CELLS).index(cell))


if __name__ == "__main__":
    sys.exit(main())
