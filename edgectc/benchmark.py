"""Size, load time, latency by stage, throughput, memory and accuracy of artifacts, in one table."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgectc.benching import gate, machine, measure, plan, rows, samples
from edgectc.benching.measure import Settings
from edgectc.errors import ConfigError

SCHEMA = Path(__file__).parent / "benching" / "schema.json"


def bench(
    *paths: str | os.PathLike[str] | None,
    devices: Sequence[str] = ("cpu",),
    runtimes: Sequence[str] | None = None,
    threads: Sequence[int] = (1,),
    data: str | None = None,
    lexicon: str | None = None,
    language_model: str | None = None,
    timed: int = 100,
    scored: int = 1000,
    settings: Settings | None = None,
    trace: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Return the figures of every artifact, runtime, device and thread count.

    Args:
        paths: artifacts, bundles (their weights and all artifacts in them) or names of shipped
            models; none is the shipped swipe model.
        devices: of "cpu" and "cuda".
        runtimes: of `edgectc.benching.plan.RUNTIMES`; None takes all that the device has.
        threads: thread counts to measure.
        data: labelled recordings, for accuracy and as inputs; None generates inputs.
        lexicon: file of words to use instead of the models' own.
        language_model: file to use instead of the models' own.
        timed: samples that are timed.
        scored: samples that accuracy is measured on.
        settings: how often things are repeated.
        trace: folder to write profiles of the operators to.
        say: told what happens next, for people who wait.

    Returns:
        ``schema_version``, ``machine``, ``settings``, ``samples``, ``floor`` and ``rows``; the
        schema is `SCHEMA`, the meaning of every key docs/benchmark.md.

    Raises:
        ConfigError: a count below 1, or a file that is not there.
        UnknownNameError: no such device or runtime.
        BundleError: a model is missing or damaged.
        InputError: ``data`` holds nothing a model can use.
    """
    settings = settings or Settings()
    _check(settings, timed, scored)
    files = {"lexicon": lexicon, "language_model": language_model}
    for name, file in files.items():
        if file is not None and not Path(file).is_file():
            raise ConfigError(f"{name} {file!r}: no such file")
    subjects = plan.subjects(paths or (None,))
    plans = plan.plans(
        subjects,
        devices=devices,
        runtimes=runtimes,
        threads=threads,
        files={name: file for name, file in files.items() if file is not None},
    )
    chosen = {
        plan.family(one.subject): samples.choose(
            one.subject, data=data, lexicon=lexicon, timed=timed, scored=scored
        )
        for one in plans
    }

    def family(one: plan.Plan) -> str:
        return plan.family(one.subject)

    here = machine.describe()  # before the load that we make ourselves
    records, floor = measure.run(plans, chosen, settings, family=family, say=say)
    made = [rows.row(record, chosen[family(record.plan)]) for record in records]
    reference = rows.reference(records)
    report = {
        "schema_version": gate.SCHEMA_VERSION,
        "machine": here,
        "settings": {"processes": settings.processes, "rounds": settings.rounds},
        "samples": _about(list(chosen.values())),
        "floor": floor,
        "rows": [*([reference] if reference else []), *made],
    }
    if trace is not None:
        report["traces"] = measure.traces(records, chosen, trace, family=family, say=say)
    return report


def _check(settings: Settings, timed: int, scored: int) -> None:
    counts = {"processes": settings.processes, "rounds": settings.rounds}
    for name, value in {**counts, "samples": timed, "scored samples": scored}.items():
        if value < 1:
            raise ConfigError(f"{name} is {value}, expected 1 or more")


def _about(chosen: Sequence[samples.Samples]) -> dict[str, Any]:
    return {
        "source": "; ".join(one.source for one in chosen),
        "digest": "+".join(one.digest for one in chosen),
        "labelled": any(one.labelled for one in chosen),
    }


HEADER = (
    "artifact", "runtime", "device", "threads", "MB", "load ms", "first ms", "p50 ms [95 %]",
    "p90", "p99", "resample", "network", "decode", "per s", "RSS MB", "CPU ms", "accuracy",
)  # fmt: skip


def lines(report: Mapping[str, Any]) -> list[list[str]]:
    """Return the table rows of a report, as `HEADER` names them; "-" where there is no figure."""
    return [_line(row) for row in report["rows"]]


def _line(row: Mapping[str, Any]) -> list[str]:
    head = [str(row[key]) for key in ("artifact", "runtime", "device", "threads")]
    size = f"{row['size_bytes'] / 1e6:.2f}" if row["size_bytes"] else "-"
    if row["status"] != "ok":
        return [*head, size, "not run", *["-"] * 11]

    def shown(key: str, digits: int = 2, unit: float = 1.0) -> str:
        value = row.get(key)
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


def accuracy(row: Mapping[str, Any]) -> str:
    """Return the accuracy of a row in words, "-" without labels."""
    if row.get("top1") is not None:
        return f"top-1 {row['top1']:.1%}, top-3 {row['top3']:.1%}"
    if row.get("error_rate") is not None:
        return f"error {row['error_rate']:.1%}"
    return "-"


def notes(report: Mapping[str, Any]) -> list[str]:
    """Return the lines below the table: machine, versions, how it was measured, what was not."""
    here = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in here["versions"].items())
    gpus = f", {', '.join(here['gpus'])}" if here["gpus"] else ""
    floors = [row["floor_us"] for row in report["rows"] if "floor_us" in row]
    found = [
        f"{here['processor']}, {here['cores']} cores{gpus}; {here['system']}, Python "
        f"{here['python']}, {versions}; load {here['load_1_min']} at the start",
        f"{report['samples']['source']}; {report['settings']['processes']} fresh processes of "
        f"{report['settings']['rounds']} interleaved rounds; a sample's time is the median of its "
        "rounds, less the floor of the clock"
        + (f" ({max(floors):.2f} us)" if floors else "")
        + "; load is from the start of a process"
        + (
            f", of which an empty one takes {report['floor']['process_ms']:.0f} ms"
            if report["floor"]
            else ""
        ),
    ]
    for row in report["rows"]:
        if row["status"] != "ok":
            name = " ".join(str(row[key]) for key in ("artifact", "runtime", "device"))
            found.append(f"{name}: not run: {row['reason']}")
        elif row.get("threads_seen") not in (None, row["threads"]):
            found.append(
                f"{row['artifact']} {row['runtime']}: asked for {row['threads']} threads, the "
                f"runtime uses {row['threads_seen']}"
            )
    return list(dict.fromkeys(found))
