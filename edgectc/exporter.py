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

import numpy as np
import torch

import edgectc
from edgectc import bundle as bundles
from edgectc import manifest as manifests
from edgectc import model as models
from edgectc import parity, recognizer, reference, registry, schemes
from edgectc.bundle import Bundle
from edgectc.config import from_dict
from edgectc.errors import ConfigError, MissingDependencyError, ParityError, UnsupportedSchemeError
from edgectc.files import staged, staged_folder, write_bytes
from edgectc.manifest import Content, Manifest
from edgectc.reference import Case
from edgectc.schemes import Scheme
from edgectc.tokens import output_length
from edgectc.types import Array, Check, Report


@dataclass(frozen=True)
class Artifact:
    """An exported file, or folder, and the verdict it passed."""

    path: Path
    manifest: Manifest
    report: Report
    bytes: int

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
    final = _destination(out, f"{bundle.index.name}{maker.suffix}")
    model = models.load(bundle)
    cases = reference.from_safetensors(bundle.file("reference.safetensors"))
    _check_original(bundle, cases, how)
    inputs = _example(model, bundle, cases[0])
    converted = maker.convert(model, inputs)

    blank = _manifest(bundle, maker, target, how, cases, model, parity={})
    measured = _measure(maker.embed(converted, blank), blank, cases, model)
    manifest = _manifest(bundle, maker, target, how, cases, model, parity=measured.figures)
    data = manifests.sealed(maker.embed(converted, manifest))
    if isinstance(data, bytes):
        with staged(final) as temporary:
            temporary.write_bytes(data)
            report = _recheck(temporary, bundle)
    else:
        with staged_folder(final) as temporary:
            for name, content in data.items():
                write_bytes(temporary / name, content)
            report = _recheck(temporary, bundle)
    return Artifact(final, manifest, report, manifests.size(data))


def _destination(out: str | os.PathLike[str] | None, name: str) -> Path:
    """Return where the artifact goes; what it may replace is an artifact."""
    suffix, final = Path(name).suffix, Path(name)
    if out is not None:
        folder = Path(out).is_dir() and Path(out).suffix != suffix
        final = Path(out) / name if folder or os.fspath(out).endswith(os.sep) else Path(out)
    if final.is_dir():
        if suffix != ".mlpackage" or not (final / "Manifest.json").is_file():
            raise ConfigError(f"{final} is a folder and no artifact; choose another --out")
    elif suffix == ".mlpackage" and (final.exists() or final.suffix != suffix):
        raise ConfigError(f"{final}: a Core ML artifact is a folder NAME.mlpackage")
    return final


def _check_original(bundle: Bundle, cases: list[Case], how: Scheme) -> None:
    """The weights must still answer the reference cases, or the reference proves nothing."""
    loaded = recognizer.load(bundle.path, runner="eager")
    checks, _ = parity.compare_numbers(loaded, cases, atol=how.atol)
    failed = [check for check in checks if check.status == "fail"]
    if failed:
        raise ParityError(
            f"{bundle.path}: PyTorch does not reproduce the bundle's own reference "
            f"({failed[0].detail}); pack the bundle again"
        )


def _example(model: models.CtcModel, bundle: Bundle, case: Case) -> dict[str, torch.Tensor]:
    boards = {board.name: board for board in bundle.layouts}
    prepared = case.inputs(model.frontend, reference.setting(boards, case.layout))
    # Copies, because numpy may give an axis of size one the stride 0, which ExecuTorch refuses.
    return {name: torch.from_numpy(value.copy()) for name, value in prepared.items()}


def _measure(
    data: Content, manifest: Manifest, cases: list[Case], model: models.CtcModel
) -> Report:
    """Run the finished graph on the reference cases; the words are checked once it is sealed."""
    try:
        loaded, unrun = parity.opened(data, manifest, lexicon=None)
    except MissingDependencyError as error:  # made for another system
        return Report((Check("log_probs", "not_run", str(error)),))
    if unrun and manifest.scheme["type"] == "float32":
        _compare_weights(getattr(loaded.engine, "weights", {}), model)
    report = parity.compare(loaded, manifest, cases, unrun=unrun)
    _require(report)
    return report


def _compare_weights(stored: Mapping[str, Array], model: models.CtcModel) -> None:
    """Raise unless every weight that kept its name in the program kept its value too.

    Converters merge others (gates of a recurrent layer, a scale and its convolution); what they
    became is judged by what the program computes.
    """
    for name, tensor in model.state_dict().items():
        written = stored.get(name.replace(".", "_"))
        if written is None or written.size != tensor.numel():
            continue
        difference = float(np.abs(written.ravel() - tensor.numpy().ravel()).max())
        if difference != 0.0:
            raise ParityError(
                f"the converter changed the weight {name} by {difference:.2g}; no file was made"
            )


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
    bundle: Bundle,
    maker: Any,
    target: str,
    how: Scheme,
    cases: list[Case],
    model: models.CtcModel,
    *,
    parity: Mapping[str, float],
) -> Manifest:
    index, tokens = bundle.index, bundle.tokens()
    contract = model.frontend.input_contract()
    frames = output_length(model.frontend.options.max_frames, index.stride, index.window)
    packages = ("torch", "numpy", *registry.module("targets", target).PACKAGES)
    versions = {name: importlib.metadata.version(name) for name in packages}
    return Manifest(
        name=index.name,
        target=target,
        scheme=schemes.describe(how),
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
        decoder=index.decoder,
        lexicon=index.lexicon,
        language_model=index.language_model,
        reference=reference.to_json(cases),
        source={
            "weights_sha256": index.files["weights.safetensors"],
            "versions": {"edgectc": edgectc.__version__, **versions},
        },
        parity=parity,
    )
