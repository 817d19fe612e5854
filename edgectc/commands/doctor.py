"""`edgectc doctor`."""

from __future__ import annotations

import json
from argparse import Namespace

from edgectc import doctor
from edgectc.config import to_dict
from edgectc.report import table


def examine(options: Namespace) -> int:
    """Print what this machine can do; exit 3 if something that was asked for is missing."""
    found = doctor.examine(deep=options.deep)
    lacking = doctor.lacking(found, options.need) if options.need else []
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
