"""Recordings as JSON lines, plain or gzip: ``{"signal", "target"?, "name"?, "group"?, "split"?}``.

``signal`` is ``[[...], ...]``, a list of the values of each frame, or as a bundle's
``samples.jsonl`` packs it; of a network of several inputs, an object with each by its name.
``target`` is symbols apart by spaces, or a list of them; ``group`` the signer or the day; ``split``
one of train, dev and test. Other keys are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core import strict_json
from edgectc.core.errors import BundleError, ConfigError, InputError
from edgectc.core.files import READ_ERRORS, open_bytes
from edgectc.core.types import JSON, Array, Recording
from edgectc.data.reading import Choices, check_size, unreadable
from edgectc.data.splits import SPLITS
from edgectc.formats.manifest import unpack_array

CHOICES = ()
BESIDE = False
_SUFFIXES = (".jsonl", ".jsonl.gz")
_HEAD = 1 << 16  # bytes of the first line in which its keys begin
_MOST = 1 << 28  # bytes of a line


def takes(path: Path) -> bool:
    """Return whether it is such a file: the first line tells it from one of swipes."""
    if not path.name.endswith(_SUFFIXES) or not path.is_file():
        return False
    try:
        with open_bytes(path) as file:
            head = file.readline(_HEAD)
    except READ_ERRORS:
        return False
    return b'"signal"' in head or (len(head) == _HEAD and b'"points"' not in head)


def rows(path: Path, how: Choices) -> Iterator[Recording | InputError]:
    """Yield the recordings of a file.

    Raises:
        InputError: the file cannot be read; reason ``unreadable_file``.
    """
    return lines(path, _signal)


def lines(path: Path, signal: Callable[[JSON], Array]) -> Iterator[Recording | InputError]:
    """Yield the recordings of a file; ``signal`` makes frames of what a line has by that name.

    Raises:
        InputError: the file cannot be read; reason ``unreadable_file``.
    """
    place = 0
    try:
        with open_bytes(path) as file:
            while line := file.readline(_MOST):
                if not line.strip():
                    continue
                name = f"{path.name.partition('.')[0]}-{place}"
                place += 1
                try:
                    yield _recording(line, name, signal)
                except InputError as error:
                    yield InputError(str(error), reason=error.reason, name=name)
    except READ_ERRORS as error:
        raise unreadable(path, error) from error


def by_name(value: JSON) -> Mapping[str, JSON] | None:
    """Return the inputs of a network of several by their names; None for one array."""
    return value if isinstance(value, dict) and "base64" not in value else None


def array(value: JSON, name: str = "signal") -> Array:
    """Return the numbers of lists in lists, or of what ``samples.jsonl`` packs.

    Raises:
        InputError: they are none; reason ``bad_shape``.
    """
    try:
        made: Array = unpack_array(value) if isinstance(value, dict) else np.array(value, "f4")
    except (BundleError, ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"{name} is no list of frames, each a list of as many numbers", reason="bad_shape"
        ) from error
    check_size(made.shape, name)
    return made


def _recording(line: bytes, name: str, signal: Callable[[JSON], Array]) -> Recording:
    try:
        row = strict_json.parse(line)
    except ConfigError as error:
        raise InputError(str(error), reason="bad_json") from error
    if not isinstance(row, dict) or "signal" not in row:
        raise InputError("the line is no object with a signal", reason="bad_json")
    split = _text(row, "split")
    if split and split not in SPLITS:
        raise InputError(
            f"split is {split!r}, expected one of {', '.join(SPLITS)}", reason="bad_field"
        )
    group, named = _text(row, "group") or None, _text(row, "name") or name
    return Recording(signal(row["signal"]), _target(row), named, group, split=split)


def _signal(value: JSON) -> Array:
    if (named := by_name(value)) is not None:
        raise InputError(
            f"signal holds {sorted(named)}, expected a list of frames; several inputs by their "
            "names are of a network that was exported with them",
            reason="bad_shape",
        )
    signal = array(value)
    if signal.ndim != 2 and not isinstance(value, dict):
        raise InputError(
            f"signal has shape {signal.shape}, expected (frames, values)", reason="bad_shape"
        )
    return signal


def _target(row: dict[str, Any]) -> tuple[str, ...]:
    value = row.get("target") or ()
    symbols = value.split() if isinstance(value, str) else value
    if not isinstance(symbols, (list, tuple)) or not all(isinstance(s, str) for s in symbols):
        raise InputError("target is no text and no list of symbols", reason="bad_field")
    return tuple(symbols)


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, (str, type(None))):
        raise InputError(f"{key} is {value!r}, expected a text", reason="bad_field")
    return value or ""
