"""ONNX: torch.onnx's dynamo exporter, one self-contained file, manifest in metadata_props."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from edgectc.errors import ConfigError, ExportError, MissingDependencyError
from edgectc.manifest import Manifest
from edgectc.quiet import quiet

SCHEMES = ("float32",)
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_METADATA_PROPS = 14  # field number in ModelProto, onnx.proto


@dataclass(frozen=True)
class Options:
    """Operator set of the graph. 18 is the oldest that the exporter writes natively."""

    opset: int = 18


def create(options: Options) -> OnnxTarget:
    """Return the target.

    Raises:
        ConfigError: an opset that the exporter would silently replace.
    """
    if not 18 <= options.opset <= 25:
        raise ConfigError(
            f"opset is {options.opset}, expected 18..25: below 18 the exporter silently writes 18"
        )
    return OnnxTarget(options)


class OnnxTarget:
    """Converts to a ModelProto."""

    suffix = ".onnx"

    def __init__(self, options: Options) -> None:
        self.opset = options.opset

    def convert(self, model: nn.Module, inputs: Mapping[str, Tensor]) -> bytes:
        """Return the serialized graph of ``model`` at the shapes of ``inputs``.

        Raises:
            MissingDependencyError: a converter package is missing.
            ExportError: the exporter failed, or wrote another opset than asked for.
        """
        try:
            import onnx
            import onnxscript  # noqa: F401  (torch.onnx imports it late and explains it badly)
            import torch
        except ImportError as error:
            raise MissingDependencyError(
                "exporting ONNX", package=str(error.name), extra="export-onnx"
            ) from error
        try:
            with quiet():
                program = torch.onnx.export(
                    model,
                    kwargs=dict(inputs),
                    dynamo=True,
                    opset_version=self.opset,
                    input_names=list(inputs),
                    output_names=["log_probs"],
                    external_data=False,
                    verbose=False,
                )
            assert program is not None
            graph = program.model_proto
            onnx.checker.check_model(graph, full_check=True)
        except Exception as error:  # the exporter and the checker raise many unrelated classes
            raise ExportError(f"torch.onnx failed: {error}") from error
        written = {entry.domain: entry.version for entry in graph.opset_import}
        if written.get("", -1) != self.opset:
            raise ExportError(
                f"asked for opset {self.opset}, the exporter wrote {written.get('')}; "
                "no file was made"
            )
        data: bytes = graph.SerializeToString()
        return data

    def embed(self, converted: bytes, manifest: Manifest) -> bytes:
        """Return the file with the unsealed manifest inside.

        The entry is appended as raw protobuf, so the graph's own bytes stay as they were checked.
        """
        entry = _field(1, b"edgectc") + _field(2, manifest.text().encode("ascii"))
        return converted + _field(_METADATA_PROPS, entry)


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
