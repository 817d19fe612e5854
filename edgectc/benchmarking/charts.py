"""Charts of a bench as SVG text: no script, no fonts, readable at the width of a phone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from edgectc.benchmarking.worker import STAGES

WIDTH = 360  # of every chart; the page scales it
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 10, 34
_BAR, _GAP = 14, 34
Row = Mapping[str, Any]
Axis = Callable[[float], float]


def label(row: Row) -> str:
    """Return what a chart calls a row."""
    threads = f" {row['threads']} threads" if row["threads"] > 1 else ""
    device = "" if row["device"] == "cpu" else f" {row['device']}"
    return f"{row['artifact']} {row['runtime']}{device}{threads}"


def pareto(rows: Sequence[Row]) -> str:
    """Return latency against accuracy, or against size where nothing was labelled.

    The area of a dot is the file size; the line joins the rows that no other beats at both.
    """
    known = [(row, _good(row)) for row in rows]
    points = [(row["p50_ms"], good, row) for row, good in known if good is not None]
    by_accuracy = len(points) == len(rows)
    if not by_accuracy:
        points = [(row["p50_ms"], -row["size_bytes"] / 1e6, row) for row in rows]
    height = 250
    x = _log_axis([p[0] for p in points], _LEFT, WIDTH - _RIGHT)
    y = _axis([p[1] for p in points], height - _BOTTOM, _TOP)
    name = "accuracy, %" if by_accuracy else "size, MB (small is up)"
    parts = [_grid(x, y, points, height, name, by_accuracy)]
    front = _front(points)
    corners = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b, _ in front)
    parts.append(f'<polyline class="front" points="{corners}"/>')
    largest = max(row["size_bytes"] for _, _, row in points) or 1
    for place, (ms, good, row) in enumerate(points):
        radius = 3.5 + 8 * math.sqrt(row["size_bytes"] / largest)
        tip = f"{label(row)}: {ms:.2f} ms, {abs(good):.2f}, {row['size_bytes'] / 1e6:.2f} MB"
        parts.append(
            f'<circle class="s{_colour(rows, row)} dot" cx="{x(ms):.1f}" cy="{y(good):.1f}" '
            f'r="{radius:.1f}"><title>{escape(tip)}</title></circle>'
            f'<text x="{x(ms):.1f}" y="{y(good) + 3.5:.1f}" class="mark">{place + 1}</text>'
        )
    return _svg(height, "latency against accuracy or size", parts)


def stages(rows: Sequence[Row]) -> str:
    """Return a bar a row: median milliseconds of resampling, network and decoding."""
    most = max(sum(row[f"{stage}_p50_ms"] for stage in STAGES) for row in rows)
    scale = (WIDTH - _RIGHT - 8) / (most * 1.18)
    parts = []
    for place, row in enumerate(rows):
        at, x = _TOP + place * _GAP, 4.0
        total = sum(row[f"{stage}_p50_ms"] for stage in STAGES)
        parts.append(f'<text x="4" y="{at + 9}">{place + 1}. {escape(label(row))}</text>')
        for number, stage in enumerate(STAGES):
            ms = row[f"{stage}_p50_ms"]
            parts.append(
                f'<rect class="t{number}" x="{x:.1f}" y="{at + 13}" width="{ms * scale:.1f}" '
                f'height="{_BAR}"><title>{stage} {ms:.3f} ms</title></rect>'
            )
            x += ms * scale
        parts.append(f'<text x="{x + 4:.1f}" y="{at + 24}">{total:.2f}</text>')
    legend = "".join(
        f'<rect class="t{n}" x="{4 + 90 * n}" y="{_TOP + len(rows) * _GAP + 2}" width="10" '
        f'height="10"/><text x="{18 + 90 * n}" y="{_TOP + len(rows) * _GAP + 11}">{stage}</text>'
        for n, stage in enumerate(STAGES)
    )
    return _svg(_TOP + len(rows) * _GAP + 20, "milliseconds by stage", [*parts, legend])


def distribution(rows: Sequence[Row]) -> str:
    """Return the share of samples that are done within so many milliseconds."""
    height = 230
    every = [value for row in rows for value in row["distribution_ms"] if value > 0]
    x, y = _log_axis(every, _LEFT, WIDTH - _RIGHT), _axis([0.0, 100.0], height - _BOTTOM, _TOP, 0)
    points: list[tuple[float, float, Row]] = [(value, 0.0, {}) for value in every]
    points.append((every[0], 100.0, {}))
    parts = [_grid(x, y, points, height, "samples done, %", True)]
    for row in rows:
        values = row["distribution_ms"]
        line = " ".join(
            f"{x(max(value, min(every))):.1f},{y(100 * i / (len(values) - 1)):.1f}"
            for i, value in enumerate(values)
        )
        title = f"<title>{escape(label(row))}</title>"
        parts.append(
            f'<polyline class="l{_colour(rows, row)} line" points="{line}">{title}</polyline>'
        )
    return _svg(height, "distribution of latency over samples", parts)


def key(rows: Sequence[Row]) -> str:
    """Return the legend that all charts share, as HTML."""
    items = (
        f'<li><span class="b{_colour(rows, row)}"></span>{place + 1}. {escape(label(row))}</li>'
        for place, row in enumerate(rows)
    )
    return f'<ol class="key">{"".join(items)}</ol>'


def _good(row: Row) -> float | None:
    if row.get("top1") is not None:
        return 100.0 * float(row["top1"])
    if row.get("error_rate") is not None:
        return 100.0 * (1.0 - float(row["error_rate"]))
    return None


def _front(points: Sequence[tuple[float, float, Row]]) -> list[tuple[float, float, Row]]:
    """Those that are not slower and worse than another, fastest first."""
    found: list[tuple[float, float, Row]] = []
    for point in sorted(points, key=lambda p: (p[0], -p[1])):
        if not found or point[1] > found[-1][1]:
            found.append(point)
    return found


def _colour(rows: Sequence[Row], row: Row) -> int:
    return next(i for i, other in enumerate(rows) if other is row) % 8


def _log_axis(values: Sequence[float], start: float, end: float) -> Axis:
    low, high = math.log10(min(values)) - 0.08, math.log10(max(values)) + 0.12
    return lambda value: start + (math.log10(value) - low) / (high - low) * (end - start)


def _axis(values: Sequence[float], start: float, end: float, margin: float = 0.12) -> Axis:
    low, high = min(values), max(values)
    spread = (high - low) or max(abs(high), 1.0) * 0.1
    low, high = low - margin * spread, high + margin * spread
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _grid(
    x: Axis,
    y: Axis,
    points: Sequence[tuple[float, float, Row]],
    height: int,
    name: str,
    positive: bool,
) -> str:
    bottom, parts = height - _BOTTOM, []
    times = [p[0] for p in points]
    for ms in _log_ticks(min(times), max(times)):
        parts.append(
            f'<line x1="{x(ms):.1f}" y1="{_TOP}" x2="{x(ms):.1f}" y2="{bottom}"/>'
            f'<text x="{x(ms):.1f}" y="{bottom + 13}" class="middle">{ms:g}</text>'
        )
    goods = [p[1] for p in points]
    low, high = min(goods), max(goods)
    for step in range(5):
        value = low + (high - low) * step / 4
        parts.append(
            f'<line x1="{_LEFT}" y1="{y(value):.1f}" x2="{WIDTH - _RIGHT}" y2="{y(value):.1f}"/>'
            f'<text x="{_LEFT - 4}" y="{y(value) + 3.5:.1f}" class="end">{abs(value):.4g}</text>'
        )
        if high == low:
            break
    parts.append(f'<text x="{WIDTH - _RIGHT}" y="{height - 6}" class="end">ms a sample, log</text>')
    parts.append(f'<text x="4" y="{height - 6}">{escape(name)}</text>')
    return f'<g class="grid">{"".join(parts)}</g>'


def _log_ticks(low: float, high: float) -> list[float]:
    steps = [m * 10.0**e for e in range(-4, 6) for m in (1, 2, 5)]
    inside = [step for step in steps if low * 0.9 <= step <= high * 1.1]
    return inside or [round(low, 3)]


def _svg(height: int, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">'
        f"{''.join(parts)}</svg>"
    )
