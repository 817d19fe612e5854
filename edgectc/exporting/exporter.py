"""`edgectc.export`: a bundle, or a network of one's own, to one verified artifact."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from torch import nn

from edgectc.core import registry, schemes
from edgectc.core.arguments import Chunk, check, checked
from edgectc.core.config import check_options, from_dict
from edgectc.core.contracts import Target
from edgectc.core.errors import ConfigError, UnsupportedSchemeError
from edgectc.core.files import read_given
from edgectc.core.schemes import Float32
from edgectc.core.staging import claimed, temporaries
from edgectc.core.types import JSON
from edgectc.exporting import adopter, finished, words
from edgectc.exporting.artifact import Artifact, Job, destination, sealed, write
from edgectc.exporting.byo import adoption, factory
from edgectc.exporting.origin import Origin, of_bundle, of_network, streamed
from edgectc.formats.manifest import PREFIX


@checked
def export(
    path: str | os.PathLike[str] | nn.Module | None = None,
    *,
    target: str,
    scheme: str = "float32",
    out: str | os.PathLike[str] | None = None,
    sample: object = None,
    **options: JSON,
) -> Artifact:
    """Export a bundle, or a network of one's own, to one self-describing, verified file.

    Args:
        path: bundle directory, or the name of a shipped model; None for the default one. Or a
            torch module that maps features and lengths to logits or log_probs, or the text
            ``package.module:factory`` that names one, see docs/byo.md.
        target: "onnx", "pte", "coreml", "coreai", "litert" or "native".
        scheme: number format, see `edgectc list schemes`.
        out: file or existing directory to write to; default is ``NAME.SUFFIX`` here.
        sample: with a module: features (N, T, C) or (N, T) float32, T being the longest input, and
            lengths (N,); or a ``.npz`` of both.
        options: of the target, the fields of its ``Options``, e.g. ``opset=14``; ``chunk``, for a
            stream of chunks of so many frames (docs/streaming.md); with a module
            also those of `edgectc.exporting.byo.adoption.About`, of which ``tokens`` is needed, or
            a file with one a line; with a factory also those of
            `edgectc.exporting.byo.factory.Files`.

    Raises:
        UnknownNameError: no such target or scheme.
        UnsupportedSchemeError: the target cannot hold the scheme.
        ConfigError: an option that the target does not have, or a module that cannot be exported
            as it is: the message says why and what to do.
        InputError: the sample cannot be used.
        NonFiniteError: a weight is NaN or Inf.
        ParityError: the converted graph does not answer like the trained network.
        ExportError: the converter failed.
    """
    if scheme in schemes.SCHEMES and scheme != Float32.name:
        raise UnsupportedSchemeError(
            f"scheme {scheme!r} has to prove what it costs; make it with: edgectc quantize "
            f"--target {target} --scheme {scheme}"
        )
    origin, maker = opened(path, target, scheme, sample, options)
    final = destination(out, f"{origin.name}{maker.suffix}")
    job = Job(origin, target, maker, schemes.scheme(scheme), final)
    with claimed(final), temporaries():
        return write(job, sealed(job, job.convert()))


def opened(
    path: str | os.PathLike[str] | nn.Module | None,
    target: str,
    scheme: str,
    sample: object,
    options: dict[str, JSON],
) -> tuple[Origin, Target]:
    """Return what is to be converted, opened, and the target that will hold it.

    Args:
        path: as of `export`, as are the rest.
        target: name of one.
        scheme: name of one.
        sample: of a network of one's own; None of a bundle.
        options: of the target and, of a network of one's own, of it; they are taken out.

    Raises:
        ConfigError: an option that nothing here has, or one that is lacking.
    """
    if isinstance(path, nn.Module) or factory.is_factory(path):
        about = _own_options(path, target, options)
        maker = target_for(target, scheme, **options)
        if sample is None or "tokens" not in about:
            lacking = "sample=(features, lengths)" if sample is None else "tokens=[...]"
            raise ConfigError(
                f"exporting a module needs {lacking}; see docs/byo.md", options=["sample", "tokens"]
            )
        network, about = _opened(path, about)
        if isinstance(sample, (str, os.PathLike)):
            sample = factory.read_sample(sample)
        return of_network(network, sample, about, width=maker.width), maker
    named = "" if path is None else os.fspath(path)
    if scheme != Float32.name and named.endswith(".onnx"):
        return _file(Path(named), target, scheme, sample, options)
    chunk = options.pop("chunk", 0)
    _refuse_own_options([*options, *(["sample"] if sample is not None else [])])
    maker = target_for(target, scheme, **options)
    if named.endswith(".onnx"):
        raise ConfigError(
            f"{path} is a finished file without its network in PyTorch; give the bundle or the "
            "package.module:factory that it was made from"
        )
    origin = of_bundle(path)
    if chunk:
        origin = streamed(origin, check("chunk", Chunk, chunk, options=["chunk"]))
    return origin, maker


def _file(
    path: Path, target: str, scheme: str, sample: Any, options: dict[str, JSON]
) -> tuple[Origin, Target]:
    """Return a finished ONNX file, an artifact or a file of others, to be quantized."""
    finished.check_target(target, scheme, path)
    data = read_given(path, "ONNX file", options=["path"])
    if PREFIX[:20] in data:
        given = [*options, *(["sample"] if sample is not None else [])]
        if given:
            raise ConfigError(
                f"{given[0]} was said when {path} was made, which is an artifact; leave it out",
                options=given,
            )
        return finished.of_artifact(path)
    if not isinstance(sample, (str, os.PathLike)):
        got = "" if sample is None else f", got {type(sample).__name__}"
        raise ConfigError(
            "quantizing an ONNX file of others needs sample=FILE.npz, recordings of which three "
            f"become its reference cases{got}",
            options=["sample"],
        )
    check_options(options, {"an ONNX file of others": adopter.Said})
    origin, made = adopter.found(path, sample, from_dict(adopter.Said, options))
    if origin.streaming is not None:
        raise ConfigError(
            f"{path} remembers, and a stream is quantized with its network in PyTorch alone: give "
            "the package.module:factory that it was made from, with chunk=FRAMES",
            options=["path"],
        )
    return origin, finished.folded_target(made.graph, made.options)


_OWN = {field.name for owner in (adoption.About, factory.Files) for field in fields(owner)}


def _own_options(model: str | nn.Module, target: str, options: dict[str, JSON]) -> dict[str, JSON]:
    """Take the options of a network of one's own out of ``options``."""
    owners = {f"target {target!r}": registry.module("targets", target).Options}
    owners["a module of your own"] = adoption.About
    if not isinstance(model, nn.Module):
        owners["its factory"] = factory.Files
    check_options(options, owners)
    return {name: options.pop(name) for name in [*options] if name in _OWN}


