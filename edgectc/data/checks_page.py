"""The doctor's findings as one HTML page that needs nothing else: tables, and plots as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

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


def page(found: Findings, title: str) -> str:
    """Return the HTML of ``found``; every text that comes from the data is escaped."""
    summary = found.summary()
    facts = {
        "rows": summary["rows"],
        "usable": summary["usable"],
        "splits": ", ".join(f"{k} {v}" for k, v in summary["splits"].items()),
        "people or days": summary["groups"],
        "different labels": summary["labels"],
        "verdict": summary["status"],
    }
    plots = "".join(histogram(values, name) for name, values in found.statistics.items())
    traces = "".join(trace(swipe, distance) for distance, swipe in found.worst)
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
    for kind, about in problems.items():
        names = "<br>".join(escape(str(name)) for name in list(about["examples"])[:5])  # type: ignore[call-overload]
        level = about["severity"]
        rows.append(
            f"<tr class={level}><td>{escape(kind)}<td>{level}<td>{about['count']}<td>{names}"
        )
    return f"<table><tr><th>kind<th><th>count<th>examples{''.join(rows)}</table>" if rows else ""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in rows]
    head = "".join(f"<th>{escape(cell)}" for cell in header)
    return f"<table><tr>{head}{''.join(lines)}</table>"


def histogram(values: Array, name: str, *, width: int = 280, height: int = 120) -> str:
    """Return a figure with the distribution of (n,) finite values, cut at the 99th percentile."""
    if len(values) == 0:
        return ""
    top = float(np.percentile(values, 99))
    low = float(values.min())
    counts, edges = np.histogram(
        np.clip(values, low, top), bins=30, range=(low, max(top, low + 1e-9))
    )
    bar = width / len(counts)
    bars = "".join(
        f'<rect x="{i * bar:.1f}" y="{height * (1 - n / counts.max()):.1f}" width="{bar - 1:.1f}" '
        f'height="{height * n / counts.max():.1f}"/>'
        for i, n in enumerate(counts)
    )
    median = float(np.median(values))
    return (
        f'<figure><svg width="{width}" height="{height + 18}" role="img" '
        f'aria-label="{escape(name)}"><g fill="#4a7ab5">{bars}</g>'
        f'<text y="{height + 14}" font-size="12">{edges[0]:.4g}</text>'
        f'<text x="{width}" y="{height + 14}" font-size="12" text-anchor="end">'
        f"{edges[-1]:.4g}</text></svg>"
        f"<figcaption>{escape(name)}: median {median:.4g}, most {values.max():.4g}</figcaption>"
        "</figure>"
    )


def comparison(found: Comparison, title: str) -> str:
    """Return the HTML of a comparison: a table, and both distributions of each statistic."""
    summary = found.summary()
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
    plots = "".join(overlay(found.real[name], found.generated[name], name) for name in summary)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>"
        + _table([*header, "distance", "people"], rows)
        + "<p>Real in blue, generated in orange. Distance: largest difference of the cumulative "
        f"shares, 0..1; people: the same between two halves of the real users.</p>{plots}</html>\n"
    )


def overlay(
    real: Array, generated: Array, name: str, *, width: int = 280, height: int = 120
) -> str:
    """Return a figure with two distributions, cut at the percentiles 1 and 99 of the first."""
    low, top = np.percentile(real, (1, 99))
    lines = []
    for values, colour in ((real, "#4a7ab5"), (generated, "#d9822b")):
        counts, _ = np.histogram(
            np.clip(values, low, top), bins=30, range=(low, max(top, low + 1e-9))
        )
        lines.append((counts / len(values), colour))
    most = max(float(share.max()) for share, _ in lines)
    drawn = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
        + " ".join(
            f"{(i + 0.5) * width / 30:.1f},{height * (1 - s / most):.1f}"
            for i, s in enumerate(share)
        )
        + '"/>'
        for share, colour in lines
    )
    return (
        f'<figure><svg width="{width}" height="{height + 18}" role="img" '
        f'aria-label="{escape(name)}">{drawn}'
        f'<text y="{height + 14}" font-size="12">{low:.4g}</text>'
        f'<text x="{width}" y="{height + 14}" font-size="12" text-anchor="end">{top:.4g}</text>'
        f"</svg><figcaption>{escape(name)}</figcaption></figure>"
    )


def trace(swipe: Swipe, distance: float, *, width: int = 260) -> str:
    """Return a figure of a swipe over the keys of its layout."""
    board = layouts.load(swipe.layout)
    height = width * 0.47
    keys = "".join(
        f'<text x="{x * width:.1f}" y="{y * height + 4:.1f}" text-anchor="middle" '
        f'font-size="11" fill="#888">{escape(letter)}</text>'
        for letter, (x, y) in zip(board.letters, board.centers, strict=True)
    )
    line = " ".join(f"{x * width:.1f},{y * height:.1f}" for x, y in swipe.points[:, :2])
    return (
        f'<figure><svg width="{width}" height="{height:.0f}" style="overflow:visible">{keys}'
        f'<polyline points="{line}" fill="none" stroke="#4a7ab5" stroke-width="2"/></svg>'
        f"<figcaption>{escape(swipe.word or '')}: {distance:.1f} keys off</figcaption></figure>"
    )
