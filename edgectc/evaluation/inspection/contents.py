"""The answer of every reader here, and how it is summed up."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Operator:
    """One operator of a graph.

    Attributes:
        kind: its name in the format.
        dtype: type it computes in, that of its weights where they decide, e.g. "int8".
        macs: multiply-adds of one call, 0 for what only adds, moves or maps.
        delegate: backend that runs it, "" for the runtime's own kernels.
    """

    kind: str
    dtype: str
    macs: int = 0
    delegate: str = ""


@dataclass(frozen=True)
class Weight:
    """One stored tensor."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int


@dataclass(frozen=True)
class Row:
    """Operators of one kind, type and backend together."""

    kind: str
    dtype: str
    delegate: str
    count: int
    macs: int


@dataclass(frozen=True)
class Contents:
    """Summary of a file.

    Attributes:
        rows: operators, most multiply-adds first, then most frequent.
        macs: multiply-adds of one call.
        int8_share: share of them in integers of 8 bits or less, 0..1.
        delegated_share: share of the operators that a backend runs, 0..1; None where the format
            knows no backends.
        weights_bytes: size of all stored tensors.
        largest: the largest of them.
        planned_bytes: memory that a call needs beside them, by method; None where the format does
            not plan it.
    """

    rows: tuple[Row, ...]
    macs: int
    int8_share: float
    delegated_share: float | None
    weights_bytes: int
    largest: tuple[Weight, ...]
    planned_bytes: Mapping[str, int] | None = None


def summed(
    operators: Sequence[Operator], weights: Iterable[Weight], *, delegates: bool
) -> Contents:
    """Return the summary of operators and weights; ``delegates`` if the format knows backends."""
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for one in operators:
        groups[one.kind, one.dtype, one.delegate].append(one.macs)
    rows = [Row(*key, count=len(macs), macs=sum(macs)) for key, macs in groups.items()]
    rows.sort(key=lambda row: (-row.macs, -row.count, row.kind, row.dtype))
    total = sum(row.macs for row in rows)
    small = sum(row.macs for row in rows if row.dtype in ("int8", "uint8", "int4", "uint4"))
    ran = sum(row.count for row in rows if row.delegate)
    stored = sorted(weights, key=lambda weight: (-weight.size_bytes, weight.name))
    return Contents(
        rows=tuple(rows),
        macs=total,
        int8_share=small / total if total else 0.0,
        delegated_share=(ran / len(operators) if operators else 0.0) if delegates else None,
        weights_bytes=sum(weight.size_bytes for weight in stored),
        largest=tuple(stored[:8]),
    )


def elements(shape: Sequence[int]) -> int:
    """Return the number of elements of a shape."""
    return math.prod(shape)
