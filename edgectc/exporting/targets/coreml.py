"""Core ML: coremltools' ML programs (.mlpackage), manifest in the user-defined metadata."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr
from typing import Any

import numpy as np
from torch import Tensor, nn

from edgectc.core.console import suppress_output
from edgectc.core.contracts import Converted
from edgectc.core.errors import ExportError, MissingDependencyError
from edgectc.core.schemes import SUPPORTED
from edgectc.core.staging import scratch
from edgectc.core.toolchain_errors import explained
from edgectc.core.types import Array
from edgectc.exporting.lowering.coreml_repairs import repaired
from edgectc.exporting.lowering.quantization_plan import CONVOLUTION, LINEAR, Plan
from edgectc.exporting.plain import Options, PlainTarget
from edgectc.formats import manifest as manifests
from edgectc.formats.manifest import Manifest
from edgectc.runtime.mil import MilProgram

SCHEMES = SUPPORTED["coreml"]
PACKAGES = ("coremltools",)
_KEY = "edgectc"  # of the user-defined metadata
_DATE = "com.github.apple.coremltools.conversion_date"


def create(options: Options) -> CoremlTarget:
    """Return the target."""
    return CoremlTarget(options)


class CoremlTarget(PlainTarget):
    """Converts to an ML program for iOS 17 and macOS 14; the artifact is a folder."""

    suffix = ".mlpackage"

    def kinds(self, scheme: str) -> tuple[str, ...]:
        """Return the kinds of operators whose weights can be stored in fewer bits."""
        return (CONVOLUTION, LINEAR) if scheme in ("int8-weight", "int4-weight") else ()

    def half_arithmetic(self, scheme: str) -> bool:
        """Return whether activations are float16 too, so that they must stay below 65504."""
        return scheme == "float16"

    def convert(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        plan: Plan | None = None,
        *,
        window: int = 1,
        stride: int = 1,
    ) -> Converted:
        """Return the converted program; the one shape is never shorter than ``window``.

        See `edgectc.core.contracts.Target`.

        Raises:
            MissingDependencyError: coremltools is not installed.
            ExportError: tracing or conversion failed.
        """
        try:
            with suppress_output():
                import coremltools as ct
        except ImportError as error:
            raise MissingDependencyError(
                "exporting .mlpackage", package="coremltools", extra="coreml"
            ) from error
        import torch

        half = plan is not None and self.half_arithmetic(plan.scheme.name)
        kinds = {torch.int32: np.int32, torch.float32: np.float32}
        try:
            with suppress_output(), repaired(), torch.no_grad():
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
                    compute_precision=ct.transform.FP16ComputePrecision(_in_encoder)
                    if half
                    else ct.precision.FLOAT32,
                    skip_model_load=True,
                )
        except Exception as error:  # tracing and conversion raise many unrelated classes
            raise ExportError(f"coremltools failed: {explained(error)}") from error
        if plan is not None and plan.operators:
            program = _compressed(program, plan)
        program.user_defined_metadata.pop(_DATE, None)
        return program

    def constants(self, converted: Converted) -> Iterator[tuple[str, Array]]:
        """Yield name and values of every float constant, widened."""
        yield from MilProgram(_files(converted)).weights.items()

    def embed(self, converted: Converted, manifest: Manifest) -> dict[str, bytes]:
        """Return the files of the package with the unsealed manifest inside, by relative path."""
        converted.user_defined_metadata[_KEY] = manifest.text()
        return _files(converted)


def _in_encoder(op: Any) -> bool:
    """Return whether an operator may be float16: not features, head and log_softmax."""
    return any(names[:1] == ["encoder"] for names in op.scopes.values())


def _compressed(program: Converted, plan: Plan) -> Converted:
    """Return the program with the weights of the plan's operators in fewer bits."""
    import coremltools.optimize.coreml as compress

    how: Any
    if plan.scheme.name == "int8-weight":
        how = compress.OpLinearQuantizerConfig(
            mode="linear_symmetric", dtype="int8", granularity="per_channel", weight_threshold=0
        )
        run = compress.linear_quantize_weights
    else:  # a table of 16 values a tensor; blocks would need iOS 18
        how = compress.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=0)
        run = compress.palettize_weights
    constants = {
        op.name for op in program._mil_program.functions["main"].operations if op.op_type == "const"
    }
    names = {f"{name.replace('.', '_')}_weight" for name in plan.operators}
    if missing := names - constants:
        raise ExportError(f"the Core ML program has no constant {sorted(missing)[0]!r}")
    try:
        with suppress_output(), redirect_stderr(io.StringIO()):
            config = compress.OptimizationConfig(op_name_configs=dict.fromkeys(names, how))
            return run(program, config)
    except Exception as error:  # coremltools raises many unrelated classes
        raise ExportError(f"coremltools failed to compress: {explained(error)}") from error


def _files(program: Converted) -> dict[str, bytes]:
    with scratch() as folder, suppress_output():
        place = folder / "model.mlpackage"
        try:
            program.save(str(place))
        except Exception as error:  # coremltools raises many unrelated classes
            raise ExportError(f"coremltools failed to save: {explained(error)}") from error
        return manifests.folder(place)
