"""Size, load time, latency by stage, throughput, memory and accuracy of artifacts, in one table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgectc.benchmarking import gate, machine, measure, page, phone, plan, rows, workload
from edgectc.benchmarking.measure import Settings
from edgectc.benchmarking.report import Report, Samples
from edgectc.benchmarking.workload import Workload
from edgectc.core.arguments import Count, File, FileName, Threads, checked
from edgectc.core.errors import ConfigError
from edgectc.core.messages import say
from edgectc.core.staging import claimed, write_bytes
from edgectc.core.types import Document

SCHEMA = Path(__file__).with_name("schema.json")
TOLERANCE = "10%"
# How a bench is done that nobody asked otherwise of; None for all that is not here.
USUAL = {
    "device": ("cpu",), "threads": (1,), "split": "all", "samples": 100, "limit": 1000,
    "rounds": 5, "processes": 3,
}  # fmt: skip


@checked
def bench(
    *models: File | None,
    device: Sequence[str] = ("cpu",),
    runtime: Sequence[str] | None = None,
    threads: Sequence[Threads] = (1,),
    data: FileName | None = None,
    split: str = "all",
    lexicon: FileName | None = None,
    language_model: FileName | None = None,
    samples: Count = 100,
    limit: Count = 1000,
    rounds: Count = 5,
    processes: Count = 3,
    phones: Sequence[File] = (),
    html: File | None = None,
    baseline: File | None = None,
    tolerance: str | None = None,
    trace: FileName | None = None,
) -> Document:
    """Return size, speed, memory and accuracy of artifacts; docs/benchmark.md says what is what.

    Progress goes to standard error.

    Args:
        models: artifacts, bundles (their weights and all artifacts in them) or names of shipped
            models; none is the shipped swipe model.
        device: of "cpu" and "cuda".
        runtime: of `edgectc.benchmarking.plan.RUNTIMES`; None takes all that the device has
            but "compiled", whose first call takes minutes.
        threads: thread counts.
        data: labelled recordings, for accuracy and as inputs; None generates inputs.
        split: of swipes: "all", "train", "dev" or "test" users.
        lexicon: file of words to use instead of the models' own.
        language_model: file to use instead of the models' own.
        samples: how many are timed.
        limit: how many are scored, at most.
        rounds: repetitions in a process.
        processes: fresh processes.
        phones: files that the phone kit saved, shown beside; without models, alone.
        html: file to write the page with charts to.
        baseline: file that ``--json`` wrote; adds ``verdicts`` on every figure.
        tolerance: of the baseline, `TOLERANCE` if it is None.
        trace: folder to write profiles of the operators to.

    Returns:
        the keys of `edgectc.benchmarking.report.Report`; the schema is `SCHEMA`.

    Raises:
        ConfigError: an option that makes no sense, or a file that is not there.
        UnknownNameError: no such device or runtime.
        BundleError: a model is missing or damaged.
        InputError: ``data`` holds nothing a model can use, or a file of ``phones`` is none.
    """
    if tolerance is not None and baseline is None:
        raise ConfigError(
            "tolerance is that of baseline; give one, or leave it out",
            options=["tolerance", "baseline"],
        )
    allowed = gate.tolerance(tolerance or TOLERANCE)
    before = gate.read(os.fspath(baseline)) if baseline is not None else None
    beside = [phone.read(file) for file in phones]
    asked: dict[str, Any] = {
        "device": device, "runtime": runtime, "threads": threads, "data": data, "split": split,
        "lexicon": lexicon, "language_model": language_model, "samples": samples,
        "limit": limit, "trace": trace,
    }  # fmt: skip
    how = Settings(processes=processes, rounds=rounds)
    with claimed(html):
        if beside and not models:
            report = _unmeasured(how, asked | {"baseline": baseline})
        else:
            report = measured(models, how, **asked)
    if beside:
        report["rows"] += map(phone.row, beside)
        report["phones"] = [phone.about(one) for one in beside]
    if before:
        report["verdicts"] = [v.to_json() for v in gate.compare(report, before, allowed)]
    if html is not None:
        write_bytes(html, page.html(report).encode(errors="backslashreplace"))
    return Document(report)


def measured(
    models: Sequence[File | None],
    settings: Settings,
    *,
    device: Sequence[str] = ("cpu",),
    runtime: Sequence[str] | None = None,
    threads: Sequence[Threads] = (1,),
    data: FileName | None = None,
    split: str = "all",
    lexicon: FileName | None = None,
    language_model: FileName | None = None,
    samples: int = 100,
    limit: int = 1000,
    trace: FileName | None = None,
) -> Report:
    """Return the figures alone, measured as ``settings`` say; the rest as `bench` has it."""
    _check(settings, samples, limit)
    if data is None and split != "all":
        raise ConfigError(
            f"split {split!r} is one of recordings; name them with data", options=["split", "data"]
        )
    files = {"lexicon": lexicon, "language_model": language_model}
    for name, file in files.items():
        if file is not None and not Path(file).is_file():
            raise ConfigError(f"{name} {file!r}: no such file", options=[name])
    plans = plan.plans(
        plan.subjects(models or (None,)),
        devices=device,
        runtimes=runtime,
        threads=threads,
        files={name: file for name, file in files.items() if file is not None},
    )
    families = {plan.family(row.subject): row.subject for row in reversed(plans)}
    workloads = {
        name: workload.choose(
            subject, data=data, split=split, lexicon=lexicon, timed=samples, scored=limit
        )
        for name, subject in families.items()
    }

    def family(row: plan.Plan) -> str:
        return plan.family(row.subject)

    here = machine.describe()  # before the load that we make ourselves
    records, floor = measure.run(plans, workloads, settings, family=family, say=_say)
    figures = [rows.row(record, workloads[family(record.plan)]) for record in records]
    reference = rows.reference(records)
    report: Report = {
        "schema_version": gate.SCHEMA_VERSION,
        "machine": here,
        "settings": {"processes": settings.processes, "rounds": settings.rounds},
        "samples": _about(list(workloads.values())),
        "floor": floor,
        "rows": [*([reference] if reference else []), *figures],
    }
    if trace is not None:
        report["traces"] = measure.traces(records, workloads, trace, family=family, say=_say)
    return report


def _unmeasured(settings: Settings, asked: Mapping[str, Any]) -> Report:
    """Return a report without a row; refuses what is asked of rows."""
    asked = {**asked, "rounds": settings.rounds, "processes": settings.processes}
    unused = [name for name, value in asked.items() if value != USUAL.get(name)]
    if unused:
        raise ConfigError(
            f"{unused[0]} is for what is measured here, and phones alone are not; name a model "
            "beside phones, or leave it out",
            options=[unused[0], "phones"],
        )
    return {
        "schema_version": gate.SCHEMA_VERSION,
        "machine": machine.describe(),
        "settings": {"processes": settings.processes, "rounds": settings.rounds},
        "samples": _about([]),
        "floor": {},
        "rows": [],
    }


def _say(text: str) -> None:
    say(f"edgectc: {text}")


def _check(settings: Settings, samples: int, limit: int) -> None:
    counts = {"processes": settings.processes, "rounds": settings.rounds}
    for name, value in {**counts, "samples": samples, "limit": limit}.items():
        if value < 1:
            raise ConfigError(f"{name} is {value}, expected 1 or more", options=[name])


def _about(workloads: Sequence[Workload]) -> Samples:
    return {
        "source": "; ".join(one.source for one in workloads),
        "digest": "+".join(one.digest for one in workloads),
        "labelled": any(one.labelled for one in workloads),
    }
