"""`edgectc inspect`: what a bundle or an artifact says, and what is in it."""

from __future__ import annotations

import importlib
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from edgectc.core.errors import MissingDependencyError


def inspect(options: Namespace) -> int:
    """Print what an artifact says about itself and its operators, or what a bundle holds."""
    from edgectc.core.config import to_dict
    from edgectc.formats import bundle

    place = bundle.locate(options.model)
    about = to_dict(bundle.read(place).index) if bundle.is_bundle(place) else _artifact(place)
    about["layouts"] = [layout["name"] for layout in about["layouts"]]
    if options.json:
        print(json.dumps(about, sort_keys=True))
        return 0
    contents = about.pop("contents", None)
    for key, value in about.items():
        print(f"{key}: {value if isinstance(value, str) else json.dumps(value)}")
    if contents is not None:
        _print_contents(contents)
    return 0


def _artifact(place: Path) -> dict[str, Any]:
    from edgectc.core.config import to_dict
    from edgectc.formats import manifest

    data, read = manifest.read(place)
    about: dict[str, Any] = {"manifest_version": manifest.VERSION, **to_dict(read)}
    # The cases are arrays; their names say what is covered.
    about["reference"] = sorted(about["reference"])
    try:
        reader = importlib.import_module(f"edgectc.evaluation.inspection.{read.target}")
        about["contents"] = to_dict(reader.read(data))
    except ModuleNotFoundError:
        about["contents"] = {"not_run": f"operators of {read.target} files are not read"}
    except MissingDependencyError as error:
        about["contents"] = {"not_run": str(error)}
    return about


def _print_contents(contents: dict[str, Any]) -> None:
    from edgectc.core.console import table

    if "not_run" in contents:
        print(f"operators: {contents['not_run']}")
        return
    rows = [
        [row["kind"], row["dtype"], row["delegate"] or "-", row["count"], f"{row['macs']:,}"]
        for row in contents["rows"]
    ]
    print(table(["operator", "type", "run by", "count", "multiply-adds"], rows))
    share = f"{contents['macs']:,} multiply-adds, {contents['int8_share']:.0%}".replace("%", " %")
    print(f"{share} of them in 8 bits or less")
    if contents["delegated_share"] is not None:
        print(
            f"{contents['delegated_share']:.0%}".replace("%", " %") + " of the operators delegated"
        )
    largest = [
        [one["name"], one["dtype"], "x".join(map(str, one["shape"])), f"{one['size_bytes']:,}"]
        for one in contents["largest"]
    ]
    print(table(["largest tensors", "type", "shape", "bytes"], largest))
    print(f"{contents['weights_bytes']:,} bytes of tensors in all")
