"""How a keyboard does in use, from its ledgers: JSON lines without text; see docs/ledger.md."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgectc.core import metrics
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.files import read_lines

VERSION = 1
WAYS = ("gesture", "taps", "completion", "next")
_KNOWN = {
    "by": str, "rank": int, "probability": float, "ms": float, "corrected": bool, "undone": bool,
    "foreseen": bool,
}  # fmt: skip
# What can be asked for: whether more is better, and what it is.
BUDGETS = {
    "first": (True, "share of swiped and tapped words whose first answer stayed"),
    "picked": (True, "share of swiped words whose first answer or another one stayed"),
    "undone": (False, "share of corrected words whose correction was taken back"),
    "foreseen": (True, "share of words that were among those foretold"),
    "p50_ms": (False, "median milliseconds of an answer"),
    "p95_ms": (False, "milliseconds within which 95 % of the answers came"),
    "calibration": (False, "mean difference of confidence and share of right first answers"),
}
_BINS = 10
_FEWEST = 20  # answers that a figure of calibration takes


@dataclass(frozen=True)
class Entry:
    """A word that was written.

    Attributes:
        by: one of `WAYS`.
        rank: place of the answer that stayed, from 1; 0 if none did.
        probability: of the first answer, 0..1; None where it was not noted.
        ms: from the finger to the answer.
        corrected: of taps: other letters than were tapped came out.
        undone: the correction was taken back.
        foreseen: the word was among those foretold; None where none were.
    """

    by: str
    rank: int
    probability: float | None = None
    ms: float | None = None
    corrected: bool = False
    undone: bool = False
    foreseen: bool | None = None


def read(path: str | os.PathLike[str]) -> list[Entry]:
    """Return the words of a ledger.

    Raises:
        InputError: reason ``unreadable_file`` or ``bad_field``: no ledger of this version, a line
            that is none, or a key that is not known, as one that holds text would be.
    """
    try:
        lines = [line for line in read_lines(path) if line.strip()]
    except ConfigError as error:
        raise InputError(str(error), reason="unreadable_file") from error
    head = _object(path, 1, lines[0]) if lines else {}
    if head.get("edgectc_ledger") != VERSION:
        raise InputError(
            f"{os.fspath(path)!r} begins with {lines[0][:60] if lines else 'nothing'!r}, expected "
            f'a ledger, which begins with {{"edgectc_ledger": {VERSION}, ...}}',
            reason="bad_field",
        )
    return [_entry(path, number, line) for number, line in enumerate(lines[1:], start=2)]


def _object(path: str | os.PathLike[str], number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InputError(
            f"{os.fspath(path)!r} line {number} is {line[:60]!r}, expected a JSON object",
            reason="bad_field",
        )
    return value


def _entry(path: str | os.PathLike[str], number: int, line: str) -> Entry:
    row = _object(path, number, line)
    where = f"{os.fspath(path)!r} line {number}"
    for key, value in row.items():
        kind = _KNOWN.get(key)
        if kind is None:
            raise InputError(
                f"{where} has the key {key!r}, known are {', '.join(_KNOWN)}; a ledger holds "
                "nothing else, and no text",
                reason="bad_field",
            )
        fits = isinstance(value, (int, float) if kind is float else kind)
        if not fits or (kind is not bool and isinstance(value, bool)):
            raise InputError(
                f"{where}: {key} is {value!r}, expected a {kind.__name__}", reason="bad_field"
            )
    entry = Entry(**{"by": "", "rank": -1, **row})
    share, ms = entry.probability, entry.ms
    good = entry.by in WAYS and entry.rank >= 0 and (share is None or 0.0 <= share <= 1.0)
    if not good or not (ms is None or 0.0 <= ms < math.inf):
        raise InputError(
            f"{where}: {line[:80]!r}, expected by of {', '.join(WAYS)}, rank from 0, probability "
            "0..1, ms from 0",
            reason="bad_field",
        )
    return entry


def summary(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return the figures of ledgers.

    ``words`` counts all and ``by`` each way; each figure of `BUDGETS` has its value, the answers
    that it is from, and, for shares, a 95 % interval; ``ranks`` counts the ranks of swipes,
    ``distribution_ms`` has percentiles 0 to 100 by 5, ``reliability`` the share that was right in
    each tenth of confidence.

    Raises:
        InputError: reason ``empty``: the ledgers hold no word.
    """
    if not entries:
        raise InputError("the ledgers hold no word", reason="empty")
    answers = [one for one in entries if one.by in ("gesture", "taps")]
    swipes = [one for one in entries if one.by == "gesture"]
    corrected = [one for one in entries if one.corrected]
    foretold = [one for one in entries if one.foreseen is not None or one.by == "next"]
    times = [one.ms for one in entries if one.ms is not None]
    shares = {
        "first": [_right(one) for one in answers],
        "picked": [one.rank > 0 for one in swipes],
        "undone": [one.undone for one in corrected],
        "foreseen": [bool(one.foreseen) or one.by == "next" for one in foretold],
    }
    figures = {name: _share(values) for name, values in shares.items() if values}
    if times:
        for name, level in (("p50_ms", 50), ("p95_ms", 95)):
            figures[name] = {"value": float(np.percentile(times, level)), "of": len(times)}
    bins = _reliability(answers)
    sure = sum(one["of"] for one in bins)
    if sure >= _FEWEST:
        off = sum(one["of"] * abs(one["confidence"] - one["right"]) for one in bins) / sure
        figures["calibration"] = {"value": off, "of": sure}
    return {
        "words": len(entries),
        "by": {way: sum(one.by == way for one in entries) for way in WAYS},
        "figures": figures,
        "ranks": {str(n): sum(one.rank == n for one in swipes)
                  for n in sorted({one.rank for one in swipes})},
        "distribution_ms": np.percentile(times, range(0, 101, 5)).tolist() if times else [],
        "reliability": bins,
    }  # fmt: skip


