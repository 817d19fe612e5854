"""The bytes of a packed lexicon: docs/lexicon_format.md."""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import numpy as np

from edgectc.core.config import OMITTED, from_dict, to_dict
from edgectc.core.errors import ConfigError
from edgectc.core.types import Array
from edgectc.language import tries
from edgectc.language.tries import Trie

VERSION = 2
NAME = b"edgelex"
MAGIC = NAME + b"%d" % VERSION
UNIT = 1e4  # the file holds natural logs in ten-thousandths, as many digits as a text lexicon
_ALIGN = 8
_FEW_LETTERS = 255  # as many numbers as one byte has beside the root's
_MOST_VALUES = 1 << 16

Arrays = dict[str, Array]


class Sizes(Protocol):
    """A header: what is known of the arrays before they are read."""

    def arrays(self) -> dict[str, tuple[str, int]]:
        """Return type and length of each array, in the order of the file."""


Kind = TypeVar("Kind", bound=Sizes)


@dataclass(frozen=True)
class Header:
    """Sizes of the arrays, and what is not an array."""

    letters: str
    nodes: int
    entries: int
    words: int
    several: int
    values: int
    odd: int
    text_bytes: int
    notes: tuple[str, ...] = ()
    unsaid: tuple[str, ...] | None = field(default=None, metadata=OMITTED)

    def arrays(self) -> dict[str, tuple[str, int]]:
        """Return type and length of each array, in the order of the file."""
        blocks = -(-self.nodes // tries.BLOCK)
        return {
            "first_child": ("<i4", self.nodes + 1),
            "ends": ("<u8", blocks),
            "ends_before": ("<i4", blocks),
            "letter": ("u1" if len(self.letters) <= _FEW_LETTERS else "<u2", self.nodes),
            "several": ("<i4", self.several),
            "beyond": ("<i4", self.several + 1),
            "value": ("<i4", self.values),
            "log_prob": ("<u2" if self.values else "<i4", self.words),
            "odd": ("<i4", self.odd),
            "odd_start": ("<i4", self.odd + 1),
            "text": ("u1", self.text_bytes),
        }


def trie_of(arrays: Mapping[str, Array]) -> Trie:
    """Return the tree of a packed lexicon's arrays."""
    return Trie(*(arrays[name] for name in ("first_child", "letter", "ends", "ends_before")))


def homographs(first_word: Array) -> Arrays:
    """Return ``several`` and ``beyond`` by (entries + 1,) the first word of each entry."""
    further = np.diff(first_word) - 1
    several = np.flatnonzero(further)
    beyond = np.cumsum([0, *further[several].tolist()])
    return {"several": several.astype(np.int32), "beyond": beyond.astype(np.int32)}


def first_words(header: Header, arrays: Mapping[str, Array]) -> Array:
    """Return (entries + 1,) int32 the first word of each entry: what `homographs` came from."""
    further = np.zeros(header.entries + 1, np.int32)
    further[arrays["several"] + 1] = np.diff(arrays["beyond"])
    return np.arange(header.entries + 1, dtype=np.int32) + np.cumsum(further, dtype=np.int32)


def log_probs(header: Header, arrays: Mapping[str, Array]) -> Array:
    """Return (words,) float64 natural logs."""
    held = arrays["value"][arrays["log_prob"]] if header.values else arrays["log_prob"]
    return held / UNIT


def to_bytes(header: Header, arrays: Mapping[str, Array]) -> bytearray:
    """Return the bytes of a file that holds these arrays as they are."""
    head = json.dumps(to_dict(header), sort_keys=True).encode()
    out = bytearray(MAGIC + len(head).to_bytes(8, "little") + head)
    for name, (kind, _) in header.arrays().items():
        out += b"\0" * (-len(out) % _ALIGN)
        out += np.ascontiguousarray(arrays[name]).astype(kind, copy=False).tobytes()
    return out


def smallest(header: Header, arrays: Mapping[str, Array]) -> tuple[Header, Arrays]:
    """Return the same, with two bytes a frequency where so few are different that it pays."""
    if header.values:
        return header, dict(arrays)
    values, codes = np.unique(arrays["log_prob"], return_inverse=True)
    if len(values) > _MOST_VALUES or 2 * len(values) >= header.words:
        return header, dict(arrays)
    coded: Arrays = {"value": values.astype(np.int32), "log_prob": codes.astype(np.uint16)}
    return replace(header, values=len(values)), {**arrays, **coded}


def parse(data: bytes | mmap.mmap) -> tuple[Header, Arrays]:
    """Return what the bytes of a file hold.

    Raises:
        ConfigError: no search would be safe on it.
        ValueError: likewise.
    """
    header, arrays = split(data, MAGIC, Header)
    check(header, arrays)
    return header, arrays


def split(data: bytes | mmap.mmap, magic: bytes, kind: type[Kind]) -> tuple[Kind, Arrays]:
    """Return header and arrays as they lie in a file.

    Raises:
        ConfigError: another magic or header, or an array that is cut off.
        ValueError: a header that is no JSON.
    """
    view, start = memoryview(data), len(MAGIC) + 8
    if view[: len(MAGIC)] != magic:
        raise ConfigError(f"it does not begin with {magic.decode()!r}")
    length = int.from_bytes(view[len(MAGIC) : start], "little")
    if length > len(view) - start:
        raise ConfigError("its header is cut off")
    header = from_dict(kind, json.loads(bytes(view[start : start + length]).decode("ascii")))
    arrays, at = {}, start + length
    for name, (type_name, count) in header.arrays().items():
        at += -at % _ALIGN
        size = count * np.dtype(type_name).itemsize
        if count < 0 or at + size > len(view):
            raise ConfigError(f"its array {name} of {count} is cut off")
        arrays[name] = np.frombuffer(view, type_name, count, at)
        at += size
    if at != len(view):
        raise ConfigError(f"{len(view) - at} bytes follow its last array")
    return header, arrays


def check(header: Header, arrays: Mapping[str, Array]) -> None:
    """Check that every index stays within its array.

    Raises:
        ConfigError: one does not.
        ValueError: texts that are not UTF-8.
    """
    if header.nodes < 1:
        raise ConfigError("its tree is not breadth first")
    tries.check(trie_of(arrays), n_letters=len(header.letters), n_entries=header.entries)
    if header.entries < 1 or "".join(sorted(set(header.letters))) != header.letters:
        raise ConfigError(f"it has no entry, or its letters {header.letters!r} do not ascend")
    strange = next((s for s in header.unsaid or () if not s or {*s} - {*header.letters}), None)
    if strange is not None:
        raise ConfigError(f"its unsaid spelling {strange!r} is not of its letters")
    check_rises("beyond", arrays["beyond"], header.words - header.entries, 1)
    check_rises("odd_start", arrays["odd_start"], header.text_bytes, 0)
    _check_numbers("entries of several words", arrays["several"], header.entries)
    _check_numbers("odd words", arrays["odd"], header.words)
    if header.values and not np.all(arrays["log_prob"] < header.values):
        raise ConfigError(f"it has a frequency beyond the {header.values} that it states")
    bytes(arrays["text"]).decode()  # a ValueError is refused like the rest


def check_rises(name: str, values: Array, last: int, least: int) -> None:
    """Check that values go from 0 to ``last`` in steps of ``least`` or more.

    Raises:
        ConfigError: they do not.
    """
    steps = np.diff(values.astype(np.int64))  # in int32 a step may wrap round to a positive one
    if values[0] != 0 or values[-1] != last or not np.all(steps >= least):
        raise ConfigError(f"its {name} does not rise from 0 to {last}")


def _check_numbers(name: str, values: Array, end: int) -> None:
    steps = np.diff(values.astype(np.int64))
    if len(values) and not (values[0] >= 0 and values[-1] < end and np.all(steps > 0)):
        raise ConfigError(f"its {name} are not ascending below {end}")
