"""`package.module:factory`: a network that was made elsewhere, named on the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeGuard

from edgectc.core.errors import ConfigError, InputError

if TYPE_CHECKING:  # building the parser stays light
    from typing import Any

    from torch import nn

    from edgectc.core.types import Array

OPTIONS = ("name", "separator", "axes", "padding", "stride", "window", "check_blank")
ALL = ("weights", "sample", "tokens", "blank", *OPTIONS)


def is_factory(model: str | None) -> TypeGuard[str]:
    """Whether the argument names a factory and no path."""
    return model is not None and ":" in model and not os.path.exists(model)


def build(name: str, weights: str | os.PathLike[str] | None) -> nn.Module:
    """Return the network that a factory makes, with weights of a ``.safetensors`` file.

    Raises:
        ConfigError: no such factory, or weights of another network.
    """
    from edgectc.core import lazy

    with lazy.requires(f"network {name!r}"):
        from edgectc.exporting.byo import factory
    network = factory.build(name)
    if weights is not None:
        factory.load_weights(network, os.fspath(weights))
    return network


def export_arguments(model: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `edgectc.export` that a model and the options of `ALL` stand for.

    Raises:
        ConfigError: an option is missing, or goes with a factory alone.
    """
    if not is_factory(model):
        if early := [name for name in ALL if options[name] is not None]:
            raise ConfigError(
                f"{early[0]} goes with package.module:factory, not with a bundle", options=early
            )
        return {"path": model}
    for name in ("sample", "tokens"):
        if options[name] is None:
            raise ConfigError(f"exporting {model} needs {name}; see docs/byo.md", options=[name])
    from edgectc.core import lazy

    with lazy.requires("edgectc export"):
        from edgectc.exporting.byo import adoption
    blank, weights = options["blank"], options["weights"]
    tokens, blank_id = adoption.tokens_of(
        _text(str(options["tokens"])), None if blank is None else str(blank)
    )
    chosen = {name: options[name] for name in OPTIONS if options[name] is not None}
    return {
        "path": build(model, None if weights is None else str(weights)),
        "sample": read_sample(str(options["sample"])),
        "tokens": tokens,
        "blank_id": blank_id,
        **chosen,
    }


def read_sample(path: str) -> tuple[Array, Array]:
    """Return features and lengths of a ``.npz``; without lengths, every recording is whole.

    Raises:
        InputError: not such a file.
    """
    from pathlib import Path

    import numpy as np

    from edgectc.data.signals import read_arrays

    arrays = read_arrays(Path(path))
    if "features" not in arrays:
        raise InputError(
            f"{path} holds {sorted(arrays)}, expected features (N, T, C) and lengths (N,)",
            reason="bad_shape",
        )
    features = arrays["features"]
    whole = np.full(len(features), features.shape[1] if features.ndim > 1 else 0)
    return features, arrays.get("lengths", whole)


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {error}") from error
