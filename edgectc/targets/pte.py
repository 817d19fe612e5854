"""ExecuTorch: torch.export, XNNPACK partitioner, manifest as a constant method."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from edgectc.errors import ExportError, MissingDependencyError
from edgectc.explaining import explained
from edgectc.manifest import Manifest
from edgectc.quiet import quiet
from edgectc.schemes import SUPPORTED
from edgectc.targets._plan import CONVOLUTION, LINEAR, Plan
from edgectc.targets._rolled import rolled
from edgectc.types import Array

SCHEMES = SUPPORTED["pte"]
PACKAGES = ("executorch",)


@dataclass(frozen=True)
class Options:
    """No options yet: one method ``forward``, lowered to XNNPACK."""


def create(options: Options) -> PteTarget:
    """Return the target."""
    return PteTarget()


class PteTarget:
    """Converts to an ExecuTorch program."""

    suffix = ".pte"
    opset = None
    batch = 1

    def kinds(self, scheme: str) -> tuple[str, ...]:
        """Return the kinds of operators that XNNPACK has integer kernels for."""
        return {"int8-static": (CONVOLUTION, LINEAR), "int8-dynamic": (LINEAR,)}.get(scheme, ())

    def convert(
        self, model: nn.Module, inputs: Mapping[str, Tensor], plan: Plan | None = None
    ) -> Any:
        """Return the lowered edge program of ``model`` at the shapes of ``inputs``.

        Args:
            model: the network.
            inputs: of one sample.
            plan: what to quantize; None leaves all in float32.

        Raises:
            MissingDependencyError: ExecuTorch is not installed.
            ExportError: capture or lowering failed, or XNNPACK took no operator.
        """
        try:
            with quiet():
                from executorch.backends.xnnpack.partition.xnnpack_partitioner import (
                    XnnpackPartitioner,
                )
                from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower
        except ImportError as error:
            raise MissingDependencyError(
                "exporting .pte", package="executorch", extra="pte"
            ) from error
        import torch

        try:
            with quiet():
                captured = torch.export.export(rolled(model), (), dict(inputs), strict=False)
                if plan is not None:
                    from edgectc.targets import _int8_pte

                    captured = _int8_pte.quantized(captured, inputs, plan)
                edge = to_edge_transform_and_lower(
                    captured,
                    partitioner=[XnnpackPartitioner()],
                    compile_config=EdgeCompileConfig(_check_ir_validity=False),
                )
        except ExportError:
            raise
        except Exception as error:  # capture and lowering raise many unrelated classes
            raise ExportError(f"ExecuTorch failed: {explained(error)}") from error
        # A .pte without a delegate still runs, about 200 times slower: never ship that in silence.
        if not any("executorch_call_delegate" in str(n.target) for n in _nodes(edge)):
            raise ExportError("XNNPACK took no part of the graph; no file was made")
        return edge

    def half_arithmetic(self, scheme: str) -> bool:
        """Return whether activations are float16 too, so that they must stay below 65504."""
        return False

    def constants(self, converted: Any) -> Iterator[tuple[str, Array]]:
        """Yield name and values of every float constant, step sizes among them."""
        program = converted.exported_program()
        for name, tensor in {**program.state_dict, **program.constants}.items():
            if isinstance(tensor, Tensor) and tensor.is_floating_point():
                yield name, tensor.detach().numpy()
        for node in _nodes(converted):
            for i, value in enumerate(node.args):
                if isinstance(value, float):
                    yield f"{node.name} argument {i}", np.array(value)

    def embed(self, converted: Any, manifest: Manifest) -> bytes:
        """Return the program with the unsealed manifest as constant method ``edgectc``.

        Raises:
            ExportError: emission failed.
        """
        from executorch.exir import EdgeProgramManager

        constants = {"edgectc": manifest.text()}
        try:
            with quiet():
                # Emission rewrites the program in place, and we emit twice: to measure, to keep.
                program = copy.deepcopy(converted.exported_program())
                manager = EdgeProgramManager({"forward": program}, constant_methods=constants)
                data: bytes = manager.to_executorch().buffer
        except Exception as error:  # emission raises many unrelated classes
            raise ExportError(f"ExecuTorch failed to emit: {explained(error)}") from error
        return data


def _nodes(edge: Any) -> Iterator[Any]:
    yield from edge.exported_program().graph.nodes
