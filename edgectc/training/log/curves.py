"""Curves of a run as one SVG file: loss and metric over epochs, and one against the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from edgectc.core.files import write_bytes

_WIDTH, _HEIGHT, _EDGE = 300, 180, 42
_LOSS, _METRIC = "#b5542f", "#2f6db5"

Point = tuple[float, float]


def write(path: Path, rows: Sequence[Mapping[str, Any]], metric: str) -> None:
    """Write the curves of a log.

    Args:
        path: of the file.
        rows: lines of ``metrics.jsonl``; figures that are missing or None are left out.
        metric: name of the figure that the best checkpoint is chosen by.
    """

    def pairs(x: str, y: str) -> list[Point]:
        found = [(row.get(x), row.get(y)) for row in rows]
        return [(float(a), float(b)) for a, b in found if a is not None and b is not None]

    panels = [
        _panel(0, pairs("epoch", "loss"), "epoch", "loss", _LOSS, line=True),
        _panel(1, pairs("epoch", metric), "epoch", metric, _METRIC, line=True),
        _panel(2, pairs("loss", metric), "loss", metric, _METRIC, line=False),
    ]
    size = f'width="{3 * _WIDTH}" height="{_HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">'
    text = "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *panels, "</svg>"])
    write_bytes(path, (text + "\n").encode())


def _panel(place: int, points: list[Point], x: str, y: str, colour: str, *, line: bool) -> str:
    left, right = place * _WIDTH + _EDGE, (place + 1) * _WIDTH - 12
    top, bottom = 16, _HEIGHT - 34
    frame = (
        f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#888"/>'
        f'<text x="{(left + right) / 2}" y="{_HEIGHT - 6}" font-size="11" '
        f'text-anchor="middle">{escape(x)}</text>'
        f'<text x="{left}" y="11" font-size="11">{escape(y)}</text>'
    )
    if not points:
        return frame
    xs, ys = zip(*points, strict=True)
    across, up = _scale(xs, left, right), _scale(ys, bottom, top)
    at = [(across(a), up(b)) for a, b in points]
    marks = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2" fill="{colour}"/>' for a, b in at)
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in at)
    curve = f'<polyline points="{path}" fill="none" stroke="{colour}"/>' if line else ""
    ticks = "".join(
        f'<text x="{across(v):.1f}" y="{bottom + 13}" font-size="9" '
        f'text-anchor="middle">{v:.4g}</text>'
        for v in {min(xs), max(xs)}
    ) + "".join(
        f'<text x="{left - 4}" y="{up(v):.1f}" font-size="9" text-anchor="end">{v:.3g}</text>'
        for v in {min(ys), max(ys)}
    )
    return frame + curve + marks + ticks


def _scale(values: Sequence[float], low: float, high: float) -> Any:
    """Return the map of the range of values to pixels; one value alone lies in the middle."""
    first, span = min(values), max(values) - min(values)
    return lambda v: low + (high - low) * ((v - first) / span if span else 0.5)
