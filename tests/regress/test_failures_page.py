"""docs/failures.md names every test of a reported failure, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "failures.md"
REPORTED = HERE / "with_torch"


def functions_of(path: Path) -> list[str]:
    """Names of the test functions that pytest would run; a skipped one is no protection."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not any("skip" in ast.unparse(d) or "xfail" in ast.unparse(d)
                    for d in node.decorator_list)
    ]  # fmt: skip


def test_the_page_and_the_tests_are_the_same() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "| `test_" in line]
    named = [found[1] for row in rows if (found := re.search(r"`(test_\w+)` \|$", row))]
    kept = [name for path in sorted(REPORTED.glob("test_*.py")) for name in functions_of(path)]
    assert len(named) == len(rows) == len(set(named)), "one test a row, in its last cell"
    assert set(kept) - set(named) == set(), "tests that docs/failures.md lacks"
    assert set(named) - set(kept) == set(), "rows of docs/failures.md without their test"
    assert len(named) >= 25
    assert all(len([c for c in row.split("|") if c.strip()]) == 3 for row in rows)
