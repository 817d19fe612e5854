"""A file of every answer of an evaluation: JSON lines, one a recording, in the order of the data.

A row holds ``id``, ``group``, ``reference``, ``candidates`` (``[{"text", "score", "probability"},
...]``, best first), ``errors`` and ``length``: edits to the best text and symbols of the reference;
of a swipe whether its word is wrong, of 1.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from edgectc.core.staging import write_bytes
from edgectc.core.types import Hypothesis, Swipe
from edgectc.evaluation import accuracy, sequences


def of_swipes(swipes: Sequence[Swipe], answers: Sequence[accuracy.Answer]) -> list[dict[str, Any]]:
    """Return the rows of labelled swipes, whose ids are their places in the data, and answers."""
    return [
        {
            "id": f"swipe {place}",
            "group": answer.user,
            "reference": swipe.word,
            "candidates": _candidates(answer.candidates),
            "errors": int(not answer.right()),
            "length": 1,
        }
        for place, (swipe, answer) in enumerate(zip(swipes, answers, strict=True))
    ]


def of_sequences(
    answers: Sequence[sequences.Answer], separator: str, reader: sequences.Reader | None = None
) -> list[dict[str, Any]]:
    """Return the rows of answers to recordings; with a ``reader`` of words they are spelled too."""
    rows = []
    for one in answers:
        row: dict[str, Any] = {
            "id": one.name,
            "group": one.group,
            "reference": separator.join(one.target),
            "candidates": _candidates(one.candidates),
            "errors": one.errors,
            "length": len(one.target),
        }
        if reader is not None:
            row["reference_words"] = reader.spelled(one.target)
            row["words"] = reader.spelled(one.best)
        rows.append(row)
    return rows


def write(path: str | os.PathLike[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, whole or not at all.

    Raises:
        WriteError: the file cannot be written.
    """
    lines = (json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
    write_bytes(path, "".join(lines).encode("utf-8", "surrogatepass"))


def _candidates(candidates: Sequence[Hypothesis]) -> list[dict[str, Any]]:
    return [
        {
            "text": one.text,
            "score": round(one.score, 6),
            "probability": round(one.probability, 6),
        }
        for one in candidates
    ]
