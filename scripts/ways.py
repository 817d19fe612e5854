"""Goes README's ways in as a stranger would, and says how long each took.

    python scripts/ways.py [WAY ...]      word, network, int8, data; by default all

Each in an environment of its own, with no package but pip, and in a copy of what git holds: the
commands and the code are those of the page, whatever versions pip chooses. Needs git and network.
"""

from __future__ import annotations

import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# ([\w/]+\.py)\n")  # first line of code that is to be saved
WAYS = {  # heading, and which blocks of commands below it
    "word": ("Install", [0]),
    "network": ("Your own network", [0, 1]),
    "int8": ("Your own network", [0, 1, 2]),
    "data": ("Your own data", [1]),
}
STAND_IN = ("Your own data", [0])  # makes what stands for recordings of one's own


@dataclass(frozen=True)
class Step:
    """A command, the seconds it took, and those of a processor, which a busy machine moves less."""

    line: str
    seconds: float
    processor: float


def blocks(page: str, heading: str, wanted: list[int]) -> list[tuple[str, str]]:
    """Return language and text of a section's blocks, in order; "" for commands, if wanted."""
    section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    chosen, count = [], 0
    for kind, code in FENCE.findall(section):
        if kind:
            chosen.append((kind, code))
            continue
        if count in wanted:
            chosen.append((kind, code))
        count += 1
    return chosen


def commands(page: str, way: str) -> list[str]:
    """Return a way's commands; the network makes no float file on the way to 8 bits."""
    found = blocks(page, *WAYS[way])
    lines = [line for kind, code in found if not kind for line in code.splitlines()]
    float_file = " --out mine.pte", "edgectc verify mine.pte"
    return [line for line in lines if way != "int8" or not line.endswith(float_file)]


def stranger(work: Path) -> dict[str, str]:
    """Return the variables of a shell whose environment is new: nothing of this one's Python."""
    subprocess.run([sys.executable, "-m", "venv", work / "environment"], check=True)
    subprocess.run(["git", "clone", "--quiet", "--depth=1", ROOT.as_uri(), work / "it"], check=True)
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return own | {"PATH": f"{work / 'environment' / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def busy() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def go(page: str, way: str, work: Path) -> list[Step]:
    """Run a way, and return its commands as they went."""
    environment = stranger(work)
    place = work / "it"
    took = []

    def run(line: str) -> None:
        print(f"$ {line}", flush=True)
        began, used = time.monotonic(), busy()
        subprocess.run(["bash", "-c", line], cwd=place, env=environment, check=True)
        took.append(Step(line, time.monotonic() - began, busy() - used))

    if way == "data":  # whose reader has recordings
        (_, made) = blocks(page, *STAND_IN)[0]
        line = f"pip install -q . && {made}"
        subprocess.run(["bash", "-c", line], cwd=place, env=environment, check=True)
    for kind, code in blocks(page, *WAYS[way]):
        if kind == "python" and (named := FILE.match(code)):
            (place / named[1]).write_text(code, encoding="utf-8")
        elif kind == "python":
            (work / "typed.py").write_text(code, encoding="utf-8")
            run(f"python {work / 'typed.py'}")
        for line in code.splitlines() if not kind else []:
            if line in commands(page, way):
                run(line)
    return took


def main() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    for way in sys.argv[1:] or WAYS:
        with tempfile.TemporaryDirectory() as work:
            took = go(page, way, Path(work))
        pip = [step for step in took if step.line.startswith("pip ")]
        print(f"{way}: {len(took)} commands, {minutes(took)}, of which pip {minutes(pip)}; Python "
              f"{platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
              flush=True)  # fmt: skip
        for step in took:
            print(f"  {step.seconds:6.1f} s {step.processor:6.1f} s  {step.line}", flush=True)


def minutes(steps: list[Step]) -> str:
    whole = sum(step.seconds for step in steps) / 60
    processor = sum(step.processor for step in steps) / 60
    return f"{whole:.1f} minutes ({processor:.1f} of a processor)"


if __name__ == "__main__":
    main()
