"""Runs the workers: a fresh process a row and generation, and rounds that go from row to row.

What disturbs the machine for a while then meets every row, and each round has its own reading of
the yardstick to be divided by.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from edgectc.benchmarking.plan import Plan
from edgectc.benchmarking.report import Floor, Throughput, Trace
from edgectc.benchmarking.worker import Chunks, Round
from edgectc.benchmarking.workload import Workload, to_json, write
from edgectc.core.staging import scratch
from edgectc.core.types import JSON

WORKER = ("-m", "edgectc.benchmarking.worker")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_LIMIT_S = 900.0  # for one answer; torch.compile is the slowest by far
_BATCHES = {"cpu": (1, 2, 4, 8, 16, 32, 64), "cuda": (1, 4, 16, 64, 256, 1024, 4096)}
_COMPILED = (1, 32)  # each batch is compiled anew
_TRACED = 20  # samples in a profile, which grows with each


@dataclass(frozen=True)
class Settings:
    """How much is measured.

    Attributes:
        processes: fresh processes of each row.
        rounds: rounds in each of them; every round times every sample once.
        throughput_s: time for each batch size; 0 measures no throughput.
        worker: arguments of Python that start a worker.
    """

    processes: int = 3
    rounds: int = 5
    throughput_s: float = 0.3
    worker: Sequence[str] = WORKER


class Cold(TypedDict):
    """Milliseconds of a fresh process: from its start until loaded, until answered; of the call."""

    load_ms: float
    cold_ms: float
    first_call_ms: float


class More(TypedDict, total=False):
    """Other answers of the worker."""

    threads_seen: int | None
    peak_rss_bytes: int | None
    gpu_memory_bytes: int | None
    cpu_s: float
    throughput: list[Throughput]
    chunks: Chunks | None
    labelled: int
    units: int
    top1: float
    top1_interval: list[float] | None
    top3: float
    error_rate: float
    error_rate_interval: list[float] | None


@dataclass
class Record:
    """What was seen of one row.

    Attributes:
        cold: a process each: ``load_ms`` and ``cold_ms`` from its start, ``first_call_ms``.
        rounds: answers of the worker, in order.
        more: other answers, merged.
        reason: why the row has no figures; "" if it has.
    """

    plan: Plan
    cold: list[Cold] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    more: More = field(default_factory=More)
    reason: str = ""


class WorkerFailed(Exception):
    """A worker could not do what it was asked; the text is the reason."""


class _Process:
    """One worker, asked one thing at a time."""

    def __init__(self, arguments: Sequence[str], threads: int, cache: str) -> None:
        environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads))}
        # What torch.compile leaves behind must not make the next bench look faster.
        environment |= {"TORCHINDUCTOR_CACHE_DIR": cache, "PYTHONUNBUFFERED": "1"}
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
            encoding="utf-8",
        )

    def ask(self, do: str, **values: JSON) -> Any:
        """Return what the worker's ``do_...`` returned; raises `WorkerFailed`."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(_LIMIT_S, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps({"do": do, **values}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            code = process.wait()
            raise WorkerFailed(f"its process ended with code {code} at {do!r}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerFailed(str(answer["error"]))
        return answer

    def since_start_ms(self) -> float:
        return (time.perf_counter() - self.began) * 1e3

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def run(
    plans: Sequence[Plan],
    samples: Mapping[str, Workload],
    settings: Settings,
    *,
    family: Callable[[Plan], str],
    say: Callable[[str], None],
) -> tuple[list[Record], Floor]:
    """Return what was seen of each row, in order, and the floor of the harness.

    Args:
        plans: the rows; those with a reason are not run.
        samples: of each family of models.
        settings: how much is measured.
        family: which samples a row takes.
        say: told what happens next.
    """
    records = [Record(plan, reason=plan.reason) for plan in plans]
    with scratch() as place:
        folder, files = os.fspath(place), {}
        for number, (name, chosen) in enumerate(samples.items()):
            files[name] = place / f"samples-{number}.npz"
            write(files[name], chosen.items)
        floor = _floor(settings, folder) if any(not r.reason for r in records) else Floor()
        for generation in range(settings.processes):
            say(f"fresh processes, {generation + 1} of {settings.processes}")
            last = generation == settings.processes - 1
            _generation(records, samples, files, settings, family=family, last=last, folder=folder)
    return records, floor


def _generation(
    records: Sequence[Record],
    samples: Mapping[str, Workload],
    files: Mapping[str, Path],
    settings: Settings,
    *,
    family: Callable[[Plan], str],
    last: bool,
    folder: str,
) -> None:
    """Start a fresh process a row, go round them, and close them; the last ones tell the rest."""
    alive: list[tuple[Record, _Process]] = []
    try:
        for record in (r for r in records if not r.reason):
            process = _Process(settings.worker, record.plan.threads, folder + "/compiled")
            alive.append((record, process))
            name = family(record.plan)
            _guarded(record, partial(_start, record, process, samples[name], files[name]))
        for number in range(settings.rounds):
            # Each round begins with another row, so that none is always first after a pause.
            shift = number % max(1, len(alive))
            for record, process in [*alive[shift:], *alive[:shift]]:
                _guarded(record, partial(_round, record, process))
        for record, process in alive if last else []:
            name = family(record.plan)
            about = (samples[name], files[name], settings)
            _guarded(record, partial(_finish, record, process, *about))
    finally:
        for _, process in alive:
            process.close()


def _guarded(record: Record, work: Callable[[], None]) -> None:
    """Do something for a row; where that fails, the row says why, and the others go on."""
    if record.reason:
        return
    try:
        work()
    except WorkerFailed as error:
        record.reason = str(error)


def _round(record: Record, process: _Process) -> None:
    record.rounds.append(process.ask("round"))


def _start(record: Record, process: _Process, samples: Workload, file: Path) -> None:
    record.more.update(process.ask("load", **record.plan.spec()))
    load_ms = process.since_start_ms()
    first = process.ask("first", item=to_json(samples.items[0]))
    cold_ms, first_call_ms = process.since_start_ms(), first["first_call_ms"]
    record.cold.append({"load_ms": load_ms, "cold_ms": cold_ms, "first_call_ms": first_call_ms})
    process.ask("samples", path=str(file), timed=samples.timed)


def _finish(
    record: Record, process: _Process, samples: Workload, file: Path, settings: Settings
) -> None:
    record.more.update(process.ask("memory"))
    record.more.update(process.ask("chunks", passes=max(1, settings.rounds)))
    if settings.throughput_s > 0:
        batches: Sequence[int] = _BATCHES[record.plan.device]
        if not record.plan.subject.batched:
            batches = (1,)
        elif record.plan.runtime == "compiled":
            batches = _COMPILED
        seconds = settings.throughput_s
        record.more.update(process.ask("throughput", batches=list(batches), seconds=seconds))
    if samples.labelled:
        record.more.update(process.ask("accuracy", path=str(file)))
    record.more["gpu_memory_bytes"] = process.ask("memory")["gpu_memory_bytes"]


def _floor(settings: Settings, folder: str) -> Floor:
    """What a process costs that loads nothing: the fastest start of three, and its memory."""
    starts, memory = [], None
    for _ in range(3):
        process = _Process(settings.worker, 1, folder)
        try:
            memory = process.ask("nothing")["peak_rss_bytes"]
            starts.append(process.since_start_ms())
        finally:
            process.close()
    return {"process_ms": round(min(starts), 3), "peak_rss_bytes": memory}


def _name(record: Record) -> tuple[str, ...]:
    return tuple(str(part) for part in record.plan.key())


def traces(
    records: Sequence[Record],
    samples: Mapping[str, Workload],
    folder: str,
    *,
    family: Callable[[Plan], str],
    say: Callable[[str], None],
) -> dict[str, Trace]:
    """Return the heaviest operators of each row that ran; the profiles go to ``folder``.

    A process of its own for each, because profiling slows down what it looks at.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    found: dict[str, Trace] = {}
    for record in (r for r in records if not r.reason):
        name = "-".join(_name(record)).replace("/", "_")
        say(f"trace: {' '.join(_name(record))}")
        chosen = samples[family(record.plan)]
        with scratch() as cache:
            few = chosen.items[: min(chosen.timed, _TRACED)]
            write(cache / "samples.npz", few)
            process = _Process(WORKER, record.plan.threads, os.fspath(cache))
            try:
                spec = record.plan.spec()
                process.ask("load", **spec)
                process.ask("samples", path=os.fspath(cache / "samples.npz"), timed=len(few))
                here = os.fspath(Path(folder).resolve())
                found[name] = process.ask("trace", folder=here, name=name, spec=spec)
            except WorkerFailed as error:
                found[name] = {"reason": str(error), "file": "", "operators": []}
            finally:
                process.close()
    return found
