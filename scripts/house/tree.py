"""The modules of a package as syntax trees, and every import between them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_LOADERS = ("import_module", "torch_module")  # functions that take the name of a module
_SKIPPED = ("node_modules", "__pycache__")


@dataclass(frozen=True)
class Module:
    """One file of Python.

    Attributes:
        name: dotted; a package's ``__init__`` has the name of the package.
        path: of the file.
        is_package: it is an ``__init__``.
        source: its text.
        tree: its syntax.
    """

    name: str
    path: Path
    is_package: bool
    source: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The package that holds it: of an ``__init__``, the package itself."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @property
    def stem(self) -> str:
        return self.path.stem

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the tree."""
        return tuple(ast.walk(self.tree))


@dataclass(frozen=True)
class Import:
    """One module, or one name of it, that a file imports.

    Attributes:
        importer: name of the module that imports.
        target: name of the module that is imported.
        name: what is taken from it; "" for the module itself.
        alias: what it is called in the importer.
        line: where.
        late: inside a function.
        typing: under ``if TYPE_CHECKING:``, so that it never runs.
    """

    importer: str
    target: str
    name: str
    alias: str
    line: int
    late: bool = False
    typing: bool = False


class House:
    """A package, read once.

    Attributes:
        folder: of the package.
        top: its name.
        modules: by dotted name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.top = folder, folder.name
        self.modules = {module.name: module for module in _modules(folder, folder.name)}

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """Names of all packages, the outermost first."""
        return tuple(sorted({module.package for module in self.modules.values()}))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Every import of a module of the package by another."""
        made = [i for module in self.modules.values() for i in imports(module, self)]
        made = [i for i in made if i.target != i.importer]
        return tuple(sorted(made, key=lambda i: (i.importer, i.line, i.target, i.name)))

    @cached_property
    def running(self) -> tuple[Import, ...]:
        """The imports that run, sooner or later."""
        return tuple(i for i in self.imports if not i.typing)

    @cached_property
    def _by_importer(self) -> dict[str, list[Import]]:
        made: dict[str, list[Import]] = {}
        for one in self.imports:
            made.setdefault(one.importer, []).append(one)
        return made

    def imports_of(self, module: str) -> list[Import]:
        """Return what one module imports."""
        return self._by_importer.get(module, [])

    def place(self, module: str, line: int) -> str:
        """Return ``folder/file.py:line``."""
        path = self.modules[module].path
        return f"{path.relative_to(self.folder.parent).as_posix()}:{line}"

    def resolve(self, name: str) -> str:
        """Return the longest beginning of a dotted name that is a module; "" if none is."""
        while name and name not in self.modules:
            name = name.rpartition(".")[0]
        return name

    def child(self, package: str, module: str) -> str:
        """Return what holds a module directly under a package; ``__init__`` for the package."""
        if module == package:
            return "__init__"
        return module.removeprefix(f"{package}.").partition(".")[0]

    def room(self, module: str) -> str:
        """Return the package or module at the top that a module belongs to."""
        return self.child(self.top, module)

    def children(self, package: str) -> dict[str, bool]:
        """Return what lies directly in a package, and whether it is a package itself."""
        held: dict[str, bool] = {}
        for name, module in self.modules.items():
            if name.startswith(f"{package}."):
                child = self.child(package, name)
                deeper = name.count(".") > package.count(".") + 1
                held[child] = held.get(child, False) or deeper or module.is_package
        return held

    def inside(self, package: str, module: str) -> bool:
        """Whether a module is a package's ``__init__`` or lies in it."""
        return module == package or module.startswith(f"{package}.")


def _modules(folder: Path, name: str) -> Iterator[Module]:
    """Yield the modules of a folder; without an ``__init__`` it is a package all the same."""
    files = sorted(folder.glob("*.py"))
    for path in files:
        source = path.read_text(encoding="utf-8")
        is_package = path.stem == "__init__"
        dotted = name if is_package else f"{name}.{path.stem}"
        yield Module(dotted, path, is_package, source, ast.parse(source, str(path)))
    for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
        if inner.name not in _SKIPPED and inner.name.isidentifier():
            yield from _modules(inner, f"{name}.{inner.name}")