def _right(entry: Entry) -> bool:
    """Return whether the first answer stayed."""
    return entry.rank == 1 and not entry.undone


def _share(values: Sequence[bool]) -> dict[str, Any]:
    interval = metrics.wilson(sum(values), len(values))
    return {"value": sum(values) / len(values), "of": len(values), "interval": list(interval)}


def _reliability(answers: Iterable[Entry]) -> list[dict[str, Any]]:
    """Return confidence, share of right answers and their number in each tenth that has some.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3 (expected
    calibration error is the mean of the differences, weighted by these numbers).
    """
    bins: dict[int, list[tuple[float, bool]]] = {}
    for one in answers:
        if one.probability is not None:
            place = min(int(one.probability * _BINS), _BINS - 1)
            bins.setdefault(place, []).append((one.probability, _right(one)))
    return [
        {"confidence": sum(p for p, _ in rows) / len(rows),
         "right": sum(right for _, right in rows) / len(rows), "of": len(rows)}
        for _, rows in sorted(bins.items())
    ]  # fmt: skip


def budgets(text: str) -> dict[str, float]:
    """Return the budgets of ``NAME=VALUE,...``, e.g. ``first=0.9,p95_ms=50``.

    Raises:
        ConfigError: no such figure, or no number.
    """
    asked = {}
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if name not in BUDGETS or not math.isfinite(number):
            raise ConfigError(
                f"got {part.strip()!r}, expected NAME=NUMBER; NAME is one of {', '.join(BUDGETS)}",
                options=["budgets"],
            )
        asked[name] = number
    return asked


def judged(figures: Mapping[str, Any], asked: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return a verdict a budget: "met", "missed", or "not_run" where nothing was noted of it."""
    verdicts = []
    for name, budget in asked.items():
        value = figures[name]["value"] if name in figures else None
        more = BUDGETS[name][0]
        met = value is not None and (value >= budget if more else value <= budget)
        verdict = "not_run" if value is None else "met" if met else "missed"
        verdicts.append({"figure": name, "budget": budget, "value": value, "verdict": verdict})
    return verdicts
