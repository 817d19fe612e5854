"""Runs every bench that TABLE.md shows, one after another, and renders the page.

    python bench/everything.py --data DATA [--only pipeline,startup]

Leave the machine alone meanwhile: about a quarter of an hour on two cores. Sentences, training and
quantization take longer and are run by themselves. What fails leaves its old result in place.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import table

RESULTS = table.RESULTS
RUNS = {
    "startup": ["--repeats", "9"],
    "pipeline": ["--data", "DATA", "--swipes", "400"],
    "gate": ["--runs", "10"],
    "decoding": ["--data", "DATA"],
    "lexicon": ["--utterances", "150"],
    "scaling": ["--utterances", "40"],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--only", default=",".join(["bench", *RUNS]))
    options = parser.parse_args()
    failed = []
    for name in options.only.split(","):
        print(f"{time.strftime('%H:%M:%S')} {name}", file=sys.stderr, flush=True)
        if name == "bench":
            words = [*table.BENCH.split()[1:], "--html", str(RESULTS / "bench.html"), "--json"]
            command = [sys.executable, "-m", "edgectc", *words]
        else:
            script = Path(__file__).with_name(f"{name}.py")
            command = [sys.executable, str(script), *RUNS[name]]
            command += ["--out", str(RESULTS / f"{name}.txt")]
        command = [options.data if word == "DATA" else word for word in command]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            failed.append(name)
        elif name == "bench":
            (RESULTS / "bench.json").write_text(done.stdout, encoding="utf-8")
    table.main()
    print(f"failed: {', '.join(failed)}" if failed else "all ran", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
