"""Core ML: coremltools' ML programs (.mlpackage), manifest in the user-defined metadata."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from torch import Tensor, nn

from edgectc import manifest as manifests
from edgectc.errors import ExportError, MissingDependencyError
from edgectc.explaining import explained
from edgectc.manifest import Manifest
from edgectc.quiet import quiet
from edgectc.schemes import SUPPORTED

SCHEMES = SUPPORTED["coreml"]
PACKAGES = ("coremltools",)
_KEY = "edgectc"  # of the user-defined metadata
_DATE = "com.github.apple.coremltools.conversion_date"


@dataclass(frozen=True)
class Options:
    """No options yet: an ML program for iOS 17 and macOS 14."""


def create(options: Options) -> CoremlTarget:
    """Return the target."""
    return CoremlTarget()


class CoremlTarget:
    """Converts to an ML program; the artifact is a folder."""

    suffix = ".mlpackage"
    opset = None
    batch = 1

    def convert(self, model: nn.Module, inputs: Mapping[str, Tensor]) -> Any:
        """Return the converted program of ``model`` at the shapes of ``inputs``.

        Raises:
            MissingDependencyError: coremltools is not installed.
            ExportError: tracing or conversion failed.
        """
        try:
            with quiet():
                import coremltools as ct
        except ImportError as error:
            raise MissingDependencyError(
                "exporting .mlpackage", package="coremltools", extra="coreml"
            ) from error
        import torch

        kinds = {torch.int32: np.int32, torch.float32: np.float32}
        try:
            with quiet(), repaired(), torch.no_grad():
                # Traced, because coremltools takes recurrent layers from no other graph.
                traced = torch.jit.trace(model, tuple(inputs.values()), check_trace=False)
                program = ct.convert(
                    traced,
                    inputs=[
                        ct.TensorType(name=name, shape=tuple(value.shape), dtype=kinds[value.dtype])
                        for name, value in inputs.items()
                    ],
                    outputs=[ct.TensorType(name="log_probs", dtype=np.float32)],
                    minimum_deployment_target=ct.target.iOS17,
                    compute_precision=ct.precision.FLOAT32,
                    skip_model_load=True,
                )
        except Exception as error:  # tracing and conversion raise many unrelated classes
            raise ExportError(f"coremltools failed: {explained(error)}") from error
        program.user_defined_metadata.pop(_DATE, None)
        return program

    def embed(self, converted: Any, manifest: Manifest) -> dict[str, bytes]:
        """Return the files of the package with the unsealed manifest inside, by relative path."""
        converted.user_defined_metadata[_KEY] = manifest.text()
        return _files(converted)


def _files(program: Any) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder, quiet():
        place = Path(folder) / "model.mlpackage"
        try:
            program.save(str(place))
        except Exception as error:  # coremltools raises many unrelated classes
            raise ExportError(f"coremltools failed to save: {explained(error)}") from error
        return manifests.folder(place)


@contextmanager
def repaired() -> Iterator[None]:
    """Repair, for one conversion, what coremltools 9.0 gets wrong with torch 2.13 and numpy 2.

    - ``int(x)`` of a constant array of one element raises TypeError.
    - ``reciprocal`` becomes ``inverse``, which adds 1e-4 to its input: 0.1 % for an input of 0.1.
    - ``log_softmax`` becomes the log of a softmax, where small probabilities are rounded to zero.
    """
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.frontend.torch import ops
    from coremltools.converters.mil.frontend.torch.torch_op_registry import _TORCH_OPS_REGISTRY

    cast = ops._cast

    def scalar(context: Any, node: Any, dtype: Any, dtype_name: str) -> None:
        (x,) = ops._get_inputs(context, node, expected=1)
        if x.can_be_folded_to_const():
            value = dtype(np.asarray(x.val).item())
            context.add(mb.const(val=value, name=node.name), node.name)
        else:
            cast(context, node, dtype, dtype_name)

    def reciprocal(context: Any, node: Any) -> None:
        (x,) = ops._get_inputs(context, node, expected=1)
        context.add(mb.real_div(x=1.0, y=x, name=node.name))

    def log_softmax(context: Any, node: Any) -> None:
        x, axis = ops._get_inputs(context, node, min_expected=2)[:2]
        total = mb.reduce_log_sum_exp(x=x, axes=[axis.val], keep_dims=True)
        context.add(mb.sub(x=x, y=total, name=node.name))

    repaired = {"reciprocal": reciprocal, "log_softmax": log_softmax, "_log_softmax": log_softmax}
    with (
        redirect_stderr(io.StringIO()),  # its progress bars
        mock.patch.object(ops, "_cast", scalar),
        mock.patch.dict(_TORCH_OPS_REGISTRY.name_to_func_mapping, repaired),
    ):
        yield
