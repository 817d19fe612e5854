"""A bench as one HTML file that needs nothing else: no script, no request, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from edgectc.benchmarking import charts
from edgectc.benchmarking.report import Comparison, Report, Row, figure
from edgectc.benchmarking.rows import REFERENCE
from edgectc.benchmarking.tables import notes

_LIGHT = ("#0b69a3", "#c65102", "#2f8132", "#8a3ffc", "#b80c57", "#6f5500", "#007d79", "#5c6670")
_DARK = ("#5db3e6", "#ff9f5a", "#76c679", "#be95ff", "#ff7eb6", "#d2b24c", "#3ddbd9", "#a9b3bd")
_STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --soft: #52606d; --line: #d9dfe5; --back: #fff;
 --card: #f5f7fa; %s }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaee; --soft: #a9b3bd; --line: #3a444e;
 --back: #14191e; --card: #1d242b; %s } }
body { margin: 0 auto; padding: 16px; max-width: 1080px; background: var(--back); color: var(--ink);
 font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: .2em 0; } h2 { font-size: 1.05rem; margin: 0 0 .3em; }
p { color: var(--soft); margin: .4em 0; overflow-wrap: anywhere; }
.charts { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); }
section { background: var(--card); border-radius: 10px; padding: 12px; min-width: 0; }
svg { width: 100%%; height: auto; display: block; }
svg text { fill: var(--ink); font: 11px system-ui, sans-serif; }
svg .middle, svg .mark { text-anchor: middle; } svg .end { text-anchor: end; }
svg .mark { fill: var(--back); font-weight: 700; font-size: 10px; pointer-events: none; }
.grid line { stroke: var(--line); stroke-width: .7; } .grid text { fill: var(--soft); }
.front { fill: none; stroke: var(--soft); stroke-width: 1.2; stroke-dasharray: 4 3; }
.line { fill: none; stroke-width: 2; } .dot { stroke: var(--card); stroke-width: 1; }
.t0 { fill: var(--c6); } .t1 { fill: var(--c0); } .t2 { fill: var(--c1); }
.key { list-style: none; padding: 0; margin: 12px 0; display: flex; flex-wrap: wrap;
 gap: 4px 16px; }
.key span { display: inline-block; width: 12px; height: 12px; border-radius: 3px;
 margin-right: 6px; }
.scroll { overflow-x: auto; width: fit-content; max-width: calc(100vw - 56px); position: relative;
 left: 50%%; transform: translateX(-50%%); }
table { border-collapse: collapse; font-size: 13px; width: 100%%; }
th, td { padding: 5px 7px; text-align: right; border-bottom: 1px solid var(--line); }
td { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0;
 background: var(--card); white-space: normal; overflow-wrap: anywhere; min-width: 9em; }
@media print { body { max-width: none; } table { font-size: 9px; } th, td { padding: 2px 3px; } }
.worse { color: var(--c4); font-weight: 700; } .better { color: var(--c2); }
"""
_COLUMNS = (
    ("MB", "size_bytes", 1e6, 2), ("load ms", "load_ms", 1, 0), ("first ms", "first_call_ms", 1, 1),
    ("p50 ms", "p50_ms", 1, 3), ("p90 ms", "p90_ms", 1, 3), ("p99 ms", "p99_ms", 1, 3),
    ("resample ms", "resample_p50_ms", 1, 3), ("network ms", "network_p50_ms", 1, 3),
    ("decode ms", "decode_p50_ms", 1, 3), ("per s", "throughput_per_s", 1, 0),
    ("RSS MB", "peak_rss_bytes", 1e6, 0), ("CPU ms", "cpu_ms", 1, 2), ("top-1 %", "top1", 0.01, 1),
    ("top-3 %", "top3", 0.01, 1), ("error %", "error_rate", 0.01, 1),
)  # fmt: skip


def html(report: Report) -> str:
    """Return the page of a report."""
    shown = [
        row for row in report["rows"] if row["status"] == "ok" and row["artifact"] != REFERENCE
    ]
    body = [
        "<h1>edgectc bench</h1>",
        *(f"<p>{escape(note)}</p>" for note in notes(report)[:1]),
        _charts(shown) if shown else "<p>Nothing ran on this machine; the table says why.</p>",
        _table(report["rows"]),
        _verdicts(report.get("verdicts", [])),
        *(f"<p>{escape(note)}</p>" for note in notes(report)[1:]),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,"><title>edgectc bench</title>'
        f"<style>{_style()}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _style() -> str:
    light, dark = (
        " ".join(f"--c{i}: {c};" for i, c in enumerate(colours)) for colours in (_LIGHT, _DARK)
    )
    rules = "".join(
        f".s{i} {{ fill: var(--c{i}); }} .l{i} {{ stroke: var(--c{i}); }} "
        f".b{i} {{ background: var(--c{i}); }}\n"
        for i in range(len(_LIGHT))
    )
    return _STYLE % (light, dark) + rules


def _charts(rows: Sequence[Row]) -> str:
    labelled = all(row.get("top1") is not None or row.get("error_rate") is not None for row in rows)
    sections = {
        "Latency against accuracy" if labelled else "Latency against size": charts.pareto(rows),
        "Distribution over samples": charts.distribution(rows),
    }
    staged = [row for row in rows if charts.has_stages(row)]
    if staged:
        sections["Where the time goes, median ms"] = charts.stages(staged, rows)
    drawn = "".join(
        f"<section><h2>{title}</h2>{drawing}</section>" for title, drawing in sections.items()
    )
    return f'{charts.key(rows)}<div class="charts">{drawn}</div>'


def _table(rows: Sequence[Row]) -> str:
    used = [c for c in _COLUMNS if any(figure(row, c[1]) is not None for row in rows)]
    head = "".join(f"<th>{title}</th>" for title, *_ in used)
    lines = []
    for row in rows:
        name = f"<td>{escape(charts.label(row))}</td>"
        if row["status"] == "ok":
            cells = "".join(_cell(figure(row, key), unit, digits) for _, key, unit, digits in used)
        else:
            why = f"not run: {escape(row['reason'])}"
            cells = f'<td colspan="{len(used)}" style="text-align:left">{why}</td>'
        lines.append(f"<tr>{name}{cells}</tr>")
    return (
        '<h2 style="margin-top:20px">All figures</h2><section class="scroll"><table><thead><tr>'
        f"<th>row</th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></section>"
    )


def _cell(value: float | None, unit: float, digits: int) -> str:
    return "<td>-</td>" if not value else f"<td>{value / unit:.{digits}f}</td>"


def _verdicts(verdicts: Sequence[Comparison]) -> str:
    if not verdicts:
        return ""
    lines = []
    for one in verdicts:
        ratio = one["detail"] if one["ratio"] is None else f"{one['ratio']:.3f}"
        lines.append(
            f"<tr><td>{escape(one['row'])}</td><td>{one['figure']}</td>"
            f'<td class="{one["verdict"]}">{one["verdict"]}</td><td>{escape(ratio)}</td></tr>'
        )
    return (
        '<h2 style="margin-top:20px">Against the baseline</h2><section class="scroll"><table>'
        "<thead><tr><th>row</th><th>figure</th><th>verdict</th><th>now / baseline</th></tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></section>"
    )
