"""Tests of the rooms that run without torch run without torch: read from what they import."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
HEAVY = {"coremltools", "executorch", "lightning", "onnx", "onnxscript", "torch", "torchao"}
TORCH_ROOMS = {"exporting", "networks", "quantization", "training"}
APART = TORCH_ROOMS | {"compat"}  # files of every kind: each test skips what is not installed
TORCH_FIXTURES = {"artifacts", "small"}  # of tests/conftest.py
TORCH_VERBS = {"adopt", "export", "quantize", "train"}  # of edgectc


def imported(tree: ast.AST, *, late: bool) -> Iterator[str]:
    """Dotted names that code imports: when it is imported, or (``late``) at any time."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif late or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imported(node, late=late)


@functools.cache
def source(name: str) -> Path | None:
    """The file of a module of ours (of the package or of tests/helpers), if it is one."""
    path = Path(*name.split("."))
    for folder in (ROOT, TESTS / "helpers"):
        for file in (folder / path.with_suffix(".py"), folder / path / "__init__.py"):
            if file.is_file():
                return file
    return None


@functools.cache
def brought(path: Path) -> frozenset[str]:
    """What importing a file imports at once."""
    return frozenset(imported(ast.parse(path.read_text(encoding="utf-8")), late=False))


def is_heavy(name: str) -> bool:
    """Whether an import of ``name`` brings one of the heavy packages along."""
    waiting, files = [name], set[Path]()
    while waiting:
        parts = waiting.pop().split(".")
        if parts[0] in HEAVY:
            return True
        for end in range(1, len(parts) + 1):
            file = source(".".join(parts[:end]))
            if file is not None and file not in files:
                files.add(file)
                waiting += brought(file)
    return False


def needs(text: str) -> set[str]:
    """What of torch's world the code of a test file asks for."""
    tree = ast.parse(text)
    found = {f"imports {name}" for name in imported(tree, late=True) if is_heavy(name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found |= {f"fixture {a.arg}" for a in node.args.args if a.arg in TORCH_FIXTURES}
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "pytest.importorskip" and ast.unparse(node.args[0]).strip("'") in HEAVY:
                found.add(ast.unparse(node))
            if called in {f"edgectc.{verb}" for verb in TORCH_VERBS}:
                found.add(called)
    return found


LIGHT = [
    path
    for path in sorted(TESTS.glob("*/**/test_*.py"))
    if path.relative_to(TESTS).parts[0] not in APART and path.parent.name != "with_torch"
]


@pytest.mark.parametrize("path", LIGHT, ids=lambda p: str(p.relative_to(TESTS)))
def test_what_needs_torch_is_apart(path: Path) -> None:
    assert not needs(path.read_text(encoding="utf-8")), "move it to with_torch/ of its room"


@pytest.mark.parametrize(
    "code",
    [
        "import torch",
        "def test(): from onnx import helper",
        "from edgectc.networks import model",
        "from edgectc.exporting.exporter import export",
        "def test(small): pass",
        "pytest.importorskip('executorch')",
        "edgectc.export(target='onnx')",
        "from networks import Lstm",
    ],
)
def test_a_need_is_seen(code: str) -> None:
    assert needs(code)


@pytest.mark.parametrize("code", ["import edgectc", "from edgectc.formats import bundle"])
def test_what_is_light_is_let_through(code: str) -> None:
    assert not needs(code)
