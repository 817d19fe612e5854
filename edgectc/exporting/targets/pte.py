"""ExecuTorch: torch.export, lowering to a delegate, manifest as a constant method."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from edgectc.core.console import suppress_output
from edgectc.core.contracts import Converted, Target
from edgectc.core.errors import ConfigError, ExportError, MissingDependencyError
from edgectc.core.schemes import SUPPORTED
from edgectc.core.toolchain_errors import explained
from edgectc.core.types import Array
from edgectc.exporting.lowering import pte_repairs
from edgectc.exporting.lowering.quantization_plan import CONVOLUTION, GATES, LINEAR, Plan
from edgectc.exporting.lowering.rnn_scan import has_loops, rolled, unrolled
from edgectc.formats.manifest import Manifest

SCHEMES = SUPPORTED["pte"]
PACKAGES = ("executorch",)
_DELEGATES = ("xnnpack", "portable", "coreml")
_GUARD = re.compile(r"generated guard (.*)")
_MULTIPLE = "(1 % "  # how a guard begins that 1 is no multiple of a length; torch cannot prove it
_SHORTEST = 4  # frames of a dynamic length, or what two output frames need if that is longer


@dataclass(frozen=True)
class Options:
    """What runs the graph, and at which lengths.

    Attributes:
        delegate: "xnnpack"; "portable", ExecuTorch's own kernels, which are slow; or "coreml".
        buckets: lengths in frames, the model's longest among them, each a method of the file that
            shares the weights; () for the longest alone.
        length: "static", or "dynamic": a method takes any length up to the longest.
    """

    delegate: str = "xnnpack"
    buckets: tuple[int, ...] = ()
    length: str = "static"

    def __post_init__(self) -> None:
        if self.delegate not in _DELEGATES:
            raise ValueError(f"delegate is {self.delegate!r}, expected one of {_DELEGATES}")
        if self.length not in ("static", "dynamic"):
            raise ValueError(f"length is {self.length!r}, expected static or dynamic")
        if self.buckets and self.length == "dynamic":
            raise ValueError("a dynamic length needs no buckets; give one of the two")


def create(options: Options) -> PteTarget:
    """Return the target."""
    return PteTarget(options)


class PteTarget(Target):
    """Converts to an ExecuTorch program.

    Method ``forward`` takes the longest input; ``forward_32`` one of 32 frames. With a dynamic
    length, constant method ``shortest`` tells the fewest frames that ``forward`` takes.
    """

    suffix = ".pte"

    def __init__(self, options: Options) -> None:
        self.options = options
        self.slow = options.delegate == "portable"

    def kinds(self, scheme: str) -> tuple[str, ...]:
        """Return the kinds of operators that XNNPACK has integer kernels for."""
        return {
            "int8-static": (CONVOLUTION, LINEAR),
            "int8-dynamic": (LINEAR, GATES),
        }.get(scheme, ())

    def convert(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        plan: Plan | None = None,
        *,
        window: int = 1,
        stride: int = 1,
    ) -> Converted:
        """Return the lowered edge programs, one a length.

        See `edgectc.core.contracts.Target`.

        Raises:
            MissingDependencyError: ExecuTorch, or what the delegate needs, is not installed.
            ConfigError: a bucket that the model cannot have.
            ExportError: capture or lowering failed, or the delegate took no operator.
        """
        try:
            with suppress_output():
                from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower
        except ImportError as error:
            raise MissingDependencyError(
                "exporting .pte", package="executorch", extra="pte"
            ) from error
        partitioners, around = _delegate(self.options.delegate)
        looped = rolled(model)
        for name in unrolled(looped):
            logging.getLogger("edgectc").warning(
                "%s is an LSTM with projections, which ExecuTorch unrolls, one copy a frame: "
                "lowering may take minutes; with a linear layer in place of proj_size it is a loop",
                name,
            )
        if looped is not model and self.options.delegate == "coreml":
            raise ExportError(
                "the Core ML delegate takes no loop, and this network is recurrent; use target "
                "coreml, or delegate xnnpack"
            )
        written = pte_repairs.with_numbers_of_padding(pte_repairs.with_plain_layers(looped))
        written = pte_repairs.with_own_convolutions(written, inputs)
        captured = self._captured(written, inputs, plan, (window, stride))
        try:
            with suppress_output(), around:
                edge = to_edge_transform_and_lower(
                    captured,
                    partitioner=partitioners,
                    compile_config=EdgeCompileConfig(_check_ir_validity=False),
                )
        except Exception as error:  # lowering raises many unrelated classes
            raise ExportError(f"ExecuTorch failed: {explained(error)}") from error
        # A .pte without a delegate still runs, but many times slower: never ship that in silence.
        for name in edge.methods if partitioners else ():
            nodes = edge.exported_program(name).graph.nodes
            if not any("executorch_call_delegate" in str(node.target) for node in nodes):
                raise ExportError(
                    f"{self.options.delegate} took no part of {name}; no file was made"
                )
        return edge

    def convert_step(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        outputs: Sequence[str],
        plan: Plan | None = None,
    ) -> Converted:
        """Return the lowered edge program of one chunk; raises as `convert` does."""
        if self.options.buckets or self.options.length == "dynamic":
            raise ConfigError(
                "a stream has one length, its chunk; leave buckets and length out",
                options=["buckets", "length"],
            )
        return self.convert(model, inputs, plan)

    def _captured(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        plan: Plan | None,
        length_map: tuple[int, int],
    ) -> dict[str, ExportedProgram]:
        """Return the graph of each method; ``length_map`` is window and stride."""
        first = next(iter(inputs))
        T = inputs[first].shape[1]
        programs: dict[str, ExportedProgram] = {}
        for frames in self._lengths(T, length_map[0]):
            name = "forward" if frames == T else f"forward_{frames}"
            given = {**inputs, first: inputs[first][:, :frames].contiguous()}
            try:
                with suppress_output():
                    captured = self._exported(model, given, _shortest(*length_map))
                    programs[name] = pte_repairs.with_strides(captured)
                    if plan is not None:
                        from edgectc.exporting.lowering import pt2e

                        programs[name] = pt2e.quantized(programs[name], given, plan, model)
            except ExportError:
                raise
            except Exception as error:  # capture raises many unrelated classes
                hint = ""
                if self.options.length == "dynamic":
                    hint = "; this network has no dynamic length, use static or buckets"
                raise ExportError(f"torch.export failed{hint}: {explained(error)}") from error
        return programs

    def _exported(
        self, model: nn.Module, inputs: Mapping[str, Tensor], shortest: int
    ) -> ExportedProgram:
        if self.options.length == "static":
            return torch.export.export(model, (), dict(inputs), strict=False)
        values = tuple(inputs.values())
        dim = torch.export.Dim("T", min=shortest, max=values[0].shape[1])
        shapes = ({1: dim}, *[None] * (len(values) - 1))
        # One entry for all of *inputs. What torch cannot prove of every length, such as that 1 is
        # no multiple of half of it, becomes an assertion; reference cases of many lengths prove it.
        # Of loops only where that is all that is left: they take minutes to lower then.
        capture = partial(
            torch.export.export, model, values, dynamic_shapes=(shapes,), strict=False
        )
        if has_loops(model):
            try:
                return capture()
            except RuntimeError as error:
                guards = _GUARD.findall(str(error))
                if not guards or not all(one.startswith(_MULTIPLE) for one in guards):
                    raise
        return capture(prefer_deferred_runtime_asserts_over_guards=True)

    def _lengths(self, T: int, window: int) -> list[int]:
        buckets = sorted(self.options.buckets or (T,))
        if buckets[-1] != T or buckets[0] < window or len({*buckets}) != len(buckets):
            raise ConfigError(
                f"buckets are {','.join(map(str, buckets))}; expected different lengths from "
                f"{window}, the model's window, to {T}, its longest input, which must be one"
            )
        return buckets

    def width(self, length: int, longest: int, window: int, stride: int) -> int:
        """Return the frames that a recording of ``length`` is padded to when the artifact runs."""
        if self.options.length == "dynamic":
            return max(length, _shortest(window, stride))
        return min((n for n in self.options.buckets if n >= length), default=longest)

    def constants(self, converted: Converted) -> Iterator[tuple[str, Array]]:
        """Yield name and values of every float constant, scales among them."""
        for method in sorted(converted.methods):
            program = converted.exported_program(method)
            for name, tensor in {**program.state_dict, **program.constants}.items():
                if isinstance(tensor, Tensor) and tensor.is_floating_point():
                    yield name, tensor.detach().numpy()
            for node in program.graph.nodes:
                for i, value in enumerate(node.args):
                    if isinstance(value, float):
                        yield f"{node.name} argument {i}", np.array(value)

    def embed(self, converted: Converted, manifest: Manifest) -> bytes:
        """Return the program with the unsealed manifest as constant method ``edgectc``.

        Raises:
            ExportError: emission failed.
        """
        from executorch.exir import EdgeProgramManager

        constants: dict[str, Any] = {"edgectc": manifest.text()}
        if self.options.length == "dynamic":
            constants["shortest"] = _shortest(manifest.output.window, manifest.output.stride)
        try:
            with suppress_output():
                # Emission rewrites the programs in place, and we emit twice: to measure, to keep.
                programs = {
                    name: pte_repairs.without_assertions(
                        copy.deepcopy(converted.exported_program(name))
                    )
                    for name in converted.methods
                }
                manager = EdgeProgramManager(programs, constant_methods=constants)
                data: bytes = manager.to_executorch().buffer
        except Exception as error:  # emission raises many unrelated classes
            raise ExportError(f"ExecuTorch failed to emit: {explained(error)}") from error
        return data


def _shortest(window: int, stride: int) -> int:
    """Return the fewest frames of a dynamic length: two output frames, as torch takes one apart."""
    return max(_SHORTEST, window + stride)


def _delegate(name: str) -> tuple[list[Any], AbstractContextManager[None]]:
    """Return the partitioners of a delegate, and what must hold while they lower."""
    if name == "portable":
        return [], nullcontext()
    if name == "xnnpack":
        with suppress_output():
            from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        return [XnnpackPartitioner()], nullcontext()
    try:
        with suppress_output():
            from executorch.backends.apple.coreml.partition import CoreMLPartitioner
    except ImportError as error:
        raise MissingDependencyError(
            "lowering to Core ML", package=str(error.name), extra="coreml"
        ) from error
    from edgectc.exporting.lowering.coreml_repairs import repaired

    return [CoreMLPartitioner()], repaired()
