"""Writes tutorials as notebooks, which CI runs: `python scripts/notebooks.py [--check]`.

Prose becomes cells of text; a block of Python that names a file is written to it, others run; each
block of commands is a cell of bash that stops at the first one that fails, and where the page says
"# refused", at one that does not.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "tutorials"
NOTEBOOKS = ROOT / "docs" / "notebooks"
MADE = ("own_network", "int8")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```\n?", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# ([\w/]+\.py)\n")
_LINK = re.compile(r"\]\((?!\w+:|#)([^)]+)\)")


def cells(page: str) -> list[dict[str, Any]]:
    """Return the cells of a page."""
    made: list[dict[str, Any]] = []
    parts = _FENCE.split(page)
    for prose, kind, code in zip(parts[::3], [*parts[1::3], None], [*parts[2::3], ""], strict=True):
        if text := _LINK.sub(r"](../tutorials/\1)", prose).strip():
            made.append({"cell_type": "markdown", "source": text})
        if kind is None:
            continue
        if kind not in ("", "sh", "bash", "python"):  # is read, and not run
            made.append({"cell_type": "markdown", "source": f"```{kind}\n{code}```"})
            continue
        made.append({"cell_type": "code", "source": _code(kind, code.rstrip("\n"))})
    return made


def _code(kind: str, code: str) -> str:
    if kind == "python":
        named = _FILE.match(code)
        return f"%%writefile {named[1]}\n{code}" if named else code
    if not code.endswith("# refused"):
        return f"%%bash\nset -e\n{code}"
    assert "\n" not in code, "bash minds a refusal in the last line of a cell alone"
    return f"%%bash\n! {code}"


def notebook(name: str) -> str:
    """Return the text of a notebook, without outputs, as `nbformat` 4.5 has it."""
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    rows = [
        {**cell, "id": f"{name}-{number}", "metadata": {}}
        | ({"execution_count": None, "outputs": []} if cell["cell_type"] == "code" else {})
        for number, cell in enumerate(cells(page))
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    document = {
        "cells": rows,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the notebooks, or with ``--check`` say which are stale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if one is old")
    check = parser.parse_args().check
    stale = []
    for name in MADE:
        path, text = NOTEBOOKS / f"{name}.ipynb", notebook(name)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            stale.append(path.name)
        else:
            NOTEBOOKS.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"docs/notebooks/{name} is stale; run: python scripts/notebooks.py")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
