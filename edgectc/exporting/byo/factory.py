"""`package.module:factory`: a network by the name of what makes it, and its files."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from edgectc.core import vocabularies
from edgectc.core.errors import ConfigError, InputError, MissingDependencyError, UnknownNameError
from edgectc.core.files import read_given
from edgectc.core.types import JSON, Array
from edgectc.data.signals import read_arrays
from edgectc.exporting.byo import adoption


@dataclass(frozen=True)
class Files:
    """What a factory's network has beside the fields of `edgectc.exporting.byo.adoption.About`.

    Attributes:
        weights: ``.safetensors`` file; None leaves the network as it was made.
        blank: symbol or column of the blank in a file of tokens; None if a line is ``<blank>``.
        preset: file of a decoder preset, as `edgectc.tune_decoder` writes it, in place of decoder.
    """

    weights: str | None = None
    blank: str | None = None
    preset: str | None = None


def is_factory(model: object) -> TypeGuard[str]:
    """Return whether a model is given by the name of its factory, and not by a path."""
    return isinstance(model, str) and ":" in model and not os.path.exists(model)


def read_tokens(options: dict[str, JSON], blank: str | None) -> None:
    """Replace the name of a file of tokens, if ``options`` has one, by what the file holds.

    Raises:
        ConfigError: the file is not text, or ``blank`` is none of its tokens.
    """
    path = options.get("tokens")
    if isinstance(path, (str, os.PathLike)):
        symbols, column = adoption.tokens_of(vocabularies.read_symbols(path), blank)
        options.update({"blank_id": column, **options, "tokens": [*symbols]})
    elif blank is not None:
        raise ConfigError("blank goes with a file of tokens; say blank_id", options=["blank"])


def read_sample(path: str | os.PathLike[str]) -> tuple[Array, Array] | dict[str, Array]:
    """Return features and lengths of a ``.npz``; without lengths, every recording is whole.

    With more arrays than that it is those of several inputs, by their names.

    Raises:
        InputError: not such a file.
    """
    arrays = read_arrays(Path(path))
    known = {"features", "lengths", "texts", "split"}
    if {*arrays} - known:
        return {name: array for name, array in arrays.items() if name not in ("texts", "split")}
    if "features" not in arrays:
        raise InputError(
            f"{path} holds {sorted(arrays)}, expected features (N, T, C) and lengths (N,)",
            reason="bad_shape",
        )
    features = arrays["features"]
    whole = np.full(len(features), features.shape[1] if features.ndim > 1 else 0)
    return features, arrays.get("lengths", whole)


def build(name: str, weights: str | os.PathLike[str] | None = None) -> nn.Module:
    """Return the torch module that ``package.module:factory`` names or makes.

    Args:
        name: of the factory.
        weights: its ``.safetensors``; None leaves the module as it was made.

    Raises:
        ConfigError: there is no such thing, it is no torch module, or the weights are of another.
    """
    place, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # as `python -m` does
    try:
        module = importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name and not f"{place}.".startswith(f"{error.name}."):
            raise MissingDependencyError(
                f"importing {place}", package=error.name, command=f"pip install {error.name}"
            ) from error
        raise ConfigError(f"no module {place!r} here or among the installed packages") from error
    if not hasattr(module, attribute):
        raise UnknownNameError(f"factory of {place}", attribute, vars(module))
    found = getattr(module, attribute)
    if not isinstance(found, nn.Module) and callable(found):
        try:
            found = found()
        except TypeError as error:
            raise ConfigError(f"{name} cannot be called without arguments: {error}") from error
    if not isinstance(found, nn.Module):
        raise ConfigError(f"{name} gives {type(found).__name__}, expected a torch.nn.Module")
    if weights is not None:
        load_weights(found, weights)
    return found


def load_weights(network: nn.Module, path: str | os.PathLike[str]) -> None:
    """Load a safetensors file into a network, every tensor in its place.

    Raises:
        ConfigError: it cannot be read, another format, or other tensors than the network has.
    """
    try:
        network.load_state_dict(load(read_given(path, "weights", options=["weights"])))
    except SafetensorError as error:
        raise ConfigError(
            f"{path} is no safetensors file ({error}); write one with "
            "safetensors.torch.save_model(network, 'w.safetensors')"
        ) from error
    except RuntimeError as error:
        raise ConfigError(f"{path} does not fit the network: {error}") from error
