"""Where the network's time goes, operator by operator, as far as the runtime tells."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from edgectc.benchmarking.report import Operator, Trace
from edgectc.core.contracts import Runner
from edgectc.core.types import Array

_HEAVIEST = 10
Inputs = Sequence[Mapping[str, Array]]


class Spec(TypedDict):
    """What a worker was told to load."""

    path: str
    runner: str
    threads: int
    options: Mapping[str, str]


class Arguments(TypedDict, total=False):
    """What ONNX Runtime tells of an event."""

    op_name: str


class Event(TypedDict):
    """One event of an ONNX Runtime profile; ``dur`` in microseconds."""

    cat: str
    name: str
    dur: float
    args: Arguments


def trace(engine: Runner, inputs: Inputs, spec: Spec, *, folder: str, name: str) -> Trace:
    """Return ``file``, ``operators`` and ``reason``; the latter says why there are none.

    Args:
        engine: runner of the model.
        inputs: prepared samples, each run once.
        spec: what the worker was told to load.
        folder: where the profile goes.
        name: beginning of its file name.
    """
    target = Path(folder) / f"{name}.json"
    how = {"onnx": _onnx, "pte": _pte, "eager": _torch}[str(spec["runner"])]
    operators, reason = how(engine, inputs, spec, target)
    total = sum(operator["ms"] for operator in operators) or 1.0
    operators.sort(key=lambda operator: -operator["ms"])
    for operator in operators:
        operator["share"] = round(operator["ms"] / total, 4)
        operator["ms"] = round(operator["ms"] / len(inputs), 5)
    return {
        "file": os.fspath(target) if operators else "",
        "operators": operators[:_HEAVIEST],
        "reason": reason,
    }


def _onnx(engine: Runner, inputs: Inputs, spec: Spec, target: Path) -> tuple[list[Operator], str]:
    from edgectc.core import registry
    from edgectc.formats import manifest

    options = {
        "threads": spec["threads"],
        **spec["options"],
        "profile": str(target.with_suffix("")),
    }
    data = manifest.read(spec["path"])[0]
    runner = registry.create("runners", {"type": "onnx", **options}, source=data)
    for one in inputs:
        runner.run(one)
    Path(runner.end_profile()).replace(target)
    return onnx_operators(json.loads(target.read_text(encoding="utf-8"))), ""


def onnx_operators(events: Sequence[Event]) -> list[Operator]:
    """Return milliseconds and calls by operator type of an ONNX Runtime profile."""
    ms, calls = defaultdict[str, float](float), defaultdict[str, int](int)
    for event in events:
        if event.get("cat") == "Node" and str(event.get("name", "")).endswith("_kernel_time"):
            name = str(event["args"].get("op_name", event["name"]))
            ms[name] += event["dur"] / 1e3
            calls[name] += 1
    return _listed(ms, calls)


def _listed(ms: Mapping[str, float], calls: Mapping[str, int]) -> list[Operator]:
    """Return operators whose share of all is not known yet."""
    return [
        {"name": name, "calls": calls[name], "ms": value, "share": 0.0}
        for name, value in ms.items()
    ]


def _torch(engine: Runner, inputs: Inputs, spec: Spec, target: Path) -> tuple[list[Operator], str]:
    import torch
    from torch.profiler import ProfilerActivity, profile

    cuda = spec["options"].get("device") == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities) as seen:
        for one in inputs:
            engine.run(one)
        if cuda:
            torch.cuda.synchronize()
    seen.export_chrome_trace(str(target))
    found: list[Operator] = []
    for event in seen.key_averages():
        spent = event.self_device_time_total if cuda else event.self_cpu_time_total
        if spent > 0:
            calls = int(event.count)
            found.append({"name": event.key, "calls": calls, "ms": spent / 1e3, "share": 0.0})
    return found, ""


def _pte(engine: Runner, inputs: Inputs, spec: Spec, target: Path) -> tuple[list[Operator], str]:
    """The event trace of ExecuTorch; wheels are built without, and then the file stays away."""
    import torch

    from edgectc.core.console import suppress_stderr
    from edgectc.runtime.runners import pte

    raw = target.with_suffix(".etdump")
    module = pte.extension()._load_for_executorch(str(spec["path"]), enable_etdump=True)
    with suppress_stderr():
        for one in inputs:
            module.forward([torch.from_numpy(value.copy()) for value in one.values()])
        module.write_etdump_result_to_file(str(raw))
    if not raw.exists():
        return [], "this build of ExecuTorch has no event tracer (EXECUTORCH_ENABLE_EVENT_TRACER)"
    from executorch.devtools import Inspector

    ms, calls = defaultdict[str, float](float), defaultdict[str, int](int)
    for block in Inspector(etdump_path=str(raw)).event_blocks:
        for event in block.events:
            if event.perf_data is not None and not event.name.startswith("Method"):
                ms[event.name] += float(sum(event.perf_data.raw))
                calls[event.name] += len(event.perf_data.raw)
    found = _listed(ms, calls)
    target.write_text(json.dumps(found), encoding="utf-8")
    return found, ""
