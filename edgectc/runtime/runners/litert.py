"""Runs a checked .tflite artifact with LiteRT's interpreter; never imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgectc.core.console import suppress_output, suppress_stderr
from edgectc.core.contracts import Runner
from edgectc.core.errors import BundleError, InputError, MissingDependencyError
from edgectc.core.toolchain_errors import explained
from edgectc.core.types import Array
from edgectc.runtime.threads import Options

PACKAGE = "ai_edge_litert"
read_back = None


def create(options: Options, *, source: bytes) -> LitertRunner:
    """Return a runner for the bytes of a ``.tflite`` artifact whose hash was checked.

    Raises:
        MissingDependencyError: LiteRT's interpreter is not installed.
        BundleError: it cannot load the model.
    """
    try:
        with suppress_output():
            from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingDependencyError(
            "running .tflite", package="ai-edge-litert", extra="litert"
        ) from error
    try:
        with suppress_stderr():  # it tells there of its delegate
            interpreter = Interpreter(model_content=source, num_threads=options.threads)
            interpreter.allocate_tensors()
            return LitertRunner(interpreter, options.threads)
    except (RuntimeError, ValueError) as error:
        raise BundleError(f"LiteRT cannot load the model: {explained(error)}") from error


class LitertRunner(Runner):
    """Calls the one signature of an interpreter; inputs go by their names."""

    name = "litert"

    def __init__(self, interpreter: Any, threads: int) -> None:
        self._threads = threads
        self._call = interpreter.get_signature_runner()
        (self._answer,) = self._call.get_output_details()

    @property
    def threads(self) -> int:
        """Return how many threads one call uses."""
        return self._threads

    def contract(self) -> dict[str, tuple[str, list[int]]]:
        """Return name -> (dtype, shape) of each input as the signature itself states it."""
        return {
            name: (np.dtype(one["dtype"]).name, [int(n) for n in one["shape"]])
            for name, one in self._call.get_input_details().items()
        }

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (1, T', V) float32.

        Raises:
            InputError: reason ``bad_shape``: the model refused the inputs.
        """
        try:
            answers = self._call(**{k: np.ascontiguousarray(v) for k, v in inputs.items()})
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"LiteRT refused the inputs: {explained(error)}", reason="bad_shape"
            ) from error
        log_probs: Array = np.array(answers[self._answer], np.float32)
        return log_probs
