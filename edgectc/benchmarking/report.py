"""Names for the JSON of a bench; what each key holds is in ``schema.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]  # of the report, and its parts
Figures: TypeAlias = dict[str, Any]  # a part that is being made, or an answer of a worker
