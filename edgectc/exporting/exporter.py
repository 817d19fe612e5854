"""`edgectc.export`: a bundle, or a network of one's own, to one verified artifact."""

from __future__ import annotations

import dataclasses
import os

from torch import nn

from edgectc.core import registry, schemes
from edgectc.core.config import check_options, from_dict
from edgectc.core.contracts import Target
from edgectc.core.errors import (
    ConfigError,
    UnsupportedSchemeError,
)
from edgectc.core.schemes import Float32
from edgectc.core.staging import claimed
from edgectc.core.types import JSON
from edgectc.exporting.artifact import Artifact, Job, destination, sealed, write
from edgectc.exporting.byo import adoption
from edgectc.exporting.origin import of_bundle, of_network


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
            torch module that maps features and lengths to logits or log_probs, see docs/byo.md.
        target: "onnx", "pte" or "coreml".
        scheme: number format, see `edgectc list schemes`.
        out: file or existing directory to write to; default is ``NAME.SUFFIX`` here.
        sample: with a module: features (N, T, C) or (N, T) float32, T being the longest input, and
            lengths (N,).
        options: of the target, the fields of its ``Options``, e.g. ``opset=14``; with a module
            also those of `edgectc.exporting.byo.adoption.About`, of which ``tokens`` is needed.

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
    known = {field.name for field in dataclasses.fields(adoption.About)}
    about: dict[str, object] = {}
    if isinstance(path, nn.Module):
        owners = {f"target {target!r}": registry.module("targets", target).Options}
        check_options(options, {**owners, "a module of your own": adoption.About})
        about = {name: options.pop(name) for name in [*options] if name in known}
    elif sample is not None:
        raise ConfigError("a sample goes with a module of your own; a bundle has its own cases")
    maker = target_for(target, scheme, **options)
    if isinstance(path, nn.Module):
        origin = of_network(path, sample, about)
    else:
        origin = of_bundle(path)
    final = destination(out, f"{origin.name}{maker.suffix}")
    job = Job(origin, target, maker, schemes.scheme(scheme), final)
    with claimed(final):
        return write(job, sealed(job, job.convert()))


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
