"""`edgectc quantize`: what it made and what that costs, for people."""

from __future__ import annotations

import argparse
import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from edgectc.commands.arguments import Verbs, note, values
from edgectc.commands.artifacts import OF_FACTORIES, OF_STREAMS, add_factory, add_stream
from edgectc.commands.output import print_next, report_dict


def declare(verbs: Verbs) -> None:
    """Declare the verb."""
    text = "Make a smaller, faster artifact that is still right, or refuse with numbers."
    parser = verbs.add("quantize", "quantization.run", text)
    parser.add_argument(
        "model", nargs="?", metavar="BUNDLE", help="bundle (default: swipe-en), or ONNX file"
    )
    add_factory(parser)
    add_stream(parser)
    parser.add_argument("--target", required=True, help="onnx, pte, coreml, litert or native")
    parser.add_argument(
        "--scheme", default="int8-static", help="see `edgectc list schemes` (default int8-static)"
    )
    parser.add_argument("--out", metavar="PATH", help="file or folder (default: NAME-SCHEME here)")
    parser.add_argument(
        "--calibration",
        metavar="FILE",
        help="recordings that show the ranges: swipes, of which training users' are taken, or "
        ".npz (default: $EDGECTC_DATA; without it generated ones, as many as the budget needs)",
    )
    parser.add_argument(
        "--samples", type=int, default=512, metavar="N", help="how many of them (default 512)"
    )
    parser.add_argument(
        "--calibrator",
        default="mse",
        help="how tails are cut: mse, percentile, entropy or minmax (default mse)",
    )
    parser.add_argument(
        "--dev",
        metavar="FILE",
        help="labelled recordings to measure on, of which the dev split is taken (default: as "
        "--calibration)",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="at most N of them, chosen at random"
    )
    parser.add_argument(
        "--max-drop", type=float, metavar="POINTS", help="most points of error that may be added"
    )
    parser.add_argument(
        "--min-speedup", type=float, metavar="X", help="least speed, in times float32, here"
    )
    parser.add_argument(
        "--nan-policy",
        nargs="+",
        action=_NanPolicy,
        default="error",
        metavar="POLICY",
        help="recordings that are not finite: error (default) or drop-samples",
    )
    parser.add_argument(
        "--repair-from",
        metavar="CHECKPOINT",
        help="take weights that are not finite from an earlier bundle or checkpoint",
    )
    parser.add_argument(
        "--retune-decoder", action="store_true", help="tune the decoder for the new network"
    )
    parser.add_argument("--seed", type=int, default=0, help="of every choice (default 0)")


class _NanPolicy(argparse.Action):
    """A policy; ``repair CHECKPOINT`` is the old spelling of ``--repair-from CHECKPOINT``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: Namespace,
        words: str | Sequence[str] | None,
        option: str | None = None,
    ) -> None:
        """Set the policy."""
        policy = [words] if isinstance(words, str) else list(words or ())
        if policy[0] == "repair" and len(policy) == 2:
            note("--nan-policy repair is now called --repair-from")
            namespace.repair_from = policy[1]
        elif len(policy) == 1 and policy[0] != "repair":
            namespace.nan_policy = policy[0]
        else:
            parser.error(
                f"--nan-policy is {' '.join(policy)!r}, expected error or drop-samples; "
                "--repair-from CHECKPOINT repairs weights"
            )


def run(options: Namespace) -> int:
    """Quantize, verify, and say what it costs and gains."""
    from edgectc.core import lazy

    with lazy.requires("edgectc quantize", extra="pte" if options.target == "pte" else ""):
        from edgectc.quantization.quantizer import quantize
    given = values(options, without=["model"])
    unset = [name for name in (*OF_FACTORIES, *OF_STREAMS) if given[name] is None]
    quantized = quantize(options.model, **{k: v for k, v in given.items() if k not in unset})
    if options.json:
        document = {"path": str(quantized.artifact.path), "quantization": quantized.report}
        report = report_dict(quantized.artifact.report)
        print(json.dumps({**document, **report}, sort_keys=True))
        return 0
    from edgectc.core.console import print_table
    from edgectc.quantization.budget_search import HEADER

    if len(quantized.tried) > 1:
        print_table(HEADER, [point.row() for point in quantized.tried])
        print()
    print_table(["", "float32", options.scheme, ""], _lines(quantized.report), right=True)
    print("\n".join(_notes(quantized.report)))
    print(f"{quantized.artifact.path}: verdict {quantized.artifact.report.status}")
    print_next("verify", quantized.artifact.path)
    return 0


def _lines(report: Mapping[str, Any]) -> list[list[str]]:
    old, new = report["before"], report["after"]
    size = [f"{figures['bytes'] / 1e6:.2f}" for figures in (old, new)]
    rows = [["MB", *size, _share(old, new, "bytes")]]
    if "ms" in new:
        times = [f"{figures['ms']:.3f}" for figures in (old, new)]
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
            f"{loss['rows']} {_kind(report['dev'])}recordings of split dev: {loss['worse']} got "
            f"worse, {loss['better']} better (McNemar p {loss['mcnemar_p']:.2g}); 95 % interval by "
            "paired bootstrap over users"
        )
        if report["decoder_tuned"]:
            lines.append(
                "the decoder was tuned on these same recordings, which flatters it; measure it on "
                "others with: edgectc eval"
            )
        for name, part in loss["slices"].items():
            lines.append(f"{name}: {part['points']:+.2f} points on {part['rows']}")
    calibration = report["calibration"]
    if calibration:
        lines.append(
            f"ranges from {calibration['samples']} of {calibration['usable']} usable samples of "
            f"{_kind(calibration) and 'what was '}{calibration['file']}, dropped: "
            f"{calibration['dropped'] or 'none'}"
        )
        if _kind(calibration):
            lines.append("people differ from what is generated; name theirs: --calibration FILE")
    if "not_run" in report:
        lines.append(f"evaluated in numpy, not timed: {report['not_run']}")
    if report["repaired"]:
        lines.append(f"repaired: {', '.join(report['repaired'])}")
    return lines


def _kind(about: Mapping[str, Any]) -> str:
    return "" if "sha256" in about else "generated "
