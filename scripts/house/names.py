"""Private names used from outside, names that mean two things, and packages without a word."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from house.tree import House, Module, dotted


def is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def private_uses(house: House) -> list[str]:
    """Return the private modules and names of other packages that files import or reach into."""
    made = []
    for one in house.imports:
        importer = house.modules[one.importer]
        what = _private_module(house, importer, one.target)
        if not what and is_private(one.name) and not _at_home(house, importer, one.target):
            what = f"{one.target}.{one.name}"
        if what:
            made.append(f"{house.place(one.importer, one.line)}: {what}")
    for module in house.modules.values():
        made += _reached(house, module)
    return sorted(made)


def _private_module(house: House, importer: Module, target: str) -> str:
    """Return the private module or package on the way to a target that is not the importer's."""
    parts = target.split(".")
    for i in range(1, len(parts)):
        name = ".".join(parts[: i + 1])
        home = ".".join(parts[:i])
        if is_private(parts[i]) and importer.package != home:
            return "" if house.inside(name, importer.name) else name
    return ""


def _at_home(house: House, importer: Module, target: str) -> bool:
    """Whether a module may use a private name of another: both lie in the same package.

    The modules at the top have nothing in common but the top, so each is a package of its own.
    """
    package = house.modules[target].package
    return importer.package == package and package != house.top


def _reached(house: House, module: Module) -> Iterator[str]:
    """Yield the places where a file takes a private name out of a module that it imported."""
    called = {}
    for one in house.imports_of(module.name):
        if not one.name and one.alias:
            # ``import edgectc.data`` binds the top, ``import edgectc.data as d`` the module.
            called[one.alias] = house.top if one.alias == house.top else one.target
    for node in module.nodes:
        if not (isinstance(node, ast.Attribute) and is_private(node.attr)):
            continue
        first, _, rest = dotted(node.value).partition(".")
        target = ".".join(filter(None, (called.get(first, ""), rest)))
        if first in called and target in house.modules:
            whole = f"{target}.{node.attr}"
            if whole not in house.modules and not _at_home(house, module, target):
                yield f"{house.place(module.name, node.lineno)}: {whole}"


def twins(house: House) -> list[str]:
    """Return the modules and packages that share their name with a public function."""
    made = []
    for module in house.modules.values():
        last = module.name.rpartition(".")[2]
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
                own = node.name == last
                inner = f"{module.name}.{node.name}" in house.modules and module.is_package
                of_package = node.name == module.package.rpartition(".")[2]
                if own or inner or of_package:
                    made.append(f"{house.place(module.name, node.lineno)}: {node.name}()")
    for one in house.imports:
        beside = f"{one.importer}.{one.name}"
        if house.modules[one.importer].is_package and one.name and beside in house.modules:
            made.append(f"{house.place(one.importer, one.line)}: {one.name} and module {beside}")
    return sorted({*made})


def silent_packages(house: House) -> list[str]:
    """Return the packages whose ``__init__`` is missing or has no docstring."""
    made = []
    for package in house.packages:
        init = house.modules.get(package)
        if init is None or not ast.get_docstring(init.tree):
            made.append(package)
    return made
