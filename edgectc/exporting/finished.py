"""A finished ONNX graph in the place of a network: what is quantized where there is no PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from edgectc.core import registry
from edgectc.core.contracts import Converted, Target
from edgectc.core.errors import ConfigError, ExportError, UnsupportedSchemeError
from edgectc.core.schemes import SUPPORTED
from edgectc.core.types import JSON, Array
from edgectc.evaluation import verification
from edgectc.exporting.lowering import qdq_onnx
from edgectc.exporting.lowering.quantization_plan import Plan
from edgectc.exporting.onnx_files import simplifying
from edgectc.exporting.origin import Origin
from edgectc.exporting.references import SAMPLE
from edgectc.exporting.targets import onnx as onnx_target
from edgectc.formats import manifest as manifests
from edgectc.formats.manifest import Manifest
from edgectc.runtime import loading

if TYPE_CHECKING:
    from onnx import ModelProto

_KEY = "edgectc"  # of the manifest among the metadata


class FinishedTarget(Target):
    """Embeds the manifest in a graph that is finished already, and quantizes that graph.

    Attributes:
        graph: features and length to log_probs, serialized, without a manifest.
    """

    suffix = ".onnx"

    def __init__(self, graph: bytes, options: Any, opset: int) -> None:
        self.graph, self.options, self.opset, self.batch = graph, options, opset, 1
        self._writer = onnx_target.create(onnx_target.Options())

    def kinds(self, scheme: str) -> tuple[str, ...]:
        """Return the kinds of operators that a scheme has integer kernels or storage for."""
        return self._writer.kinds(scheme)

    def convert(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        plan: Plan | None = None,
        *,
        window: int = 1,
        stride: int = 1,
    ) -> Converted:
        """Return what `quantized` does; there is no network to convert."""
        return self.quantized(plan)

    def quantized(self, plan: Plan | None) -> bytes:
        """Return the graph, under a plan if one is given.

        Raises:
            ExportError: an operator of the plan is not in the graph, or the tools failed.
        """
        if plan is None:
            return self.graph
        graph = qdq_onnx.quantized(self.parsed(), plan, named=qdq_onnx.name_of)
        data: bytes = graph.SerializeToString()
        return data

    def parsed(self) -> ModelProto:
        """Return the graph as a message of its own."""
        import onnx

        return onnx.load_from_string(self.graph)

    def constants(self, converted: Converted) -> Iterator[tuple[str, Array]]:
        """Yield name and values of every float constant."""
        yield from self._writer.constants(converted)

    def embed(self, converted: Converted, manifest: Manifest) -> bytes:
        """Return the file with the unsealed manifest inside."""
        return self._writer.embed(converted, manifest)


class Stand(nn.Module):
    """Where an origin has its network: a file has none in PyTorch, and so no weights."""

    def __init__(self, frontend: Any, length_map: tuple[int, int]) -> None:
        super().__init__()
        self.frontend = frontend
        self.stride, self.window = length_map

    def forward(self, *inputs: Tensor) -> Tensor:
        """Refuse."""
        raise ExportError("a finished file has no network in PyTorch to run")


def of_artifact(path: Path) -> tuple[Origin, FinishedTarget]:
    """Return a float32 ONNX artifact as an origin, and the target that quantizes its graph.

    The expected answers are those inside it: of the network, or of the file, that it was made from.

    Raises:
        ConfigError: it is made from a bundle or is a stream, which have better ways.
        UnsupportedSchemeError: it is quantized already.
    """
    data, manifest = manifests.read(path)
    if manifest.target != "onnx" or not isinstance(data, bytes):
        raise ConfigError(
            f"{path} is a finished file for {manifest.target}; quantize the package.module:factory "
            "that it was made from"
        )
    if manifest.scheme.type != "float32":
        raise UnsupportedSchemeError(
            f"{path} is {manifest.scheme.type} already; quantize the float32 file that it was made "
            "from"
        )
    if manifest.family in registry.names("encoders") or manifest.streaming is not None:
        raise ConfigError(
            f"{path} is a finished file without its network in PyTorch; give the bundle or the "
            "package.module:factory that it was made from"
        )
    cases = verification.reference_cases(manifest, path.parent)
    if not any(case.name.startswith(SAMPLE) for case in cases):
        raise ConfigError(
            f"no reference case of {path} is a recording, and of noise fewer bits say nothing; "
            "make it again with sample=RECORDINGS.npz (--sample), and with references"
        )
    recognizer = loading.load(path)
    stand: Any = Stand(recognizer.frontend, (manifest.output.stride, manifest.output.window))
    target = folded_target(_without_manifest(data), dict(manifest.options))
    return Origin(
        name=manifest.name,
        family=manifest.family,
        model=stand,
        recognizer=recognizer,
        frontend=manifest.frontend,
        tokens=recognizer.tokens(recognizer.setting(recognizer.layout)),
        cases=cases,
        decoder=manifest.decoder,
        weights_sha256=manifest.source.weights_sha256,
        lexicon=manifest.lexicon,
        language_model=manifest.language_model,
        pronunciations=manifest.pronunciations,
        words=recognizer.lexicon,
        any_length=isinstance(manifest.output.shape[1], str),
    ), target


def folded_target(graph: bytes, options: Mapping[str, JSON]) -> FinishedTarget:
    """Return the target of a finished graph, simplified for quantization."""
    data, opset = simplifying.folded(graph)
    return FinishedTarget(data, options, opset)


def check_target(target: str, scheme: str, path: Path) -> None:
    """Refuse a target other than ONNX, and a scheme that it does not hold.

    Raises:
        ConfigError: another target.
        UnsupportedSchemeError: another scheme.
    """
    if target != "onnx":
        raise ConfigError(
            f"{path} is an ONNX file without its network in PyTorch, so it stays ONNX; say "
            f"target='onnx', or give the package.module:factory for {target!r}",
            options=["target"],
        )
    if scheme not in SUPPORTED["onnx"]:
        raise UnsupportedSchemeError(
            f"target 'onnx' cannot hold scheme {scheme!r}; it takes {list(SUPPORTED['onnx'])}"
        )


def _without_manifest(data: bytes) -> bytes:
    import onnx

    model = onnx.load_from_string(data)
    kept = [entry for entry in model.metadata_props if entry.key != _KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    stripped: bytes = model.SerializeToString()
    return stripped
