"""Runs a checked ExecuTorch program through its Python runtime (which needs torch today)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgectc.errors import BundleError, InputError, MissingDependencyError
from edgectc.explaining import explained
from edgectc.quiet import quiet, silent_stderr
from edgectc.types import Array


@dataclass(frozen=True)
class Options:
    """Threads that one call may use."""

    threads: int = 1


def create(options: Options, *, data: bytes) -> PteRunner:
    """Return a runner for the bytes of a ``.pte`` artifact whose hash was checked.

    Raises:
        MissingDependencyError: ExecuTorch or torch is not installed.
        BundleError: ExecuTorch cannot load the program.
    """
    try:
        with quiet():
            from executorch.extension.pybindings import _portable_lib
            from executorch.runtime import Runtime
    except ImportError as error:
        raise MissingDependencyError("running .pte", package="executorch", extra="pte") from error
    with silent_stderr():
        # One pool serves the whole process; ExecuTorch has no setting per program.
        _portable_lib._unsafe_reset_threadpool(options.threads)
    try:
        program = Runtime.get().load_program(data)
        method = program.load_method("forward")
    except RuntimeError as error:
        raise BundleError(f"ExecuTorch cannot load the program: {explained(error)}") from error
    if method is None:
        raise BundleError("the program has no method 'forward'")
    return PteRunner(program, method)


class PteRunner:
    """Calls one ExecuTorch method; inputs go by position, in the order of the manifest."""

    name = "pte"

    def __init__(self, program: Any, method: Any) -> None:
        # The method points into the program: dropping the program first is a segmentation fault.
        self._program, self._method = program, method

    @property
    def threads(self) -> int:
        """Return how many threads the pool of the process says it has."""
        from executorch.extension.pybindings import _portable_lib

        return int(_portable_lib._threadpool_get_thread_count())

    def contract(self) -> dict[str, tuple[str, list[int]]]:
        """Return position -> (dtype, shape) of each input as the program itself states it."""
        meta = self._method.metadata
        kinds = {6: "float32", 3: "int32"}  # torch ScalarType codes
        found = {}
        for i in range(meta.num_inputs()):
            tensor = meta.input_tensor_meta(i)
            found[str(i)] = (kinds.get(tensor.dtype(), str(tensor.dtype())), list(tensor.sizes()))
        return found

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (1, T', V) float32.

        Raises:
            InputError: reason ``bad_shape``: the program refused the inputs.
        """
        import torch

        # Copies, because numpy may give an axis of size one the stride 0, which is refused.
        tensors = [torch.from_numpy(value.copy()) for value in inputs.values()]
        try:
            (log_probs,) = self._method.execute(tensors)
        except RuntimeError as error:
            raise InputError(
                f"the program refused its inputs: {explained(error)}", reason="bad_shape"
            ) from error
        # The output lives in memory that the next call overwrites.
        copied: Array = log_probs.numpy().copy()
        return copied
