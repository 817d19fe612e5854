"""Manifests and indexes with one value changed, sealed again as their maker would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgectc.formats import manifest as manifests

FILES = Path(__file__).parents[1] / "compat/files-1"
Edit = Callable[[dict[str, Any]], object]
HEAD = manifests.PREFIX + b"0" * 64 + b'","manifest":'


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


def sealed(values: dict[str, Any] | str) -> bytes:
    text = values if isinstance(values, str) else json.dumps(values, separators=(",", ":"))
    data = manifests.sealed(HEAD + text.encode() + b"}")
    assert isinstance(data, bytes)
    return data


def edited(values: dict[str, Any], edit: Edit) -> dict[str, Any]:
    values = json.loads(json.dumps(values))
    edit(values)
    return values


def change(folder: Path, edit: Edit) -> None:
    index = folder / "bundle.json"
    index.write_text(json.dumps(edited(json.loads(index.read_text()), edit)))
