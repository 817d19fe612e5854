"""The networks of the shipped swipe models: this package's library against ONNX Runtime, in turns.

    python bench/native.py [--rounds N] [--model NAME ...]

One thread each, CPU time, prepared inputs of the shipped sample swipes; all rows take turns in
every round, so that what disturbs the machine meets all of them. A ratio is the median over rounds
of ONNX Runtime's time over ours in the same round and number format.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import edgectc
from edgectc.core.contracts import Runner
from edgectc.core.types import Array
from edgectc.data import swipe_files
from edgectc.formats import bundle as bundles
from edgectc.runtime.recognizer import Recognizer

MODELS = ("swipe-en", "swipe-en-tiny")
KERNELS = ("avx512", "avx2", "dotprod", "neon", "vectors", "portable")
FORMATS = {"float32": "", "int8": "-int8-static"}  # and the ending of the shipped ONNX file
Inputs = list[Mapping[str, Array]]


def processor() -> str:
    """Return the name of the processor, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def runners(model: str, folder: Path) -> tuple[dict[tuple[str, str], Runner], Recognizer]:
    """Return the rows of a model by format and runtime, and a recognizer of it."""
    place = bundles.locate(model) / "artifacts"
    first = edgectc.load(place / f"{model}.onnx")
    rows: dict[tuple[str, str], Runner] = {}
    made = {
        "float32": edgectc.export(model, target="native", out=folder).path,
        "int8": edgectc.quantize(
            model, target="native", scheme="int8-dynamic", limit=2, out=folder
        ).artifact.path,
    }
    for kind, ending in FORMATS.items():
        rows[kind, "onnxruntime"] = edgectc.load(place / f"{model}{ending}.onnx").runner
        for kernels in KERNELS:
            try:
                loaded = edgectc.load(made[kind], options={"kernels": kernels})
            except edgectc.ConfigError:  # of another processor
                continue
            rows[kind, kernels] = loaded.runner
    return rows, first


def measured(rows: Mapping[tuple[str, str], Runner], inputs: Inputs, rounds: int) -> Array:
    """Return CPU milliseconds a swipe, (rounds, rows); each round begins with another row."""
    ordered, found = [*rows.values()], np.zeros((rounds, len(rows)))
    for runner in ordered:
        runner.run(inputs[0])
    for turn in range(rounds):
        for i in np.roll(np.arange(len(ordered)), turn):
            start = time.process_time()
            for one in inputs:
                ordered[i].run(one)
            found[turn, i] = (time.process_time() - start) * 1e3 / len(inputs)
    return found


def differences(rows: Mapping[tuple[str, str], Runner], inputs: Inputs) -> dict[str, float]:
    """Return the largest difference of log_probs from ONNX Runtime's float32, in nats."""
    worst: dict[str, float] = {}
    for one in inputs:
        frames = (int(one["length"][0]) + 1) // 2
        used = np.append(one["key_mask"][0] > 0, True)
        answers = {key: runner.run(one)[0, :frames, used] for key, runner in rows.items()}
        for key, answer in answers.items():
            name = " ".join(key)
            off = float(np.abs(answer - answers["float32", "onnxruntime"]).max())
            worst[name] = max(worst.get(name, 0.0), off)
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--model", nargs="+", default=[*MODELS])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    swipes, _ = swipe_files.load(bundles.locate(None) / "samples.jsonl")
    document: dict[str, object] = {"processor": processor(), "numpy": np.__version__}
    for model in options.model:
        with tempfile.TemporaryDirectory() as folder:
            rows, first = runners(model, Path(folder))
        setting = first.setting("qwerty")
        inputs: Inputs = [first.frontend.prepare(swipe.points, setting) for swipe in swipes]
        times = measured(rows, inputs, options.rounds)
        keys, off = [*rows], differences(rows, inputs)
        document[model] = {
            " ".join(key): {
                "ms": round(float(np.median(times[:, i])), 4),
                "least_ms": round(float(times[:, i].min()), 4),
                "times_as_fast": round(
                    float(np.median(times[:, keys.index((key[0], "onnxruntime"))] / times[:, i])), 2
                ),
                "max_difference": float(f"{off[' '.join(key)]:.2g}"),
            }
            for i, key in enumerate(keys)
        }
    if options.json:
        print(json.dumps(document, indent=1))
        return
    for name, value in document.items():
        if not isinstance(value, dict):
            print(f"{name}: {value}")
            continue
        print(f"{name}: CPU ms a swipe (median, least), times as fast as ONNX Runtime, nats apart")
        for row, figures in value.items():
            print(f"  {row:22} " + "  ".join(f"{figure:>8}" for figure in figures.values()))


if __name__ == "__main__":
    main()
