"""The committed results: the page shows them and nothing else, and they are what they should be."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from edgectc.benchmarking import benchmark, report

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(scope="module")
def table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_table", BENCH / "table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_fresh(table: ModuleType) -> None:
    assert (BENCH / "TABLE.md").read_text(encoding="utf-8") == table.page(), (
        "bench/TABLE.md is stale; run: python bench/table.py"
    )


def test_every_result_is_on_the_page(table: ModuleType) -> None:
    shown = {*table.SECTIONS, "bench.html", "architectures.json"}  # of docs/architectures.md
    assert {path.name for path in (BENCH / "results").iterdir()} <= shown


def test_every_result_says_how_it_was_made(table: ModuleType) -> None:
    for path in sorted((BENCH / "results").glob("*.txt")):
        command, conditions, parts, _ = table.parse(path.read_text(encoding="utf-8"))
        assert command.startswith(f"python bench/{path.stem}.py"), path
        for word in ("cores", "Python 3", "thread", "load", "GPU"):
            assert word in conditions, (path, word)
        assert parts, path
        assert all(part.rows for part in parts), path


def test_columns_are_told_by_the_ruler(table: ModuleType) -> None:
    text = "cmd\nhere\n\nfirst\n\na one   b\n-----  --\nx y     1\nz      22\n\nlast\n"
    command, conditions, (part,), after = table.parse(text)
    assert (command, conditions, after) == ("cmd", "here", "last")
    assert part == ("first", ["a one", "b"], [["x y", "1"], ["z", "22"]])


def test_the_bench_of_the_shipped_model_fits_the_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = BENCH.parent / "edgectc" / "benchmarking" / "schema.json"
    report = json.loads((BENCH / "results" / "bench.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, json.loads(schema.read_text(encoding="utf-8")))
    ran = {row["runtime"] for row in report["rows"] if row["status"] == "ok"}
    assert {"onnx", "pte", "eager", "compiled"} <= ran


def test_the_types_of_a_report_are_those_of_its_schema() -> None:
    schema = json.loads(benchmark.SCHEMA.read_text(encoding="utf-8"))
    parts = {
        report.Report: schema,
        report.Machine: schema["properties"]["machine"],
        report.Row: schema["properties"]["rows"]["items"],
        report.Comparison: schema["properties"]["verdicts"]["items"],
        report.Trace: schema["properties"]["traces"]["additionalProperties"],
    }
    for kind, part in parts.items():
        assert kind.__required_keys__ == set(part["required"]), kind
        assert set(kind.__annotations__) == set(part["properties"]), kind
