"""Prints what pyproject.toml needs, for pip: `python scripts/needed.py oldest` or `tests`.

oldest  pins of the oldest packages that it allows, for what runs without torch
tests   what the tests need beside torch, executorch and edgectc itself
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads(
    (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8")
)["project"]
EXTRAS = PROJECT["optional-dependencies"]
APART = ("torch", "executorch")  # which a caller chooses


def oldest() -> list[str]:
    """Return ``name==version.*`` of what the package and its extra ``onnx`` need."""
    return [
        re.sub(r">=([\d.]+).*", r"==\1.*", one)
        for one in (*PROJECT["dependencies"], *EXTRAS["onnx"])
    ]


def tests() -> list[str]:
    """Return the packages of the extra ``dev`` and of the extras that it names."""
    found = set(PROJECT["dependencies"])
    waiting = [*EXTRAS["dev"]]
    while waiting:
        one = waiting.pop()
        if own := re.fullmatch(r"edgectc\[(.*)\]", one):
            waiting += [inside for extra in own[1].split(",") for inside in EXTRAS[extra]]
        elif re.split(r"[<>=]", one)[0] not in APART:
            found.add(one)
    return sorted(found)


if __name__ == "__main__":
    print("\n".join({"oldest": oldest, "tests": tests}[sys.argv[1]]()))
