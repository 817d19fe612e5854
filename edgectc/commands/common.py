"""What several verbs do alike."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from typing import Any

from edgectc.core.types import Check, Report, Swipe


def swipes_of(options: Namespace) -> tuple[list[Swipe], Counter[str]]:
    """Return the swipes that --data, --split and --limit name, and what was dropped."""
    import numpy as np

    from edgectc.data import swipe_files

    swipes, dropped = swipe_files.load(swipe_files.find(options.data), split=options.split)
    if options.limit is not None:
        chosen = np.random.default_rng(0).permutation(len(swipes))[: options.limit]
        swipes = [swipes[i] for i in sorted(chosen)]
    return swipes, dropped


def load(options: Namespace, *, swipes_only: bool = True) -> Any:
    """Return the recognizer that the options name."""
    from edgectc.core.errors import ConfigError
    from edgectc.runtime import loading

    loaded = loading.load(
        options.model,
        runner=options.runner,
        lexicon=options.lexicon,
        language_model=options.language_model,
        lm_required=options.lm_required,
        dictionary=getattr(options, "dictionary", None),
        offensive=options.offensive,
        threads=options.threads,
    )
    if swipes_only and not loaded.layout:
        takes = ", ".join(loaded.frontend.input_contract())
        raise ConfigError(
            f"model {loaded.name!r} takes no swipes but {takes}; call it from Python, edgectc.load"
        )
    return loaded


def torch_module(name: str, *, extra: str = "torch") -> Any:
    """Import a module of ours that needs torch, or explain what to install."""
    import importlib

    from edgectc.core.errors import MissingDependencyError

    try:
        return importlib.import_module(f"edgectc.{name}")
    except ModuleNotFoundError as error:
        package = str(error.name)
        raise MissingDependencyError("this verb", package=package, extra=extra) from error


def report_dict(report: Report) -> dict[str, Any]:
    """Return a report as JSON has it."""
    checks = [{"name": c.name, "status": c.status, "detail": c.detail} for c in report.checks]
    return {"status": report.status, "checks": checks, "figures": dict(report.figures)}


def report_of(about: Mapping[str, Any]) -> Report:
    """Return the report whose JSON form `report_dict` made."""
    checks = tuple(Check(c["name"], c["status"], c["detail"]) for c in about["checks"])
    return Report(checks, about["figures"])


def print_report(report: Report, options: Namespace) -> None:
    """Print a report as JSON or as a table."""
    if options.json:
        print(json.dumps(report_dict(report), sort_keys=True))
        return
    from edgectc.core.console import table

    rows = [[check.name, check.status, check.detail] for check in report.checks]
    print(table(["check", "verdict", "what was seen"], rows, right=False))
    print(f"verdict: {report.status}")
