"""Curves of a run as one SVG file: loss and metric over epochs, and one against the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgectc.core import svg
from edgectc.core.staging import write_bytes
from edgectc.core.types import JSON

_WIDTH, _HEIGHT, _EDGE = 300, 180, 42
_LOSS, _METRIC = "#b5542f", "#2f6db5"

Point = tuple[float, float]
Number = (int, float)


def write(path: Path, rows: Sequence[Mapping[str, JSON]], metric: str) -> None:
    """Write the curves of a log.

    Args:
        path: of the file.
        rows: lines of ``metrics.jsonl``; figures that are missing or None are left out.
        metric: name of the figure that the best checkpoint is chosen by.
    """

    def pairs(x: str, y: str) -> list[Point]:
        values = [(row.get(x), row.get(y)) for row in rows]
        return [(a, b) for a, b in values if isinstance(a, Number) and isinstance(b, Number)]

    panels = [
        _panel(0, pairs("epoch", "loss"), "epoch", "loss", _LOSS, line=True),
        _panel(1, pairs("epoch", metric), "epoch", metric, _METRIC, line=True),
        _panel(2, pairs("loss", metric), "loss", metric, _METRIC, line=False),
    ]
    white = svg.element("rect", width="100%", height="100%", fill="white")
    parts = ["\n", white, *panels, "\n"]
    space = "http://www.w3.org/2000/svg"
    text = svg.drawing(3 * _WIDTH, _HEIGHT, parts, xmlns=space, font_family="sans-serif")
    write_bytes(path, (text + "\n").encode())


def _panel(number: int, points: list[Point], x: str, y: str, colour: str, *, line: bool) -> str:
    left, right = number * _WIDTH + _EDGE, (number + 1) * _WIDTH - 12
    top, bottom = 16, _HEIGHT - 34
    middle = (left + right) / 2
    frame = [
        svg.element("path", d=f"M{left} {top}V{bottom}H{right}", fill="none", stroke="#888"),
        svg.text(middle, _HEIGHT - 6, x, font_size=11, text_anchor="middle"),
        svg.text(left, 11, y, font_size=11),
    ]
    if not points:
        return "".join(frame)
    xs, ys = zip(*points, strict=True)
    across, up = svg.linear_axis(xs, left, right), svg.linear_axis(ys, bottom, top)
    pixels = [(across(a), up(b)) for a, b in points]
    curve = [svg.polyline(pixels, fill="none", stroke=colour)] if line else []
    marks = [svg.element("circle", cx=a, cy=b, r=2, fill=colour) for a, b in pixels]
    ticks = [
        svg.text(across(v), bottom + 13, f"{v:.4g}", font_size=9, text_anchor="middle")
        for v in sorted({min(xs), max(xs)})
    ] + [
        svg.text(left - 4, up(v), f"{v:.3g}", font_size=9, text_anchor="end")
        for v in sorted({min(ys), max(ys)})
    ]
    return "".join([*frame, *curve, *marks, *ticks])
