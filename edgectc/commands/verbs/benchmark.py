"""`edgectc.bench`: figures side by side, against a baseline, on a page."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from edgectc.benchmarking import benchmark, gate, measure, page
from edgectc.commands.verbs.document import Document
from edgectc.core.errors import ConfigError
from edgectc.core.files import write_bytes

File = str | os.PathLike[str]
TOLERANCE = "10%"


def bench(
    *models: File | None,
    device: Sequence[str] = ("cpu",),
    runtime: Sequence[str] | None = None,
    threads: Sequence[int] = (1,),
    data: str | None = None,
    split: str = "all",
    lexicon: str | None = None,
    language_model: str | None = None,
    samples: int = 100,
    limit: int = 1000,
    rounds: int = 5,
    processes: int = 3,
    html: File | None = None,
    baseline: File | None = None,
    tolerance: str | None = None,
    trace: str | None = None,
) -> Document:
    """Return size, speed, memory and accuracy of artifacts; docs/benchmark.md says what is what.

    Args:
        models: bundles, artifacts or shipped names; none is the shipped swipe model.
        device: of "cpu" and "cuda".
        runtime: of `edgectc.benchmarking.plan.RUNTIMES`; None takes all that the device has.
        threads: thread counts.
        data: labelled swipes or recordings, for accuracy and as inputs; None generates inputs.
        split: of swipes: "all", "train", "dev" or "test" users.
        lexicon: file of words to use instead of the models' own.
        language_model: file to use instead of the models' own.
        samples: how many are timed.
        limit: how many are scored, at most.
        rounds: repetitions in a process.
        processes: fresh processes.
        html: file to write the page with charts to.
        baseline: file that ``--json`` wrote; adds ``verdicts`` on every figure.
        tolerance: of the baseline, "10%" if it is None.
        trace: folder to write profiles of the operators to.

    Raises:
        ConfigError: an option that makes no sense, or a file that is not there.
        UnknownNameError: no such device or runtime.
        BundleError: a model is missing or damaged.
        InputError: ``data`` holds nothing a model can use.
    """
    if tolerance is not None and baseline is None:
        raise ConfigError(
            "tolerance is that of baseline; give one, or leave it out",
            options=["tolerance", "baseline"],
        )
    allowed = gate.tolerance(tolerance or TOLERANCE)
    before = gate.read(os.fspath(baseline)) if baseline is not None else None
    report = benchmark.bench(
        *models,
        devices=device,
        runtimes=runtime,
        threads=threads,
        data=data,
        split=split,
        lexicon=lexicon,
        language_model=language_model,
        timed=samples,
        scored=limit,
        settings=measure.Settings(processes=processes, rounds=rounds),
        trace=trace,
        say=lambda text: print(f"edgectc: {text}", file=sys.stderr),
    )
    if before:
        report["verdicts"] = [v.to_json() for v in gate.compare(report, before, allowed)]
    if html is not None:
        write_bytes(html, page.html(report).encode())
    return Document(report)
