"""Which reference cases travel inside an artifact: within a budget of bytes, or beside it.

The proof before a file gets its name is of all cases; these are what others check the file with.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgectc.core.errors import ConfigError
from edgectc.core.types import Check
from edgectc.formats.reference import Case

SAMPLE = "sample-"  # what the names of cases from recordings begin with
LEAST_BYTES, MOST_BYTES = 60_000, 2_000_000
NONE = "none"
_VALUE = 4 * 4 / 3  # bytes of a float32 as base64
_AROUND = 300  # bytes of names and brackets of a case
_OF_RECORDINGS = 0.75  # of the budget, at most; the rest is for chosen lengths


@dataclass(frozen=True)
class References:
    """What becomes of reference cases.

    Attributes:
        most_bytes: of those inside; 0 for none.
        file: that holds all of them, beside the artifact; None for no such file.
    """

    most_bytes: int
    file: Path | None = None


def said(references: int | str | None, weights_bytes: int) -> References:
    """Return what ``references`` means.

    Args:
        references: most bytes, "none", a file to write all cases to, or None for the weights' size,
            at least 60 kB and at most 2 MB.
        weights_bytes: of the network.

    Raises:
        ConfigError: a number below 1.
    """
    if references is None:
        return References(max(LEAST_BYTES, min(MOST_BYTES, weights_bytes)))
    text = str(references)
    if text == NONE:
        return References(0)
    try:
        most = int(text)
    except ValueError:
        return References(0, Path(text))
    if most < 1:
        raise ConfigError(
            f"references is {most}, expected bytes, 1 or more, 'none' or the name of a file",
            options=["references"],
        )
    return References(most)


def check_file(file: Path | None, final: Path) -> None:
    """Refuse a file that would not lie beside the artifact, where it is looked for.

    Raises:
        ConfigError: it would not.
    """
    if file is not None and os.path.realpath(file.parent) != os.path.realpath(final.parent):
        raise ConfigError(
            f"references is {str(file)!r}, expected a file beside the artifact, "
            f"{str(final.parent / file.name)!r}: it is looked for there",
            options=["references"],
        )


def cost(case: Case) -> float:
    """Return the bytes of a case in a manifest, without what follows its length."""
    raw = 0 if case.points is None else case.points.nbytes * 4 / 3
    return _VALUE * (case.length * case.trace.shape[1] + case.log_probs.size) + raw + _AROUND


def longest_within(most: int, cost_of: Callable[[int], float], most_bytes: float) -> int:
    """Return the longest length up to ``most`` within a budget, by bisection; 0 if none is."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost_of(middle) <= most_bytes else (low, middle)
    return low


def trimmed(case: Case) -> Case:
    """Return a case without its padding, and without the recording that its frames are."""
    return replace(case, trace=case.trace[: max(1, case.length)], points=None)


def inside(cases: Sequence[Case], most_bytes: int, first: str = "") -> tuple[list[Case], Check]:
    """Return the cases that fit a budget, trimmed, and what to say of it.

    Args:
        cases: all of them.
        most_bytes: of those that are returned; 0 for none.
        first: name of the case that goes before all others.

    Raises:
        ConfigError: nothing with an output frame fits.
    """
    if not most_bytes:
        text = f"none inside, as asked for; {len(cases)} were looked at before it got its name"
        return [], Check("references", "pass", text)
    every = sorted((trimmed(case) for case in cases), key=cost)
    recordings = [case for case in every if case.name.startswith(SAMPLE)]
    rest = [case for case in every if not case.name.startswith(SAMPLE)]
    kept, spent = list[Case](), 0.0
    for case in sorted(every, key=lambda case: case.name != first)[:1] if first else ():
        kept, spent = [case], cost(case)
    for part, most in ((recordings, _OF_RECORDINGS * most_bytes), (rest, most_bytes)):
        for case in part:
            if case not in kept and spent + cost(case) <= most:
                kept.append(case)
                spent += cost(case)
    if not any(len(case.log_probs) for case in kept):
        least = min((cost(case) for case in every if len(case.log_probs)), default=0.0)
        raise ConfigError(
            f"no reference case fits {most_bytes:,} bytes, the smallest has {least:,.0f}; say "
            f"references={int(least / _OF_RECORDINGS) + 1} or more (--references), 'none', or the "
            "name of a file beside the artifact",
            options=["references"],
        )
    names = {case.name for case in kept}
    text = (
        f"{len(kept)} of {len(cases)} cases inside, {spent:,.0f} of at most {most_bytes:,} bytes; "
        "all were looked at before it got its name"
    )
    chosen = [trimmed(case) for case in cases if case.name in names]
    return chosen, Check("references", "pass", text)
