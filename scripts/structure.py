"""Measures the structure of the package and says what it should be.

    python scripts/structure.py [--json] [ROOT]

ROOT is a checkout; by default this one. The layout is read from the tree itself and the floors from
the docstrings that draw them, see `house.floors`. tests/core/test_structure.py holds the limits.
"""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from house import floors, guesses, names, sizes
from house.tree import House, Module, imports

PACKAGE = "edgectc"
# Most that is allowed of each measure; those that are missing here are only told.
LIMITS: dict[str, float] = {
    "packages": 14,
    "silent": 0,
    "module_circles": 0,
    "package_circles": 0,
    "floors": 0,
    "plugins": 0,
    "strangers": 0,
    "private": 0,
    "twins": 0,
    "any_per_100": 1.2,
    "cast": 3,  # what the packages before this house had; so are the next two
    "object": 53,
    "type_ignore": 13,
    "signature_outside": 0,
    "families": 0,
    "file_lines": 500,
    "file_lines_median": 140,
    "function_text": 60,
    "function_text_median": 8,
}
OWN_NETWORK = f"{PACKAGE}/exporting/byo/"  # a stranger's network may be asked what it takes
_APART = {"tests", "docs", "models", "build", "dist", "runs", "node_modules", PACKAGE}
_CODE = {".py", ".c", ".h", ".java", ".js", ".mjs"}


@dataclass(frozen=True)
class Measure:
    """One row of the table.

    Attributes:
        name: what is measured.
        value: of this tree.
        places: where, for those who mend it.
        limit: most that is allowed; None where there is none.
    """

    name: str
    value: float
    places: tuple[str, ...] = ()
    limit: float | None = None

    @property
    def holds(self) -> bool:
        return self.limit is None or self.value <= self.limit


def measure(root: Path) -> dict[str, Measure]:
    """Return every measure of a checkout, by a short name."""
    house = House(root / PACKAGE)
    made = {
        **_top(root, house),
        **_imports(house),
        **_names(house),
        **_types(house),
        **_guesses(house),
        **_sizes(house),
    }
    return {key: replace(one, limit=LIMITS.get(key)) for key, one in made.items()}


def _top(root: Path, house: House) -> dict[str, Measure]:
    children = house.children(house.top)
    packages = sorted(name for name, deeper in children.items() if deeper)
    modules = sorted(name for name, deeper in children.items() if not deeper)
    beside = [name for name in modules if name != "__main__"]
    arrows = floors.arrows_in(house, house.top)
    drawn = sorted(f"{a} -> {b}" for a, others in arrows.items() for b in others)
    outside = _outside(root)
    more = sorted(f"{a} -> {b}" for a in outside for b in _rooms_used(root / a, house))
    rooms = [*packages, *modules, "__init__", *outside]
    return {
        "packages": _listed("packages at the top", packages),
        "modules": _listed("modules beside them", beside),
        "rooms": _listed("rooms of the repository", rooms),
        "arrows": _listed("import arrows between rooms of the package", drawn),
        "all_arrows": _listed("import arrows between rooms of the repository", [*drawn, *more]),
        "silent": _listed("packages without a docstring", names.silent_packages(house)),
    }


def _outside(root: Path) -> list[str]:
    """Return the folders of a checkout that hold code and are not the package, sorted."""
    folders = [path for path in root.iterdir() if path.is_dir() and path.name not in _APART]
    return sorted(
        path.name
        for path in folders
        if path.name[0] != "." and any(file.suffix in _CODE for file in path.rglob("*"))
    )


def _rooms_used(folder: Path, house: House) -> set[str]:
    """Return the rooms of the package that the Python files of another folder import."""
    used = set()
    for path in sorted(p for p in folder.rglob("*.py") if "node_modules" not in p.parts):
        source = path.read_text(encoding="utf-8")
        module = Module(folder.name, path, False, source, ast.parse(source, str(path)))
        used |= {house.room(one.target) for one in imports(module, house)}
    return used


