"""The shape of a bench's answer, as ``schema.json`` has it; docs/benchmark.md has the meaning."""

from __future__ import annotations

from typing import TypedDict


class Machine(TypedDict):
    """What the figures were measured on."""

    processor: str
    architecture: str
    cores: int
    memory_bytes: int | None
    system: str
    python: str
    versions: dict[str, str]
    gpus: list[str]
    load_1_min: float | None


class Throughput(TypedDict):
    """Samples in a second at one batch size."""

    batch: int
    per_s: float


class Head(TypedDict):
    """What every row says, whether it ran or not."""

    artifact: str
    runtime: str
    device: str
    threads: int
    status: str
    reason: str
    size_bytes: int


class Latencies(TypedDict, total=False):
    """Milliseconds, of all and by stage; percentiles over samples."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    p99_all_ms: float
    resample_p50_ms: float
    resample_p90_ms: float
    resample_p99_ms: float
    network_p50_ms: float
    network_p90_ms: float
    network_p99_ms: float
    decode_p50_ms: float
    decode_p90_ms: float
    decode_p99_ms: float
    distribution_ms: list[float]


class Starts(TypedDict, total=False):
    """Milliseconds of fresh processes."""

    load_ms: float
    cold_ms: float
    first_call_ms: float
    first_load_ms: float


class Saturation(TypedDict, total=False):
    """The most samples in a second, and all that was tried."""

    throughput_per_s: float | None
    throughput_batch: int | None
    throughput: list[Throughput]


class ChunkLatencies(TypedDict, total=False):
    """Milliseconds of the network for a chunk of so many frames; of streams alone."""

    chunk_frames: int
    chunk_p50_ms: float
    chunk_p90_ms: float
    chunk_p99_ms: float


class Row(Head, Latencies, Starts, Saturation, ChunkLatencies, total=False):
    """One artifact on one runtime, device and thread count; figures where it ran."""

    threads_seen: int | None
    cpu_ms: float
    cpu_s: float
    floor_us: float
    to_yardstick: float
    waited_share: float
    p50_low_ms: float
    p50_high_ms: float
    planned_bytes: dict[str, int]
    peak_rss_bytes: int | None
    gpu_memory_bytes: int | None
    labelled: int
    units: int
    top1: float | None
    top1_interval: list[float] | None
    top3: float | None
    error_rate: float | None
    error_rate_interval: list[float] | None
    samples: int
    rounds: int
    series: dict[str, list[float]]


class Operator(TypedDict):
    """One kind of operator in a profile: calls, milliseconds a sample, share of all."""

    name: str
    calls: int
    ms: float
    share: float


class Trace(TypedDict):
    """The heaviest operators of a row and the file of its profile; or why there are none."""

    file: str
    operators: list[Operator]
    reason: str


class Samples(TypedDict):
    """Where the samples are from, and what tells others from them."""

    source: str
    digest: str
    labelled: bool


class Settings(TypedDict):
    """How often things were repeated."""

    processes: int
    rounds: int


class Floor(TypedDict, total=False):
    """What a process costs that loads nothing."""

    process_ms: float
    peak_rss_bytes: int | None


class Comparison(TypedDict):
    """One figure of one row against a baseline, see `edgectc.benchmarking.gate.Verdict`."""

    row: str
    figure: str
    verdict: str
    ratio: float | None
    low: float | None
    high: float | None
    detail: str


class Phone(TypedDict):
    """A phone whose results stand beside: what its row has no column for."""

    row: str
    host: str
    device: str
    system: str
    cores: int
    memory_bytes: int | None
    cases: int
    recorded: int
    tap_p50_ms: float
    next_p50_ms: float
    memory_of: str


class _Always(TypedDict):
    schema_version: int
    machine: Machine
    settings: Settings
    samples: Samples
    floor: Floor
    rows: list[Row]


class Report(_Always, total=False):
    """All of it."""

    verdicts: list[Comparison]
    phones: list[Phone]
    traces: dict[str, Trace]


def figure(row: Row, name: str) -> float | None:
    """Return a number of a row by its name, of methods the largest; None where it has none."""
    value = row.get(name)
    if isinstance(value, dict):
        value = max(value.values(), default=None)
    return float(value) if isinstance(value, int | float) else None
