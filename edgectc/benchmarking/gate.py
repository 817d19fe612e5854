"""Is anything worse than the baseline, beyond tolerance and noise?

Times are compared as ratios to the yardstick, a fixed piece of work that ran beside them: so a
slower machine moves both. A figure is worse only if even the low end of the interval of

    ratio = now / baseline

is above 1 + tolerance. Both series have an order-statistic interval; on the log scale the two
half-widths add in quadrature.

On the CPU processor time is compared always, and time by the clock only where both benches had a
processor when they wanted one: who waits for other programs is not slower. Size, planned memory and
accuracy carry no noise on equal samples; the memory of a process and load times are compared on
equal machines alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import numpy as np

from edgectc.benchmarking import machine
from edgectc.benchmarking.phone import DEVICE as PHONE
from edgectc.benchmarking.report import Comparison, Report, Row
from edgectc.benchmarking.report import figure as number
from edgectc.benchmarking.rows import REFERENCE, interval
from edgectc.core import strict_json
from edgectc.core.errors import ConfigError
from edgectc.core.files import read_plain
from edgectc.core.types import JSON

SCHEMA_VERSION = 1
_CLOCK = ("p50_ms", "p99_ms", "network_p50_ms", "decode_p50_ms", "load_ms")
_PROCESSOR = ("cpu_p50_ms", "cpu_p99_ms", "cpu_network_p50_ms", "cpu_decode_p50_ms")
_PLAIN = ("size_bytes", "planned_bytes", "peak_rss_bytes", "gpu_memory_bytes")
_POINTS = 0.005  # accuracy that may be lost: half a point
_HERE_ALONE = ("load_ms", "peak_rss_bytes", "gpu_memory_bytes")
_LEAST = 0.03  # yardsticks: stages faster than this, about 0.02 ms, are not guarded
_WAITED = 0.02  # share of a round without a processor from which the clock says little


@dataclass(frozen=True)
class Verdict:
    """One figure of one row against the baseline.

    Attributes:
        row: artifact, runtime, device, threads.
        figure: its name.
        verdict: "same", "better", "worse" or "not_run".
        ratio: now to baseline; of accuracy the points gained. None where nothing was compared.
        low: least that the ratio can be.
        high: most that it can be.
        detail: why it was not compared.
    """

    row: str
    figure: str
    verdict: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    detail: str = ""

    def to_json(self) -> Comparison:
        """Return the verdict as the report has it."""
        return {
            "row": self.row,
            "figure": self.figure,
            "verdict": self.verdict,
            "ratio": self.ratio,
            "low": self.low,
            "high": self.high,
            "detail": self.detail,
        }


def read(path: str | Path) -> Report:
    """Return a baseline, a file that ``bench --json`` wrote.

    Raises:
        ConfigError: it cannot be read, is not such a file, or is of another version.
    """
    try:
        found = strict_json.parse(read_plain(path))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"baseline {str(path)!r} cannot be read: {error}", options=["baseline"]
        ) from error
    if not _is_report(found):
        raise ConfigError(
            f"baseline {str(path)!r} is not what edgectc bench --json writes", options=["baseline"]
        )
    if found.get("schema_version") != SCHEMA_VERSION:
        raise ConfigError(
            f"baseline {str(path)!r} has schema_version {found.get('schema_version')!r}, "
            f"expected {SCHEMA_VERSION}; measure it again",
            options=["baseline"],
        )
    return found


def _is_report(content: JSON | Report) -> TypeGuard[Report]:
    return isinstance(content, dict) and isinstance(content.get("rows"), list)


def tolerance(text: str) -> float:
    """Return a tolerance as a share: "10%" and "0.1" are the same.

    Raises:
        ConfigError: not a number from 0 on, or 100 % and more.
    """
    percent = text.strip().endswith("%")
    try:
        value = float(text.strip().rstrip("%")) / (100.0 if percent else 1.0)
    except ValueError:
        value = math.nan
    if not 0.0 <= value < 1.0:
        raise ConfigError(
            f"tolerance is {text!r}, expected a share such as 10% or 0.1", options=["tolerance"]
        )
    return value


def compare(now: Report, then: Report, allowed: float) -> list[Verdict]:
    """Return every verdict on the rows of two benches, in the order of the newer one.

    Args:
        now: what was measured.
        then: the baseline.
        allowed: how much worse a figure may be, e.g. 0.1.
    """
    here = machine.same(now["machine"], then["machine"])
    old = {_key(row): row for row in then["rows"]}
    found: list[Verdict] = []
    for row in now["rows"]:
        if row["artifact"] == REFERENCE or row["device"] == PHONE:
            continue  # phones run when their owners want
        name, before = _name(row), old.get(_key(row))
        if row["status"] != "ok" or before is None or before["status"] != "ok":
            why = row["reason"] or ("no such row in the baseline" if before is None else "")
            why = why or f"not run in the baseline: {before['reason'] if before else ''}"
            found.append(Verdict(name, "all", "not_run", detail=why))
            continue
        figures = [*_CLOCK, *(_PROCESSOR if row["device"] == "cpu" else ())]
        found += [_times(name, figure, row, before, allowed, here) for figure in figures]
        found += [_plain(name, figure, row, before, allowed, here) for figure in _PLAIN]
        equal = now["samples"].get("digest") == then["samples"].get("digest")
        found += [_accuracy(name, figure, row, before, equal) for figure in ("top1", "error_rate")]
    missing = {
        _name(row) for row in then["rows"] if row["status"] == "ok" and row["device"] != PHONE
    } - {_name(row) for row in now["rows"]}
    found += [Verdict(name, "all", "not_run", detail="not measured") for name in sorted(missing)]
    return [one for one in found if one.figure]


def _times(
    name: str, figure: str, row: Row, before: Row, allowed: float,
    here: bool,
) -> Verdict:  # fmt: skip
    a, b = row["series"].get(figure, []), before["series"].get(figure, [])
    if not here and (figure in _HERE_ALONE or row["device"] != "cpu"):
        return Verdict(name, figure, "not_run", detail="measured on another machine")
    if figure in _CLOCK and max(row["waited_share"], before["waited_share"]) > _WAITED:
        return Verdict(name, figure, "not_run", detail="the machine was busy with other programs")
    if not a or not b or min(*a, *b) <= (0.0 if figure == "load_ms" else _LEAST):
        return Verdict(name, figure, "not_run", detail="too short to compare")
    ratio, low, high = ratio_of(a, b)
    verdict = "worse" if low > 1 + allowed else "better" if high < 1 / (1 + allowed) else "same"
    return Verdict(name, figure, verdict, ratio, low, high)


def ratio_of(now: Sequence[float], then: Sequence[float]) -> tuple[float, float, float]:
    """Return the ratio of two medians and its interval, about 95 %."""
    middle, down, up = 0.0, 0.0, 0.0
    for sign, values in ((1.0, np.log(now)), (-1.0, np.log(then))):
        median, (low, high) = float(np.median(values)), interval(values)
        middle += sign * median
        below, above = median - low, high - median
        down += (below if sign > 0 else above) ** 2
        up += (above if sign > 0 else below) ** 2
    return math.exp(middle), math.exp(middle - math.sqrt(down)), math.exp(middle + math.sqrt(up))


def _plain(
    name: str, figure: str, row: Row, before: Row, allowed: float,
    here: bool,
) -> Verdict:  # fmt: skip
    a, b = number(row, figure), number(before, figure)
    if not a or not b:
        return Verdict(name, "", "not_run")
    if figure in _HERE_ALONE and not here:
        return Verdict(name, figure, "not_run", detail="measured on another machine")
    ratio = a / b
    verdict = "worse" if ratio > 1 + allowed else "better" if ratio < 1 / (1 + allowed) else "same"
    return Verdict(name, figure, verdict, ratio, ratio, ratio)


def _accuracy(name: str, figure: str, row: Row, before: Row, equal: bool) -> Verdict:
    a, b = number(row, figure), number(before, figure)
    if a is None or b is None:
        return Verdict(name, "", "not_run")
    if not equal:
        return Verdict(name, figure, "not_run", detail="measured on other samples")
    units = row.get("units", 0)
    if units and 1.0 / units > _POINTS:
        needed = math.ceil(row["labelled"] / (_POINTS * units))
        detail = f"one error is {100.0 / units:.2g} points; give {needed} labelled samples or more"
        return Verdict(name, figure, "not_run", detail=detail)
    gained = (a - b) if figure == "top1" else (b - a)
    verdict = "worse" if gained < -_POINTS else "better" if gained > _POINTS else "same"
    return Verdict(name, figure, verdict, gained, gained, gained)


def _key(row: Row) -> tuple[str, str, str, int]:
    return row["artifact"], row["runtime"], row["device"], row["threads"]


def _name(row: Row) -> str:
    return " ".join(str(part) for part in _key(row))
