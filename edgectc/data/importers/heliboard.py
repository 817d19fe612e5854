"""HeliBoard: the words that its users gathered and exported, a JSON list, alone or in a .zip.

An entry holds ``targetWord``; ``gesture``, a list of ``{id, x, y, millis}`` in pixels of the
keyboard, ``id`` the finger; and ``keyboardInfo``, its ``width``, ``height`` and ``keys``, each
``{left, width, top, height, value, alts}``. The letter area is found by the keys: as wide as the
keyboard, as high as the rows of the letters. The keyboard is a shipped layout with the same letters
in the same order and places, to half a key; others are refused. What the app offered at the time
(``suggestions``) is left out.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgectc.core.errors import InputError
from edgectc.core.files import READ_ERRORS, read_plain
from edgectc.core.types import Array, Swipe
from edgectc.data.importers import files, swipe
from edgectc.data.swipe_files import Row
from edgectc.formats import layouts

_MOST_BYTES = 1 << 29  # of an unpacked file


def rows(path: Path) -> Iterator[Row]:
    """Yield a row for each word of a file, or of all files in a folder."""
    index = 0
    for file in files(path, (".json", ".zip")):
        for number, entry in enumerate(_entries(file), start=1):
            try:
                yield Row(index, _swipe(entry), None)
            except InputError as error:
                where = f"{file.name} word {number}: {error}"
                yield Row(index, None, InputError(where, reason=error.reason))
            index += 1


def _entries(file: Path) -> list[Any]:
    """Return the words of a file.

    Raises:
        InputError: reason ``unreadable_file``.
    """
    found: list[Any] = []
    try:
        for data in _documents(file):
            held = json.loads(data)
            if not isinstance(held, list):
                raise ValueError("it holds no list of words")
            found += held
    except (*READ_ERRORS, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise InputError(
            f"cannot read {str(file)!r}: {error}; expected what HeliBoard exported, .json or .zip",
            reason="unreadable_file",
        ) from error
    return found


def _documents(file: Path) -> Iterator[bytes]:
    if file.suffix != ".zip":
        yield read_plain(file, most=_MOST_BYTES)
        return
    with zipfile.ZipFile(file) as packed:
        for info in packed.infolist():
            if info.filename.endswith(".json"):
                if info.file_size > _MOST_BYTES:
                    raise ValueError(f"{info.filename} has {info.file_size} bytes")
                yield packed.read(info)


def _swipe(entry: Any) -> Swipe:
    try:
        board, word = entry["keyboardInfo"], entry["targetWord"]
        gesture = np.array([[p["x"], p["y"], p["millis"]] for p in entry["gesture"]], np.float64)
        fingers = {p["id"] for p in entry["gesture"]}
        keys = [(str(k["value"]).lower(), _box(k)) for k in board["keys"]]
        width = float(board["width"])
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(
            f"it lacks {error}, or holds what is no number; expected targetWord, gesture and "
            "keyboardInfo",
            reason="bad_field",
        ) from None
    if len(fingers) > 1:
        raise InputError(f"{len(fingers)} fingers, expected one", reason="two_fingers")
    letters = {value: box for value, box in keys if len(value) == 1 and value.isalpha()}
    if not letters or not width > 0:
        raise InputError("its keyboard has no letters or no width", reason="unknown_layout")
    top = min(box[1] for box in letters.values())
    high = max(box[1] + box[3] for box in letters.values()) - top
    if not high > 0:
        raise InputError("its letters have no height", reason="unknown_layout")
    places = {c: ((x + w / 2) / width, (y + h / 2 - top) / high)
              for c, (x, y, w, h) in letters.items()}  # fmt: skip
    points = (gesture.reshape(-1, 3) - [0.0, top, 0.0]) / [width, high, 1.0]
    return swipe(points.tolist(), word, layout=_layout(places), user=entry.get("uuid"))


def _box(key: dict[str, Any]) -> Array:
    return np.array([key[name] for name in ("left", "top", "width", "height")], np.float64)


def _layout(places: dict[str, tuple[float, float]]) -> str:
    """Return the shipped layout whose keys lie so.

    Raises:
        InputError: reason ``unknown_layout``.
    """
    for name in layouts.names():
        layout = layouts.shipped(name)
        if set(layout.letters) != set(places):
            continue
        off = np.array([places[c] for c in layout.letters]) - layout.centers
        if (np.abs(off) < np.array(layout.key_size) / 2).all():
            return name
    raise InputError(
        f"its keyboard of {len(places)} letters lies as none of {', '.join(layouts.names())}",
        reason="unknown_layout",
    )
