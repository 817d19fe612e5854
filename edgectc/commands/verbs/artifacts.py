"""`edgectc.verify`, `inspect` and `compare_layers`: what an artifact holds, and where it errs."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from edgectc.commands import isolation
from edgectc.commands.output import report_of
from edgectc.core import lazy, strict_json
from edgectc.core.arguments import File, FileName, Positive, checked
from edgectc.core.config import to_dict
from edgectc.core.errors import (
    BundleError,
    BundleMismatchError,
    ConfigError,
    MissingDependencyError,
)
from edgectc.core.files import read_plain
from edgectc.core.types import Document, Report
from edgectc.evaluation import accuracy, verification
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.training import identity as identities

if TYPE_CHECKING:  # these need torch
    from torch import nn

    from edgectc.evaluation.layerwise import LayerComparison


@checked
def verify(
    path: File | None = None,
    *,
    lexicon: FileName | None = None,
    trust: FileName | None = None,
    time_limit: Positive | None = None,
) -> Report:
    """Return the verdict on an artifact, or on a bundle and every artifact in it.

    Args:
        path: of it, or the name of a shipped model; None for the default one.
        lexicon: file to check words with, instead of the artifact's own.
        trust: file of public keys, see `edgectc.load`: all has to be signed with one of them.
        time_limit: seconds after which the check is stopped; it runs in a process of its own then.
            None for none: a graph that loops for ever is waited for.

    Raises:
        BundleError: missing, damaged or malformed, or not signed as ``trust`` asks; no runtime ever
            sees such bytes. Or the check did not end in time, or crashed its process.
        ConfigError: ``trust`` holds no public keys, or ``time_limit`` is no time.
    """
    if time_limit is None:
        return verification.verify(path, lexicon=lexicon, trust=trust)
    given = {"lexicon": lexicon, "trust": trust}
    flags = [f"--{name}={os.fspath(value)}" for name, value in given.items() if value is not None]
    model = [] if path is None else ["--", os.fspath(path)]
    source = "the shipped model" if path is None else os.fspath(path)
    return report_of(
        isolation.report(["verify", *flags, *model], source=source, time_limit=time_limit)
    )


@checked
def inspect(model: File | None = None) -> Document:
    """Return what a bundle or artifact says about itself; of an artifact also its operators.

    Of the folder of a run it is the configuration, and the data, lexicon and code that it is of.

    Args:
        model: path or shipped name, None for the default one.

    Raises:
        BundleError: it is missing or damaged.
    """
    path = bundles.locate(model)
    if (path / "config.json").is_file() and not (path / "bundle.json").exists():
        return _run(path)
    if bundles.is_bundle(path):
        content = Document(to_dict(bundles.read(path).index))
    else:
        content = _artifact(path)
    content["layouts"] = [layout["name"] for layout in content["layouts"]]
    return content


def _run(path: Path) -> Document:
    """Return the configuration of a training run, and what it was trained on."""
    identity = identities.read(path)
    try:
        content = Document(strict_json.parse(read_plain(path / "config.json")))
    except (OSError, ValueError) as error:
        raise BundleError(f"cannot read {path / 'config.json'}: {error}") from error
    content["identity"] = None if identity is None else identities.summary(identity)
    return content


def _artifact(path: Path) -> Document:
    data, manifest = manifests.read(path)
    content = Document({"manifest_version": manifests.VERSION, **to_dict(manifest)})
    # The cases are arrays; their names say what is covered.
    content["reference"] = sorted(content["reference"])
    try:
        reader = importlib.import_module(f"edgectc.evaluation.inspection.{manifest.target}")
        content["contents"] = to_dict(reader.read(data))
    except ModuleNotFoundError:
        content["contents"] = {"not_run": f"operators of {manifest.target} files are not read"}
    except MissingDependencyError as error:
        content["contents"] = {"not_run": str(error)}
    return content


@checked
def compare_layers(
    model: File | None = None,
    *,
    network: File | nn.Module | None = None,
    weights: File | None = None,
) -> LayerComparison:
    """Return how an artifact differs from its network layer by layer: ``verify --layerwise``.

    Args:
        model: an artifact.
        network: bundle, ``package.module:factory``, or the module itself; None for the bundle that
            the artifact was made from.
        weights: of a factory's network, ``.safetensors``.

    Raises:
        ConfigError: the network that the artifact was made from cannot be found.
        BundleMismatchError: it is another one.
    """
    path = bundles.locate(model)
    if bundles.is_bundle(path):
        raise ConfigError(
            "layerwise takes an artifact; of a bundle, name one in its artifacts/",
            options=["layerwise"],
        )
    with lazy.requires("edgectc.compare_layers"):
        from edgectc.evaluation import layerwise
    return layerwise.compare_network(path, _network(path, network, weights))


def _network(path: Path, network: File | nn.Module | None, weights: File | None) -> nn.Module:
    from edgectc.exporting.byo import adoption, factory
    from edgectc.networks import model as networks

    manifest = manifests.read(path)[1]
    if network is not None and not isinstance(network, (str, os.PathLike)):
        return adoption.again(network, manifest)
    name = None if network is None else os.fspath(network)
    if factory.is_factory(name):
        return adoption.again(factory.build(name, weights), manifest)
    bundle = bundles.read(bundles.locate(name)) if name else accuracy.origin(path)
    if bundle is None:
        raise ConfigError(
            f"the bundle that {path} was made from is not beside it; name it, or the "
            "package.module:factory of a network of your own, with network",
            options=["network"],
        )
    if dict(bundle.index.model["frontend"]) != dict(manifest.frontend):
        raise BundleMismatchError(f"{path} was not made from {bundle.path}: other inputs")
    return networks.load(bundle)
