"""docs/origin.md: every option and every test that it names is there."""

from __future__ import annotations

import ast
import re
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import pytest

from edgectc.commands.cli import build_verbs
from edgectc.core import registry

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in (ROOT / "docs" / "origin.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| [A-Z]\d+ ", line)
]


@cache
def known_tests() -> set[str]:
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.add(node.name)
    return found


@cache
def settings_there() -> set[str]:
    """Every setting of a training configuration, as its path."""
    from edgectc.training import settings, signal_task

    parts = {
        "": settings.Settings,
        "optimizer.": settings.Optimizer,
        "schedule.": settings.Schedule,
        "loss.": settings.Loss,
        "freeze.": settings.Freeze,
        "init.": settings.Init,
        "distillation.": settings.Distillation,
        "data.": signal_task.Data,
        "augment.": registry.module("tasks", "neural").Augment,
    }
    for name in registry.names("encoders"):
        parts |= {f"model.encoder.{name}.": registry.module("encoders", name).Options}
    found = set()
    for prefix, kind in parts.items():
        assert is_dataclass(kind)
        found |= {re.sub(r"encoder\.\w+\.", "encoder.", prefix) + f.name for f in fields(kind)}
    return found


def test_the_table_is_whole() -> None:
    assert len(ROWS) >= 75
    assert all(len(row) == 3 and row[2].startswith("`test_") for row in ROWS)
    names = [row[0].split()[0] for row in ROWS]
    for letter in "SCMBT":
        numbers = [int(name[1:]) for name in names if name[0] == letter]
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("row", ROWS, ids=[row[0].split()[0] for row in ROWS])
def test_a_row_names_what_is_there(row: list[str]) -> None:
    pytest.importorskip("torch")
    verbs = build_verbs().parsers
    flags = {
        option for verb in verbs.values() for a in verb._actions for option in a.option_strings
    }
    for option in re.findall(r"`([^`]+)`", row[1]):
        if option.startswith("--"):
            assert option in flags
        else:
            assert option in settings_there() | {*verbs}
    assert re.findall(r"`(test_\w+)`", row[2])[0] in known_tests()
