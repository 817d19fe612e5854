"""`edgectc train` and `edgectc pack`."""

from __future__ import annotations

import json
import os
import shlex
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from edgectc.commands.arguments import Parser, Verbs, values
from edgectc.commands.output import print_next
from edgectc.core.messages import say

_LEAST = 0.1  # of the words right, or of the symbols without an error

if TYPE_CHECKING:  # needs torch
    from edgectc.training.loop.trainer import Result
    from edgectc.training.overfitting import Overfitted


def declare(verbs: Verbs) -> None:
    """Declare the verbs."""
    _add_train(verbs.add("train", "models.run_training", "Train a model; run again to resume."))
    text = "Pack a run, an untrained family, or a bundle with other words or preset."
    _add_pack(verbs.add("pack", "models.run_packing", text))


def _add_train(parser: Parser) -> None:
    parser.add_argument("config", help="TOML file, or a shipped config, e.g. gru-small")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the run")
    parser.add_argument(
        "--resume", action="store_true", help="refuse to begin: go on with the run in DIR"
    )
    parser.add_argument(
        "--data",
        metavar="PATH",
        action="append",
        help="swipes, or a .npz of recordings (default: what EDGECTC_DATA names); "
        "without any, samples are generated; may be given several times",
    )
    text = "choose the best checkpoint by these; default: some of --data"
    parser.add_argument("--dev", metavar="PATH", action="append", help=text)
    text = "measure it on these at the end; default: some of --data"
    parser.add_argument("--test", metavar="PATH", action="append", help=text)
    text = "how --data is split where its rows do not say: user, row or auto (default auto)"
    parser.add_argument("--split-by", default="auto", metavar="RULE", help=text)
    text = "go on with a run though its data or lexicon are others than at its start"
    parser.add_argument("--accept-changes", action="store_true", help=text)
    parser.add_argument("--lexicon", metavar="FILE", help="words for the decoder")
    text = "pack the best weights here at the end, tune the decoder and measure it"
    parser.add_argument("--bundle", metavar="DIR", help=text)
    parser.add_argument(
        "--overfit", type=int, metavar="N", help="only learn N samples by heart; exit code 1 if not"
    )
    parser.add_argument(
        "--overfit-steps", type=int, default=1000, metavar="N", help="at most (default 1000)"
    )
    text = "of --overfit: keep dropout, decay, smoothing, freezing, warm-up and schedule"
    parser.add_argument("--overfit-as-configured", action="store_true", help=text)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="override one setting, e.g. optimizer.lr=1e-3",
    )
    parser.add_argument(
        "--cache", metavar="DIR", help="keep prepared samples here for the next run"
    )
    text = "processes that prepare shards; the samples are the same (default 1)"
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help=text)
    text = "what runs them: processes of this machine, or ray (default processes)"
    parser.add_argument("--engine", default="processes", metavar="NAME", help=text)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default auto)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")


def _add_pack(parser: Parser) -> None:
    parser.add_argument(
        "source", nargs="?", metavar="SOURCE", help="folder that train wrote, or a bundle"
    )
    parser.add_argument("--init", metavar="FAMILY", help="untrained weights instead of a run")
    parser.add_argument(
        "--config", default="small", metavar="SIZE", help="of --init (default small)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of --init (default 0)")
    parser.add_argument("--out", required=True, metavar="DIR", help="bundle to make or replace")
    parser.add_argument("--name", help="model name (default: name of --out)")
    parser.add_argument(
        "--lexicon", metavar="FILE", help="lexicon to carry, if the decoder needs one"
    )
    parser.add_argument("--licence", default="", help="licence of the lexicon")
    parser.add_argument("--language-model", metavar="FILE", help="language model to carry, .lm")
    parser.add_argument("--lm-licence", default="", help="licence of the language model")
    text = "decode with the words of this bundle; not copied, found by hash beside it or shipped"
    parser.add_argument("--words-of", metavar="BUNDLE", help=text)
    parser.add_argument("--preset", metavar="FILE", help="decoder preset from tune-decoder")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="change the decoder preset of SOURCE, e.g. lm_weight=0.3; null switches an option off",
    )


def run_training(options: Namespace) -> int:
    """Train or resume, or learn a few samples by heart; exit 1 if that came to nothing."""
    from edgectc.commands.verbs.models import train

    try:
        result = train(**values(options))
    except KeyboardInterrupt:  # or SIGTERM
        out, state = Path(options.out), "last.safetensors"
        if [*out.glob(state), *out.glob(f"*/{state}")]:  # of the second phase, or the first
            say(f"the run is saved; to go on: edgectc {shlex.join(options.arguments)}")
        raise
    from edgectc.training.overfitting import Overfitted  # needs torch, which is there by now

    if isinstance(result, Overfitted):
        return _print_overfitted(result, as_json=options.json)
    if os.environ.get("RANK", "0") != "0":  # one of torchrun's processes speaks for all
        return 0
    return _print_result(result, options)


def _print_result(result: Result, options: Namespace) -> int:
    from edgectc.formats.bundle import DEFAULT  # needs NumPy, which `--help` has no use for

    if options.json:
        document = {"checkpoint": str(result.checkpoint), "epoch": result.epoch}
        print(json.dumps({**document, result.metric: result.value}, sort_keys=True))
    elif result.value is None:
        print("there is no best checkpoint: no epoch had a good step and finite answers")
    else:
        print(
            f"best: epoch {result.epoch}, {result.metric} {result.value:.2%}, {result.checkpoint}"
        )
        if undertrained(result.metric, result.value):
            print(
                "that is hardly better than nothing: train longer (--set epochs=N), on more data, "
                "or see whether it can learn at all: --overfit 5"
            )
        print(f"summary: {Path(options.out) / 'summary.html'}")
        words = ["--lexicon", options.lexicon] if options.lexicon else []
        if not words and result.metric == "dev_top1":  # swipes, read letter by letter
            words = ["--words-of", DEFAULT]
        if options.bundle:
            print_next("export", options.bundle, "--target", "onnx")
        else:
            print_next("pack", options.out, *words, "--out", "my-model")
    return 0 if result.value is not None else 1


def undertrained(metric: str, value: float) -> bool:
    """Tell a model that has learnt next to nothing: a share of right words, or an error rate."""
    return value < _LEAST if "top" in metric else value > 1 - _LEAST


def _print_overfitted(result: Overfitted, *, as_json: bool) -> int:
    from dataclasses import asdict

    if as_json:
        print(json.dumps(asdict(result), sort_keys=True))
    else:
        verdict = "learnt by heart" if result.reached else "NOT learnt by heart"
        print(
            f"{len(result.samples)} samples {verdict}: token error {result.token_error:.2%} "
            f"after {result.steps} steps, {result.seconds} s"
        )
    return 0 if result.reached else 1


def run_packing(options: Namespace) -> int:
    """Pack a run, or untrained weights, into a bundle."""
    from edgectc.commands.verbs.models import pack

    bundle = pack(**values(options))
    if options.json:
        print(json.dumps({"path": str(bundle.path), "files": dict(bundle.index.files)}))
    else:
        print(f"{bundle.path}: {len(bundle.index.files)} files")
        print_next("export", bundle.path, "--target", "onnx")
    return 0
