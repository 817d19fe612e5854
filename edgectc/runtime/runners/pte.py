"""Runs a checked ExecuTorch program through its Python runtime, which is linked with torch."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from edgectc.core import forks
from edgectc.core.console import suppress_output, suppress_stderr
from edgectc.core.contracts import Runner
from edgectc.core.errors import BundleError, InputError, MissingDependencyError
from edgectc.core.toolchain_errors import explained
from edgectc.core.types import Array
from edgectc.runtime.threads import Options

PACKAGE = "executorch"
read_back = None
_BINDINGS = "executorch.extension.pybindings"


def create(options: Options, *, source: bytes) -> PteRunner:
    """Return a runner for the bytes of a ``.pte`` artifact whose hash was checked.

    Raises:
        MissingDependencyError: ExecuTorch or torch is not installed.
        MissingDependencyError: the program is for a delegate that this system has not.
        BundleError: ExecuTorch cannot load the program.
    """
    try:
        with suppress_output():
            runtime = extension()
    except ImportError as error:
        raise MissingDependencyError("running .pte", package="executorch", extra="pte") from error
    if b"CoreMLBackend" in source and sys.platform != "darwin":
        raise MissingDependencyError("running a .pte with the Core ML delegate", system="macOS")
    forks.check_threads(options.threads, always=True)
    with suppress_stderr():
        # One pool serves the whole process; ExecuTorch has no setting per program.
        runtime._unsafe_reset_threadpool(options.threads)
    try:
        program = runtime._load_program_from_buffer(
            source, program_verification=runtime.Verification.InternalConsistency
        )
        return PteRunner(program, source)
    except RuntimeError as error:
        lacking = _without_kernels(runtime, source)
        said = f"{explained(error)}{'; none for ' if lacking else ''}{', '.join(lacking)}"
        raise BundleError(f"ExecuTorch cannot load the program: {said}") from error


def _without_kernels(runtime: Any, source: bytes) -> list[str]:
    """Return the operators that a program names and this runtime has no kernel for."""
    try:
        there = {name.partition(".")[0] for name in runtime._get_operator_names()}
    except AttributeError:  # not of every version
        return []
    spaces = "|".join(sorted({name.partition("::")[0] for name in there}))
    named = re.findall(rf"\b(?:{spaces})::\w+".encode(), source)
    return sorted({name.decode() for name in named} - there)


def extension() -> Any:
    """Return the compiled part of ExecuTorch's Python package.

    Its modules ``runtime`` and ``portable_lib`` are not imported: for the class of one warning they
    bring the whole compiler, which takes three times as long as torch, and 130 MB.

    Raises:
        ImportError: ExecuTorch or torch is not installed.
    """
    import torch  # noqa: F401  (the extension is linked with its libraries)

    if sys.platform == "win32":  # it tells Windows where the libraries are
        return importlib.import_module(f"{_BINDINGS}.portable_lib")
    try:
        return importlib.import_module(f"{_BINDINGS}._portable_lib")
    except ModuleNotFoundError:  # since ExecuTorch 1.5
        return importlib.import_module(f"{_BINDINGS}._C")


class PteRunner(Runner):
    """Calls an ExecuTorch program; inputs go by position, in the order of the manifest.

    Of a program with several methods, the shortest that an input fits into is called, and loaded
    when that first happens: each holds its own copy of the packed weights.
    """

    name = "pte"

    def __init__(self, program: Any, source: bytes) -> None:
        # A method points into its program, and that into its bytes: dropping either first is a
        # segmentation fault.
        self._program, self._source = program, source
        names = [program.get_method_name(i) for i in range(program.num_methods())]
        if "forward" not in names:
            raise BundleError("the program has no method 'forward'")
        self._methods = {"forward": program.load_method("forward")}
        self._buckets = sorted(
            int(name.removeprefix("forward_")) for name in names if name.startswith("forward_")
        )
        shortest = program.load_method("shortest") if "shortest" in names else None
        self._shortest = shortest([])[0] if shortest else None

    @property
    def threads(self) -> int:
        """Return how many threads the pool of the process says it has."""
        return int(extension()._threadpool_get_thread_count())

    def contract(self) -> dict[str, tuple[str, list[int]]]:
        """Return position -> (dtype, shape) of each input as the program itself states it."""
        meta = self._methods["forward"].method_meta()
        kinds = {6: "float32", 3: "int32", 4: "int64"}  # torch ScalarType codes
        inputs = {}
        for i in range(meta.num_inputs()):
            tensor = meta.input_tensor_meta(i)
            inputs[str(i)] = (kinds.get(tensor.dtype(), str(tensor.dtype())), list(tensor.sizes()))
        return inputs

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (1, T', V) float32; T' follows from the method that was called.

        Raises:
            InputError: reason ``bad_shape``: the program refused the inputs.
        """
        import torch

        name, frames = self._fitting(int(inputs["length"][0]))
        values = list(inputs.values())
        values[0] = values[0][:, :frames]
        # Copies, because numpy may give an axis of size one the stride 0, which is refused.
        tensors = [torch.from_numpy(value.copy()) for value in values]
        (log_probs,) = self.execute(tensors, name)
        # The output lives in memory that the next call overwrites.
        copied: Array = log_probs.numpy().copy()
        return copied

    def step(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Return all outputs, which are ``outputs`` in their order.

        Raises:
            InputError: reason ``bad_shape``: the program refused the inputs.
        """
        import torch

        # Copies, because numpy may give an axis of size one the stride 0, which is refused.
        answers = self.execute([torch.from_numpy(value.copy()) for value in inputs.values()])
        assert len(answers) == len(outputs)
        # They live in memory that the next call overwrites.
        return [answer.numpy().copy() for answer in answers]

    def execute(self, tensors: list[Any], method: str = "forward") -> list[Any]:
        """Return all outputs of a method; they live in memory that the next call overwrites.

        Raises:
            InputError: reason ``bad_shape``: the program refused the inputs.
        """
        forks.check_threads(self.threads, always=True)
        try:
            if method not in self._methods:
                self._methods[method] = self._program.load_method(method)
            outputs: list[Any] = self._methods[method](tensors)
        except RuntimeError as error:
            raise InputError(
                f"the program refused its inputs: {explained(error)}", reason="bad_shape"
            ) from error
        return outputs

    def _fitting(self, length: int) -> tuple[str, int | None]:
        """Return the method for an input of ``length`` valid frames, and the frames it is given."""
        if self._shortest is not None:
            return "forward", max(length, self._shortest)
        for frames in self._buckets:
            if length <= frames:
                return f"forward_{frames}", frames
        return "forward", None