def imports(module: Module, house: House) -> Iterator[Import]:
    """Yield what a file imports of the package, at any depth, names in strings included."""
    for node, late, typing in _walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if target := house.resolve(alias.name):
                    called = alias.asname or alias.name.partition(".")[0]
                    yield Import(module.name, target, "", called, node.lineno, late, typing)
        elif isinstance(node, ast.ImportFrom):
            yield from _from(module, node, house, late=late, typing=typing)
        elif isinstance(node, ast.Call) and (target := _loaded(node, house)):
            yield Import(module.name, target, "", "", node.lineno, late, typing)
    if module.is_package:
        for target, name, line in lazy_names(module, house):
            yield Import(module.name, target, name, name, line, late=True)


def _from(
    module: Module, node: ast.ImportFrom, house: House, *, late: bool, typing: bool
) -> Iterator[Import]:
    base = node.module or ""
    if node.level:
        parts = module.package.split(".")
        parts = parts[: len(parts) - node.level + 1]
        base = ".".join([*parts, *([node.module] if node.module else [])])
    for alias in node.names:
        whole = f"{base}.{alias.name}"
        target = house.resolve(whole)
        if target:
            name = "" if target == whole else alias.name
            called = alias.asname or alias.name
            yield Import(module.name, target, name, called, node.lineno, late, typing)


def _loaded(call: ast.Call, house: House) -> str:
    """Return the module that a call of `importlib.import_module` and the like names."""
    if dotted(call.func).rpartition(".")[2] not in _LOADERS or not call.args:
        return ""
    match call.args[0]:
        case ast.Constant(value=str(text)):
            names = (text, f"{house.top}.{text}")
            return next((name for name in names if name in house.modules), "")
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            found = house.resolve(text.rpartition(".")[0])  # a package, by the name of its module
            return "" if found == house.top else found
    return ""


def lazy_names(module: Module, house: House) -> Iterator[tuple[str, str, int]]:
    """Yield module, name and line of a package's table ``{"name": "module"}``, imported on use.

    It is the table `_WHERE`, or any whose texts are all modules of the package.
    """
    for node in module.tree.body:
        table = getattr(node, "value", None)
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(table, ast.Dict):
            continue
        rows = []
        for key, value in zip(table.keys, table.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                whole = f"{module.name}.{str(value.value).partition(':')[0]}"
                rows.append((whole, str(key.value), key.lineno))
        found = [row for row in rows if row[0] in house.modules]
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if len(found) == len(table.keys) or "_WHERE" in map(dotted, targets):
            yield from found


def _walk(tree: ast.AST) -> Iterator[tuple[ast.AST, bool, bool]]:
    """Yield every node, whether it lies in a function, and whether under TYPE_CHECKING."""
    waiting = [(tree, False, False)]
    while waiting:
        node, late, typing = waiting.pop()
        yield node, late, typing
        late = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        guarded: list[ast.stmt] = []
        if isinstance(node, ast.If) and dotted(node.test).rpartition(".")[2] == "TYPE_CHECKING":
            guarded = node.body
        waiting += [
            (child, late, typing or child in guarded) for child in ast.iter_child_nodes(node)
        ]


def dotted(node: ast.AST) -> str:
    """Return the dotted name that an expression is; "" if it is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


def circles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the sets of nodes that reach each other, each sorted, largest first.

    Source: R. Tarjan, Depth-first search and linear graph algorithms, SIAM J. Comput. 1, 1972.
    """
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    made: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in sorted(arrows.get(node, ())):
            if other not in order:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == order[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                made.append(sorted(stack[at:]))
            del stack[at:]

    for node in sorted(arrows):
        if node not in order:
            visit(node)
    return sorted(made, key=lambda circle: (-len(circle), circle))
