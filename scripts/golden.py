#!/usr/bin/env python3
"""Writes tests/golden/: what every host must answer, stage by stage.

Traces are generated, the network is PyTorch on the shipped weights. Words are those of the compiled
search, which every host has, once the plain one has agreed on all that is proven. Run it again
whenever the shipped model, its preset or its words change. See docs/host_contract.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from vectors import checks, search, traces, trust

from edgectc.core.staging import write_bytes

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "golden"
MADE = {
    "traces.json": traces.traces,
    "search.json": search.search,
    "checks.json": checks.checks,
    "trust.json": trust.trust,
}


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*MADE, []], metavar="NAME")
    for name in parser.parse_args().names or MADE:
        make = MADE[name]
        values = make()
        rows = [json.dumps(case, sort_keys=True) for case in values.pop("cases", [])]
        text = json.dumps(values, sort_keys=True, indent=1)
        if rows:
            text = text[:-2] + ',\n "cases": [\n' + ",\n".join(rows) + "\n]}"
        data = (text + "\n").encode()
        write_bytes(FOLDER / name, data)
        print(f"tests/golden/{name}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
