"""The process that runs one row: loads one model, then times it on request.

One JSON object a line, in and out. Each row has a process of its own, so that load time, memory and
thread counts are its own too; and as little as possible is imported before the model is loaded.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypedDict, TypeVar

if TYPE_CHECKING:
    from edgectc.benchmarking.operator_trace import Spec
    from edgectc.benchmarking.report import Throughput, Trace
    from edgectc.benchmarking.scores import Score
    from edgectc.core.contracts import Setting
    from edgectc.core.types import JSON, Array, Decoded, Recording
    from edgectc.runtime.recognizer import Recognizer

STAGES = ("resample", "network", "decode")
_YARDSTICKS = 9  # before a round, and again after it
Clock = Callable[[], int]
Prepared: TypeAlias = "tuple[Recording, Setting, dict[str, Array]]"
Answered: TypeAlias = "tuple[Recording, Setting, dict[str, Array], Array]"
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
Stages = tuple[Callable[[A], B], Callable[[B], C], Callable[[C], D]]
_CPU: Clock = time.process_time_ns  # of all threads


class Round(TypedDict):
    """One round: nanoseconds by the clock and by the processor, (samples, stages) and (stages,)."""

    spent_ns: list[list[int]]
    floor_ns: list[float]
    cpu_spent_ns: list[list[int]]
    cpu_floor_ns: list[float]
    waited_share: float
    yardstick_ns: float
    cpu_yardstick_ns: float


class Chunks(TypedDict):
    """How long the network took for each chunk of a stream."""

    frames: int
    spent_ms: list[float]


class Memory(TypedDict):
    """What a process has used."""

    peak_rss_bytes: int | None
    gpu_memory_bytes: int | None
    cpu_s: float


def main() -> int:
    """Answer commands until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    worker = Worker()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(worker, "do_" + command.pop("do"))(**command)
        except Exception as error:  # the parent turns it into the reason of a row
            text = (str(error).splitlines() or [""])[0]
            answer = {"error": text or type(error).__name__, "kind": type(error).__name__}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


class Worker:
    """What one process holds between commands."""

    def __init__(self) -> None:
        self.model: Recognizer
        self.items: list[Recording] = []
        self.nbest = 5
        self.peak_rss_bytes: int | None = None

    def do_nothing(self) -> dict[str, int | None]:
        """Answer at once: what a process costs that loads nothing."""
        from edgectc.benchmarking.machine import peak_rss_bytes

        return {"peak_rss_bytes": peak_rss_bytes()}

    def do_load(
        self, path: str, runner: str, threads: int, options: dict[str, str],
        lexicon: str | None = None, language_model: str | None = None,
    ) -> dict[str, int | None]:  # fmt: skip
        """Load the model and the decoder of its layout."""
        from edgectc.runtime import loading

        self.model = loading.load(
            path, runner=runner, threads=threads, options=options, lexicon=lexicon,
            language_model=language_model,
        )  # fmt: skip
        self.model.decoder(self.model.setting(self.model.layout))
        return {"threads_seen": self.model.runner.threads or None}  # 0: it does not tell

    def do_first(self, item: dict[str, JSON]) -> dict[str, float | list[str]]:
        """Answer the first sample of the process."""
        from edgectc.benchmarking.workload import from_json

        first = from_json(item)
        began = time.perf_counter_ns()
        text = self._texts(first)[:1]
        return {"first_call_ms": (time.perf_counter_ns() - began) / 1e6, "text": text}

    def do_samples(self, path: str, timed: int) -> dict[str, str]:
        """Read the samples and go through the timed ones once, to warm up."""
        from pathlib import Path

        from edgectc.benchmarking import workload
        from edgectc.benchmarking.machine import peak_rss_bytes

        self.items = workload.read(Path(path))[:timed]
        measure_round(self._stages(), self.items)
        self.peak_rss_bytes = peak_rss_bytes()  # the yardstick's table is none of the row's
        return {}

    def do_round(self) -> Round:
        """Time every sample by the clock, and again by the processor, between yardsticks."""
        gc.collect()
        reference, cpu_reference = _yardsticks(time.perf_counter_ns), _yardsticks(_CPU)
        began, waited = time.perf_counter_ns(), _waited_ns()
        spent, floor = self._timed(time.perf_counter_ns)
        cpu_spent, cpu_floor = self._timed(_CPU)
        waited, took = _waited_ns() - waited, time.perf_counter_ns() - began
        reference += _yardsticks(time.perf_counter_ns)
        cpu_reference += _yardsticks(_CPU)
        return {
            "spent_ns": spent,
            "floor_ns": floor,
            "cpu_spent_ns": cpu_spent,
            "cpu_floor_ns": cpu_floor,
            "waited_share": waited / took,
            "yardstick_ns": statistics.median(reference),
            "cpu_yardstick_ns": statistics.median(cpu_reference),
        }

    def _timed(self, clock: Clock) -> tuple[list[list[int]], list[float]]:
        """Return the nanoseconds of the stages of each sample, and those of empty stages."""
        spent = measure_round(self._stages(), self.items, clock=clock)
        empty = measure_round((_same, _same, _same), self.items, clock=clock)
        return spent, [statistics.median(column) for column in zip(*empty, strict=True)]

    def do_memory(self) -> Memory:
        """Tell what the process has used so far."""
        from edgectc.benchmarking.machine import peak_rss_bytes

        return {
            "peak_rss_bytes": self.peak_rss_bytes or peak_rss_bytes(),
            "gpu_memory_bytes": self._gpu_memory(),
            "cpu_s": time.process_time(),
        }

    def do_throughput(self, batches: list[int], seconds: float) -> dict[str, list[Throughput]]:
        """Call the network alone on growing batches, as long as that helps."""
        import numpy as np

        one = [self._prepare(item)[2] for item in self.items]
        found: list[Throughput] = []
        for batch in batches:
            rows = [one[i % len(one)] for i in range(batch)]
            inputs = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
            per_s = batch / _seconds_a_call(partial(self.model.runner.run, inputs), seconds)
            found.append({"batch": batch, "per_s": per_s})
            if len(found) > 2 and per_s < 1.05 * max(f["per_s"] for f in found[:-1]):
                break  # saturated
        return {"throughput": found}

    def do_chunks(self, passes: int) -> dict[str, Chunks | None]:
        """Time every chunk of the recordings as they come, the network alone; None of no stream."""
        from edgectc.runtime.steps import Steps, StreamRunner

        runner = self.model.runner
        if not isinstance(runner, StreamRunner):
            return {"chunks": None}
        size, look_ahead = runner.streaming.chunk, runner.streaming.look_ahead
        spent: list[list[float]] = []
        for item in self.items:
            inputs = self._prepare(item)[2]
            first, *rest = inputs
            context = {name: inputs[name] for name in rest if name != "length"}
            rows = inputs[first][0, : int(inputs["length"][0])]
            tries = []
            for _ in range(passes):
                steps = Steps(runner, first, context)
                steps.push(rows[:look_ahead])
                tries.append(
                    [
                        _milliseconds(partial(steps.push, rows[start : start + size]))
                        for start in range(look_ahead, len(rows) - size + 1, size)
                    ]
                )
            spent += map(list, zip(*tries, strict=True))
        return {"chunks": {"frames": size, "spent_ms": [statistics.median(one) for one in spent]}}

    def do_accuracy(self, path: str) -> Score:
        """Answer every labelled sample and count."""
        from pathlib import Path

        from edgectc.benchmarking import scores, workload

        items = [item for item in workload.read(Path(path)) if item.target]
        pairs = [(item.target, self._texts(item)) for item in items]
        tokens = self.model.tokens(self.model.setting(self.model.layout))
        groups, swipes = [item.group for item in items], bool(self.model.layout)
        return scores.score(pairs, groups, swipes=swipes, separator=tokens.separator)

    def do_trace(self, folder: str, name: str, spec: Spec) -> Trace:
        """Profile the network operator by operator."""
        from edgectc.benchmarking import operator_trace

        inputs = [self._prepare(item)[2] for item in self.items]
        return operator_trace.trace(self.model.runner, inputs, spec, folder=folder, name=name)

    def _stages(self) -> Stages[Recording, Prepared, Answered, Decoded]:
        return (self._prepare, self._network, self._decode)

    def _prepare(self, item: Recording) -> Prepared:
        sample = self.model.prepare(item)
        return item, sample.setting, {**sample.inputs}

    def _network(self, prepared: Prepared) -> Answered:
        return *prepared, self.model.run(prepared[2])

    def _decode(self, answered: Answered) -> Decoded:
        item, setting, inputs, log_probs = answered
        context = item.context if self.model.language_model is not None else ()
        return self.model.decode(
            log_probs, inputs, setting=setting, nbest=self.nbest, context=context
        )

    def _texts(self, item: Recording) -> list[str]:
        decoded = self._decode(self._network(self._prepare(item)))
        return [candidate.text for candidate in decoded]

    def _gpu_memory(self) -> int | None:
        torch = sys.modules.get("torch")
        if torch is None or not torch.cuda.is_available():
            return None
        return int(torch.cuda.max_memory_reserved()) or None


