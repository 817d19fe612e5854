"""What a verb returns where its result is a page of figures: the JSON document that it prints."""

from __future__ import annotations

from typing import Any

_SHOWN = 12


class Document(dict[str, Any]):
    """A JSON document, as ``--json`` prints it; a notebook shows its simple values alone."""

    def __repr__(self) -> str:
        shown = [f"{name}={_short(value)}" for name, value in self.items()][:_SHOWN]
        more = [f"... {len(self) - _SHOWN} more"] if len(self) > _SHOWN else []
        return f"{type(self).__name__}({', '.join([*shown, *more])})"


def _short(value: Any) -> str:
    if isinstance(value, dict):
        if "value" in value:
            return _short(value["value"])
        return f"{{{len(value)} keys}}"
    if isinstance(value, (list, tuple)):
        return f"[{len(value)} items]"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
