"""How long files and functions are, by three ways of counting.

- ``lines``: all of them; the cap of a file, 500, counts so.
- ``text``: without docstrings; the cap of a function, 60, counts so.
- ``code``: without blank lines and comments too.
"""

from __future__ import annotations

import ast
import io
import statistics
import tokenize
from dataclasses import dataclass

from house.tree import House, Module

_SILENT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENCODING, tokenize.ENDMARKER,
}  # fmt: skip
WAYS = ("lines", "text", "code")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Size:
    """The length of a file or function, by three ways."""

    where: str
    lines: int
    text: int
    code: int


def measured(house: House) -> dict[str, list[Size]]:
    """Return the lengths of every "file", and of every "function" from ``def`` on.

    What lies inside a function counts for both.
    """
    made: dict[str, list[Size]] = {"file": [], "function": []}
    for module in house.modules.values():
        code, total = _code_lines(module), len(module.source.splitlines())
        where = house.place(module.name, 1).rpartition(":")[0]
        made["file"].append(Size(where, total, total - len(_docstring(module.tree)), len(code)))
        for node in module.nodes:
            if isinstance(node, Function):
                span = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                text, held = len(span) - len(_docstring(node)), code.intersection(span)
                where = f"{house.place(module.name, node.lineno)} {node.name}"
                made["function"].append(Size(where, len(span), text, len(held)))
    return made


def summary(sizes: list[Size]) -> dict[str, dict[str, float]]:
    """Return the largest and the median by each way."""
    if not sizes:
        return {way: {"largest": 0, "median": 0.0} for way in WAYS}
    made = {}
    for way in WAYS:
        lengths = [getattr(size, way) for size in sizes]
        made[way] = {"largest": max(lengths), "median": float(statistics.median(lengths))}
    return made


def _code_lines(module: Module) -> set[int]:
    """Return the lines that hold more than blanks, comments and docstrings."""
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(module.source).readline):
        if token.type not in _SILENT:
            held |= {*range(token.start[0], token.end[0] + 1)}
    documented = (n for n in module.nodes if isinstance(n, ast.Module | ast.ClassDef | Function))
    return held - {line for node in documented for line in _docstring(node)}


def _docstring(node: ast.AST) -> range:
    """Return the lines of a docstring; empty if there is none."""
    body = getattr(node, "body", None) or [None]
    match body[0]:
        case ast.Expr(value=ast.Constant(value=str())) as text:
            return range(text.lineno, (text.end_lineno or text.lineno) + 1)
    return range(0)
