"""Instructions of each stage of a keyboard, and a gate that a busy machine does not move.

    python bench/instructions.py [--out FILE] [--baseline FILE] [--limit 2] [--proof N]

Counts with valgrind what the C library that Python loads executes in `instructions.c`, a stage a
function: opening, keys, three contexts, the network alone, the search alone, swipes, swipes that go
on, taps, learning, and the beam over a sentence of 600 frames. `--out` writes the counts; against
those of `--baseline`, from this machine and compiler, a stage that takes over `--limit` percent
more ends the program with exit code 1. `--proof` counts unchanged code N times, and then each stage
with 3 % planted into it: no alarm may come of the first, and one of each of the others.

valgrind knows AVX2, not AVX-512: on a processor with AVX-512 these are the kernels of AVX2.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from edgectc.core.console import table
from edgectc.data.generators.swipes import swipe
from edgectc.decoding.search import compiled
from edgectc.formats import layouts

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "models/swipe-en-tiny/artifacts/swipe-en-tiny-int8-dynamic.edgectc"
PACK = ROOT / "languages" / "en-free"
WORDS = ("hello", "people", "tomorrow", "different", "keyboard", "the")
LIMIT, PLANTED = 2.0, 3.0  # percent
PER_LOOP = 6  # instructions of a planted loop


class Counter:
    """The program, built once, and the files that it is given.

    Args:
        folder: where it is built.
        language: folder of a language pack.

    Raises:
        RuntimeError: there is no compiler, valgrind or C library.
    """

    def __init__(self, folder: Path, language: Path = PACK) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler or not shutil.which("valgrind") or compiled.library() is None:
            raise RuntimeError("a compiler, valgrind and the C library are needed")
        self.folder, library = folder, compiled.LIBRARY
        self.program, self.points = folder / "instructions", folder / "points.txt"
        build = [compiler, "-std=c11", "-O2", "-g"]
        build += [f"-I{ROOT / 'native' / folder}" for folder in ("include", "src")]
        build += [
            str(ROOT / "bench" / "instructions.c"),
            str(library),
            f"-Wl,-rpath,{library.parent}",
        ]
        subprocess.run([*build, "-o", str(self.program)], check=True)
        names = ("language.json", "lexicon.trie", "words.lm")
        self.files = [str(MODEL), *(str(language / name) for name in names), str(self.points)]
        self.points.write_text(_swipes(), encoding="ascii")

    def count(self, *planted: str) -> dict[str, int]:
        """Return the instructions of each stage, with those of all that it calls."""
        out = self.folder / "callgrind.out"
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet"]
        command = [*tool, str(self.program), *self.files, *planted]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[:6])} ... failed: {done.stderr[-500:]}")
        return _inclusive(out.read_text(encoding="utf-8"))


def _swipes() -> str:
    """Return points of swipes in keys of 1 x 1."""
    layout, rng = layouts.shipped("qwerty"), np.random.default_rng(0)
    made = [swipe(word, layout, rng) * [10.0, 3.0, 1.0] for word in WORDS]
    lines = ["\n".join(f"{x!r} {y!r} {t!r}" for x, y, t in one.tolist()) for one in made]
    return "\n\n".join(lines) + "\n\n"


def _inclusive(text: str) -> dict[str, int]:
    """Return what calls of the stages cost, from callgrind's file: the line behind each call."""
    names: dict[str, str] = {}
    found: dict[str, int] = {}
    stage = ""
    lines = iter(text.splitlines())
    for line in lines:
        if match := re.fullmatch(r"c?fn=(\(\d+\))(?: (.*))?", line):
            number, name = match.groups()
            names[number] = name or names.get(number, "")
            stage = names[number] if line.startswith("c") else ""
        elif line.startswith("calls=") and stage.startswith("stage_"):
            name = stage.partition("'")[0].removeprefix("stage_")
            found[name] = found.get(name, 0) + int(next(lines).split()[1])
    return found


def slower(now: dict[str, int], before: dict[str, int], limit: float = LIMIT) -> list[str]:
    """Return the stages that take more than ``limit`` percent more instructions."""
    return [name for name, n in now.items() if n > before[name] * (1 + limit / 100)]


def prove(counter: Counter, before: dict[str, int], runs: int, limit: float) -> bool:
    """Tell whether unchanged runs raise no alarm, and a slow-down of each stage its own."""
    alarms = [slower(counter.count(), before, limit) for _ in range(runs)]
    caught = {}
    for stage, n in before.items():
        loops = round(n * PLANTED / 100 / PER_LOOP)
        now = counter.count(stage, str(loops))
        caught[stage] = slower(now, before, limit), 100 * (now[stage] / before[stage] - 1)
    print(f"\n{runs} unchanged runs: {sum(map(bool, alarms))} alarms")
    for stage, (names, percent) in caught.items():
        print(f"planted into {stage}: {percent:+.1f} %, alarm of {', '.join(names) or 'none'}")
    return not any(alarms) and all(names == [stage] for stage, (names, _) in caught.items())


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--limit", type=float, default=LIMIT)
    parser.add_argument("--proof", type=int, default=0)
    options = parser.parse_args()
    from _result import heading

    told = subprocess.run(["valgrind", "--version"], capture_output=True, text=True).stdout
    print(heading(("numpy",), repeats=told.strip()), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        counter = Counter(Path(folder))
        now = counter.count()
        before = now
        if options.baseline is not None:
            before = json.loads(options.baseline.read_text(encoding="ascii"))
        rows = [[name, f"{n:,}", f"{100 * (n / before[name] - 1):+.2f}"] for name, n in now.items()]
        print(table(("stage", "instructions", "%"), rows), flush=True)
        if options.out is not None:
            options.out.write_text(json.dumps(now, indent=1) + "\n", encoding="ascii")
        if options.proof and not prove(counter, now, options.proof, options.limit):
            return 1
        if alarm := slower(now, before, options.limit):
            print(f"over {options.limit:g} % slower: {', '.join(alarm)}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