def _imports(house: House) -> dict[str, Measure]:
    modules = [" <-> ".join(circle) for circle in floors.module_circles(house)]
    packages = [" <-> ".join(circle) for circle in floors.package_circles(house)]
    types = [" <-> ".join(circle) for circle in floors.module_circles(house, typing=True)]
    return {
        "module_circles": _listed("import circles between modules", modules),
        "package_circles": _listed("import circles between packages", packages),
        "circles_with_types": _listed("circles if TYPE_CHECKING counted", types),
        "floors": _listed("imports against the floors", floors.violations(house)),
        "plugins": _listed("plugins that import each other", floors.between_plugins(house)),
        "strangers": _listed("modules among plugins, not plugins", floors.strangers(house)),
        "plugin_folders": _listed("plugin folders", floors.plugin_folders(house)),
    }


def _names(house: House) -> dict[str, Measure]:
    return {
        "private": _listed("private names of other packages", names.private_uses(house)),
        "twins": _listed("functions with the name of a module", names.twins(house)),
    }


def _types(house: House) -> dict[str, Measure]:
    counts = guesses.open_types(house)
    return {
        "any": Measure("Any", counts["any"]),
        "any_per_100": Measure("Any in 100 lines, MIL apart", counts["any_per_100_lines"]),
        "cast": Measure("casts", counts["cast"]),
        "object": Measure("object as a type", counts["object"]),
        "type_ignore": Measure("type: ignore", counts["type_ignore"]),
    }


def _guesses(house: House) -> dict[str, Measure]:
    signatures = guesses.calls(house, "signature")
    outside = {file: n for file, n in signatures.items() if not file.startswith(OWN_NETWORK)}
    return {
        "signature": _counted("inspect.signature", signatures),
        "signature_outside": _counted("inspect.signature, networks of others apart", outside),
        "getattr": _counted("getattr with a default", guesses.calls(house, "getattr")),
        "hasattr": _counted("hasattr", guesses.calls(house, "hasattr")),
        "families": _listed("places that ask for a family", guesses.family_questions(house)),
    }


def _sizes(house: House) -> dict[str, Measure]:
    made = {}
    for kind, held in sizes.measured(house).items():
        found = sizes.summary(held)
        for way in sizes.WAYS:
            ranked = sorted(held, key=lambda size, way=way: -getattr(size, way))
            top = tuple(f"{getattr(size, way)} {size.where}" for size in ranked[:5])
            key, label = f"{kind}_{way}", f"{kind}, {way}"
            made[key] = Measure(f"longest {label}", found[way]["largest"], top)
            made[f"{key}_median"] = Measure(f"median {label}", found[way]["median"])
    return made


def _listed(name: str, places: Iterable[str]) -> Measure:
    held = tuple(places)
    return Measure(name, len(held), held)


def _counted(name: str, files: dict[str, int]) -> Measure:
    return Measure(name, sum(files.values()), tuple(f"{file} {n}" for file, n in files.items()))


def table(measures: dict[str, Measure]) -> str:
    """Return the measures as text: those with a limit marked, those that break it listed."""
    width = max(len(one.name) for one in measures.values())
    lines = []
    for one in measures.values():
        limit = "" if one.limit is None else f"<= {one.limit:g}"
        verdict = "" if one.limit is None else "ok" if one.holds else "TOO MANY"
        lines.append(f"{one.name:<{width}}  {one.value:>8g}  {limit:<8}  {verdict}".rstrip())
        if not one.holds:
            lines += [f"    {place}" for place in one.places]
    return "\n".join(lines)


def to_json(measures: dict[str, Measure]) -> dict[str, Any]:
    return {key: {**asdict(one), "holds": one.holds} for key, one in measures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("--json", action="store_true", help="print JSON, all places included")
    options = parser.parse_args()
    made = measure(options.root.resolve())
    print(json.dumps(to_json(made), indent=1, sort_keys=True) if options.json else table(made))


if __name__ == "__main__":
    main()
