"""`edgectc train`."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any


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
    from edgectc.core import config
    from edgectc.language import lexicon_file

    out = Path(options.out)
    _check(options, out)
    values = config.load_run(options.config)
    for assignment in options.overrides:
        config.set_key(values, assignment)
    lexicon = lexicon_file.read(options.lexicon) if options.lexicon else None
    given = {"data": _data_file(values, options), "lexicon": lexicon}
    given |= {"device": options.device, "threads": options.threads}
    given["cache"] = Path(options.cache) if options.cache else None
    if options.overfit is not None:
        return _overfit(values, options, given)
    result = torch_module("training.phases", extra="train").run(values, out, **given)
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


def _check(options: argparse.Namespace, out: Path) -> None:
    from edgectc.core.errors import ConfigError

    if options.resume and options.overfit is not None:
        raise ConfigError("--overfit always begins anew; leave --resume out")
    begun = any((folder / "config.json").exists() for folder in (out, out / "first"))
    if options.resume and not begun:
        raise ConfigError(f"--resume: {out} holds no run; leave --resume out to begin one")
    if options.threads < 1:
        raise ConfigError(f"--threads {options.threads}: expected 1 or more")


def _data_file(values: dict[str, Any], options: argparse.Namespace) -> Path | None:
    """Return the file of samples that was named; None if they are to be generated."""
    from edgectc.data import swipe_files

    if values.get("task", {}).get("type", "swipe") != "swipe":
        return Path(options.data) if options.data else None
    named = options.data or (options.overfit is None and os.environ.get("EDGECTC_DATA"))
    return swipe_files.find(options.data) if named else None


def _overfit(values: dict[str, Any], options: argparse.Namespace, given: dict[str, Any]) -> int:
    from edgectc.commands.common import torch_module

    overfit = torch_module("training.overfitting", extra="train").overfit
    values = torch_module("training.phases", extra="train").split(values)[0]
    steps = {"count": options.overfit, "limit": options.overfit_steps}
    result = overfit(values, Path(options.out), **steps, **given)
    if options.json:
        print(json.dumps(asdict(result), sort_keys=True))
    else:
        verdict = "learnt by heart" if result.reached else "NOT learnt by heart"
        print(
            f"{len(result.samples)} samples {verdict}: token error {result.token_error:.2%} "
            f"after {result.steps} steps, {result.seconds} s"
        )
    return 0 if result.reached else 1
