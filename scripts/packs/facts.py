"""What all packages say of themselves, read where it is written down once."""

from __future__ import annotations

import re

from packs.zig import ROOT


def version() -> str:
    """Return the version of this checkout."""
    return _found("edgectc/core/version.py", r'__version__ = "([^"]+)"')


def abi() -> int:
    """Return EDGECTC_ABI of the header."""
    return int(_found("native/include/edgectc.h", r"#define EDGECTC_ABI (\d+)"))


def functions(prefix: str) -> list[str]:
    """Return the functions of the header whose names begin so."""
    header = (ROOT / "native" / "include" / "edgectc.h").read_text(encoding="ascii")
    return sorted({*re.findall(rf"\b({prefix}\w*)\(", header)})


def _found(path: str, pattern: str) -> str:
    (one,) = re.findall(pattern, (ROOT / path).read_text(encoding="utf-8"))
    return str(one)
