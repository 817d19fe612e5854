"""Export the shipped model, prove each artifact, decode sample traces, print one table."""

import sys
import tempfile
import time
from pathlib import Path

import edgectc
from edgectc.core.console import progress, table
from edgectc.data import swipe_files
from edgectc.formats import bundle

SAMPLES = "samples.jsonl"


def measure(path: str | Path, traces: list, repeats: int = 20) -> tuple[list[str], float]:
    """Return the words of the traces and milliseconds per swipe, median of ``repeats`` rounds."""
    recognizer = edgectc.load(path)
    words = [recognizer(trace.points).best.text for trace in traces]
    rounds = []
    for _ in range(repeats):
        began = time.perf_counter()
        for trace in traces:
            recognizer(trace.points)
        rounds.append((time.perf_counter() - began) / len(traces) * 1e3)
    return words, sorted(rounds)[repeats // 2]


def main() -> int:
    place = bundle.locate(None)
    traces, _ = swipe_files.load(place / SAMPLES)
    original = edgectc.load(runner="eager")
    expected = [original(trace.points).best.text for trace in traces]
    rows, agreed = [], True
    with tempfile.TemporaryDirectory() as folder:
        for target in progress(["pte", "onnx"], "exported and verified"):
            made = edgectc.export(target=target, out=folder)
            words, spent = measure(made.path, traces)
            same = sum(a == b for a, b in zip(words, expected, strict=True))
            agreed &= same == len(traces)
            rows.append(
                [
                    target,
                    f"{made.path.stat().st_size / 1e6:.2f} MB",
                    f"{made.report.figures['max_abs_diff']:.1e}",
                    f"{same} of {len(traces)}",
                    f"{spent:.2f} ms",
                ]
            )
    print("\nSample traces (generated, not a person's):")
    for trace, word in zip(traces, expected, strict=True):
        print(f"  {trace.word:12} -> {word}")
    header = ["target", "size", "max difference", "words as PyTorch", "per swipe"]
    print("\n" + table(header, rows))
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
