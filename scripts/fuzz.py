"""Damages every kind of file that a user may hand over, opens it, and says what became of it.

    python scripts/fuzz.py [--mutations N] [--seed S] [--json] [FORMAT ...]

"refused" is an error of edgectc in one line; "same" and "other" are files that open, with the
meaning that they had or another (where no hash could tell). Faults: an exception that is not ours,
another meaning in spite of a hash, a crash, more than 5 s, more than 1 GB. Exit code 1: a fault.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

import fuzz


def main() -> int:
    known = fuzz.formats()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("formats", nargs="*", choices=[*known, []], metavar="FORMAT")
    parser.add_argument("--mutations", type=int, default=20_000, help="in all (default 20000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    logging.getLogger("edgectc").setLevel(logging.ERROR)
    chosen, found = options.formats or [*known], {}
    for name in chosen:
        found[name] = fuzz.run(known[name], -(-options.mutations // len(chosen)), options.seed)
        if not options.json:
            print(f"{name:18} {found[name].tried:6} {dict(found[name].outcomes)}", flush=True)
            for fault in found[name].faults[:10]:
                print(f"    {fault}", flush=True)
    if options.json:
        print(json.dumps({name: vars(value) for name, value in found.items()}, indent=1))
    return int(any(value.faults for value in found.values()))


if __name__ == "__main__":
    sys.exit(main())
