"""Runs a checked Core ML package, on macOS; reads one back anywhere."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from edgectc.core.console import suppress_output
from edgectc.core.contracts import Runner
from edgectc.core.errors import BundleError, ConfigError, InputError, MissingDependencyError
from edgectc.core.staging import scratch, write_bytes
from edgectc.core.types import Array
from edgectc.runtime.mil import MilProgram

PACKAGE = "coremltools"


@dataclass(frozen=True)
class Options:
    """Core ML chooses its threads itself: 1 is the only value, and means that."""

    threads: int = 1


def create(options: Options, *, source: Mapping[str, bytes]) -> CoremlRunner:
    """Return a runner for the files of a package whose hash was checked.

    Raises:
        ConfigError: a number of threads was asked for.
        MissingDependencyError: this is no macOS, or coremltools is not installed.
        BundleError: Core ML cannot load the package.
    """
    if options.threads != 1:
        raise ConfigError(
            "Core ML chooses its threads itself; leave threads out", options=["threads"]
        )
    if sys.platform != "darwin":
        raise MissingDependencyError("running .mlpackage", system="macOS 14 or later")
    try:
        with suppress_output():
            import coremltools
    except ImportError as error:
        raise MissingDependencyError(
            "running .mlpackage", package="coremltools", extra="coreml"
        ) from error
    # Core ML compiles from a folder, and reads it as long as the model lives.
    folder = ExitStack()
    package = folder.enter_context(scratch()) / "model.mlpackage"
    for name, content in source.items():
        write_bytes(package / name, content)
    try:
        model = coremltools.models.MLModel(
            str(package), compute_units=coremltools.ComputeUnit.CPU_ONLY
        )
    except Exception as error:  # coremltools raises many unrelated classes
        raise BundleError(f"Core ML cannot load the package: {error}") from error
    return CoremlRunner(model, folder)


def read_back(data: Mapping[str, bytes]) -> MilProgram:
    """Return the program of a package as a runner that needs no Core ML, for verification.

    Raises:
        MissingDependencyError: coremltools is not installed.
        BundleError: the files hold no ML program.
    """
    return MilProgram(data)


class CoremlRunner(Runner):
    """Calls one Core ML model on the CPU, in the precision it was made for."""

    name = "coreml"

    def __init__(self, model: Any, folder: ExitStack) -> None:
        self._model = model
        weakref.finalize(self, folder.close)

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (1, T', V) float32.

        Raises:
            InputError: reason ``bad_shape``: Core ML refused the inputs.
        """
        try:
            log_probs: Array = self._model.predict(dict(inputs))["log_probs"]
        except RuntimeError as error:
            raise InputError(f"Core ML refused the inputs: {error}", reason="bad_shape") from error
        return log_probs
