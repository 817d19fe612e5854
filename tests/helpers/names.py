"""Names of this repository in its own text: files, modules and what modules hold."""

from __future__ import annotations

import ast
import functools
import re
import shutil
import subprocess
from pathlib import Path

from edgectc.core import registry

ROOT = Path(__file__).parents[2]
KINDS = {".c", ".css", ".h", ".html", ".java", ".js", ".md", ".mjs", ".py", ".toml", ".xml", ""}
# Groups of entry points.
GROUPS = {f"edgectc.{kind}" for kind in (*registry.KINDS, "configs")}
DOTTED = re.compile(r"(?<![\w./-])edgectc(?:\.(?!h\b)[A-Za-z_]\w*)+")  # edgectc.h is a header


@functools.cache
def files() -> tuple[Path, ...]:
    """The files that belong to the repository; none outside a checkout, or without git."""
    if shutil.which("git") is None:
        return ()
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    paths = (ROOT / line for line in listed.stdout.splitlines())
    return tuple(path for path in paths if path.is_file())


def text_files() -> list[Path]:
    """Those that are text by their name."""
    return [path for path in files() if path.suffix in KINDS]


def without(*folders: str) -> list[Path]:
    """The files of text, but for those in some folders (or for some files) of the repository."""
    return [p for p in text_files() if not f"{p.relative_to(ROOT)}/".startswith(folders)]


@functools.cache
def module(name: str) -> Path | None:
    """The file of a module of the package."""
    path = ROOT.joinpath(*name.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return path if path.is_dir() and any(path.glob("*.py")) else None


@functools.cache
def held(path: Path) -> dict[str, ast.AST]:
    """What a module holds at its top level, with the node that defines it."""
    if path.is_dir():
        return {}
    found: dict[str, ast.AST] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom | ast.Import):
            found |= {alias.asname or alias.name: alias for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.setdefault(node.name, node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {ast.unparse(target): node for target in targets}
    return found


def unresolved(code: str) -> set[str]:
    """Imports of ours that lead nowhere, and attributes that imported modules do not hold."""
    tree = ast.parse(code)
    found, modules = set[str](), {"edgectc": "edgectc"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "edgectc":
            names = {alias.asname or alias.name: f"{node.module}.{alias.name}"
                     for alias in node.names}  # fmt: skip
            found |= {name for name in names.values() if not resolves(name)}
            modules |= names
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = modules.get(node.value.id, "")
            path = module(name) if name else None
            if path is not None and not resolves(f"{name}.{node.attr}"):
                found.add(f"{name}.{node.attr}")
    return {name for name in found if "__" not in name}


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or a name that the module before it holds."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        path = module(".".join(parts[:end]))
        if path is not None:
            return end == len(parts) or parts[end] in held(path)
    return False
