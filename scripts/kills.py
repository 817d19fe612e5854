"""Kills every writer at every file-system event of its own, and says what is left.

    python scripts/kills.py [--most N] [--json] [WRITER ...]

Each writer runs twice for a kill: until it is killed, and again as its user would run it. The
writers are those of tests/helpers/writers.py; --most kills each at so many events only, spread over
all. Exit code 1: something was lost, half written or left over.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # threads do not come along into a fork, which then waits
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

import kills
import writers

from edgectc.core import staging

FAULTS = ("lost", "half_written", "other_ends", "leftovers")


def main() -> int:
    known = writers.writers()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("writers", nargs="*", choices=[*known, []], metavar="WRITER")
    parser.add_argument("--most", type=int, help="kills of each writer (default: all events)")
    parser.add_argument("--two-renames", action="store_true", help="as without an exchange")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.two_renames:
        staging._exchanged = lambda one, other: False
    found = {}
    for name in options.writers or known:
        writer = known[name]
        with tempfile.TemporaryDirectory() as place:
            found[name] = kills.at_every_event(
                writer.write,
                Path(place),
                prepare=writer.prepare,
                read=writer.read,
                end=writer.end,
                most=options.most,
            )
        if not options.json:
            counts = {fault: len(getattr(found[name], fault)) for fault in FAULTS}
            print(f"{name:24}{found[name].kills:4} kills ", counts, flush=True)
            for fault in FAULTS:
                for where in getattr(found[name], fault):
                    print(f"  {fault}: {where}", flush=True)
    if options.json:
        print(json.dumps({name: asdict(value) for name, value in found.items()}, indent=1))
    else:
        print(sum(value.kills for value in found.values()), "kills")
    return int(any(getattr(value, fault) for value in found.values() for fault in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
