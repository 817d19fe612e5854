"""A keyboard of the C library as a phone has it: cold start, finger-up to words, memory, sizes.

    python bench/device.py [--data DATA] [--swipes 200] [--rounds 5] [--models swipe-en,...]
                           [--out FILE]

Compiles `device.c` against the shared library of the sources, stripped, and runs it in fresh
processes with mapped files and real swipes of test users. Times are CPU, of one thread. Cold is
from the start of the process to the first five words; Python's is a fresh interpreter with the
bare package, `import edgectc` included. A swipe is timed in a sentence whose context is prepared;
the best of the processes counts for each swipe. Private memory is what smaps_rollup calls
Private_Dirty, the points of the swipes taken out. Compressed is gzip -9, as web servers
send files.
"""

from __future__ import annotations

import argparse
import gzip
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _result import heading, publish

from edgectc.core.console import table
from edgectc.core.types import Swipe
from edgectc.data import swipe_files
from edgectc.formats import bundle as bundles

ROOT = Path(__file__).resolve().parents[1]
PROCESSES = 3
TOLD = "; import time; print(1e3 * time.process_time())"
LOAD = f"import edgectc, sys; edgectc.load(sys.argv[1])(edgectc.sample()){TOLD}"
KEYBOARD = f"""import edgectc, sys
rows = enumerate(("qwertyuiop", "asdfghjkl", "zxcvbnm"))
keys = [(c, j + (0, 0.5, 1.5)[i], i, 1, 1) for i, row in rows for j, c in enumerate(row)]
hello = [(6, 1.5), (2.5, 0.5), (9, 1.5), (9.1, 1.4), (8.5, 0.5)]
edgectc.Keyboard(sys.argv[1], keys=keys).swipe([(*at, 90 * i) for i, at in enumerate(hello)])
{TOLD[2:]}"""


def built(folder: Path) -> tuple[Path, Path]:
    """Return the program and the stripped library, compiled."""
    build = runpy.run_path(str(ROOT / "native" / "build.py"))
    compiler = build["compiler"]()
    listed = build["read"]()
    names = [*listed["engine"], *listed["network"], *listed["keyboard"]]
    library, program = folder / "libedgectc.so", folder / "device"
    made = [*compiler, *build["flags"](), "-shared", "-fPIC", "-s", "-o", str(library)]
    subprocess.run([*made, *(str(ROOT / name) for name in names), "-lm"], check=True)
    linked = [str(ROOT / "bench" / "device.c"), str(library), f"-Wl,-rpath,{folder}"]
    include = f"-I{ROOT / 'native' / 'include'}"
    subprocess.run([*compiler, "-std=c11", "-O2", include, *linked, "-o", str(program)], check=True)
    return program, library


def points_of(swipes: list[Swipe]) -> str:
    """Return the points of swipes in keys of 1 x 1."""
    made = [(one.points * [10.0, 3.0, 1.0]).tolist() for one in swipes]
    return "".join("".join(f"{x!r} {y!r} {t!r}\n" for x, y, t in one) + "\n" for one in made)


def python_ms(code: str, artifact: Path) -> float:
    """Return the CPU time of a fresh interpreter from its start to five words, least of some."""
    command = [sys.executable, "-c", code, str(artifact)]
    return min(float(subprocess.check_output(command)) for _ in range(PROCESSES))


def row(program: Path, model: str, points: Path, rounds: int) -> tuple[list[str], list[Path]]:
    """Return the figures of a model, and its files."""
    folder = bundles.locate(model)
    artifact = folder / "artifacts" / f"{model}-int8-dynamic.edgectc"
    index = bundles.read(folder).index
    assert index.lexicon is not None
    assert index.language_model is not None
    shared = bundles.locate("swipe-en")  # a bundle may leave files to another one with the same
    files = [artifact]
    for name in (index.lexicon.file, index.language_model.file):
        files.append(folder / name if (folder / name).exists() else shared / name)
    command = [str(program), *map(str, files), str(points), str(rounds)]
    told = [
        [line.split() for line in subprocess.check_output(command, text=True).splitlines()]
        for _ in range(PROCESSES)
    ]
    swipes = np.min([[float(one[1]) for one in run if one[0] == "swipe"] for run in told], axis=0)
    first = {name: min(float(one[1]) for run in told for one in run if one[0] == name)
             for name in ("open", "cold")}  # fmt: skip
    private = max(int(one[1]) for run in told for one in run if one[0] == "private")
    p50, p99 = np.percentile(swipes, [50, 99])
    cold = [f"{python_ms(code, artifact):.0f}" for code in (KEYBOARD, LOAD)]
    cells = [model, f"{p50:.2f}", f"{p99:.2f}", f"{first['open']:.0f}", f"{first['cold']:.0f}"]
    return [*cells, *cold, f"{private / 1e3:.1f}"], files


def measured(options: argparse.Namespace) -> str:
    """Return the text of the result."""
    found, _ = swipe_files.load(swipe_files.find(options.data), split="test")
    found = [one for one in found if one.layout == "qwerty" and len(one.points) < 1000]
    order = np.random.default_rng(5).permutation(len(found))[: options.swipes]
    names = ["model", "p50 ms", "p99 ms", "open ms", "cold ms"]
    names += ["cold, Keyboard ms", "cold, load ms", "private MB"]
    rows, sizes = [], []
    with tempfile.TemporaryDirectory() as folder:
        program, library = built(Path(folder))
        points = Path(folder) / "points.txt"
        points.write_text(points_of([found[i] for i in order]), encoding="ascii")
        for model in options.models.split(","):
            cells, files = row(program, model, points, options.rounds)
            rows.append(cells)
            whole = [path.read_bytes() for path in (library, *files)]
            packed = sum(len(gzip.compress(data, 9)) for data in whole)
            each = ", ".join(f"{len(data) / 1e6:.2f}" for data in whole)
            sizes.append([model, each, f"{sum(map(len, whole)) / 1e6:.2f}", f"{packed / 1e6:.2f}"])
    said = f"{len(order)} real swipes of test users, {options.rounds} rounds, int8, one thread"
    parts = ["model", "library, network, lexicon, language model, MB", "all", "compressed"]
    return f"{heading(('numpy',), repeats=said)}\n{table(names, rows)}\n\n{table(parts, sizes)}\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", help="swipes, or the folder of them; default $EDGECTC_DATA")
    parser.add_argument("--swipes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", default="swipe-en,swipe-en-tiny")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if not shutil.which("cc"):
        parser.error("needs a C compiler")
    publish(measured(options), options.out)


if __name__ == "__main__":
    main()
