"""From what was seen to the figures of a row.

A sample's time is the median of its rounds, less the floor of the clock, so that a busy moment of
the machine does not count; ``p50``, ``p90`` and ``p99`` are then over samples. What such moments do
to a user is ``p99_all_ms``, over every single call.

Of each round percentiles are kept by the clock and by processor time, divided by the round's own
reading of the yardstick: these series carry to the gate, see `edgectc.benchmarking.gate`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgectc.benchmarking.measure import Cold, Record
from edgectc.benchmarking.report import (
    ChunkLatencies,
    Latencies,
    Row,
    Saturation,
    Starts,
    Throughput,
)
from edgectc.benchmarking.worker import STAGES, Chunks
from edgectc.benchmarking.workload import Workload
from edgectc.core.types import Array

REFERENCE = "yardstick"
DISTRIBUTION = 61  # points of the distribution that a row keeps


def row(record: Record, samples: Workload) -> Row:
    """Return one row of the JSON; a row that did not run has ``reason`` and no figures."""
    plan = record.plan
    about: Row = {
        "artifact": plan.subject.name,
        "runtime": plan.runtime,
        "device": plan.device,
        "threads": plan.threads,
        "status": "not_run" if record.reason else "ok",
        "reason": record.reason,
        "size_bytes": plan.subject.size_bytes,
    }
    if plan.subject.planned:
        about["planned_bytes"] = dict(plan.subject.planned)
    if record.reason:
        return about
    spent, floor = _table(
        [r["spent_ns"] for r in record.rounds], [r["floor_ns"] for r in record.rounds]
    )
    cpu, cpu_floor = _table(
        [r["cpu_spent_ns"] for r in record.rounds], [r["cpu_floor_ns"] for r in record.rounds]
    )
    yardstick = np.array([r["yardstick_ns"] for r in record.rounds]) / 1e6
    medians = per_round(spent - floor)["p50_ms"]
    figures = latencies(np.maximum(spent - floor, 0.0))
    low, high = around(figures["p50_ms"], medians)
    return {
        **about,
        "threads_seen": record.more.get("threads_seen"),
        **cold(record.cold),
        **figures,
        "p50_low_ms": round(low, 4),
        "p50_high_ms": round(high, 4),
        "floor_us": round(float(floor.sum()) * 1e3, 3),
        "to_yardstick": round(float(np.median(medians / yardstick)), 4),
        "waited_share": round(float(np.median([r["waited_share"] for r in record.rounds])), 4),
        "cpu_ms": round(float(np.median((cpu - cpu_floor).sum(axis=2).mean(axis=1))), 4),
        "cpu_s": round(record.more["cpu_s"], 3),
        **_throughput(record.more.get("throughput", [])),
        **_chunks(record.more.get("chunks")),
        "peak_rss_bytes": record.more["peak_rss_bytes"],
        "gpu_memory_bytes": record.more.get("gpu_memory_bytes"),
        "labelled": record.more.get("labelled", 0),
        "units": record.more.get("units", 0),
        "top1": record.more.get("top1"),
        "top1_interval": record.more.get("top1_interval"),
        "top3": record.more.get("top3"),
        "error_rate": record.more.get("error_rate"),
        "error_rate_interval": record.more.get("error_rate_interval"),
        "samples": samples.timed,
        "rounds": len(record.rounds),
        "series": series(spent - floor, cpu - cpu_floor, record),
    }  # fmt: skip


def reference(records: Sequence[Record]) -> Row | None:
    """Return the row that others are compared with: the yardstick over all rounds of all rows."""
    readings = [r["yardstick_ns"] / 1e6 for record in records for r in record.rounds]
    if not readings:
        return None
    p50, p90, p99 = np.percentile(readings, (50, 90, 99))
    return {
        "artifact": REFERENCE, "runtime": "numpy", "device": "cpu", "threads": 1,
        "status": "ok", "reason": "", "size_bytes": 0,
        "p50_ms": round(p50, 4), "p90_ms": round(p90, 4), "p99_ms": round(p99, 4),
        "rounds": len(readings),
    }  # fmt: skip


def _table(spent_ns: list[list[list[int]]], floor_ns: list[list[float]]) -> tuple[Array, Array]:
    """Return (rounds, samples, stages) milliseconds, and (stages,) of the floor."""
    return np.array(spent_ns, np.float64) / 1e6, np.median(floor_ns, axis=0) / 1e6


def latencies(spent: Array) -> Latencies:
    """Return percentiles of (rounds, samples, stages) milliseconds, floor subtracted."""
    each = np.median(spent.sum(axis=2), axis=0)
    points = np.percentile(each, np.linspace(0, 100, DISTRIBUTION))
    p50, p90, p99 = _percentiles(each)
    resample, network, decode = (
        _percentiles(np.median(spent[:, :, stage], axis=0)) for stage in range(len(STAGES))
    )
    return {
        "p50_ms": p50, "p90_ms": p90, "p99_ms": p99,
        "p99_all_ms": round(float(np.percentile(spent.sum(axis=2), 99)), 4),
        "resample_p50_ms": resample[0], "resample_p90_ms": resample[1],
        "resample_p99_ms": resample[2],
        "network_p50_ms": network[0], "network_p90_ms": network[1], "network_p99_ms": network[2],
        "decode_p50_ms": decode[0], "decode_p90_ms": decode[1], "decode_p99_ms": decode[2],
        "distribution_ms": [round(float(value), 4) for value in points],
    }  # fmt: skip


def _percentiles(values: Array) -> tuple[float, float, float]:
    p50, p90, p99 = (round(float(np.percentile(values, p)), 4) for p in (50, 90, 99))
    return p50, p90, p99


def per_round(spent: Array) -> dict[str, Array]:
    """Return (rounds,) p50 and p99 of the whole, and p50 of the network and of decoding."""
    whole = np.maximum(spent, 0.0).sum(axis=2)
    return {
        "p50_ms": np.percentile(whole, 50, axis=1),
        "p99_ms": np.percentile(whole, 99, axis=1),
        "network_p50_ms": np.percentile(spent[:, :, 1], 50, axis=1),
        "decode_p50_ms": np.percentile(spent[:, :, 2], 50, axis=1),
    }


def series(spent: Array, cpu: Array, record: Record) -> dict[str, list[float]]:
    """Return what the gate compares: per-round figures in yardsticks, and loads in milliseconds."""
    found: dict[str, Array] = {}
    clocks = [r["yardstick_ns"] for r in record.rounds]
    processors = [r["cpu_yardstick_ns"] for r in record.rounds]
    for prefix, table, readings in (("", spent, clocks), ("cpu_", cpu, processors)):
        yardstick = np.array(readings) / 1e6
        found |= {prefix + name: v / yardstick for name, v in per_round(table).items()}
    found["load_ms"] = np.array([one["load_ms"] for one in record.cold])
    return {name: [round(float(v), 5) for v in values] for name, values in found.items()}


def cold(starts: Sequence[Cold]) -> Starts:
    """Return medians over fresh processes, and the first of all, before any file was cached."""
    return {
        "load_ms": round(float(np.median([start["load_ms"] for start in starts])), 2),
        "cold_ms": round(float(np.median([start["cold_ms"] for start in starts])), 2),
        "first_call_ms": round(float(np.median([start["first_call_ms"] for start in starts])), 2),
        "first_load_ms": round(starts[0]["load_ms"], 2),
    }


def interval(values: Sequence[float] | Array) -> tuple[float, float]:
    """Return (low, high), about 95 % for the median of whatever gave ``values``.

    Order statistics, so one wild value in ten changes nothing. Of fewer than six values none are
    far enough apart: then one and a half times their range, around the median.

    Source: Conover 1999, "Practical Nonparametric Statistics", section 3.2.
    """
    ordered = np.sort(np.asarray(values, np.float64))
    n = len(ordered)
    if n < 6:
        middle, reach = float(np.median(ordered)), 1.5 * float(ordered[-1] - ordered[0])
        return middle - reach, middle + reach
    place = max(0, math.floor((n - 1.96 * math.sqrt(n)) / 2 - 0.5))
    return float(ordered[place]), float(ordered[n - 1 - place])


def around(p50: float, medians: Array) -> tuple[float, float]:
    """Return the interval of a p50, as far from it, in ratio, as that of its rounds' medians.

    A sample's slow rounds raise the medians of rounds and not the median of the sample, so the
    rounds' own interval need not hold the p50 at all.
    """
    low, high = interval(medians)
    middle = float(np.median(medians))
    least, most = (p50 * low / middle, p50 * high / middle) if middle else (low, high)
    return max(0.0, least), most  # a time, however far apart a few rounds were


def _chunks(timed: Chunks | None) -> ChunkLatencies:
    """Return percentiles over the chunks of a stream; {} of what is none, or was given no chunk."""
    if timed is None or not timed["spent_ms"]:
        return {}
    p50, p90, p99 = _percentiles(np.array(timed["spent_ms"]))
    frames = timed["frames"]
    return {
        "chunk_frames": frames, "chunk_p50_ms": p50, "chunk_p90_ms": p90, "chunk_p99_ms": p99
    }  # fmt: skip


def _throughput(tried: Sequence[Throughput]) -> Saturation:
    if not tried:
        return {"throughput_per_s": None, "throughput_batch": None, "throughput": []}
    best = max(tried, key=lambda at: at["per_s"])
    return {
        "throughput_per_s": round(best["per_s"], 1),
        "throughput_batch": int(best["batch"]),
        "throughput": [{"batch": int(at["batch"]), "per_s": round(at["per_s"], 1)} for at in tried],
    }
