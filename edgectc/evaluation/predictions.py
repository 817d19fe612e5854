"""A file of every answer of an evaluation: JSON lines, one a recording, in the order of the data.

A row holds ``id``, ``group``, ``reference``, ``candidates`` (``[{"text", "score", "probability"},
...]``, best first), ``errors`` and ``length``: edits to the best text and symbols of the reference;
of a swipe whether its word is wrong, of 1.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from edgectc.core.staging import staged
from edgectc.core.types import Hypothesis
from edgectc.evaluation import accuracy, sequences

Row = Mapping[str, Any]


def of_swipe(place: int, answer: accuracy.Answer) -> Row:
    """Return the row of an answer to a labelled swipe, whose id is its place in the data."""
    return {
        "id": f"swipe {place}",
        "group": answer.user,
        "reference": answer.label,
        "candidates": _candidates(answer.candidates),
        "errors": int(not answer.right()),
        "length": 1,
    }


def of_sequence(
    one: sequences.Answer, separator: str, reader: sequences.Reader | None = None
) -> Row:
    """Return the row of an answer to a recording; with a ``reader`` of words it is spelled too."""
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
    return row


@contextmanager
def writing(path: str | os.PathLike[str] | None) -> Iterator[Callable[[Row], None]]:
    """Yield what takes the rows, one after another; the file is written whole or not at all.

    Args:
        path: of the file; None for none.

    Raises:
        WriteError: the file cannot be written.
    """
    if path is None:
        yield lambda row: None
        return
    with staged(path) as temporary, temporary.open("wb") as file:

        def write(row: Row) -> None:
            text = json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"
            file.write(text.encode("utf-8", "surrogatepass"))

        yield write


def _candidates(candidates: Sequence[Hypothesis]) -> list[dict[str, Any]]:
    return [
        {
            "text": one.text,
            "score": round(one.score, 6),
            "probability": round(one.probability, 6),
        }
        for one in candidates
    ]
