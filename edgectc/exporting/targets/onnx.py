"""ONNX: torch.onnx, one self-contained file, manifest in metadata_props."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.export import Dim

from edgectc.core.console import suppress_output
from edgectc.core.contracts import Target
from edgectc.core.errors import ConfigError, ExportError, MissingDependencyError
from edgectc.core.schemes import SUPPORTED
from edgectc.core.toolchain_errors import explained
from edgectc.core.types import Array
from edgectc.exporting.lowering.quantization_plan import CONVOLUTION, LINEAR, RECURRENT, Plan
from edgectc.exporting.onnx_files.graph import SHORTEST
from edgectc.exporting.plain import Last
from edgectc.formats.manifest import Manifest

if TYPE_CHECKING:
    from onnx import ModelProto

SCHEMES = SUPPORTED["onnx"]
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_METADATA_PROPS = 14  # field number in ModelProto, onnx.proto
# The opsets that each exporter writes itself; dynamo would write 18 for less and say nothing.
_WRITES = {"dynamo": range(18, 26), "legacy": range(14, 21)}
_OLDEST = 14
_SHORTEST = 4  # frames of a dynamic length, or the window if that is longer
_SCOPES = "pkg.torch.onnx.name_scopes"  # names the module of an operator


@dataclass(frozen=True)
class Options:
    """How the graph is written.

    Attributes:
        opset: operator set, 14 to 25. With "dynamo", 14 to 17 are lowered from 18.
        exporter: "dynamo" or "legacy" (the one that traces; opsets up to 20).
        dynamic_batch: take any number of samples at once instead of one.
        length: "static", or "dynamic": any number of frames up to the longest, without padding.
    """

    opset: int = 18
    exporter: str = "dynamo"
    dynamic_batch: bool = False
    length: str = "static"

    def __post_init__(self) -> None:
        if self.length not in ("static", "dynamic"):
            raise ValueError(f"length is {self.length!r}, expected static or dynamic")
        if self.exporter not in _WRITES:
            raise ValueError(f"exporter is {self.exporter!r}, expected dynamo or legacy")
        last = _WRITES[self.exporter][-1]
        if not _OLDEST <= self.opset <= last:
            raise ValueError(
                f"opset is {self.opset}, expected {_OLDEST}..{last} for exporter {self.exporter}"
            )


def create(options: Options) -> OnnxTarget:
    """Return the target."""
    return OnnxTarget(options)


class OnnxTarget(Target):
    """Converts to a ModelProto."""

    suffix = ".onnx"

    def __init__(self, options: Options) -> None:
        self.options, self.opset = options, options.opset
        self.batch = "N" if options.dynamic_batch else 1
        self.any_length = options.length == "dynamic"
        self._written = Last[bytes]()

    def kinds(self, scheme: str) -> tuple[str, ...]:
        """Return the kinds of operators that a scheme has integer kernels or storage for."""
        return {
            "int8-static": (CONVOLUTION, LINEAR),
            "int8-dynamic": (CONVOLUTION, LINEAR),
            "int8-weight": (CONVOLUTION, LINEAR, RECURRENT),
        }.get(scheme, ())

    def convert(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        plan: Plan | None = None,
        *,
        window: int = 1,
        stride: int = 1,
    ) -> bytes:
        """Return the serialized graph; the one length is never shorter than ``window``.

        See `edgectc.core.contracts.Target`.

        Raises:
            MissingDependencyError: a converter package is missing.
            ExportError: the exporter failed, or wrote another opset than asked for.
        """
        return self._converted(model, inputs, ["log_probs"], plan, max(_SHORTEST, window))

    def width(self, length: int, longest: int, window: int, stride: int) -> int:
        """Return the frames that a recording of ``length`` is padded to when the artifact runs."""
        return max(length, _SHORTEST, window) if self.any_length else longest

    def convert_step(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        outputs: Sequence[str],
        plan: Plan | None = None,
    ) -> bytes:
        """Return the serialized graph of one chunk; raises as `convert` does."""
        if self.options.dynamic_batch:
            raise ConfigError(
                "a stream has a batch of one; leave dynamic_batch out", options=["dynamic_batch"]
            )
        if self.any_length:
            raise ConfigError(
                "a stream has one length, its chunk; leave length out", options=["length"]
            )
        return self._converted(model, inputs, ["log_probs", *outputs], plan)

    def _converted(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        outputs: Sequence[str],
        plan: Plan | None,
        shortest: int = 1,
    ) -> bytes:
        try:
            import onnx
            import onnxscript  # noqa: F401  (torch.onnx imports it late and explains it badly)
        except ImportError as error:
            raise MissingDependencyError(
                "exporting ONNX", package=str(error.name), extra="export-onnx"
            ) from error
        made = self._written.of(
            model, tuple(outputs), lambda: self._float(model, inputs, outputs, shortest)
        )
        if plan is None:
            return made
        from edgectc.exporting.lowering import qdq_onnx

        planned = qdq_onnx.quantized(onnx.load_from_string(made), plan)
        data: bytes = planned.SerializeToString()
        return data

    def _float(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        outputs: Sequence[str],
        shortest: int,
    ) -> bytes:
        """Return the serialized, checked graph in float32."""
        import onnx

        from edgectc.exporting.lowering import opset_lowering

        writes = _WRITES[self.options.exporter]
        asked = max(self.options.opset, writes[0])
        write = self._dynamo if self.options.exporter == "dynamo" else self._legacy
        try:
            with suppress_output():
                graph = write(model, inputs, outputs, asked, shortest)
        except Exception as error:  # the exporters raise many unrelated classes
            hint = "; this network has no dynamic length for this exporter, use static or the other"
            hint = hint if self.any_length else ""
            raise ExportError(f"torch.onnx failed{hint}: {explained(error)}") from error
        _expect(graph, asked)
        if self.options.dynamic_batch:
            _expect_batch(graph)
        if self.any_length:
            _expect_frames(graph)
            entry = graph.metadata_props.add()
            entry.key, entry.value = SHORTEST, str(shortest)
        if self.options.opset < asked:
            graph = opset_lowering.lowered(graph, self.options.opset)
            _expect(graph, self.options.opset)
        _forget_source(graph)
        try:
            onnx.checker.check_model(graph, full_check=True)
        except Exception as error:  # the checker raises unrelated classes
            raise ExportError(f"the ONNX checker refuses the graph: {explained(error)}") from error
        data: bytes = graph.SerializeToString()
        return data

    def constants(self, converted: bytes) -> Iterator[tuple[str, Array]]:
        """Yield name and values of every float constant."""
        from edgectc.exporting.lowering import qdq_onnx

        yield from qdq_onnx.constants(converted)

    def _dynamo(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        outputs: Sequence[str],
        opset: int,
        shortest: int,
    ) -> ModelProto:
        import torch

        given = tuple(inputs.values())
        free: list[dict[int, Dim]] = [{} for _ in given]
        if self.any_length:
            free[0][1] = Dim("T", min=shortest, max=given[0].shape[1])
        if self.options.dynamic_batch:
            # Two samples, because torch takes an axis of size one for constant.
            given = tuple(torch.cat([value, value]) for value in given)
            batch = Dim("N", min=1)
            free = [{**axes, 0: batch} for axes in free]
        shapes = (tuple(axes or None for axes in free),) if any(free) else None  # one for *inputs
        program = torch.onnx.export(
            model,
            given,
            dynamo=True,
            dynamic_shapes=shapes,
            opset_version=opset,
            input_names=list(inputs),
            output_names=[*outputs],
            external_data=False,
            verbose=False,
        )
        assert program is not None
        return program.model_proto

    def _legacy(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        outputs: Sequence[str],
        opset: int,
        shortest: int,
    ) -> ModelProto:
        import io

        import onnx
        import torch

        names, written = [*inputs, *outputs], io.BytesIO()
        torch.onnx.export(
            model,
            tuple(inputs.values()),
            written,  # type: ignore[arg-type]
            dynamo=False,
            dynamic_axes=self._axes(names, len(inputs)),
            opset_version=opset,
            input_names=list(inputs),
            output_names=[*outputs],
        )
        return onnx.load_from_string(written.getvalue())

    def _axes(self, names: Sequence[str], inputs: int) -> dict[str, dict[int, str]]:
        """Return the axes that are free, by the name of an input or output."""
        found: dict[str, dict[int, str]] = {name: {} for name in names}
        if self.options.dynamic_batch:
            found = {name: {0: "N"} for name in names}
        if self.any_length:
            found[names[0]][1] = "T"
            found[names[inputs]][1] = "frames"
        return found

    def embed(self, converted: bytes, manifest: Manifest) -> bytes:
        """Return the file with the unsealed manifest inside.

        The entry is appended as raw protobuf, so the graph's own bytes stay as they were checked.
        """
        entry = _field(1, b"edgectc") + _field(2, manifest.text().encode("ascii"))
        return converted + _field(_METADATA_PROPS, entry)


def _expect(graph: ModelProto, opset: int) -> None:
    """Raise unless the graph was really written in the operator set that was asked for."""
    written = {entry.domain: entry.version for entry in graph.opset_import}
    if written != {"": opset}:
        raise ExportError(
            f"asked for opset {opset}, the exporter wrote {written.get('')}"
            f"{''.join(f' and {d} {v}' for d, v in written.items() if d)}; no file was made"
        )


def _expect_batch(graph: ModelProto) -> None:
    """Raise if the exporter made the number of samples a constant."""
    for value in [*graph.graph.input, *graph.graph.output]:
        if not value.type.tensor_type.shape.dim[0].dim_param:
            raise ExportError(
                f"the exporter froze the batch of {value.name!r}: the network computes with it as "
                "a Python number (len(x), int(...)); use x.shape[0], or leave dynamic_batch out"
            )


def _expect_frames(graph: ModelProto) -> None:
    """Raise if the exporter made the number of frames a constant."""
    for value in (graph.graph.input[0], graph.graph.output[0]):
        if not value.type.tensor_type.shape.dim[1].dim_param:
            raise ExportError(
                f"the exporter froze the frames of {value.name!r}: the network computes with them "
                "as a Python number; use x.shape[1], the other exporter, or leave length out"
            )


def _forget_source(graph: ModelProto) -> None:
    """Drop the paths and lines of the exporting machine; an operator keeps its module's name."""
    for node in graph.graph.node:
        scopes = [p for p in node.metadata_props if p.key == _SCOPES]
        node.doc_string = ""
        del node.metadata_props[:]
        node.metadata_props.extend(scopes)
    for value in [*graph.graph.input, *graph.graph.output, *graph.graph.value_info]:
        del value.metadata_props[:]
    del graph.graph.metadata_props[:]


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
