"""Runs a bundle's weights in PyTorch, uncompiled: the reference the artifacts are held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgectc.bundle import Bundle
from edgectc.errors import MissingDependencyError
from edgectc.types import Array


@dataclass(frozen=True)
class Options:
    """Threads that one call may use; PyTorch has one setting for the whole process."""

    threads: int = 1


def create(options: Options, *, bundle: Bundle) -> EagerRunner:
    """Return a runner for the weights of a bundle.

    Raises:
        MissingDependencyError: torch is not installed.
        NonFiniteError: a weight is NaN or Inf.
    """
    try:
        import torch

        from edgectc.model import load
    except ImportError as error:
        raise MissingDependencyError("running a bundle", package="torch", extra="torch") from error
    torch.set_num_threads(options.threads)
    return EagerRunner(load(bundle))


class EagerRunner:
    """Calls the module; any batch size."""

    name = "eager"

    def __init__(self, model: object) -> None:
        self._model = model

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (N, T', V) float32."""
        import torch

        with torch.inference_mode():
            tensors = {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in inputs.items()}
            log_probs: Array = self._model(**tensors).numpy()  # type: ignore[operator]
        return log_probs