def _opened(model: str | nn.Module, about: dict[str, JSON]) -> tuple[nn.Module, dict[str, JSON]]:
    """Return the network, and what is said about it with the content of files for their names."""
    names = {field.name for field in fields(factory.Files)}
    texts = {k: os.fspath(v) if isinstance(v, os.PathLike) else v for k, v in about.items()}
    files = from_dict(factory.Files, {k: v for k, v in texts.items() if k in names})
    about = {k: v for k, v in about.items() if k not in names}
    factory.read_tokens(about, files.blank)
    if files.preset is not None:
        about["decoder"] = words.read_preset(files.preset)
    if isinstance(model, nn.Module):
        return model, about
    return factory.build(model, files.weights), about


def _refuse_own_options(names: Sequence[str]) -> None:
    if own := [name for name in names if name in {*_OWN, "sample"}]:
        raise ConfigError(
            f"{own[0]} goes with package.module:factory or a module, not with a bundle",
            options=own,
        )


def target_for(target: str, scheme: str, **options: JSON) -> Target:
    """Return a target that holds a scheme.

    Raises:
        UnknownNameError: no such target or scheme.
        UnsupportedSchemeError: the target cannot hold the scheme.
        ConfigError: an option that the target does not have.
    """
    number_format, module = schemes.scheme(scheme), registry.module("targets", target)
    check_options(options, {f"target {target!r}": module.Options})
    if number_format.name not in module.SCHEMES:
        raise UnsupportedSchemeError(
            f"target {target!r} cannot hold scheme {number_format.name!r}; it takes "
            f"{list(module.SCHEMES)}"
        )
    made: Target = module.create(from_dict(module.Options, options, where=f"target {target}: "))
    return made
