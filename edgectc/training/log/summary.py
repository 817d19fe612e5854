"""What a run was, what it became and how good it is: one HTML page that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from edgectc.core.staging import write_bytes
from edgectc.core.types import JSON
from edgectc.training.settings import FIRST

FILE = "summary.html"
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0;"
    "border-bottom:1px solid #ccc;vertical-align:top}pre{background:#f5f5f5;padding:1rem;"
    "overflow:auto}svg{max-width:100%;height:auto}.wrong{color:#b00020}"
)
_EXAMPLES = 20


def write(run: Path, measured: Mapping[str, JSON] | None = None) -> Path:
    """Write ``summary.html`` into the folder of a run.

    Args:
        run: folder of a run that has ended.
        measured: what came after it, by title: "Bundle", "Figures", "Decoder" ...: simple values,
            tables of figures with ``value``, ``low`` and ``high``, lists of rows.
    """
    path = run / FILE
    write_bytes(path, page(run, measured or {}).encode(errors="backslashreplace"))
    return path


def page(run: Path, measured: Mapping[str, JSON]) -> str:
    """Return the page; every text of data, names and settings is escaped."""
    title = f"Training of {run.resolve().name}"
    lines = _lines(run / "metrics.jsonl")
    parts = [
        *_validation("Validation of the first phase", run / FIRST),
        *_validation("Validation", run),
        *_section("Test", _read(run / "test.json")),
        *(part for name, value in measured.items() for part in _section(name, value)),
        *_section("What the last validation said", _examples(lines)),
        *_section("Data", _identity(_read(run / "identity.json"))),
        *_section("Distillation", _read(run / "distillation.json")),
        "<h2>Settings</h2><pre>",
        escape(json.dumps(_read(run / "config.json"), indent=1, ensure_ascii=False)),
        "</pre>",
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{''.join(parts)}</html>\n"
    )


def _validation(title: str, run: Path) -> Iterator[str]:
    yield from _section(title, _dev(_lines(run / "metrics.jsonl")))
    curves = run / "curves.svg"
    if curves.is_file():
        yield curves.read_text(encoding="utf-8")


def _section(title: str, value: JSON) -> Iterator[str]:
    if value:
        yield f"<h2>{escape(title)}</h2>{_shown(value)}"


def _shown(value: JSON) -> str:
    """Return a value as HTML: tables of tables, lists of rows, or a text."""
    if isinstance(value, Mapping):
        if "value" in value and {*value} <= {"value", "low", "high"}:
            return escape(_figure(value))
        if table := _alike(value):
            return _shown(table)
        rows = [f"<tr><td>{escape(str(k))}<td>{_shown(v)}" for k, v in value.items()]
        return f"<table>{''.join(rows)}</table>"
    if isinstance(value, Sequence) and not isinstance(value, str):
        if all(isinstance(row, Sequence) and not isinstance(row, str) for row in value):
            rows = [
                "<tr>" + "".join(f"<td>{_shown(cell)}" for cell in row)
                for row in value
                if isinstance(row, Sequence)
            ]
            return f"<table>{''.join(rows)}</table>"
        return "<br>".join(_shown(one) for one in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return escape("" if value is None else str(value))


def _alike(value: Mapping[str, JSON]) -> list[list[JSON]]:
    """Return rows of the same columns as one table with a head; nothing where they differ."""
    rows = {n: row for n, row in value.items() if isinstance(row, Mapping) and "value" not in row}
    heads = [[*row] for row in rows.values()]
    if len(rows) < 2 or len(rows) < len(value) or any(head != heads[0] for head in heads):
        return []
    return [["", *heads[0]], *([name, *row.values()] for name, row in rows.items())]


def _figure(value: Mapping[str, JSON]) -> str:
    """Return "93.1 % (92.0 to 94.1)"; an interval that nothing tells is left out."""

    def percent(one: JSON) -> str:
        return f"{100 * one:.2f}" if isinstance(one, (int, float)) else "?"

    low, high = value.get("low"), value.get("high")
    interval = "" if low is None or high is None else f" ({percent(low)} to {percent(high)})"
    return f"{percent(value['value'])} %{interval}"


def _dev(lines: Sequence[Mapping[str, JSON]]) -> JSON:
    """Return the figures of each validation, the last twenty."""
    checked = [line for line in lines if "examples" in line]
    if not checked:
        return None
    names = [name for name in checked[-1] if name.startswith("dev_")]
    head = ["epoch", "step", "loss", "rate", *names]
    rows = [
        [line.get("epoch"), line.get("step"), line.get("loss"), line.get("lr")]
        + [line.get(name) for name in names]
        for line in checked[-_EXAMPLES:]
    ]
    return [head, *rows]


def _examples(lines: Sequence[Mapping[str, JSON]]) -> JSON:
    pairs = next((line["examples"] for line in reversed(lines) if line.get("examples")), None)
    if not isinstance(pairs, Sequence) or isinstance(pairs, str):
        return None
    return [["meant", "said"], *pairs[:_EXAMPLES]]


def _identity(identity: Mapping[str, JSON]) -> JSON:
    """Return files with their hashes, and rows; of what was before, the number of changes."""
    if not identity:
        return None
    data = identity.get("data")
    shown: dict[str, JSON] = {
        key: identity[key] for key in ("rows", "dropped") if identity.get(key)
    }
    if isinstance(data, Sequence) and data:
        shown["files"] = [
            [f["part"], f["name"], f["sha256"]] for f in data if isinstance(f, Mapping)
        ]
    else:
        shown["files"] = "generated samples: the figures say nothing of real ones"
    for key in ("split_by", "lexicon", "code"):
        shown |= {key: identity[key]} if identity.get(key) else {}
    before = identity.get("before")
    if isinstance(before, Sequence) and before:
        shown["changed while training"] = f"{len(before)} times, see identity.json"
    return shown


def _read(path: Path) -> Mapping[str, JSON]:
    """Return a JSON file of the run; nothing where there is none."""
    if not path.is_file():
        return {}
    values: Mapping[str, JSON] = json.loads(path.read_text(encoding="utf-8"))
    return values


def _lines(path: Path) -> list[Mapping[str, JSON]]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
