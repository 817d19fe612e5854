"""Make a smaller, faster artifact that is still right, or say with numbers why there is none."""

from __future__ import annotations

import argparse
import json
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from edgectc.core.errors import ConfigError


def arguments(one: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    one.add_argument("model", nargs="?", metavar="BUNDLE", help="bundle (default: swipe-en)")
    one.add_argument("--target", required=True, help="onnx, pte or coreml")
    one.add_argument(
        "--scheme", default="int8-static", help="see `edgectc list schemes` (default int8-static)"
    )
    one.add_argument("--out", metavar="PATH", help="file or folder (default: NAME-SCHEME here)")
    one.add_argument(
        "--calibration",
        metavar="FILE",
        help="recordings that show the ranges: swipes, of which training users' are taken, or "
        ".npz (default: $EDGECTC_DATA, or generated ones)",
    )
    one.add_argument(
        "--samples", type=int, default=512, metavar="N", help="how many of them (default 512)"
    )
    one.add_argument(
        "--calibrator",
        default="mse",
        help="how tails are cut: mse, percentile, entropy or minmax (default mse)",
    )
    one.add_argument(
        "--dev",
        metavar="FILE",
        help="labelled recordings to measure on, of which the dev split is taken (default: as "
        "--calibration)",
    )
    one.add_argument("--limit", type=int, metavar="N", help="at most N of them, chosen at random")
    one.add_argument(
        "--max-drop", type=float, metavar="POINTS", help="most points of error that may be added"
    )
    one.add_argument(
        "--min-speedup", type=float, metavar="X", help="least speed, in times float32, here"
    )
    one.add_argument(
        "--nan-policy",
        nargs="+",
        default=["error"],
        metavar=("POLICY", "CHECKPOINT"),
        help="error (default), drop-samples, or repair CHECKPOINT: take weights that are not "
        "finite from an earlier bundle or checkpoint",
    )
    one.add_argument(
        "--retune-decoder", action="store_true", help="tune the decoder for the new network"
    )
    one.add_argument("--seed", type=int, default=0, help="of every choice (default 0)")


def quantize(options: Namespace) -> int:
    """Quantize, verify, and say what it costs and gains."""
    from edgectc.commands.common import report_dict, torch_module

    policy, earlier = _policy(options.nan_policy)
    quantizer = torch_module(
        "quantization.quantizer", extra="pte" if options.target == "pte" else "export-onnx"
    )
    made = quantizer.quantize(
        options.model,
        target=options.target,
        scheme=options.scheme,
        calibration=options.calibration,
        samples=options.samples,
        calibrator=options.calibrator,
        dev=options.dev,
        limit=options.limit,
        max_drop=options.max_drop,
        min_speedup=options.min_speedup,
        nan_policy=policy,
        repair_from=earlier,
        retune_decoder=options.retune_decoder,
        seed=options.seed,
        out=options.out,
    )
    if options.json:
        about = {"path": str(made.artifact.path), "quantization": made.report}
        print(json.dumps({**about, **report_dict(made.artifact.report)}, sort_keys=True))
        return 0
    from edgectc.core.console import table
    from edgectc.quantization.budget_search import HEADER

    if len(made.tried) > 1:
        print(table(HEADER, [point.row() for point in made.tried]), end="\n\n")
    print(table(["", "float32", options.scheme, ""], _lines(made.report), right=True))
    for line in _notes(made.report):
        print(line)
    print(f"{made.artifact.path}: verdict {made.artifact.report.status}")
    return 0


def _policy(words: list[str]) -> tuple[str, str | None]:
    if words[0] == "repair" and len(words) == 2:
        return "error", words[1]
    if words[0] == "repair" or len(words) != 1:
        raise ConfigError(
            f"--nan-policy is {' '.join(words)!r}, expected error, drop-samples or repair "
            "CHECKPOINT"
        )
    return words[0], None


def _lines(report: Mapping[str, Any]) -> list[list[str]]:
    old, new = report["before"], report["after"]
    size = [f"{one['bytes'] / 1e6:.2f}" for one in (old, new)]
    rows = [["MB", *size, _share(old, new, "bytes")]]
    if "ms" in new:
        times = [f"{one['ms']:.3f}" for one in (old, new)]
        rows.append(["ms, one thread", *times, _share(old, new, "ms")])
    if loss := report.get("loss"):
        low, high = loss["interval"]
        rows.append(
            [
                loss["unit"],
                f"{loss['before']:.2%}",
                f"{loss['after']:.2%}",
                f"{loss['points']:+.2f} points [{low:+.2f}, {high:+.2f}]",
            ]
        )
        numbers = report["numbers"]
        rows.append(["SQNR, dB", "", f"{numbers['sqnr_db']:.1f}", ""])
        rows.append(["same best token", "", f"{numbers['agreement']:.2%}", "of frames"])
    return rows


def _share(old: Mapping[str, Any], new: Mapping[str, Any], key: str) -> str:
    return f"{new[key] / old[key]:.2f} x"


def _notes(report: Mapping[str, Any]) -> list[str]:
    kept = report["float_by_search"]
    number = report["operators"]
    lines = [
        f"{number - len(kept)} of {number} operators quantized; in float by design: "
        f"{report['float_by_design']}"
        if number
        else "all weights in fewer bits"
    ]
    lines += [f"in float by search: {name} ({why})" for name, why in kept.items()]
    if loss := report.get("loss"):
        lines.append(
            f"{loss['rows']} recordings of split dev: {loss['worse']} got worse, {loss['better']} "
            f"better (McNemar p {loss['mcnemar_p']:.2g}); 95 % interval by paired bootstrap over "
            "users"
        )
        if report["decoder_tuned"]:
            lines.append(
                "the decoder was tuned on these same recordings, which flatters it; measure it on "
                "others with: edgectc eval"
            )
        for name, part in loss["slices"].items():
            lines.append(f"{name}: {part['points']:+.2f} points on {part['rows']}")
    about = report["calibration"]
    if about:
        lines.append(
            f"ranges from {about['samples']} of {about['usable']} usable samples of "
            f"{about['file']}, dropped: {about['dropped'] or 'none'}"
        )
    if "not_run" in report:
        lines.append(f"evaluated in numpy, not timed: {report['not_run']}")
    if report["repaired"]:
        lines.append(f"repaired: {', '.join(report['repaired'])}")
    return lines
