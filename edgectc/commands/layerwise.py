"""`edgectc verify --drill`: the first operator that answers otherwise than the network."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from edgectc.commands.byo import is_factory
from edgectc.commands.common import torch_module
from edgectc.core.errors import BundleMismatchError, ConfigError

_SHOWN = 5


def drill(options: Namespace) -> dict[str, Any]:
    """Return what was found, as JSON types.

    Raises:
        ConfigError: the network that the artifact was made from cannot be found.
        BundleMismatchError: it is another one.
    """
    from edgectc.evaluation import accuracy as evaluation
    from edgectc.formats import bundle, manifest

    place = bundle.locate(options.model)
    if bundle.is_bundle(place):
        raise ConfigError("--drill takes an artifact; of a bundle, name one in its artifacts/")
    network = options.network
    if is_factory(network):
        model = _of_factory(place, network, options.weights)
    else:
        found = bundle.read(bundle.locate(network)) if network else evaluation.origin(place)
        if found is None:
            raise ConfigError(
                f"the bundle that {place} was made from is not beside it; name it, or the "
                "package.module:factory of a network of your own, with --network"
            )
        made = manifest.read(place)[1]
        if dict(found.index.model["frontend"]) != dict(made.frontend):
            raise BundleMismatchError(f"{place} was not made from {found.path}: other inputs")
        model = torch_module("networks.model").load(found)
    return about(torch_module("evaluation.layerwise").drill(place, model))


def _of_factory(place: Path, name: str, weights: str | None) -> Any:
    from edgectc.formats import manifest

    factory = torch_module("exporting.byo.factory")
    network = factory.build(name)
    if weights:
        factory.load_weights(network, weights)
    return torch_module("exporting.byo.adoption").again(network, manifest.read(place)[1])


def about(found: Any) -> dict[str, Any]:
    """Return the JSON form of a drill."""
    from edgectc.core.config import to_dict

    worst = sorted(found.steps, key=lambda step: step.sqnr_db)[:_SHOWN]
    return {
        "case": found.case,
        "how": found.how,
        "limit_db": found.limit_db,
        "first": to_dict(found.first),
        "worst": [to_dict(step) for step in worst],
        "other_weights": list(found.weights),
    }


def lines(about: dict[str, Any]) -> list[str]:
    """Return what to print of it."""

    def shown(step: dict[str, Any]) -> str:
        where = f"module {step['module']}" if step["module"] else "the outermost module"
        return (
            f"{step['name']} ({step['kind']}, {where}): {step['sqnr_db']:.0f} dB, "
            f"max |difference| {step['difference']:.2g}"
        )

    first = about["first"]
    found = f"first operator past the limit: {shown(first)}" if first else "no operator is past it"
    out = [
        f"drill: {about['how']}, case {about['case']}, limit {about['limit_db']:.0f} dB",
        found,
        *(f"  {shown(step)}" for step in about["worst"]),
    ]
    if about["other_weights"]:
        out.append(f"tensors that a fresh export has not: {'; '.join(about['other_weights'][:8])}")
    return out
