"""The doctor's findings as one HTML page that needs nothing else: tables, and plots as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from edgectc.core import svg
from edgectc.core.types import Array, Swipe
from edgectc.data.checks import Findings
from edgectc.data.movement import Comparison
from edgectc.formats import layouts

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem;"
    "border-bottom:1px solid #ccc;vertical-align:top}.error{color:#b00020}.warning{color:#8a6d00}"
    "figure{display:inline-block;margin:.5rem}figcaption{font-size:13px}"
)

_WIDTH, _HEIGHT, _BINS = 280, 120, 30  # of the plot of a distribution
_REAL, _GENERATED = "#4a7ab5", "#d9822b"
_UNITS = {  # of the statistics of `edgectc.data.looks`, then of `edgectc.data.movement`
    "points": "points of a swipe",
    "duration_ms": "milliseconds of a swipe",
    "points_per_s": "points a second",
    "letters": "letters of the word",
    "keys_off": "key widths between the way and its word",
    "frames": "frames of a recording",
    "symbols": "symbols of its label",
    "missing_share": "share of values that are missing",
    "frames_per_symbol": "frames a symbol",
    "speed": "keys a second",
    "peak_speed": "times the mean speed",
    "rest_share": "share of the time",
    "ms_per_letter": "milliseconds a letter",
    "detour": "times the straight way",
    "curvature": "radians a key",
    **dict.fromkeys(("start_x", "start_y", "end_x", "end_y", "corner_cut", "miss"), "keys"),
    **dict.fromkeys(("dwell", "dwell_double"), "milliseconds"),
}


def page(findings: Findings, title: str) -> str:
    """Return the HTML of ``found``; every text that comes from the data is escaped."""
    summary = findings.summary()
    facts = {
        "rows": summary["rows"],
        "usable": summary["usable"],
        "splits": ", ".join(f"{k} {v}" for k, v in summary["splits"].items()),
        "people or days": summary["groups"],
        "different labels": summary["labels"],
        "verdict": summary["status"],
    }
    plots = "".join(histogram(values, name) for name, values in findings.statistics.items())
    traces = "".join(trace(swipe, distance) for distance, swipe in findings.worst)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>"
        + _table(["", ""], [[k, str(v)] for k, v in facts.items()])
        + "<h2>Problems</h2>"
        + (_problems(summary["problems"]) or "<p>None.</p>")
        + f"<h2>Statistics</h2>{plots}"
        + (f"<h2>Traces that fit their word least</h2>{traces}" if traces else "")
        + "</html>\n"
    )


def _problems(problems: dict[str, dict[str, object]]) -> str:
    rows = []
    for kind, problem in problems.items():
        names = "<br>".join(escape(str(name)) for name in list(problem["examples"])[:5])  # type: ignore[call-overload]
        level = problem["severity"]
        rows.append(
            f"<tr class={level}><td>{escape(kind)}<td>{level}<td>{problem['count']}<td>{names}"
        )
    return f"<table><tr><th>kind<th><th>count<th>examples{''.join(rows)}</table>" if rows else ""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in rows]
    head = "".join(f"<th>{escape(cell)}" for cell in header)
    return f"<table><tr>{head}{''.join(lines)}</table>"


def histogram(values: Array, name: str) -> str:
    """Return a figure with the distribution of (n,) finite values, cut at the 99th percentile."""
    if len(values) == 0:
        return ""
    low, top = float(values.min()), float(np.percentile(values, 99))
    shares = _shares(values, low, top)
    bar = _WIDTH / len(shares)
    heights = _HEIGHT * shares / shares.max()
    bars = [
        svg.element("rect", x=i * bar, y=_HEIGHT - h, width=bar - 1, height=h, fill=_REAL)
        for i, h in enumerate(heights.tolist())
    ]
    caption = f": median {_number(float(np.median(values)))}, most {_number(float(values.max()))}"
    return _figure(bars, name, (low, top), float(shares.max()), caption)


def comparison(findings: Comparison, title: str) -> str:
    """Return the HTML of a comparison: a table, and both distributions of each statistic."""
    summary = findings.summary()
    percentiles = ("p10", "p50", "p90")
    rows = [
        [
            name,
            v["what"],
            *(f"{v[who][p]:g}" for who in ("real", "generated") for p in percentiles),
            f"{v['distance']:.3f}",
            "" if v["between_people"] is None else f"{v['between_people']:.3f}",
        ]
        for name, v in summary.items()
    ]
    header = ["statistic", "", *(f"{who} {p}" for who in ("real", "gen.") for p in percentiles)]
    plots = "".join(
        overlay(findings.real[name], findings.generated[name], name) for name in summary
    )
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>"
        + _table([*header, "distance", "people"], rows)
        + "<p>Real in blue, generated in orange. Distance: largest difference of the cumulative "
        f"shares, 0..1; people: the same between two halves of the real users.</p>{plots}</html>\n"
    )


def overlay(real: Array, generated: Array, name: str) -> str:
    """Return a figure with two distributions, cut at the percentiles 1 and 99 of the first."""
    low, top = (float(edge) for edge in np.percentile(real, (1, 99)))
    curves = {_REAL: _shares(real, low, top), _GENERATED: _shares(generated, low, top)}
    most = max(float(shares.max()) for shares in curves.values())
    lines = [
        svg.polyline(
            [((i + 0.5) * _WIDTH / _BINS, _HEIGHT * (1 - share / most)) for i, share in bins],
            fill="none",
            stroke=colour,
            stroke_width=2,
        )
        for colour, shares in curves.items()
        for bins in [list(enumerate(shares.tolist()))]
    ]
    return _figure(lines, name, (low, top), most)


def _shares(values: Array, low: float, top: float) -> Array:
    """Return the share of values in each bin; those beyond ``low`` and ``top`` are in the last."""
    edges = (low, max(top, low + 1e-9))
    counts, _ = np.histogram(np.clip(values, low, top), bins=_BINS, range=edges)
    return counts / len(values)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _figure(
    parts: Sequence[str], name: str, ends: tuple[float, float], most: float, caption: str = ""
) -> str:
    """Return a figure over an axis.

    Args:
        parts: what is drawn.
        name: of the statistic, which has a unit.
        ends: of the axis.
        most: share of the rows at the top of the figure.
        caption: what follows the name.
    """
    low, top = ends
    small: dict[str, svg.Value] = {"font_size": 12, "fill": "#666"}
    ticks = [
        svg.text(0, _HEIGHT + 14, _number(low), **small),
        svg.text(_WIDTH / 2, _HEIGHT + 28, _UNITS[name], text_anchor="middle", **small),
        svg.text(_WIDTH, _HEIGHT + 14, _number(top), text_anchor="end", **small),
        svg.text(0, -4, f"{most:.0%} of rows", **small),
        svg.element("rect", x=0, y=_HEIGHT, width=_WIDTH, height=1, fill="#666"),
    ]
    drawing = svg.drawing(
        _WIDTH, _HEIGHT + 32, [*parts, *ticks], style="overflow:visible", aria_label=name
    )
    return f"<figure>{drawing}<figcaption>{escape(name + caption)}</figcaption></figure>"


def trace(swipe: Swipe, distance: float, *, width: int = 260) -> str:
    """Return a figure of a swipe over the keys of its layout."""
    layout = layouts.shipped(swipe.layout)
    height = round(width * 0.47)
    keys = [
        svg.text(x * width, y * height + 4, letter, text_anchor="middle", font_size=11, fill="#888")
        for letter, (x, y) in zip(layout.letters, layout.centers.tolist(), strict=True)
    ]
    points = [(x * width, y * height) for x, y in swipe.points[:, :2].tolist()]
    line = svg.polyline(points, fill="none", stroke=_REAL, stroke_width=2)
    drawing = svg.drawing(width, height, [*keys, line], style="overflow:visible")
    caption = f"{swipe.word or ''}: {distance:.1f} keys off"
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"
