"""A bench as a table for the terminal, and what must be said below it."""

from __future__ import annotations

from collections.abc import Sequence

from edgectc.benchmarking import phone
from edgectc.benchmarking.report import Report, Row, figure

HEADER = (
    "artifact", "runtime", "device", "threads", "MB", "load ms", "first ms", "p50 ms [95 %]",
    "p90", "p99", "resample", "network", "decode", "per s", "RSS MB", "CPU ms", "accuracy",
)  # fmt: skip


def lines(report: Report) -> list[list[str]]:
    """Return the table rows of a report, as `HEADER` names them; "-" where there is no figure."""
    return [_line(row) for row in report["rows"]]


def _line(row: Row) -> list[str]:
    head = [row["artifact"], row["runtime"], row["device"], str(row["threads"])]
    size = f"{row['size_bytes'] / 1e6:.2f}" if row["size_bytes"] else "-"
    if row["status"] != "ok":
        return [*head, size, "not run", *["-"] * 11]

    def shown(key: str, digits: int = 2, unit: float = 1.0) -> str:
        value = figure(row, key)
        return "-" if value is None else f"{value / unit:.{digits}f}"

    p50 = shown("p50_ms")
    if row.get("p50_low_ms") is not None:
        p50 += f" [{shown('p50_low_ms')}, {shown('p50_high_ms')}]"
    batch = f" (x{row['throughput_batch']})" if (row.get("throughput_batch") or 1) > 1 else ""
    return [
        *head, size, shown("load_ms", 0), shown("first_call_ms", 1), p50, shown("p90_ms"),
        shown("p99_ms"), shown("resample_p50_ms", 3), shown("network_p50_ms"),
        shown("decode_p50_ms"), shown("throughput_per_s", 0) + batch,
        shown("peak_rss_bytes", 0, 1e6), shown("cpu_ms"), accuracy(row),
    ]  # fmt: skip


def accuracy(row: Row) -> str:
    """Return the accuracy of a row in words, "-" without labels."""
    top1, top3, error_rate = (figure(row, name) for name in ("top1", "top3", "error_rate"))
    if top1 is not None and top3 is not None:
        return f"top-1 {top1:.1%}{_span(row.get('top1_interval'))}, top-3 {top3:.1%}"
    if error_rate is None:
        return "-"
    return f"error {error_rate:.1%}{_span(row.get('error_rate_interval'))}"


def _how(report: Report) -> str:
    if not report["samples"]["source"]:
        return "nothing was measured here"
    floors = [row["floor_us"] for row in report["rows"] if "floor_us" in row]
    return (
        f"{report['samples']['source']}; {report['settings']['processes']} fresh processes of "
        f"{report['settings']['rounds']} interleaved rounds; a sample's time is the median of its "
        "rounds, less the floor of the clock"
        + (f" ({max(floors):.2f} us)" if floors else "")
        + "; load is from the start of a process"
        + (
            f", of which an empty one takes {report['floor']['process_ms']:.0f} ms"
            if report["floor"]
            else ""
        )
    )


def _span(interval: Sequence[float] | None) -> str:
    return f" [{interval[0]:.1%}, {interval[1]:.1%}]" if interval else ""


def notes(report: Report) -> list[str]:
    """Return the lines below the table: machine, versions, how it was measured, what was not."""
    here = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in here["versions"].items())
    gpus = f", {', '.join(here['gpus'])}" if here["gpus"] else ""
    found = [
        f"{here['processor']}, {here['cores']} cores{gpus}; {here['system']}, Python "
        f"{here['python']}, {versions}; load {here['load_1_min']} at the start",
        _how(report),
    ]
    found += [phone.note(one) for one in report.get("phones", [])]
    reasons: dict[str, list[str]] = {}
    for row in report["rows"]:
        if row["status"] != "ok":
            name = " ".join([row["artifact"], row["runtime"], row["device"]])
            reasons.setdefault(row["reason"], []).append(name)
            continue
        if "chunk_frames" in row:
            found.append(
                f"{row['artifact']} {row['runtime']}: the network takes {row['chunk_p50_ms']:.3g} "
                f"ms for a chunk of {row['chunk_frames']} frames, 99 % of them "
                f"{row['chunk_p99_ms']:.3g} ms or less"
            )
        if row.get("threads_seen") not in (None, row["threads"]):
            found.append(
                f"{row['artifact']} {row['runtime']}: asked for {row['threads']} threads, the "
                f"runtime uses {row['threads_seen']}"
            )
    found += [
        f"not run, {reason}: {', '.join(dict.fromkeys(names))}" for reason, names in reasons.items()
    ]
    return list(dict.fromkeys(found))
