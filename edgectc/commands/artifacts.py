"""`edgectc export`, `edgectc verify` and `edgectc inspect`."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from edgectc.commands.arguments import (
    MODEL,
    Named,
    Parser,
    Renamed,
    Verbs,
    add_trust,
    count,
    integers,
    named,
)  # fmt: skip
from edgectc.commands.output import print_next, print_report, report_dict, report_of

if TYPE_CHECKING:  # needs torch
    from edgectc.evaluation.layerwise import LayerComparison, Step

_OF_TARGETS = ("opset", "exporter", "dynamic_batch", "delegate", "buckets", "length")
OF_FACTORIES = (
    *("weights", "sample", "tokens", "blank", "name", "separator", "axes", "padding", "stride"),
    *("window", "lengths", "mask", "check_blank", "answer", "to_float32", "sample_rate", "counts"),
    *("references", "lexicon", "pronunciations", "language_model", "preset"),
)
OF_STREAMS = ("chunk", "look_ahead", "states", "state_outputs", "step")
_WORST = 5


def declare_checks(verbs: Verbs) -> None:
    """Declare the verbs that look at an artifact."""
    text = "Check that an artifact or bundle still is the trained model."
    parser = verbs.add("verify", "artifacts.run_verification", text)
    parser.add_argument("model", nargs="?", help=MODEL)
    parser.add_argument("--lexicon", metavar="FILE", help="lexicon to check words with")
    add_trust(parser)
    text = "check in a process of its own, and stop it then; a graph may run for ever"
    parser.add_argument("--time-limit", type=float, metavar="SECONDS", help=text)
    parser.add_argument(
        "--layerwise", action="store_true", help="name the first operator that answers otherwise"
    )
    parser.add_argument("--drill", dest="layerwise", action=Renamed, now="--layerwise")
    parser.add_argument(
        "--network",
        metavar="BUNDLE",
        help="of --layerwise: bundle or package.module:factory (default: the bundle it was made "
        "from)",
    )
    parser.add_argument("--weights", metavar="FILE", help="of --network: its .safetensors")

    text = "Print what a bundle or artifact says, and its operators."
    parser = verbs.add("inspect", "artifacts.run_inspection", text)
    parser.add_argument("model", nargs="?", help=MODEL)


def declare_export(verbs: Verbs) -> None:
    """Declare the verb that makes an artifact."""
    text = "Export a model to one verified, self-describing file."
    parser = verbs.add("export", "artifacts.run_export", text)
    parser.add_argument("model", nargs="?", metavar="BUNDLE", help="bundle (default: swipe-en)")
    add_factory(parser)
    targets = "onnx, pte, coreml, coreai, litert or native"
    parser.add_argument("--target", required=True, help=targets)
    parser.add_argument("--scheme", default="float32", help="number format (default float32)")
    parser.add_argument("--opset", type=int, help="onnx: operator set, 14 to 25 (default 18)")
    parser.add_argument("--exporter", help="onnx: dynamo or legacy (default dynamo)")
    parser.add_argument(
        "--dynamic-batch",
        action="store_true",
        default=None,
        help="onnx: take any number of samples at once",
    )
    parser.add_argument("--delegate", help="pte: xnnpack (default), portable (slow) or coreml")
    parser.add_argument(
        "--buckets",
        type=integers,
        metavar="N,N",
        help="pte: lengths in frames, one method each, e.g. 32,64",
    )
    parser.add_argument("--length", help="onnx, pte: static (default) or dynamic")
    add_stream(parser)
    parser.add_argument("--out", metavar="PATH", help="file or folder (default: NAME.SUFFIX here)")
    parser.add_argument(
        "--isolate", action="store_true", help="in a process of its own: a crash is an error"
    )


def add_stream(parser: Parser) -> None:
    """Add what a network that remembers needs."""
    group = parser.add_argument_group("a stream", "see docs/streaming.md")
    text = "frames by which it moves on (default: whole recordings)"
    group.add_argument("--chunk", type=int, metavar="FRAMES", help=text)
    text = "frames after the chunk that a step sees (default: what the window needs)"
    group.add_argument("--look-ahead", type=int, metavar="FRAMES", help=text)
    text = "a state and its shape of zeros; may be repeated (default: found out)"
    group.add_argument("--states", type=_state, action=Named, metavar="NAME=2x1x32", help=text)
    text = "states in the order in which they come back"
    group.add_argument("--state-outputs", type=_names, metavar="NAME,NAME", help=text)
    group.add_argument("--step", metavar="METHOD", help="answers a chunk (default forward)")


def _state(text: str) -> tuple[str, list[int]]:
    """Return name and shape of ``NAME=2x1x32``."""
    return named(text, "NAME=2x1x32", lambda shape: [int(size) for size in shape.split("x")])


def _names(text: str) -> list[str]:
    return text.split(",")


def add_factory(parser: Parser) -> None:
    """Add what a network that was made elsewhere needs."""
    own = parser.add_argument_group(
        "a network of your own", "BUNDLE is then package.module:factory, see docs/byo.md"
    )
    own.add_argument("--weights", metavar="FILE", help="its weights, .safetensors")
    own.add_argument("--sample", metavar="FILE", help=".npz with arrays features and lengths")
    own.add_argument("--tokens", metavar="FILE", help="one symbol a line, line i = column i")
    own.add_argument("--blank", metavar="TOKEN", help="the blank, if no line is <blank>")
    own.add_argument("--name", help="model name (default: from its class)")
    own.add_argument("--separator", help="what stands between symbols in a text (default nothing)")
    own.add_argument("--axes", help="of its answer: NTV (default), TNV or NVT")
    own.add_argument("--padding", help="masked (default), or zeros for a padding-sensitive network")
    own.add_argument("--stride", type=int, help="input frames per output frame (default: probed)")
    own.add_argument(
        "--window", type=int, help="input frames of the first output (default: probed)"
    )
    text = "input of its lengths or mask, if its name does not say so (default: by names)"
    own.add_argument("--lengths", metavar="NAME", help=text)
    text = "how many of an input of ids there are; may be repeated (default: of the sample)"
    own.add_argument("--counts", action=Named, type=count, metavar="NAME=N", help=text)
    text = "name or place of the scores among its answers (default: the first)"
    own.add_argument("--answer", help=text)
    text = "convert weights of other float types"
    own.add_argument("--to-float32", action="store_true", default=None, help=text)
    text = "samples a second of a waveform of -1 to 1"
    own.add_argument("--sample-rate", type=int, metavar="HZ", help=text)
    text = "file of words that it decodes with, found beside it by its hash"
    own.add_argument("--lexicon", metavar="FILE", help=text)
    text = "how words are said, for a network of phonemes, found in the same way"
    own.add_argument("--pronunciations", metavar="FILE", help=text)
    text = "language model that it decodes with, found in the same way"
    own.add_argument("--language-model", metavar="FILE", help=text)
    text = "decoder preset from tune-decoder (default: greedy; beam or spoken where words are)"
    own.add_argument("--preset", metavar="FILE", help=text)
    text = "bytes of reference cases inside (default: as weights); none; or a file beside it"
    own.add_argument("--references", metavar="BYTES", help=text)
    text = "what 1 means in a mask, valid or padding; or added, to scores (default: found out)"
    own.add_argument("--mask", metavar="MEANING", help=text)
    own.add_argument(
        "--any-blank",
        dest="check_blank",
        action="store_false",
        default=None,
        help="do not doubt the blank",
    )


def run_export(options: Namespace) -> int:
    """Export, verify, and say where the file is."""
    if options.isolate:
        from edgectc.commands import isolation

        document = isolation.made_by(options.arguments, out=options.out)
    else:
        document = _exported(options)
    if options.json:
        print(json.dumps(document, sort_keys=True))
        return 0
    print_report(report_of(document))
    print(f"{document['path']}: {document['bytes'] / 1e6:.2f} MB")
    # What to time is generated for the families that ship; others need recordings of their owner's.
    print_next("verify" if ":" in (options.model or "") else "bench", document["path"])
    return 0


def _exported(options: Namespace) -> dict[str, Any]:
    from edgectc.core import lazy

    own = dict.fromkeys(("coreai", "native", "litert"), "torch")
    own |= {"pte": "pte", "coreml": "coreml"}
    extra = own.get(options.target, "export-onnx")
    with lazy.requires("edgectc export", extra=extra):
        from edgectc.exporting.exporter import export
    given = {name: vars(options)[name] for name in (*_OF_TARGETS, *OF_FACTORIES, *OF_STREAMS)}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    artifact = export(
        options.model, target=options.target, scheme=options.scheme, out=options.out, **chosen
    )
    document = {"path": str(artifact.path), "bytes": artifact.bytes, "target": options.target}
    return {**document, **report_dict(artifact.report)}


def run_verification(options: Namespace) -> int:
    """Print every check; exit 1 if one failed, 3 if the numbers could not be checked."""
    from edgectc.commands.verbs.artifacts import verify
    from edgectc.core.errors import ConfigError

    for name in ("network", "weights"):
        if getattr(options, name) and not options.layerwise:
            raise ConfigError(f"{name} goes with layerwise", options=[name, "layerwise"])
    report = verify(
        options.model,
        lexicon=options.lexicon,
        trust=options.trust,
        time_limit=options.time_limit,
    )
    layers = None
    if options.layerwise:
        from edgectc.commands.verbs.artifacts import compare_layers

        layers = _layers(
            compare_layers(options.model, network=options.network, weights=options.weights)
        )
    if options.json:
        more = {} if layers is None else {"layerwise": layers}
        print(json.dumps({**report_dict(report), **more}, sort_keys=True))
    else:
        print_report(report)
        if layers is not None:
            print("\n".join(_layer_lines(layers)))
    return {"pass": 0, "fail": 1, "not_run": 3}[report.status]


def _layers(comparison: LayerComparison) -> dict[str, Any]:
    """Return the JSON form of a comparison layer by layer."""
    from edgectc.core.config import to_dict

    def noise(step: Step) -> float:
        return step.sqnr_db

    return {
        "case": comparison.case,
        "how": comparison.how,
        "limit_db": comparison.limit_db,
        "first": to_dict(comparison.first),
        "worst": [to_dict(step) for step in sorted(comparison.steps, key=noise)[:_WORST]],
        "other_weights": list(comparison.weights),
    }


def _layer_lines(layers: dict[str, Any]) -> list[str]:
    """Return what to print of it."""

    def shown(step: dict[str, Any]) -> str:
        where = f"module {step['module']}" if step["module"] else "the outermost module"
        return (
            f"{step['name']} ({step['kind']}, {where}): {step['sqnr_db']:.0f} dB, "
            f"max |difference| {step['difference']:.2g}"
        )

    first, other = layers["first"], layers["other_weights"]
    lines = [
        f"layer by layer: {layers['how']}, case {layers['case']}, limit "
        f"{layers['limit_db']:.0f} dB",
        f"first operator past the limit: {shown(first)}"
        if first
        else "no operator is past the limit",
        *(f"  {shown(step)}" for step in layers["worst"]),
    ]
    if other:
        lines.append(f"tensors that a fresh export has not: {'; '.join(other[:8])}")
    return lines


def run_inspection(options: Namespace) -> int:
    """Print what an artifact says about itself and its operators, or what a bundle holds."""
    from edgectc.commands.verbs.artifacts import inspect

    document = inspect(options.model)
    if options.json:
        print(json.dumps(document, sort_keys=True))
        return 0
    contents = document.pop("contents", None)
    for key, value in document.items():
        print(f"{key}: {value if isinstance(value, str) else json.dumps(value)}")
    if contents is not None:
        _print_contents(contents)
    return 0


def _print_contents(contents: dict[str, Any]) -> None:
    from edgectc.core.console import print_table

    if "not_run" in contents:
        print(f"operators: {contents['not_run']}")
        return
    rows = [
        [row["kind"], row["dtype"], row["delegate"] or "-", row["count"], f"{row['macs']:,}"]
        for row in contents["rows"]
    ]
    print_table(["operator", "type", "run by", "count", "multiply-adds"], rows)
    share = f"{contents['macs']:,} multiply-adds, {contents['int8_share']:.0%}".replace("%", " %")
    print(f"{share} of them in 8 bits or less")
    if contents["delegated_share"] is not None:
        print(
            f"{contents['delegated_share']:.0%}".replace("%", " %") + " of the operators delegated"
        )
    largest = [
        [row["name"], row["dtype"], "x".join(map(str, row["shape"])), f"{row['size_bytes']:,}"]
        for row in contents["largest"]
    ]
    print_table(["largest tensors", "type", "shape", "bytes"], largest)
    print(f"{contents['weights_bytes']:,} bytes of tensors in all")
    for method, size in (contents["planned_bytes"] or {}).items():
        print(f"{size:,} bytes of memory planned for a call of {method}, the delegate's own apart")
