"""The page of `edgectc report`: charts as SVG and a table, with nothing to load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from edgectc.core import svg

_WIDTH, _HEIGHT = 360, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 12, 34
_STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --soft: #52606d; --line: #d9dfe5; --back: #fff;
 --card: #f5f7fa; --main: #4f46e5; --bad: #b3122f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaee; --soft: #a9b3bd; --line: #3a444e;
 --back: #14191e; --card: #1d242b; --main: #a5b0ff; --bad: #ffb3c1; } }
body { margin: 0 auto; padding: 16px; max-width: 1080px; background: var(--back); color: var(--ink);
 font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: .2em 0; } h2 { font-size: 1.05rem; margin: 0 0 .3em; }
.charts { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); }
section { background: var(--card); border-radius: 10px; padding: 12px; min-width: 0;
 margin-bottom: 16px; overflow-x: auto; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft);
 font: 11px system-ui, sans-serif; } .middle { text-anchor: middle; } .end { text-anchor: end; }
.bar, .dot { fill: var(--main); } .line { fill: none; stroke: var(--main); stroke-width: 2; }
.rule { fill: none; stroke: var(--line); }
table { border-collapse: collapse; width: 100%; } td, th { padding: 5px 8px; text-align: left;
 border-bottom: 1px solid var(--line); } .missed { color: var(--bad); font-weight: 700; }
"""


def html(report: Mapping[str, Any], rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Return the page.

    Args:
        report: as `edgectc.evaluation.ledger.summary` returns it.
        rows: of the table, the verdict last.
        header: its titles.
    """
    charts = {}
    if report["ranks"]:
        charts["Place of the answer that stayed, swipes"] = _ranks(report["ranks"])
    if report["distribution_ms"]:
        charts["Milliseconds of an answer"] = _times(report["distribution_ms"])
    if report["reliability"]:
        charts["Right first answers by confidence"] = _reliability(report["reliability"])
    drawn = "".join(f"<section><h2>{name}</h2>{chart}</section>" for name, chart in charts.items())
    head = "".join(f"<th>{escape(title)}</th>" for title in header)
    body = "".join(
        f'<tr class="{escape(row[-1])}">' + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>"
        for row in rows
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>edgectc report</title><style>{_STYLE}</style>'
        f"</head><body><h1>edgectc report</h1><p>{report['words']:,} words</p>"
        f'<div class="charts">{drawn}</div><section><table><tr>{head}</tr>{body}</table></section>'
        "</body></html>\n"
    )


def _ranks(ranks: Mapping[str, int]) -> str:
    """Return a bar a rank, and one for words of which no answer stayed."""
    most = max(ranks.values())
    step = (_WIDTH - _LEFT - _RIGHT) / len(ranks)
    parts = []
    for i, (rank, count) in enumerate(
        sorted(ranks.items(), key=lambda r: (r[0] == "0", int(r[0])))
    ):
        x, high = _LEFT + i * step, (_HEIGHT - _TOP - _BOTTOM - 12) * count / most
        y = _HEIGHT - _BOTTOM - high
        parts.append(svg.element("rect", class_="bar", x=x + 4, y=y, width=step - 8, height=high))
        name = "none" if rank == "0" else rank
        parts.append(svg.text(x + step / 2, _HEIGHT - _BOTTOM + 16, name, class_="middle"))
        parts.append(svg.text(x + step / 2, y - 4, str(count), class_="middle"))
    return svg.drawing(_WIDTH, _HEIGHT, parts, scales=True, aria_label="ranks")


def _times(percentiles: Sequence[float]) -> str:
    """Return the share of answers that came within so many milliseconds."""
    least = max(min(percentiles), 1e-3)
    values = [max(value, least) for value in percentiles]
    x = svg.log_axis(values, _LEFT, _WIDTH - _RIGHT)
    y = svg.linear_axis([0.0, 100.0], _HEIGHT - _BOTTOM, _TOP)
    points = [(x(value), y(5.0 * i)) for i, value in enumerate(values)]
    parts = [*_frame(x, y, svg.log_ticks(least, max(values)), [0, 50, 95, 100])]
    parts.append(svg.polyline(points, class_="line"))
    parts.append(svg.text(_WIDTH - _RIGHT, _HEIGHT - 4, "ms, log", class_="end"))
    return svg.drawing(_WIDTH, _HEIGHT, parts, scales=True, aria_label="milliseconds")


def _reliability(bins: Sequence[Mapping[str, float]]) -> str:
    """Return a dot a tenth of confidence, as large as the answers in it are many."""
    x = svg.linear_axis([0.0, 100.0], _LEFT, _WIDTH - _RIGHT)
    y = svg.linear_axis([0.0, 100.0], _HEIGHT - _BOTTOM, _TOP)
    most = max(one["of"] for one in bins)
    parts = [*_frame(x, y, [0, 50, 100], [0, 50, 100])]
    parts.append(svg.polyline([(x(0), y(0)), (x(100), y(100))], class_="rule"))
    for one in bins:
        tip = svg.tooltip(f"{one['of']} answers, {one['right']:.0%} right")
        parts.append(
            svg.element(
                "circle", tip, class_="dot", cx=x(100 * one["confidence"]),
                cy=y(100 * one["right"]), r=3 + 6 * (one["of"] / most) ** 0.5,
            )
        )  # fmt: skip
    parts.append(svg.text(_WIDTH - _RIGHT, _HEIGHT - 4, "confidence, %", class_="end"))
    return svg.drawing(_WIDTH, _HEIGHT, parts, scales=True, aria_label="calibration")


def _frame(
    x: svg.Axis, y: svg.Axis, across: Sequence[float], up: Sequence[float]
) -> list[str]:  # fmt: skip
    lines = []
    for value in across:
        ends = [(x(value), y(up[0])), (x(value), y(up[-1]))]
        lines.append(svg.polyline(ends, class_="rule"))
        label = svg.text(x(value), _HEIGHT - _BOTTOM + 16, f"{value:g}", class_="middle")
        lines.append(label)
    for value in up:
        lines.append(svg.polyline([(_LEFT, y(value)), (_WIDTH - _RIGHT, y(value))], class_="rule"))
        lines.append(svg.text(_LEFT - 6, y(value) + 4, f"{value:g}", class_="end"))
    return lines
