"""The floors of a package, drawn in its docstring, and what breaks them.

    2  main
    1  reading  writing

A line is spaces, a number, two spaces, and names of modules or packages inside. A module imports
only from lower floors; what stands on one floor never imports its neighbour. The ``__init__`` of a
package stands above everything inside it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from house.tree import House, circles

_LINE = re.compile(r"^ +(\d+)  ([A-Za-z_]\w*(?: +[A-Za-z_]\w*)*) *$", re.MULTILINE)
_KINDS = (
    "decoders", "encoders", "features", "frontends", "lms", "runners", "samples", "targets",
    "tasks",
)  # fmt: skip


def drawing(house: House, package: str) -> list[tuple[str, int]]:
    """Return name and floor of everything that a package's docstring draws, as drawn."""
    init = house.modules.get(package)
    text = ast.get_docstring(init.tree, clean=False) if init and init.is_package else None
    lines = _LINE.findall(text or "")
    return [(name, int(floor)) for floor, names in lines for name in names.split()]


def violations(house: House) -> list[str]:
    """Return what breaks the floors, at the top and in every package that draws its own."""
    drawn = {package: drawing(house, package) for package in house.packages}
    made = [] if drawn[house.top] else [f"{house.top}/__init__.py draws no floors"]
    for package, rows in drawn.items():
        if rows:
            made += _wrongly_drawn(house, package, rows)
            made += _upward(house, package, dict(rows))
    return made


def _wrongly_drawn(house: House, package: str, rows: list[tuple[str, int]]) -> Iterator[str]:
    names = [name for name, _ in rows]
    there = house.children(package)
    yield from (f"{package}: {name} is drawn twice" for name in {*names} if names.count(name) > 1)
    yield from (f"{package}: {name} is drawn and not there" for name in names if name not in there)
    yield from (f"{package}: {name} stands on no floor" for name in there if name not in names)


def _upward(house: House, package: str, floors: Mapping[str, int]) -> Iterator[str]:
    floors = {"__init__": max(floors.values()) + 1, **floors}
    for one in house.running:
        if not (house.inside(package, one.importer) and house.inside(package, one.target)):
            continue
        mine, theirs = house.child(package, one.importer), house.child(package, one.target)
        if mine == theirs or mine not in floors or theirs not in floors:
            continue
        if floors[theirs] >= floors[mine]:
            yield (
                f"{house.place(one.importer, one.line)}: {mine} (floor {floors[mine]}) imports "
                f"{one.target} (floor {floors[theirs]})"
            )


def module_circles(house: House, *, typing: bool = False) -> list[list[str]]:
    """Return the sets of modules that import each other, late imports counted.

    Args:
        house: the package.
        typing: count imports under TYPE_CHECKING too.
    """
    arrows: dict[str, set[str]] = {name: set() for name in house.modules}
    for one in house.imports if typing else house.running:
        arrows[one.importer].add(one.target)
    return circles(arrows)


def package_circles(house: House) -> list[list[str]]:
    """Return the sets of neighbours, at least one a package, that import each other."""
    made = []
    for package in house.packages:
        packages = {name for name, deeper in house.children(package).items() if deeper}
        for circle in circles(arrows_in(house, package)):
            if packages.intersection(circle):
                made.append([f"{package}.{name}" for name in circle])
    return made


def arrows_in(house: House, package: str) -> dict[str, set[str]]:
    """Return what imports what directly inside a package: its modules and packages."""
    arrows: dict[str, set[str]] = {}
    for one in house.running:
        if house.inside(package, one.importer) and house.inside(package, one.target):
            mine, theirs = house.child(package, one.importer), house.child(package, one.target)
            if mine != theirs:
                arrows.setdefault(mine, set()).add(theirs)
    return arrows


def plugin_folders(house: House) -> list[str]:
    """Return the packages whose modules are plugins: those that the registry names.

    The registry is the ``registry.py`` of the package; a text in a table or tuple of it that is the
    path of a package names one. Without any, folders by the usual names.
    """
    found = set()
    for module in house.modules.values():
        if module.stem == "registry" and module.name.count(".") <= 2:
            for node in module.tree.body:
                if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                    found |= _named(node.value, house)
    named = {p for p in house.packages if p.rpartition(".")[2] in _KINDS and p != house.top}
    return sorted(found or named)


def _named(value: ast.expr, house: House) -> set[str]:
    texts = {
        node.value
        for node in ast.walk(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    pairs = set()
    if isinstance(value, ast.Dict):
        for key, where in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(where, ast.Constant):
                pairs |= {f"{where.value}.{key.value}", str(where.value)}
                texts -= {key.value, where.value}
    names = {name.removeprefix(f"{house.top}.") for name in texts | pairs}
    found = {f"{house.top}.{name}" for name in names} & {*house.packages}
    # A table {"decoders": "decoding"} names decoding.decoders, not decoding.
    return {name for name in found if not any(o.startswith(f"{name}.") for o in found)}


def between_plugins(house: House) -> list[str]:
    """Return the imports of one plugin by another, and what is no plugin in their folders."""
    made = []
    for folder in plugin_folders(house):
        for one in house.running:
            if not (house.inside(folder, one.importer) and house.inside(folder, one.target)):
                continue
            mine, theirs = house.child(folder, one.importer), house.child(folder, one.target)
            if mine != theirs and not mine.startswith("_") and not theirs.startswith("_"):
                made.append(f"{house.place(one.importer, one.line)}: imports {one.target}")
    return made


def strangers(house: House) -> list[str]:
    """Return what lies among plugins and is none: modules that begin with an underscore."""
    folders = plugin_folders(house)
    return [
        f"{folder}.{name}"
        for folder in folders
        for name in house.children(folder)
        if name[0] == "_"
    ]
