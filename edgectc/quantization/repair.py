"""Takes tensors that are not finite from an earlier, finite state of the same network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from edgectc.core import nonfinite
from edgectc.core.errors import BundleError, ConfigError, NonFiniteError
from edgectc.core.files import read_plain
from edgectc.core.messages import say
from edgectc.core.staging import scratch
from edgectc.exporting import packing
from edgectc.formats import bundle as bundles
from edgectc.networks.model import CtcModel, check_size
from edgectc.training.loop import checkpoints


@contextmanager
def repaired(
    path: str | os.PathLike[str] | None, earlier: str | os.PathLike[str]
) -> Iterator[tuple[Path, list[str]]]:
    """Yield a temporary bundle like ``path`` with finite weights, and what was replaced.

    Its reference cases are answered anew, because the answers have changed.

    Args:
        path: bundle directory, or the name of a shipped model.
        earlier: bundle directory, checkpoint of a training run, or ``.safetensors`` file.

    Raises:
        ConfigError: all weights are finite, so there is nothing to repair.
        NonFiniteError: the earlier state does not hold a finite tensor of that name and shape.
        BundleError: the earlier state cannot be read.
    """
    bundle = bundles.read(bundles.locate(path))
    tensors = load_tensors(bundle.file("weights.safetensors"))
    bad = nonfinite.bad_tensors({name: tensor.numpy() for name, tensor in tensors.items()})
    if not bad:
        raise ConfigError("every weight is finite; leave repair_from out", options=["repair_from"])
    old = _read(Path(earlier))
    for name in bad:
        found = old.get(name)
        if found is None or found.shape != tensors[name].shape or not found.isfinite().all():
            raise NonFiniteError(
                f"{os.fspath(earlier)} holds no finite {name} of shape "
                f"{tuple(tensors[name].shape)}; repair from another state"
            )
        tensors[name] = found
    say(f"repaired from {os.fspath(earlier)}: {nonfinite.describe(bad)}")
    check_size(bundle)
    model = CtcModel(bundle.index.model)
    model.load_state_dict(tensors)
    with scratch() as folder:
        made = packing.repack(bundle, folder / bundle.index.name, model=model)
        yield made.path, sorted(bad)


def _read(path: Path) -> dict[str, Tensor]:
    """Return the weights of a bundle, a checkpoint or a plain file of tensors."""
    if path.is_dir():
        return load_tensors(bundles.read(path).file("weights.safetensors"))
    try:
        return dict(checkpoints.read(path).model)
    except BundleError:
        try:
            return load_tensors(read_plain(path))
        except (OSError, SafetensorError) as error:
            raise BundleError(f"cannot read weights from {path}: {error}") from error
