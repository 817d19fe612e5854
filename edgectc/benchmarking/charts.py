"""Charts of a bench as SVG text: no script, no fonts, readable at the width of a phone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from edgectc.benchmarking.report import Row, figure
from edgectc.benchmarking.worker import STAGES
from edgectc.core import svg
from edgectc.core.svg import Axis

WIDTH = 360  # of every chart; the page scales it
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 10, 34
_BAR, _GAP = 14, 34
Point = tuple[float, float, Row]  # milliseconds, how good, and whose


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
    x = svg.log_axis([p[0] for p in points], _LEFT, WIDTH - _RIGHT)
    y = _axis([p[1] for p in points], height - _BOTTOM, _TOP)
    name = "accuracy, %" if by_accuracy else "size, MB (small is up)"
    front = [(x(a), y(b)) for a, b, _ in _front(points)]
    parts = [_grid(x, y, points, height, name), svg.polyline(front, class_="front")]
    largest = max(row["size_bytes"] for _, _, row in points) or 1
    for number, (ms, good, row) in enumerate(points, start=1):
        radius = 3.5 + 8 * math.sqrt(row["size_bytes"] / largest)
        tip = f"{label(row)}: {ms:.2f} ms, {abs(good):.2f}, {row['size_bytes'] / 1e6:.2f} MB"
        colour = f"s{_colour(rows, row)} dot"
        dot = svg.element("circle", svg.tooltip(tip), class_=colour, cx=x(ms), cy=y(good), r=radius)
        parts += [dot, svg.text(x(ms), y(good) + 3.5, str(number), class_="mark")]
    return _drawing(height, "latency against accuracy or size", parts)


def has_stages(row: Row) -> bool:
    """Return whether the three steps of a call were timed; a phone tells the whole."""
    return all(figure(row, f"{stage}_p50_ms") is not None for stage in STAGES)


def stages(rows: Sequence[Row], numbered: Sequence[Row] | None = None) -> str:
    """Return a bar a row: median milliseconds of resampling, network and decoding.

    Args:
        rows: those to draw.
        numbered: all rows of the page, by whose places they are numbered; None for ``rows``.
    """
    places = {id(row): place for place, row in enumerate(numbered or rows, start=1)}
    most = max(sum(_stages_of(row)) for row in rows)
    scale = (WIDTH - _RIGHT - 8) / (most * 1.18)
    parts = []
    for index, row in enumerate(rows):
        top, x = _TOP + index * _GAP, 4.0
        spent = _stages_of(row)
        parts.append(svg.text(4, top + 9, f"{places[id(row)]}. {label(row)}"))
        for number, (stage, ms) in enumerate(zip(STAGES, spent, strict=True)):
            tip = svg.tooltip(f"{stage} {ms:.3f} ms")
            parts.append(_bar(number, x, top + 13, ms * scale, _BAR, tip))
            x += ms * scale
        parts.append(svg.text(x + 4, top + 24, f"{sum(spent):.2f}"))
    below = _TOP + len(rows) * _GAP
    for number, stage in enumerate(STAGES):
        parts.append(_bar(number, 4 + 90 * number, below + 2, 10, 10))
        parts.append(svg.text(18 + 90 * number, below + 11, stage))
    return _drawing(below + 20, "milliseconds by stage", parts)


def _stages_of(row: Row) -> tuple[float, float, float]:
    return row["resample_p50_ms"], row["network_p50_ms"], row["decode_p50_ms"]


def _bar(stage: int, x: float, y: float, width: float, height: float, content: str = "") -> str:
    return svg.element("rect", content, class_=f"t{stage}", x=x, y=y, width=width, height=height)


def distribution(rows: Sequence[Row]) -> str:
    """Return the share of samples that are done within so many milliseconds."""
    height = 230
    every = [value for row in rows for value in row["distribution_ms"] if value > 0]
    x = svg.log_axis(every, _LEFT, WIDTH - _RIGHT)
    y = _axis([0.0, 100.0], height - _BOTTOM, _TOP, margin=0.0)
    points: list[Point] = [(value, 0.0, rows[0]) for value in every]
    points.append((every[0], 100.0, rows[0]))
    parts = [_grid(x, y, points, height, "samples done, %")]
    for row in rows:
        values = row["distribution_ms"]
        line = [
            (x(max(value, min(every))), y(100 * i / (len(values) - 1)))
            for i, value in enumerate(values)
        ]
        tip, colour = svg.tooltip(label(row)), f"l{_colour(rows, row)} line"
        parts.append(svg.polyline(line, tip, class_=colour))
    return _drawing(height, "distribution of latency over samples", parts)


def key(rows: Sequence[Row]) -> str:
    """Return the legend that all charts share, as HTML."""
    items = (
        f'<li><span class="b{_colour(rows, row)}"></span>{number}. {escape(label(row))}</li>'
        for number, row in enumerate(rows, start=1)
    )
    return f'<ol class="key">{"".join(items)}</ol>'


def _good(row: Row) -> float | None:
    top1, error_rate = figure(row, "top1"), figure(row, "error_rate")
    if top1 is not None:
        return 100.0 * top1
    return None if error_rate is None else 100.0 * (1.0 - error_rate)


def _front(points: Sequence[Point]) -> list[Point]:
    """Those that are not slower and worse than another, fastest first."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p[0], -p[1])):
        if not front or point[1] > front[-1][1]:
            front.append(point)
    return front


def _colour(rows: Sequence[Row], row: Row) -> int:
    return next(i for i, other in enumerate(rows) if other is row) % 8


def _axis(values: Sequence[float], start: float, end: float, margin: float = 0.12) -> Axis:
    low, high = min(values), max(values)
    if low == high:  # a range of its own, so that the ticks have a place
        spread = max(abs(high), 1.0) * 0.1
        low, high = low - margin * spread, high + margin * spread
    return svg.linear_axis([low, high], start, end, margin)


def _grid(x: Axis, y: Axis, points: Sequence[Point], height: int, name: str) -> str:
    bottom, parts = height - _BOTTOM, []
    times = [p[0] for p in points]
    for ms in svg.log_ticks(min(times), max(times)):
        parts.append(svg.element("line", x1=x(ms), y1=_TOP, x2=x(ms), y2=bottom))
        parts.append(svg.text(x(ms), bottom + 13, f"{ms:g}", class_="middle"))
    goods = [p[1] for p in points]
    low, high = min(goods), max(goods)
    for value in [low + (high - low) * i / 4 for i in range(5)] if high > low else [low]:
        parts.append(svg.element("line", x1=_LEFT, y1=y(value), x2=WIDTH - _RIGHT, y2=y(value)))
        parts.append(svg.text(_LEFT - 4, y(value) + 3.5, f"{abs(value):.4g}", class_="end"))
    parts.append(svg.text(WIDTH - _RIGHT, height - 6, "ms a sample, log", class_="end"))
    parts.append(svg.text(4, height - 6, name))
    return svg.element("g", "".join(parts), class_="grid")


def _drawing(height: int, title: str, parts: Sequence[str]) -> str:
    return svg.drawing(WIDTH, height, parts, scales=True, aria_label=title)
