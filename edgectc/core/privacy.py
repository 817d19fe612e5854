"""Nothing is sent anywhere: dependencies that report to their makers are told not to.

ONNX Runtime's wheels of 1.31 and later write a device id to the user's cache and look up their
maker's host as soon as they are imported; only an environment variable set before that prevents it.
Child processes inherit it.
"""

from __future__ import annotations

import os
import sys
from functools import cache

# What each dependency reads, once, when it is imported.
OPT_OUTS = {
    "onnxruntime": "ORT_DISABLE_TELEMETRY",
    "huggingface_hub": "HF_HUB_DISABLE_TELEMETRY",
    "ray": "RAY_USAGE_STATS_DISABLED",
}
_VALUE = "1"
_early: list[str] = []


def opt_out() -> None:
    """Tell every dependency not to report; a variable that the user has set stays.

    `edgectc` calls it when it is imported, before any of them.
    """
    for package, variable in OPT_OUTS.items():
        if variable not in os.environ and package in sys.modules:
            _early.append(package)
    for variable in OPT_OUTS.values():
        os.environ.setdefault(variable, _VALUE)


def reporting() -> dict[str, str]:
    """Return which dependencies may report, and why: the user's will, or an import before ours."""
    allowed = {
        package: f"{variable}={os.environ[variable]}"
        for package, variable in OPT_OUTS.items()
        if os.environ.get(variable, _VALUE) != _VALUE
    }
    return allowed | {package: "imported before edgectc" for package in _early}


@cache
def warn(package: str) -> None:
    """Say once that a package that is used now may have reported."""
    import logging

    if package in _early:
        logging.getLogger("edgectc").warning(
            "%s was imported before edgectc: it may have written a device id and looked up its "
            "maker's host; set %s=1, or import edgectc first",
            package,
            OPT_OUTS[package],
        )
