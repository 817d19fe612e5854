"""Size, load time, latency by stage, throughput, memory and accuracy of artifacts, in one table."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from edgectc.benchmarking import gate, machine, measure, plan, rows, samples
from edgectc.benchmarking.measure import Settings
from edgectc.benchmarking.report import Report, Samples
from edgectc.core.errors import ConfigError

SCHEMA = Path(__file__).with_name("schema.json")


def bench(
    *paths: str | os.PathLike[str] | None,
    devices: Sequence[str] = ("cpu",),
    runtimes: Sequence[str] | None = None,
    threads: Sequence[int] = (1,),
    data: str | None = None,
    split: str = "all",
    lexicon: str | None = None,
    language_model: str | None = None,
    timed: int = 100,
    scored: int = 1000,
    settings: Settings | None = None,
    trace: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Report:
    """Return the figures of every artifact, runtime, device and thread count.

    Args:
        paths: artifacts, bundles (their weights and all artifacts in them) or names of shipped
            models; none is the shipped swipe model.
        devices: of "cpu" and "cuda".
        runtimes: of `edgectc.benchmarking.plan.RUNTIMES`; None takes all that the device has.
        threads: thread counts to measure.
        data: labelled recordings, for accuracy and as inputs; None generates inputs.
        split: of swipes, "all", "train", "dev" or "test" users.
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
    if data is None and split != "all":
        raise ConfigError(f"split {split!r} is one of recordings; name them with data")
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
    families = {plan.family(one.subject): one.subject for one in reversed(plans)}
    chosen = {
        name: samples.choose(
            subject, data=data, split=split, lexicon=lexicon, timed=timed, scored=scored
        )
        for name, subject in families.items()
    }

    def family(one: plan.Plan) -> str:
        return plan.family(one.subject)

    here = machine.describe()  # before the load that we make ourselves
    records, floor = measure.run(plans, chosen, settings, family=family, say=say)
    made = [rows.row(record, chosen[family(record.plan)]) for record in records]
    reference = rows.reference(records)
    report: Report = {
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


def _about(chosen: Sequence[samples.Workload]) -> Samples:
    return {
        "source": "; ".join(one.source for one in chosen),
        "digest": "+".join(one.digest for one in chosen),
        "labelled": any(one.labelled for one in chosen),
    }
