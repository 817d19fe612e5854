"""Where types are left open, abilities are guessed, and the kind of a family is asked for."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from house.tree import House, Module, dotted

FAMILIES = ("swipe", "neural", "landmarks")
_OWN_FILE = re.compile(r"swipe\w*|neural|landmarks")
# The demo and its server swipe alone; networks made elsewhere have a frontend of their own.
_OWN_FOLDERS = {"swipes", "importers", "demo", "serving", "byo", "foreign"}
_TYPELESS = ("mil",)  # the evaluator of a language that is typed by its programs
_SIGNATURES = ("signature", "getfullargspec", "from_callable")
_IGNORED = re.compile(r"#\s*type:\s*ignore")


def relative(house: House, module: Module) -> str:
    return module.path.relative_to(house.folder.parent).as_posix()


def open_types(house: House) -> dict[str, float]:
    """Return how often types are left open, and ``Any`` per 100 lines, the MIL evaluator apart."""
    counts: Counter[str] = Counter(any=0, cast=0, object=0, type_ignore=0)
    typed_lines = typed_any = 0
    for module in house.modules.values():
        own = Counter(_open(module))
        own["type_ignore"] = sum(1 for line in module.source.splitlines() if _IGNORED.search(line))
        counts += own
        if module.stem not in _TYPELESS:
            typed_any += own["any"]
            typed_lines += len(module.source.splitlines())
    names = ("any", "cast", "object", "type_ignore")
    share = 100 * typed_any / max(typed_lines, 1)
    return {**{name: counts[name] for name in names}, "any_per_100_lines": round(share, 3)}


def _open(module: Module) -> Iterator[str]:
    for node in module.nodes:
        if isinstance(node, ast.Name | ast.Attribute | ast.alias):
            # An import of it counts as well: whoever imports it means to use it.
            called = node.name if isinstance(node, ast.alias) else dotted(node)
            if called.rpartition(".")[2] == "Any":
                yield "any"
        elif isinstance(node, ast.Call) and dotted(node.func) in ("cast", "typing.cast"):
            yield "cast"
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(annotation, ast.expr):
                inside = ast.walk(annotation)
                yield from (
                    "object" for n in inside if isinstance(n, ast.Name) and n.id == "object"
                )


def calls(house: House, kind: str) -> dict[str, int]:
    """Return the files that guess, and how often.

    Args:
        house: the package.
        kind: "signature", "getattr" (with a default) or "hasattr".
    """
    test = {"signature": _is_signature, "getattr": _is_getattr, "hasattr": _is_hasattr}[kind]
    made = {}
    for module in house.modules.values():
        nodes = [n for n in module.nodes if isinstance(n, ast.Call) and test(n)]
        if nodes:
            made[relative(house, module)] = len(nodes)
    return dict(sorted(made.items()))


def _is_signature(call: ast.Call) -> bool:
    return dotted(call.func).rpartition(".")[2] in _SIGNATURES


def _is_getattr(call: ast.Call) -> bool:
    return dotted(call.func) == "getattr" and len(call.args) + len(call.keywords) == 3


def _is_hasattr(call: ast.Call) -> bool:
    return dotted(call.func) == "hasattr"


def family_questions(house: House) -> list[str]:
    """Return the places outside a family's own files that do one thing for one family."""
    made = []
    for module in house.modules.values():
        if not is_family_file(module.path.relative_to(house.folder)):
            known = _constants(module.tree)
            lines = {n.lineno for n in module.nodes if _asks(n, known)}  # type: ignore[attr-defined]
            made += [f"{relative(house, module)}:{line}" for line in sorted(lines)]
    return sorted(made)


def is_family_file(path: Path) -> bool:
    return bool(_OWN_FILE.fullmatch(path.stem) or _OWN_FOLDERS & {*path.parent.parts})


def _constants(tree: ast.Module) -> set[str]:
    """Return the names of a module's own constants that hold the name of a family."""
    made = set()
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if _names_family(node.value, set()):
                made |= {dotted(target) for target in targets}
    return made


def _names_family(node: ast.expr | None, known: set[str]) -> bool:
    if isinstance(node, ast.Constant):
        return node.value in FAMILIES
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(_names_family(inner, known) for inner in node.elts)
    if isinstance(node, ast.Name):
        return node.id in known
    return False


def _is_frontend_type(node: ast.expr) -> bool:
    """Whether an expression is ``frontend["type"]``, or the same by ``get``."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return node.slice.value == "type" and "frontend" in ast.unparse(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        key = node.args[0]
        is_type = isinstance(key, ast.Constant) and key.value == "type"
        return node.func.attr == "get" and is_type and "frontend" in ast.unparse(node.func.value)
    if isinstance(node, ast.Call) and dotted(node.func) == "str" and node.args:
        return _is_frontend_type(node.args[0])
    return False


def _asks(node: ast.AST, known: set[str]) -> bool:
    match node:
        case ast.Compare():
            sides = (node.left, *node.comparators)
            parts = [p for s in sides for p in (s.elts if isinstance(s, ast.Tuple) else [s])]
            return any(_names_family(s, known) or _is_frontend_type(s) for s in (*sides, *parts))
        case ast.Dict():
            return any(_names_family(key, known) for key in node.keys)
        case ast.Subscript(slice=ast.Constant()):
            return _names_family(node.slice, set())
        case ast.MatchValue():
            return _names_family(node.value, known)
        case ast.Call(func=ast.Attribute(attr="get" | "startswith" | "endswith"), args=[key, *_]):
            return _names_family(key, set())
    return False
