"""Results of the phone kit: what a phone or a browser measured, as a row beside other rows.

docs/phone.md says how to make such a file; the screen of `android_demo` and the page of `web_demo`
write the same one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgectc.benchmarking.report import Phone, Row
from edgectc.benchmarking.rows import DISTRIBUTION
from edgectc.core import metrics, strict_json
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.files import read_plain

VERSION = 1
HOSTS = ("android", "web")
DEVICE = "phone"  # of a row
_MOST_BYTES = 16 << 20
_MOST_TEXT, _MOST_ITEMS, _MOST_MS, _MOST_BYTES_SAID = 200, 10_000, 1e7, 1 << 50
_STAGES = ("swipe_ms", "network_ms", "tap_ms", "next_ms")

Check = Callable[[Any], bool]


def _number(value: Any, most: float) -> bool:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return bool(real and math.isfinite(value) and 0 <= value <= most)


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_TEXT and value.isprintable()


def _milliseconds(value: Any) -> bool:
    return _number(value, _MOST_MS)


def _count(value: Any) -> bool:
    return isinstance(value, int) and _number(value, _MOST_BYTES_SAID)


def _size(value: Any) -> bool:
    return value is None or _count(value)


def _some_times(value: Any) -> bool:
    good = isinstance(value, list) and 0 < len(value) <= _MOST_ITEMS
    return good and all(map(_milliseconds, value))


_PARTS: Mapping[str, Mapping[str, tuple[Check, str]]] = {
    "device": {
        "name": (lambda value: _text(value) and bool(value), "a name"),
        "system": (_text, "a text"),
        "cores": (_count, "a whole number"),
        "memory_bytes": (_size, "a whole number or null"),
    },
    "model": {
        "name": (_text, "a text"),
        "artifact": (lambda value: _text(value) and bool(value), "a file's name"),
        "size_bytes": (_count, "a whole number"),
    },
    "parity": {
        "cases": (_count, "a whole number"),
        "passed": (lambda value: isinstance(value, bool), "true or false"),
        "reason": (lambda value: isinstance(value, str), "a text"),
    },
    "times": {
        "open_ms": (_milliseconds, "milliseconds"),
        "first_ms": (_milliseconds, "milliseconds"),
        **{name: (_some_times, "a list of milliseconds") for name in _STAGES},
    },
    "memory": {
        "bytes": (_size, "a whole number or null"),
        "of": (_text, "a text"),
    },
}
_SWIPE: Mapping[str, tuple[Check, str]] = {
    "word": (lambda value: _text(value) and bool(value), "a word"),
    "rank": (_count, "a place from 1, 0 for none"),
    "ms": (_milliseconds, "milliseconds"),
}


@dataclass(frozen=True)
class Result:
    """A file of the phone kit, checked.

    Attributes:
        host: of `HOSTS`.
        parts: its objects by name; docs/phone.md has the keys.
        ranks: place of the prompted word among the answers to each recorded swipe, 0 for none.
    """

    host: str
    parts: Mapping[str, Mapping[str, Any]]
    ranks: Sequence[int]


def read(path: str | os.PathLike[str]) -> Result:
    """Return a file of the phone kit.

    Raises:
        InputError: reason ``unreadable_file`` or ``bad_field``: no such file, no JSON, another
            version, or a value that no phone can have measured.
    """
    where = repr(os.fspath(path))
    try:
        found = strict_json.parse(read_plain(path, most=_MOST_BYTES))
    except (OSError, ConfigError) as error:
        raise InputError(
            f"phone results {where} cannot be read: {error}", reason="unreadable_file"
        ) from error
    if not isinstance(found, dict) or found.get("edgectc_phone") != VERSION:
        got = found.get("edgectc_phone") if isinstance(found, dict) else type(found).__name__
        raise InputError(
            f"{where} has edgectc_phone {got!r}, expected {VERSION}: a file that the phone kit "
            "saved; docs/phone.md says how to make one",
            reason="bad_field",
        )
    if found.get("host") not in HOSTS:
        raise _refusal(where, "host", found.get("host"), f"one of {', '.join(HOSTS)}")
    for name, fields in _PARTS.items():
        _check(where, name, found.get(name), fields)
    swipes = found.get("swipes")
    if not isinstance(swipes, list) or len(swipes) > _MOST_ITEMS:
        raise _refusal(where, "swipes", swipes, "a list of recorded swipes")
    for number, swipe in enumerate(swipes):
        _check(where, f"swipes[{number}]", swipe, _SWIPE)
    return Result(found["host"], {name: found[name] for name in _PARTS},
                  tuple(swipe["rank"] for swipe in swipes))  # fmt: skip


def _check(where: str, name: str, value: Any, fields: Mapping[str, tuple[Check, str]]) -> None:
    if not isinstance(value, dict):
        raise _refusal(where, name, value, "an object")
    for key, (good, expected) in fields.items():
        if not good(value.get(key)):
            raise _refusal(where, f"{name}.{key}", value.get(key), expected)


def _refusal(where: str, key: str, got: Any, expected: str) -> InputError:
    shown = repr(got)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return InputError(
        f"{where}: {key} is {shown}, expected {expected}; let the phone kit save the file again",
        reason="bad_field",
    )


def row(result: Result) -> Row:
    """Return the row of a phone; without figures where its answers were not those of the model."""
    device, model, parity = (result.parts[name] for name in ("device", "model", "parity"))
    passed = parity["passed"] and parity["cases"] > 0
    reason = "" if passed else f"reference cases failed on {device['name']}: {parity['reason']}"
    head: Row = {
        "artifact": f"{model['artifact']}, {device['name']}",
        "runtime": result.host,
        "device": DEVICE,
        "threads": 1,
        "status": "ok" if passed else "not_run",
        "reason": reason,
        "size_bytes": model["size_bytes"],
    }
    return {**head, **_figures(result)} if passed else head


def _figures(result: Result) -> Any:
    times = result.parts["times"]
    swipes = np.array(times["swipe_ms"], np.float64)
    p50, p90, p99 = (round(float(np.percentile(swipes, p)), 4) for p in (50, 90, 99))
    points = np.percentile(swipes, np.linspace(0, 100, DISTRIBUTION))
    return {
        "load_ms": times["open_ms"],
        "first_call_ms": times["first_ms"],
        "p50_ms": p50, "p90_ms": p90, "p99_ms": p99,
        "network_p50_ms": round(float(np.median(times["network_ms"])), 4),
        "distribution_ms": [round(float(value), 4) for value in points],
        "peak_rss_bytes": result.parts["memory"]["bytes"],
        "samples": len(swipes),
        **_accuracy(result.ranks),
    }  # fmt: skip


def _accuracy(ranks: Sequence[int]) -> dict[str, Any]:
    if not ranks:
        return {}
    first = sum(rank == 1 for rank in ranks)
    return {
        "labelled": len(ranks),
        "top1": first / len(ranks),
        "top1_interval": list(metrics.wilson(first, len(ranks))),
        "top3": sum(1 <= rank <= 3 for rank in ranks) / len(ranks),
    }


def about(result: Result) -> Phone:
    """Return what a row has no column for."""
    device, times = result.parts["device"], result.parts["times"]
    return {
        "row": row(result)["artifact"],
        "host": result.host,
        "device": device["name"],
        "system": device["system"],
        "cores": device["cores"],
        "memory_bytes": device["memory_bytes"],
        "cases": result.parts["parity"]["cases"],
        "recorded": len(result.ranks),
        "tap_p50_ms": round(float(np.median(times["tap_ms"])), 4),
        "next_p50_ms": round(float(np.median(times["next_ms"])), 4),
        "memory_of": result.parts["memory"]["of"],
    }


def note(phone: Phone) -> str:
    """Return a line about a phone for people."""
    return (
        f"{phone['row']} ({phone['host']}, {phone['system'] or 'system unknown'}, "
        f"{phone['cores']} cores): {phone['cases']} reference cases, {phone['recorded']} recorded "
        f"swipes; a word of taps {phone['tap_p50_ms']:.2f} ms, the next word "
        f"{phone['next_p50_ms']:.2f} ms; network is from points to log_probs of a reference case; "
        f"memory is {phone['memory_of']}"
    )
