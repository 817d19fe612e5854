"""`edgectc export package.module:factory`: a network that was made elsewhere, from the shell."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path
from typing import Any

from edgectc.core.errors import ConfigError, InputError

_SAID = ("name", "separator", "axes", "padding", "stride", "window", "check_blank")


def arguments(one: argparse.ArgumentParser) -> None:
    """Add what a network that was made elsewhere needs."""
    own = one.add_argument_group(
        "a network of your own", "BUNDLE is then package.module:factory, see docs/byo.md"
    )
    own.add_argument("--weights", metavar="FILE", help="its weights, .safetensors")
    own.add_argument("--sample", metavar="FILE", help=".npz with arrays features and lengths")
    own.add_argument("--tokens", metavar="FILE", help="one symbol a line, line i = column i")
    own.add_argument("--blank", metavar="TOKEN", help="the blank, if no line is <blank>")
    own.add_argument("--name", help="model name (default: from its class)")
    own.add_argument("--separator", help="what stands between symbols in a text (default nothing)")
    own.add_argument("--axes", help="of its answer: NTV (default), TNV or NVT")
    own.add_argument(
        "--padding", help="masked (default), or zeros if it hears the zeros after the length"
    )
    own.add_argument("--stride", type=int, help="input frames per output frame (default: probed)")
    own.add_argument(
        "--window", type=int, help="input frames of the first output (default: probed)"
    )
    own.add_argument(
        "--any-blank",
        dest="check_blank",
        action="store_false",
        default=None,
        help="do not doubt the blank",
    )


def is_factory(model: str | None) -> bool:
    """Whether the argument names a factory and no path."""
    return model is not None and ":" in model and not Path(model).exists()


def given(options: Namespace) -> dict[str, Any]:
    """Return the arguments of `edgectc.export` that the options name.

    Raises:
        ConfigError: an option is missing, or goes with a factory alone.
    """
    ours = ("weights", "sample", "tokens", "blank", *_SAID)
    if not is_factory(options.model):
        for name in ours:
            if getattr(options, name) is not None:
                flag = "any-blank" if name == "check_blank" else name
                raise ConfigError(f"--{flag} goes with package.module:factory, not with a bundle")
        return {"path": options.model}
    for name in ("sample", "tokens"):
        if getattr(options, name) is None:
            raise ConfigError(f"exporting {options.model} needs --{name}; see docs/byo.md")
    from edgectc.commands.common import torch_module  # here, so that --help stays light

    adoption = torch_module("exporting.byo.adoption")
    text = _text(options.tokens)
    tokens, blank = adoption.tokens_of(text, options.blank)
    said = {name: value for name in _SAID if (value := getattr(options, name)) is not None}
    factory = torch_module("exporting.byo.factory")
    network = factory.build(options.model)
    if options.weights:
        factory.load_weights(network, options.weights)
    return {
        "path": network,
        "sample": read_sample(options.sample),
        "tokens": tokens,
        "blank_id": blank,
        **said,
    }


def read_sample(path: str) -> tuple[Any, Any]:
    """Return features and lengths of a ``.npz``; without lengths, every recording is whole.

    Raises:
        InputError: not such a file.
    """
    from edgectc.data.signals import read_arrays

    arrays = read_arrays(Path(path))
    if "features" not in arrays:
        raise InputError(
            f"{path} holds {sorted(arrays)}, expected features (N, T, C) and lengths (N,)",
            reason="bad_shape",
        )
    import numpy as np

    features = arrays["features"]
    whole = np.full(len(features), features.shape[1] if features.ndim > 1 else 0)
    return features, arrays.get("lengths", whole)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {error}") from error
