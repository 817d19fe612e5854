"""Charts as SVG text: no script, no fonts, nothing to load; every text and value is escaped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

Axis = Callable[[float], float]  # from a value to a pixel
Value = float | str


def element(name: str, content: str = "", /, **attributes: Value) -> str:
    """Return an element around ``content``, which is SVG already.

    Numbers are rounded to a tenth of a pixel. ``class_`` is the class; an underscore inside a name
    is a hyphen.
    """
    pairs = "".join(
        f' {key.removesuffix("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{pairs}>{content}</{name}>" if content else f"<{name}{pairs}/>"


def text(x: float, y: float, content: str, /, **attributes: Value) -> str:
    """Return a text; ``content`` is plain and is escaped here."""
    return element("text", escape(content), x=x, y=y, **attributes)


def polyline(points: Iterable[tuple[float, float]], content: str = "", **attributes: Value) -> str:
    """Return a line through some pixels, not filled unless its class says so."""
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return element("polyline", content, points=corners, **attributes)


def tooltip(content: str) -> str:
    """Return what a pointer shows over the element that holds it."""
    return element("title", escape(content))


def drawing(
    width: float, height: float, parts: Iterable[str], *, scales: bool = False, **attributes: Value
) -> str:
    """Return an ``svg`` element; one that ``scales`` is as wide as its place in a page."""
    size: dict[str, Value] = {"viewBox": f"0 0 {width:g} {height:g}", "role": "img"}
    if not scales:
        size |= {"width": width, "height": height}
    return element("svg", "".join(parts), **size, **attributes)


def linear_axis(values: Sequence[float], start: float, end: float, margin: float = 0.0) -> Axis:
    """Return the map of the range of values to pixels ``start`` to ``end``.

    Args:
        values: one or more; one alone lies in the middle.
        start: pixel of the smallest value.
        end: pixel of the largest.
        margin: share of the range that is left free on both sides.
    """
    low, high = min(values), max(values)
    if low == high:
        return lambda value: (start + end) / 2
    spare = margin * (high - low)
    low, high = low - spare, high + spare
    return lambda value: start + (value - low) / (high - low) * (end - start)


def log_axis(values: Sequence[float], start: float, end: float) -> Axis:
    """Return the same for the logarithm of values above 0, with some room at both ends."""
    low, high = math.log10(min(values)) - 0.08, math.log10(max(values)) + 0.12
    return lambda value: start + (math.log10(value) - low) / (high - low) * (end - start)


def log_ticks(low: float, high: float) -> list[float]:
    """Return the round numbers from ``low`` to ``high``: 1, 2 and 5 in each power of ten."""
    ticks = [m * 10.0**e for e in range(-4, 6) for m in (1, 2, 5)]
    inside = [tick for tick in ticks if low * 0.9 <= tick <= high * 1.1]
    return inside or [round(low, 3)]


def _value(value: Value) -> str:
    if isinstance(value, str):
        return escape(value)
    return f"{value:.1f}".removesuffix(".0")
