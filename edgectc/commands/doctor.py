"""`edgectc doctor`."""

from __future__ import annotations

import json
from argparse import Namespace

from edgectc.commands import environment
from edgectc.core import toolchain_errors
from edgectc.core.config import to_dict
from edgectc.core.console import table


def examine(options: Namespace) -> int:
    """Print what this machine can do; exit 3 if something that was asked for is missing."""
    if options.errors is not None:
        return _errors(options)
    found = environment.examine(deep=options.deep)
    lacking = environment.lacking(found, options.need) if options.need else []
    broken = [one for one in found if one.verdict == "broken"]
    if options.json:
        about = {"findings": [to_dict(one) for one in found], "lacking": [o.name for o in lacking]}
        print(json.dumps(about, sort_keys=True))
    else:
        rows = [
            [one.name, one.verdict, one.found or "-", one.tested or "-", ", ".join(one.needed_by)]
            for one in found
        ]
        print(table(["part", "verdict", "found", "tested", "needed by"], rows, right=False))
        for one in found:
            if one.fix:
                print(f"{one.name}: {one.fix}")
    return 3 if lacking or broken else 0


def _errors(options: Namespace) -> int:
    """Print the errors of tool chains that are understood, or the one that a text is."""
    known: tuple[toolchain_errors.Known, ...] = toolchain_errors.KNOWN
    if options.errors:
        found = toolchain_errors.find(options.errors)
        known = (found,) if found else ()
    if options.json:
        print(json.dumps([to_dict(one) for one in known]))
    else:
        for one in known:
            print(f"{one.name} ({one.tool})\n  cause: {one.cause}\n  fix: {one.fix}")
        if not known:
            print("no known error has such a text; edgectc doctor --errors lists them")
    return 0 if known else 3
