"""What a report of `edgectc bench` breaks of its schema."""

from __future__ import annotations

import json
from typing import Any

from edgectc.benchmarking import benchmark


def complaints(value: Any, schema: dict[str, Any], at: str = "$") -> list[str]:
    """What a value breaks of the part of JSON Schema that ours uses."""
    kinds = {
        "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
        "number": (int, float), "integer": int,
    }  # fmt: skip
    known = {"type", "required", "properties", "additionalProperties", "items", "enum", "const"}
    assert not schema.keys() - known - {"minimum", "$schema", "title", "description"}
    found = []
    if "type" in schema:
        wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        boolean = isinstance(value, bool) and "boolean" not in wanted
        if boolean or not any(isinstance(value, kinds[kind]) for kind in wanted):
            return [f"{at}: {value!r} is no {wanted}"]
    if value not in schema.get("enum", [value]) or schema.get("const", value) != value:
        found.append(f"{at}: {value!r} is not allowed")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{at}: {value} is below {schema['minimum']}")
    if isinstance(value, dict):
        found += [f"{at}: no {key!r}" for key in schema.get("required", []) if key not in value]
        more = schema.get("additionalProperties", {})
        for key, part in value.items():
            inner = schema.get("properties", {}).get(key, more)
            if inner is False:
                found.append(f"{at}: unexpected {key!r}")
            else:
                found += complaints(part, inner, f"{at}.{key}")
    if isinstance(value, list):
        for i, part in enumerate(value):
            found += complaints(part, schema.get("items", {}), f"{at}[{i}]")
    return found


def broken(report: dict[str, Any]) -> list[str]:
    return complaints(report, json.loads(benchmark.SCHEMA.read_text(encoding="utf-8")))
