"""Native: one file that the C library of `native/` runs by itself; its manifest comes last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from edgectc.core.schemes import SUPPORTED
from edgectc.core.types import Array
from edgectc.exporting.lowering import native_writer
from edgectc.exporting.lowering.quantization_plan import CONVOLUTION, Plan
from edgectc.exporting.plain import Options, PlainTarget
from edgectc.formats.manifest import Manifest
from edgectc.formats.native_program import Program

SCHEMES = SUPPORTED["native"]
PACKAGES = ()


def create(options: Options) -> NativeTarget:
    """Return the target."""
    return NativeTarget(options)


class NativeTarget(PlainTarget):
    """Takes the network down step by step; one layout of the weights serves all processors."""

    suffix = ".edgectc"
    # Its input mixes units that one scale does not fit: in int8 it alone would cost nine tenths of
    # all that is lost (1.8 nats at worst instead of 0.2), for a sixth of a convolution's time.
    kept = ("stem",)

    def kinds(self, scheme: str) -> tuple[str, ...]:
        """Return the kinds of operators that the scheme quantizes."""
        return (CONVOLUTION,) if scheme == "int8-dynamic" else ()

    def convert(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        plan: Plan | None = None,
        *,
        window: int = 1,
        stride: int = 1,
    ) -> Program:
        """Return the steps and weights.

        See `edgectc.core.contracts.Target`.

        Raises:
            ExportError: a part of the network has no kernels.
        """
        _, frames, channels = next(iter(inputs.values())).shape
        int8 = plan.operators if plan is not None else frozenset[str]()
        made = native_writer.lowered(model, frames=frames, channels=channels, int8=int8)
        made.columns = inputs["keys"].shape[1] + 1
        return made

    def constants(self, converted: Program) -> Iterator[tuple[str, Array]]:
        """Yield name and values of every tensor."""
        for i, tensor in enumerate(converted.tensors):
            yield f"tensor {i}", tensor.floats()

    def embed(self, converted: Program, manifest: Manifest) -> bytes:
        """Return the file with the unsealed manifest inside."""
        return converted.content(manifest.text().encode("ascii"))
