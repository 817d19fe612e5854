"""The structure of the package is held, and the script that measures it finds what it should."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "scripts"))

import structure
import trace_rooms
from house import floors, guesses, names, sizes
from house.tree import House, circles

ROOT = Path(__file__).parents[2]
# Files that may ask what something has, how often, and why no contract can say it.
MAY_GUESS = {
    "edgectc/benchmarking/machine.py": (2, "what the operating system has"),
    "edgectc/commands/environment.py": (1, "what the operating system has"),
    "edgectc/core/config.py": (1, "the name of a type, where it has one"),
    "edgectc/data/importers/__init__.py": (1, "the text of an error of the operating system"),
    "edgectc/data/swipe_files.py": (1, "the text of an error of the operating system"),
    "edgectc/exporting/byo/adapter.py": (1, "what a network made elsewhere answers"),
    "edgectc/exporting/byo/caches.py": (2, "what a network made elsewhere has"),
    "edgectc/exporting/byo/inputs.py": (1, "what a network made elsewhere has"),
    "edgectc/exporting/byo/factory.py": (1, "what a module of the caller has"),
    "edgectc/training/loop/trainer.py": (1, "the precision of Lightning"),
}


@pytest.fixture(scope="module")
def measured() -> dict[str, structure.Measure]:
    return structure.measure(ROOT)


@pytest.mark.parametrize("name", structure.LIMITS)
def test_a_limit_is_held(measured: dict[str, structure.Measure], name: str) -> None:
    one = measured[name]
    told = "".join(f"\n  {place}" for place in one.places)
    assert one.holds, f"{one.name}: {one.value:g}, at most {one.limit:g}{told}"


def test_no_plugin_is_asked_what_it_has(measured: dict[str, structure.Measure]) -> None:
    found: dict[str, int] = {}
    for kind in ("getattr", "hasattr"):
        for place in measured[kind].places:
            file, count = place.rsplit(" ", 1)
            found[file] = found.get(file, 0) + int(count)
    assert found == {file: count for file, (count, _) in MAY_GUESS.items()}


def test_every_kind_of_plugin_has_its_folder(measured: dict[str, structure.Measure]) -> None:
    from edgectc.core import registry

    folders = {folder.rpartition(".")[2] for folder in measured["plugin_folders"].places}
    assert folders == {*registry.KINDS}


def house(folder: Path, files: Mapping[str, str]) -> House:
    """Write a package ``edgectc``; an ``__init__`` that is not given has a docstring alone."""
    for name, text in files.items():
        path = folder / "edgectc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    top = folder / "edgectc"
    for inner in [top, *(path for path in top.rglob("*") if path.is_dir())]:
        if not (inner / "__init__.py").exists():
            (inner / "__init__.py").write_text('"""A package."""\n', encoding="utf-8")
    return House(top)


def drawn(*lines: str, more: str = "") -> str:
    return '"""A package.\n\n' + "\n".join(f"    {line}" for line in lines) + f'\n"""\n{more}'


def late(line: str) -> str:
    return f"def function():\n    {line}\n"


TYPING = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "


@pytest.mark.parametrize(
    "line",
    [
        "import edgectc.b",
        "from edgectc import b",
        "from edgectc.b import name",
        "from . import b",
        "from .b import name",
        "importlib.import_module('edgectc.b')",
        "torch_module('b', extra='torch')",
    ],
)
def test_a_circle_by_a_late_import_is_found(tmp_path: Path, line: str) -> None:
    made = house(tmp_path, {"a.py": late(line), "b.py": "from edgectc.a import function\n"})
    assert floors.module_circles(made) == [["edgectc.a", "edgectc.b"]]


def test_a_circle_by_types_alone_is_none(tmp_path: Path) -> None:
    files = {"a.py": f"{TYPING}from edgectc.b import B\n", "b.py": "import edgectc.a\n"}
    made = house(tmp_path, files)
    assert floors.module_circles(made) == []
    assert floors.module_circles(made, typing=True) == [["edgectc.a", "edgectc.b"]]


def test_the_other_branch_of_type_checking_runs(tmp_path: Path) -> None:
    text = f"{TYPING}pass\nelse:\n    import edgectc.b\n"
    made = house(tmp_path, {"a.py": text, "b.py": "import edgectc.a\n"})
    assert floors.module_circles(made) == [["edgectc.a", "edgectc.b"]]


def test_packages_that_import_each_other_are_found_though_no_module_does(tmp_path: Path) -> None:
    files = {
        "one/a.py": "import edgectc.two.a\n",
        "one/b.py": "",
        "two/a.py": "",
        "two/b.py": "import edgectc.one.b\n",
    }
    made = house(tmp_path, files)
    assert floors.module_circles(made) == []
    assert floors.package_circles(made) == [["edgectc.one", "edgectc.two"]]


def test_circles_are_found_inside_packages_too(tmp_path: Path) -> None:
    files = {
        "p/one/a.py": "from edgectc.p import door\n",
        "p/one/b.py": "",
        "p/door.py": "import edgectc.p.one.b\n",
    }
    assert floors.package_circles(house(tmp_path, files)) == [["edgectc.p.door", "edgectc.p.one"]]


def test_the_table_of_public_names_counts_as_imports(tmp_path: Path) -> None:
    table = '_WHERE = {"load": "run.door", "Error": "core"}\n'
    door = "import edgectc\n"
    files = {"__init__.py": drawn("2  run", "1  core", more=table)}
    made = house(tmp_path, {**files, "run/door.py": door, "core.py": ""})
    assert floors.module_circles(made) == [["edgectc", "edgectc.run.door"]]
    assert floors.violations(made) == [
        "edgectc/run/door.py:1: run (floor 2) imports edgectc (floor 3)"
    ]


def test_circles_of_a_graph() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"f"}}
    assert circles(arrows) == [["a", "b", "c"], ["d", "e"]]


def test_imports_from_lower_floors_and_of_types_are_fine(tmp_path: Path) -> None:
    files = {
        "__init__.py": drawn("2  high", "1  low  plain"),
        "high/a.py": "import edgectc.low.a\nimport edgectc.high.b\nimport edgectc.plain\n",
        "high/b.py": "",
        "low/a.py": f"{TYPING}import edgectc.high.b\n",
        "plain.py": "",
    }
    assert floors.violations(house(tmp_path, files)) == []


def test_neighbours_and_higher_floors_may_not_be_imported(tmp_path: Path) -> None:
    files = {
        "__init__.py": drawn("2  high", "1  low  plain"),
        "high/a.py": "",
        "low/a.py": late("import edgectc.plain"),
        "plain.py": "from edgectc.high.a import name\n",
    }
    assert floors.violations(house(tmp_path, files)) == [
        "edgectc/low/a.py:2: low (floor 1) imports edgectc.plain (floor 1)",
        "edgectc/plain.py:1: plain (floor 1) imports edgectc.high.a (floor 2)",
    ]


def test_what_is_not_drawn_or_not_there_is_told(tmp_path: Path) -> None:
    files = {"__init__.py": drawn("2  a", "1  a  ghost"), "a.py": "", "b.py": "", "__main__.py": ""}
    assert sorted(floors.violations(house(tmp_path, files))) == [
        "edgectc: __main__ stands on no floor",
        "edgectc: a is drawn twice",
        "edgectc: b stands on no floor",
        "edgectc: ghost is drawn and not there",
    ]
    assert floors.violations(house(tmp_path / "other", {"a.py": ""})) == [
        "edgectc/__init__.py draws no floors"
    ]


def test_a_package_may_draw_floors_of_its_own(tmp_path: Path) -> None:
    files = {
        "__init__.py": drawn("1  p"),
        "p/__init__.py": drawn("2  door", "1  a  b", more="from edgectc.p.door import name\n"),
        "p/door.py": "import edgectc.p.a\n",
        "p/a.py": "import edgectc.p.b.c\n",
        "p/b/c.py": "",
    }
    assert floors.violations(house(tmp_path, files)) == [
        "edgectc/p/a.py:1: a (floor 1) imports edgectc.p.b.c (floor 1)"
    ]


def test_plugins_are_found_by_the_registry_and_import_no_neighbour(tmp_path: Path) -> None:
    files = {
        "core/registry.py": 'KINDS = {"sorts": "p.sorts", "others": "q"}\n',
        "p/sorts/a.py": late("from edgectc.p.sorts import b"),
        "p/sorts/b.py": "from edgectc.p.sorts._help import name\nimport edgectc.p.shared\n",
        "p/sorts/_help.py": "",
        "p/shared.py": "",
        "q/others/c.py": "",
    }
    made = house(tmp_path, files)
    assert floors.plugin_folders(made) == ["edgectc.p.sorts", "edgectc.q.others"]
    assert floors.between_plugins(made) == ["edgectc/p/sorts/a.py:2: imports edgectc.p.sorts.b"]
    assert floors.strangers(made) == ["edgectc.p.sorts._help"]


def test_without_a_registry_plugins_are_found_by_the_usual_names(tmp_path: Path) -> None:
    made = house(tmp_path, {"p/decoders/a.py": "", "p/search/b.py": ""})
    assert floors.plugin_folders(made) == ["edgectc.p.decoders"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("from edgectc.p import _m", "edgectc.p._m"),
        ("from edgectc.p._m import name", "edgectc.p._m"),
        ("import edgectc.p._m as m", "edgectc.p._m"),
        ("from edgectc.p.m import _name", "edgectc.p.m._name"),
        ("from edgectc.p import m\nm._name()", "edgectc.p.m._name"),
        ("import edgectc.p.m\nedgectc.p.m._name()", "edgectc.p.m._name"),
        ("import edgectc.p.m as short\nshort._name()", "edgectc.p.m._name"),
        (f"{TYPING}from edgectc.p.m import _Type", "edgectc.p.m._Type"),
        ("from edgectc.beside import _name", "edgectc.beside._name"),
    ],
)
def test_a_private_name_of_another_package_is_found(tmp_path: Path, line: str, what: str) -> None:
    files = {"p/m.py": "", "p/_m.py": "", "beside.py": "", "q/a.py": line, "b.py": line}
    found = names.private_uses(house(tmp_path, files))
    assert {text.partition(": ")[2] for text in found} == {what}
    assert {text.partition(":")[0] for text in found} == {"edgectc/q/a.py", "edgectc/b.py"}


def test_private_names_of_the_own_package_are_fine(tmp_path: Path) -> None:
    text = (
        "from edgectc.p import _m, m\nfrom edgectc.p.m import _name\nm._name()\n"
        "import edgectc\nedgectc.__version__\nself._name\n"
    )
    files = {"p/m.py": "", "p/_m.py": "", "p/a.py": text, "p/_q/a.py": "import edgectc.p._q.b\n"}
    assert names.private_uses(house(tmp_path, {**files, "p/_q/b.py": ""})) == []


def test_functions_with_the_name_of_a_module_are_found(tmp_path: Path) -> None:
    files = {
        "__init__.py": '"""Package."""\n_WHERE = {"check": "p.checks", "go": "p.m"}\n',
        "check.py": "",
        "p/__init__.py": '"""Package."""\nfrom edgectc.p.m import m\n',
        "p/m.py": "def m(): ...\ndef p(): ...\ndef other(): ...\nclass P: ...\n",
        "p/checks.py": "def check(): ...\nclass Inner:\n    def checks(self): ...\n",
        "p/_q.py": "def _q(): ...\n",
    }
    assert names.twins(house(tmp_path, files)) == [
        "edgectc/__init__.py:2: check and module edgectc.check",
        "edgectc/p/__init__.py:2: m and module edgectc.p.m",
        "edgectc/p/m.py:1: m()",
        "edgectc/p/m.py:2: p()",
    ]


def test_packages_without_a_docstring_are_found(tmp_path: Path) -> None:
    made = house(tmp_path, {"p/__init__.py": "", "q/a.py": ""})
    (tmp_path / "edgectc/q/__init__.py").unlink()
    assert names.silent_packages(House(tmp_path / "edgectc")) == ["edgectc.p", "edgectc.q"]
    assert names.silent_packages(made) == ["edgectc.p"]


def test_open_types_are_counted(tmp_path: Path) -> None:
    text = (
        "from typing import Any, cast\nimport typing\n"
        "def f(a: Any, b: typing.Any, c: dict[str, object]) -> object:\n"
        '    """Any text."""\n'
        "    d: list[Any] = cast(list, object())\n"
        "    return typing.cast(int, d)  # type: ignore[arg-type]\n"
    )
    made = guesses.open_types(house(tmp_path, {"a.py": text, "mil.py": "x: Any\n" * 3}))
    assert made == {
        "any": 7, "cast": 2, "object": 2, "type_ignore": 1, "any_per_100_lines": round(400 / 7, 3),
    }  # fmt: skip


def test_guesses_are_counted_by_file(tmp_path: Path) -> None:
    text = (
        "inspect.signature(f)\nsignature(f)\ngetattr(a, 'b')\ngetattr(a, 'b', None)\n"
        "hasattr(a, 'b')\nself.getattr(a, 'b', None)\n"
    )
    made = house(tmp_path, {"p/a.py": text, "b.py": ""})
    assert guesses.calls(made, "signature") == {"edgectc/p/a.py": 2}
    assert guesses.calls(made, "getattr") == {"edgectc/p/a.py": 1}
    assert guesses.calls(made, "hasattr") == {"edgectc/p/a.py": 1}


@pytest.mark.parametrize(
    "line",
    [
        'kind == "swipe"',
        'kind != "neural"',
        'kind in ("swipe", "other")',
        'kind in {"neural"}',
        '"swipe" in kinds',
        "kind in _KINDS",
        '(a, b) == ("swipe", "lexicon")',
        '{"landmarks": 1, "neural": 2}',
        'table["swipe"]',
        'table.get("swipe")',
        'kind.startswith("swipe")',
        'match kind:\n    case "swipe" | "neural": ...',
        'index.model["frontend"]["type"] == other',
        'str(frontend["type"]) == other',
        'frontend.get("type") == other',
    ],
)
def test_a_question_for_a_family_is_found(tmp_path: Path, line: str) -> None:
    text = f'_KINDS = ("swipe", "neural")\n{line}\n'
    own = ("swipe.py", "swipe_files.py", "p/neural.py", "p/swipes/a.py", "importers/b.py")
    made = house(tmp_path, {name: text for name in ("p/a.py", "p/keyboard.py", *own)})
    found = {place.partition(":")[0] for place in guesses.family_questions(made)}
    assert found == {"edgectc/p/a.py", "edgectc/p/keyboard.py"}


@pytest.mark.parametrize(
    "line", ['{"type": "swipe"}', 'load("swipe")', 'kind == "int8"', 'unit = "swipe"', 'a["type"]']
)
def test_naming_a_family_is_no_question(tmp_path: Path, line: str) -> None:
    assert guesses.family_questions(house(tmp_path, {"a.py": line})) == []


def test_lengths_are_counted_three_ways(tmp_path: Path) -> None:
    text = (
        '"""Module."""\n\n\ndef f():\n    """Two\n    lines."""\n    # why\n\n    return 1\n'
        "\n\ndef g():\n    return (\n        2\n    )\n"
    )
    made = sizes.measured(house(tmp_path, {"a.py": text}))
    (whole,) = [size for size in made["file"] if size.where == "edgectc/a.py"]
    assert (whole.lines, whole.text, whole.code) == (15, 14, 6)
    assert [(s.lines, s.text, s.code) for s in made["function"]] == [(6, 4, 2), (4, 4, 4)]
    assert made["function"][0].where == "edgectc/a.py:4 f"
    assert sizes.summary(made["function"])["text"] == {"largest": 4, "median": 4.0}


def test_the_table_lists_what_breaks_a_limit_and_json_lists_all(tmp_path: Path) -> None:
    house(tmp_path, {"__init__.py": drawn("1  a"), "a.py": "def a(): ...\n"})
    script = [sys.executable, str(ROOT / "scripts/structure.py"), str(tmp_path)]
    text = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    assert "TOO MANY\n    edgectc/a.py:1: a()" in text
    answer = subprocess.run([*script, "--json"], capture_output=True, text=True, check=True).stdout
    made = json.loads(answer)
    assert made["twins"] == {
        "name": "functions with the name of a module", "value": 1, "limit": 0, "holds": False,
        "places": ["edgectc/a.py:1: a()"],
    }  # fmt: skip


def test_moves_between_rooms_are_counted_in_order_of_first_entry() -> None:
    order = ["run/load.py", "core/files.py", "run/model.py", "data/a.py", "run/load.py", "run/b.py"]
    assert trace_rooms.moves(order) == 2  # run, data, run: the ground floor is passed over
    assert trace_rooms.moves(["run/load.py", "__init__.py"]) == 0


@pytest.mark.slow
def test_a_trace_reads_each_file_of_the_model_once() -> None:
    pytest.importorskip("onnxruntime")
    made = trace_rooms.traced("load+trace", ROOT)
    assert made["files_with_functions"] <= 29
    assert "networks built" not in made["events"]
    for what in ("bundles read", "artifacts read", "lexicons read", "language models loaded"):
        assert made["events"].get(what) == 1, what
