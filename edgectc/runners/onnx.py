"""Runs a checked ONNX artifact with ONNX Runtime; never imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgectc.errors import BundleError, InputError, MissingDependencyError
from edgectc.types import Array


@dataclass(frozen=True)
class Options:
    """Threads that one call may use."""

    threads: int = 1


def create(options: Options, *, data: bytes) -> OnnxRunner:
    """Return a runner for the bytes of an ONNX artifact whose hash was checked.

    Raises:
        MissingDependencyError: ONNX Runtime is not installed.
        BundleError: ONNX Runtime cannot load the graph.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            "running .onnx", package="onnxruntime", extra="onnx"
        ) from error
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(data, settings, ["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own unrelated classes
        raise BundleError(f"ONNX Runtime cannot load the graph: {_first_line(error)}") from error
    return OnnxRunner(session)


class OnnxRunner:
    """Calls one ONNX Runtime session."""

    name = "onnx"

    def __init__(self, session: Any) -> None:
        self._session = session

    def contract(self) -> dict[str, tuple[str, list[int]]]:
        """Return name -> (dtype, shape) of each input as the graph itself states it."""
        kinds = {"tensor(float)": "float32", "tensor(int32)": "int32"}
        return {
            i.name: (kinds.get(i.type, i.type), list(i.shape)) for i in self._session.get_inputs()
        }

    def run(self, inputs: Mapping[str, Array]) -> Array:
        """Return log_probs (N, T', V) float32.

        Raises:
            InputError: reason ``bad_shape``: the graph refused the inputs.
        """
        try:
            log_probs: Array = self._session.run(["log_probs"], dict(inputs))[0]
        except Exception as error:  # ONNX Runtime raises its own unrelated classes
            raise InputError(
                f"ONNX Runtime refused the inputs: {_first_line(error)}", reason="bad_shape"
            ) from error
        return log_probs


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