def measure_round(
    stages: Stages[A, B, C, D], items: Sequence[A], *, clock: Clock = time.perf_counter_ns
) -> list[list[int]]:
    """Return the nanoseconds of each stage of each item, the answer of one going to the next."""
    first, second, third = stages
    spent = []
    for item in items:
        t0 = clock()
        a = first(item)
        t1 = clock()
        b = second(a)
        t2 = clock()
        third(b)
        t3 = clock()
        spent.append([t1 - t0, t2 - t1, t3 - t2])
    return spent


def _milliseconds(call: Callable[[], Array]) -> float:
    began = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - began) / 1e6


def _same(value: A) -> A:
    return value


def _waited_ns() -> int:
    """Nanoseconds that this process was ready and had no processor; 0 where nothing tells."""
    try:
        with open("/proc/self/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _yardsticks(clock: Clock) -> list[int]:
    """Return nanoseconds of a fixed piece of work that no change of edgectc makes slower.

    Interpreter, memory and arithmetic in about the shares that a call has; no BLAS, whose threads
    are another matter. The table is about as large as a network and the part of a lexicon that a
    word touches: where other machines on the same chip fill the cache, it slows down as they do.
    """
    import numpy as np

    values, found = np.linspace(0.0, 1.0, 4096), []
    memory = np.ones(1 << 20, np.float32)
    places = np.random.default_rng(0).integers(0, len(memory), 30_000)
    for _ in range(_YARDSTICKS):
        began = clock()
        memory[places].sum()
        memory.sum()
        for _ in range(12):
            np.sort(np.exp(values[::-1]))
        table: dict[int, float] = {}
        for i in range(3000):
            table[i & 255] = table.get(i & 255, 0.0) + i
        found.append(clock() - began)
    return found


def _seconds_a_call(call: Callable[[], Array], seconds: float) -> float:
    """Median of three blocks, each about a third of ``seconds`` long."""
    call()  # shapes met for the first time are compiled
    began = time.perf_counter()
    call()
    count = max(1, int(seconds / 3 / max(time.perf_counter() - began, 1e-6)))
    blocks = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(count):
            call()
        blocks.append((time.perf_counter() - began) / count)
    return statistics.median(blocks)


if __name__ == "__main__":
    sys.exit(main())
