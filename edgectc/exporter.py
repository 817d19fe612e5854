"""Bundle to artifact: convert, measure, embed, seal, verify, and only then give the file its name.

A file that exists under its final name has passed; whatever goes wrong before leaves nothing.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import edgectc
from edgectc import bundle as bundles
from edgectc import manifest as manifests
from edgectc import model as models
from edgectc import parity, recognizer, reference, registry, schemes
from edgectc.bundle import Bundle
from edgectc.config import from_dict
from edgectc.errors import ConfigError, ParityError, UnsupportedSchemeError
from edgectc.files import staged
from edgectc.manifest import Manifest
from edgectc.reference import Case
from edgectc.schemes import Float32, Scheme
from edgectc.tokens import output_length
from edgectc.types import Report


@dataclass(frozen=True)
class Artifact:
    """An exported file and the verdict it passed."""

    path: Path
    manifest: Manifest
    report: Report

    def __fspath__(self) -> str:
        return str(self.path)


def export(
    path: str | os.PathLike[str] | None = None,
    *,
    target: str,
    scheme: str = "float32",
    out: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Artifact:
    """Export a bundle to one self-describing, verified file.

    Args:
        path: bundle directory, or the name of a shipped model; None for the default one.
        target: "onnx", "pte" or "coreml".
        scheme: number format, see `edgectc list schemes`.
        out: file or existing directory to write to; default is ``NAME.SUFFIX`` here.
        options: of the target, the fields of its ``Options``, e.g. ``opset=14``.

    Raises:
        UnknownNameError: no such target or scheme.
        UnsupportedSchemeError: the target cannot hold the scheme.
        ConfigError: an option that the target does not have.
        NonFiniteError: a weight is NaN or Inf.
        ParityError: the converted graph does not answer like the trained network.
        ExportError: the converter failed.
    """
    if scheme in schemes.SCHEMES and scheme != Float32.name:
        raise UnsupportedSchemeError(
            f"scheme {scheme!r} has to prove what it costs; make it with: edgectc quantize "
            f"--target {target} --scheme {scheme}"
        )
    job = prepare(path, target=target, scheme=scheme, out=out, **options)
    return write(job, *sealed(job, job.maker.convert(job.model, job.inputs())))


@dataclass(frozen=True)
class Job:
    """What one artifact is made from.

    Attributes:
        maker: the target.
        final: where the artifact goes.
    """

    bundle: Bundle
    model: models.CtcModel
    cases: list[Case]
    target: str
    maker: Any
    scheme: Scheme
    final: Path

    def inputs(self) -> dict[str, torch.Tensor]:
        """Return inputs of the network, batch of one."""
        boards = {board.name: board for board in self.bundle.layouts}
        setting = reference.setting(boards, self.cases[0].layout)
        prepared = self.cases[0].inputs(self.model.frontend, setting)
        # Copies, because numpy may give an axis of size one the stride 0, which ExecuTorch refuses.
        return {name: torch.from_numpy(value.copy()) for name, value in prepared.items()}


def prepare(
    path: str | os.PathLike[str] | None,
    *,
    target: str,
    scheme: str,
    out: str | os.PathLike[str] | None,
    **options: Any,
) -> Job:
    """Return the job of one artifact, its bundle checked against its reference; see `export`."""
    how = schemes.scheme(scheme)
    module = registry.module("targets", target)
    takes = [field.name for field in dataclasses.fields(module.Options)]
    if strange := [name for name in options if name not in takes]:
        raise ConfigError(
            f"target {target!r} has no {strange[0]}; it takes {', '.join(takes) or 'no options'}"
        )
    if how.name not in module.SCHEMES:
        raise UnsupportedSchemeError(
            f"target {target!r} cannot hold scheme {how.name!r}; it takes {list(module.SCHEMES)}"
        )
    maker = module.create(from_dict(module.Options, options, where=f"target {target}: "))
    bundle = bundles.read(bundles.locate(path))
    stem = bundle.index.name if how.name == Float32.name else f"{bundle.index.name}-{how.name}"
    final = _destination(out, f"{stem}{maker.suffix}")
    model = models.load(bundle)
    cases = reference.from_safetensors(bundle.file("reference.safetensors"))
    _check_original(bundle, cases)
    return Job(bundle, model, cases, target, maker, how, final)


def sealed(
    job: Job,
    converted: Any,
    *,
    decoder: Mapping[str, Any] | None = None,
    quantization: Mapping[str, Any] | None = None,
) -> tuple[bytes, Manifest]:
    """Return the finished file of what a target converted, measured on the reference cases.

    Args:
        job: what it was made from.
        converted: what the target returned.
        decoder: preset instead of the bundle's.
        quantization: what the manifest is to say about it.

    Raises:
        ParityError: the graph does not answer like the trained network.
    """
    blank = _manifest(job, decoder=decoder, quantization=quantization, parity={})
    measured = _measure(job.maker.embed(converted, blank), blank, job.cases)
    manifest = dataclasses.replace(blank, parity=measured.figures)
    return manifests.sealed(job.maker.embed(converted, manifest)), manifest


def write(job: Job, data: bytes, manifest: Manifest) -> Artifact:
    """Write a finished file under its final name once its very bytes have passed.

    Raises:
        ParityError: they do not answer like the trained network.
    """
    with staged(job.final) as temporary:
        temporary.write_bytes(data)
        report = _recheck(temporary, job.bundle)
    return Artifact(job.final, manifest, report)


def _destination(out: str | os.PathLike[str] | None, name: str) -> Path:
    if out is None:
        return Path(name)
    folder = Path(out).is_dir() or os.fspath(out).endswith(os.sep)
    return Path(out) / name if folder else Path(out)


def _check_original(bundle: Bundle, cases: list[Case]) -> None:
    """The weights must still answer the reference cases, or the reference proves nothing."""
    loaded = recognizer.load(bundle.path, runner="eager")
    checks, _ = parity.compare_numbers(loaded, cases, schemes.describe(Float32()))
    failed = [check for check in checks if check.status == "fail"]
    if failed:
        raise ParityError(
            f"{bundle.path}: PyTorch does not reproduce the bundle's own reference "
            f"({failed[0].detail}); pack the bundle again"
        )


def _measure(data: bytes, manifest: Manifest, cases: list[Case]) -> Report:
    """Run the finished graph on the reference cases; the words are checked once it is sealed."""
    loaded = recognizer.from_bytes(data, manifest, lexicon=None)
    report = parity.compare(loaded, manifest, cases)
    _require(report)
    return report


def _recheck(path: Path, bundle: Bundle) -> Report:
    """Verify the very bytes that will get the final name, lexicon words included."""
    wanted = bundle.index.lexicon
    lexicon = str(bundle.path / wanted["file"]) if wanted else None
    report = parity.verify_artifact(path, lexicon=lexicon)
    _require(report)
    return report


def _require(report: Report) -> None:
    for check in report.checks:
        if check.status == "fail":
            raise ParityError(
                f"the converted graph failed {check.name}: {check.detail}; no file was made"
            )


def _manifest(
    job: Job,
    *,
    decoder: Mapping[str, Any] | None,
    quantization: Mapping[str, Any] | None,
    parity: Mapping[str, float],
) -> Manifest:
    bundle, maker, model = job.bundle, job.maker, job.model
    index, tokens = bundle.index, bundle.tokens()
    contract = model.frontend.input_contract()
    frames = output_length(model.frontend.options.max_frames, index.stride, index.window)
    packages = ("torch", "numpy", *registry.module("targets", job.target).PACKAGES)
    versions = {name: importlib.metadata.version(name) for name in packages}
    return Manifest(
        name=index.name,
        target=job.target,
        scheme=schemes.describe(job.scheme),
        opset=maker.opset,
        inputs=tuple(
            {"name": name, **about, "shape": [maker.batch, *about["shape"][1:]]}
            for name, about in contract.items()
        ),
        output={
            "name": "log_probs",
            "dtype": "float32",
            "shape": [maker.batch, frames, len(tokens)],
            "stride": index.stride,
            "window": index.window,
        },
        frontend=index.model["frontend"],
        tokens=tokens.symbols,
        blank_id=tokens.blank_id,
        separator=model.frontend.tokens(next(iter(bundle.layouts), None)).separator,
        layouts=index.layouts,
        decoder=index.decoder if decoder is None else decoder,
        lexicon=index.lexicon,
        language_model=index.language_model,
        reference=reference.to_json(job.cases),
        source={
            "weights_sha256": index.files["weights.safetensors"],
            "versions": {"edgectc": edgectc.__version__, **versions},
        },
        parity=parity,
        quantization=quantization,
    )
