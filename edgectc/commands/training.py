"""`edgectc train`."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgectc.training.overfitting import Overfitted


def arguments(one: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    one.add_argument("config", help="TOML file, or a shipped config, e.g. gru-small")
    one.add_argument("--out", required=True, metavar="DIR", help="folder of the run")
    one.add_argument(
        "--resume", action="store_true", help="refuse to begin: go on with the run in DIR"
    )
    one.add_argument(
        "--data",
        metavar="PATH",
        help="swipes (default: what EDGECTC_DATA names) or a .npz of recordings; "
        "without any, samples are generated",
    )
    one.add_argument("--lexicon", metavar="FILE", help="words for the decoder")
    one.add_argument(
        "--overfit", type=int, metavar="N", help="only learn N samples by heart; exit code 1 if not"
    )
    one.add_argument(
        "--overfit-steps", type=int, default=1000, metavar="N", help="at most (default 1000)"
    )
    one.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="override one setting, e.g. optimizer.lr=1e-3",
    )
    one.add_argument("--cache", metavar="DIR", help="keep prepared samples here for the next run")
    one.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default auto)")
    one.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")


def train(options: argparse.Namespace) -> int:
    """Train or resume, or learn a few samples by heart."""
    from edgectc.commands.common import torch_module
    from edgectc.core.errors import ConfigError

    if options.resume and options.overfit is not None:
        raise ConfigError("--overfit always begins anew; leave --resume out")
    names = ("data", "lexicon", "overrides", "cache", "device", "threads")
    given = {name: getattr(options, name) for name in names}
    runs = torch_module("training.runs", extra="train")
    if options.overfit is not None:
        limits = {"count": options.overfit, "steps": options.overfit_steps}
        return _print_overfitted(
            runs.overfit(options.config, options.out, **limits, **given), options
        )
    result = runs.train(options.config, options.out, resume=options.resume, **given)
    if os.environ.get("RANK", "0") != "0":  # one of torchrun's processes speaks for all
        return 0
    if options.json:
        about = {"checkpoint": str(result.checkpoint), "epoch": result.epoch}
        print(json.dumps({**about, result.metric: result.value}, sort_keys=True))
    elif result.value is None:
        print("there is no best checkpoint: no epoch had a good step and finite answers")
    else:
        print(
            f"best: epoch {result.epoch}, {result.metric} {result.value:.2%}, {result.checkpoint}"
        )
    return 0 if result.value is not None else 1


def _print_overfitted(result: Overfitted, options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps(asdict(result), sort_keys=True))
    else:
        verdict = "learnt by heart" if result.reached else "NOT learnt by heart"
        print(
            f"{len(result.samples)} samples {verdict}: token error {result.token_error:.2%} "
            f"after {result.steps} steps, {result.seconds} s"
        )
    return 0 if result.reached else 1
