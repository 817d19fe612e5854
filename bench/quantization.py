"""Every family through every scheme of a target: accepted, or refused with what numbers.

    python bench/quantization.py --out bench/results/quantization.txt
    python bench/quantization.py --calibrators models/swipe-en

The second compares the ways to cut ranges: all layers of a bundle fake-quantized in PyTorch.

The networks are untrained and small, so this shows what converts, shrinks and gets faster, and what
does not; a loss in points means something only for a trained network (see docs/quantization.md).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from _result import heading

from edgectc.core import config, schemes
from edgectc.core.console import table

HEADER = ["family", "target", "scheme", "verdict", "size", "time", "SQNR dB", "same best token"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgectc", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def row(bundle: Path, target: str, scheme: str, speedup: float | None) -> list[str]:
    words = ["quantize", str(bundle), "--target", target, "--scheme", scheme, "--json"]
    words += ["--out", str(bundle.parent) + "/", "--limit", "100", "--max-drop", "0.3"]
    words += [] if speedup is None else ["--min-speedup", str(speedup)]
    done = run(*words)
    name = [bundle.name, target, scheme]
    if done.returncode:
        return [*name, done.stderr.splitlines()[-1].removeprefix("edgectc: error: "), *[""] * 4]
    about = json.loads(done.stdout)["quantization"]
    old, new, numbers = about["before"], about["after"], about["numbers"]
    number, kept = about["operators"], len(about["float_by_search"])
    return [
        *name,
        f"accepted, {number - kept} of {number} layers" if number else "accepted, all weights",
        f"{new['bytes'] / old['bytes']:.2f} x",
        f"{new['ms'] / old['ms']:.2f} x",
        f"{numbers['sqnr_db']:.0f}",
        f"{numbers['agreement']:.1%}",
    ]


def calibrators(bundle: Path) -> None:
    """Print what each calibrator changes, on other samples than it took its ranges from."""
    from edgectc.data import recordings
    from edgectc.exporting import exporter, origin
    from edgectc.exporting.lowering.calibration import CALIBRATORS, stratified
    from edgectc.exporting.lowering.quantization_plan import Plan, operators
    from edgectc.quantization import activations, fake_quantization

    opened = origin.of_bundle(bundle)
    model = opened.model
    assert opened.bundle is not None
    found = recordings.load(opened.bundle, model.frontend, None, split="train")
    seen = found.rows(stratified(found.lengths, 512, seed=0)).inputs
    other = found.rows(stratified(found.lengths, 512, seed=1)).inputs
    layers = operators(model, exporter.target_for("onnx", "int8-static").kinds("int8-static"))
    histograms = activations.histograms(model, layers, seen)
    for name in sorted(CALIBRATORS):
        names = frozenset(one.name for one in layers)
        ends = activations.ranges(histograms, name)
        plan = Plan(schemes.scheme("int8-static"), names, **ends)
        print(f"{name:12} {fake_quantization.difference(model, plan, other):.4f} nats", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--out", type=Path)
    how.add_argument("--calibrators", type=Path, metavar="BUNDLE")
    parser.add_argument("--families", default=",".join(sorted(config.families())))
    parser.add_argument("--targets", default="onnx,pte")
    parser.add_argument("--size", default="small")
    parser.add_argument("--min-speedup", type=float, help="refuse what is slower (default: no)")
    options = parser.parse_args()
    if options.calibrators is not None:
        return calibrators(options.calibrators)
    rows = []
    said = heading(
        ("torch", "onnxruntime", "executorch"),
        repeats=f"{options.size} untrained networks, 100 samples; ratios to float32",
    )
    with tempfile.TemporaryDirectory() as folder:
        for family in options.families.split(","):
            bundle = Path(folder) / family
            run("pack", "--init", family, "--config", options.size, "--out", str(bundle))
            for target in options.targets.split(","):
                for scheme in schemes.SUPPORTED[target][1:]:
                    rows.append(row(bundle, target, scheme, options.min_speedup))
                    print(*rows[-1], sep=" | ", flush=True)
                    text = f"{said}\n{table(HEADER, rows, right=False)}\n"
                    options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
