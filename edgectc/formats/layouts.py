"""Keyboard layouts as data: where each letter's key lies, in the letter-area frame.

Letter area: x 0..1 over the full keyboard width, y 0..1 over the rows that hold letters, 0 = top.
A layout file is JSON: ``{"name", "title", "rows": [{"keys", "x", "key_width"}]}``; ``keys`` is one
character a key (a space is a gap), or a list of texts, each with all letters of one key ("sß"; ""
is a gap); ``x`` is the left edge of the row's first key. Rows share the height equally. A letter
may lie on several keys, as on split keyboards: the one nearest to the trace counts.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgectc.core import strict_json
from edgectc.core.config import from_dict, to_dict
from edgectc.core.errors import ConfigError, UnknownNameError
from edgectc.core.files import read_plain
from edgectc.core.types import Array

if TYPE_CHECKING:
    import numpy as np
else:
    from edgectc.core.lazy_numpy import np

_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class KeyRow:
    """One row of keys; ``x`` and ``key_width`` are fractions of the keyboard width.

    Attributes:
        keys: one character a key, a space for a gap; or the letters of each key.
    """

    keys: str | tuple[str, ...]
    x: float
    key_width: float


@dataclass(frozen=True)
class Layout:
    """A keyboard layout.

    Raises:
        ConfigError: no letters, a letter twice on one key, or a key outside the keyboard.
    """

    name: str
    rows: tuple[KeyRow, ...]
    title: str = ""

    def __post_init__(self) -> None:
        if not self.letters:
            raise ConfigError(f"layout {self.name!r} has no keys")
        if twice := [key for row in self.rows for key in row.keys if len(set(key)) < len(key)]:
            raise ConfigError(f"layout {self.name!r} has a letter twice on the key {twice[0]!r}")
        inside = all(0 < x < 1 for _, (x, _) in self._keys)
        if not (inside and all(row.key_width > 0 for row in self.rows)):
            raise ConfigError(f"layout {self.name!r} has keys outside x 0..1; use the letter area")

    def __hash__(self) -> int:
        return hash(self.name)  # a decoder is looked up by its layout in every call

    def __repr__(self) -> str:
        return f"Layout({self.name!r}, {len(self.letters)} keys)"

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """The K letters, row by row from the top left, each at its first key."""
        return tuple(dict.fromkeys(letter for letter, _ in self._keys))

    @cached_property
    def centers(self) -> Array:
        """(K, 2) float64 centres of the letters' first keys, in the letter-area frame."""
        first = {letter: place for letter, place in reversed(self._keys)}
        return np.array([first[letter] for letter in self.letters])

    def near(self, points: Array) -> Array:
        """Return (K, 2) centres of the letters' keys, of several the one nearest to a trace.

        Args:
            points: (n, 2) or wider, x and y in the letter-area frame.
        """
        if len(self._keys) == len(self.letters):
            return self.centers
        apart = (self._places[:, None] - np.asarray(points)[None, :, :2]) / self.key_size
        distance = (apart**2).sum(axis=2).min(axis=1)
        order = np.argsort(-distance, kind="stable").tolist()
        nearest = {self._keys[i][0]: self._keys[i][1] for i in order}  # the last one stays
        return np.array([nearest[letter] for letter in self.letters])

    def near_in_keys(self, points: Array) -> Array:
        """Return `near` in key units: one read-only array for all traces where keys are unique."""
        if len(self._keys) == len(self.letters):
            return self._centers_in_keys
        return self.near(points) / self.key_size

    @cached_property
    def _centers_in_keys(self) -> Array:
        scaled: Array = self.centers / self.key_size
        scaled.flags.writeable = False
        return scaled

    @cached_property
    def _keys(self) -> list[tuple[str, tuple[float, float]]]:
        """Every letter of every key with the key's centre."""
        return [
            (letter, (row.x + (column + 0.5) * row.key_width, (i + 0.5) / len(self.rows)))
            for i, row in enumerate(self.rows)
            for column, key in enumerate(row.keys)
            for letter in key.replace(" ", "")
        ]

    @cached_property
    def _places(self) -> Array:
        return np.array([place for _, place in self._keys])

    @cached_property
    def key_size(self) -> Array:
        """(2,) float64 width and height of a typical key: the unit of distance on this layout."""
        widths = sorted(row.key_width for row in self.rows for key in row.keys if key.strip())
        # np.median would load numpy.ma, which takes longer than a word.
        middle = (widths[(len(widths) - 1) // 2] + widths[len(widths) // 2]) / 2
        return np.array([middle, 1.0 / len(self.rows)])


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    files = resources.files("edgectc.formats") / "keyboards"
    return tuple(sorted(f.name.removesuffix(".json") for f in files.iterdir()))


def names() -> list[str]:
    """Return the names of the layouts that ship."""
    return list(_names())


def setting(known: Mapping[str, Layout], name: str) -> Layout | str | None:
    """Return what a frontend takes beside a recording: its keyboard, the name of its day, or None.

    Args:
        known: keyboards of the model by name; {} where it has none.
        name: of the keyboard, also one that ships or a ``.json`` path; or of the day; "" for none.

    Raises:
        UnknownNameError: no such keyboard.
        ConfigError: the file cannot be read as a layout.
    """
    if not known:
        return name or None
    return known.get(name) or load(name)


def shipped(name: str) -> Layout:
    """Return a shipped layout by its name; what a row of data names is never a file.

    Raises:
        UnknownNameError: no layout of that name ships.
    """
    if name not in names():
        raise UnknownNameError("layout", name, names())
    return load(name)


def load(name: str) -> Layout:
    """Return a shipped layout by name, or one from a ``.json`` path that the user gave.

    The file is read again each time: it may have been edited.

    Raises:
        UnknownNameError: no layout of that name ships.
        ConfigError: the file cannot be read as a layout.
    """
    if not name.endswith(".json"):
        return _shipped(name)
    return _read(Path(name), name)


@lru_cache(maxsize=64)
def _shipped(name: str) -> Layout:
    if name not in names():
        raise UnknownNameError("layout", name, names())
    return _read(Path(str(resources.files("edgectc.formats") / "keyboards" / f"{name}.json")), name)


def _read(source: Path, name: str) -> Layout:
    try:
        return _parsed(read_plain(source, most=_MOST_BYTES))
    except (OSError, ConfigError) as error:
        raise ConfigError(f"cannot read layout {name!r}: {error}") from error


@lru_cache(maxsize=64)
def _parsed(content: bytes) -> Layout:
    return parse(strict_json.parse(content.removeprefix(BOM_UTF8)))


def parse(values: Mapping[str, Any]) -> Layout:
    """Return the layout of a parsed layout file.

    Raises:
        ConfigError: unknown or missing keys, or geometry that makes no sense.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"a layout is a JSON object, got {type(values).__name__}")
    return from_dict(Layout, values, where="layout.")


def describe(layout: Layout) -> dict[str, Any]:
    """Return the JSON form of a layout, as `parse` reads it."""
    described: dict[str, Any] = to_dict(layout)
    return described
