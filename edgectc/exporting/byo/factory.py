"""A network by the name of what makes it, and its weights from a file."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from edgectc.core.errors import ConfigError, MissingDependencyError, UnknownNameError


def build(name: str) -> nn.Module:
    """Return the torch module that ``package.module:factory`` names or makes.

    Raises:
        ConfigError: there is no such thing, or it is no torch module.
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
    return found


def load_weights(network: nn.Module, path: str) -> None:
    """Load a safetensors file into a network, every tensor in its place.

    Raises:
        ConfigError: another format, or other tensors than the network has.
    """
    try:
        network.load_state_dict(load(Path(path).read_bytes()))
    except SafetensorError as error:
        raise ConfigError(
            f"{path} is no safetensors file ({error}); write one with "
            "safetensors.torch.save_model(network, 'w.safetensors')"
        ) from error
    except RuntimeError as error:
        raise ConfigError(f"{path} does not fit the network: {error}") from error
