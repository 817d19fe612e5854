"""Builds the packages of the C library; each comes with a test in tests/hosts.

scripts/packages [--out build/packages] [npm ...]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from packs import aar, demo, latinime, npm, zig

PACKS = {"npm": npm.build, "aar": aar.build}
OTHERS = {"demo": demo.build, "latinime": latinime.build}  # only where they are named


def main() -> int:
    parser = argparse.ArgumentParser(prog="packages", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "packs", nargs="*", metavar="PACKAGE", help=f"{', '.join(PACKS)}; default: all"
    )
    parser.add_argument("--out", type=Path, default=zig.ROOT / "build" / "packages")
    options = parser.parse_args()
    known = {**PACKS, **OTHERS}
    for name in options.packs:
        if name not in known:
            parser.error(f"no package {name!r}, expected one of {', '.join(known)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.packs or PACKS:
        try:
            print(f"{name}: {known[name](options.out)}", flush=True)
        except zig.PackageError as error:
            print(f"packages: {name}: {error}", file=sys.stderr)
            return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
