"""Version 1 of the packed lexicon, read into the arrays of today: docs/lexicon_format.md."""

from __future__ import annotations

import mmap
from dataclasses import dataclass

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.language import tries
from edgectc.language.packed_file import (
    NAME,
    Arrays,
    Header,
    check,
    check_rises,
    homographs,
    split,
)

VERSION = 1


@dataclass(frozen=True)
class First:
    """The header of version 1."""

    letters: str
    nodes: int
    entries: int
    words: int
    odd: int
    text_bytes: int
    notes: tuple[str, ...] = ()

    def arrays(self) -> dict[str, tuple[str, int]]:
        """Return type and length of each array, in the order of the file."""
        return {
            "first_child": ("<i4", self.nodes),
            "word": ("<i4", self.nodes),
            "n_children": ("<u2", self.nodes),
            "letter": ("<u2", self.nodes),
            "first_word": ("<i4", self.entries + 1),
            "log_prob": ("<i4", self.words),
            "odd": ("<i4", self.odd),
            "odd_start": ("<i4", self.odd + 1),
            "text": ("u1", self.text_bytes),
        }


def parse(data: bytes | mmap.mmap) -> tuple[Header, Arrays]:
    """Return what the bytes of a file of version 1 hold, in arrays of today.

    Raises:
        ConfigError: no search would be safe on it.
        ValueError: likewise.
    """
    header, arrays = _upgraded(*split(data, NAME + b"%d" % VERSION, First))
    check(header, arrays)
    return header, arrays


def _upgraded(first: First, held: Arrays) -> tuple[Header, Arrays]:
    """Return the arrays of this version for those of version 1."""
    if first.nodes < 1:
        raise ConfigError("its tree is not breadth first")
    counts = held["n_children"].astype(np.int64)
    first_child = tries.firsts(counts)
    if not np.array_equal(first_child[:-1], held["first_child"]):
        raise ConfigError("its tree is not breadth first")
    ends = held["word"] != -1
    if not np.array_equal(held["word"][ends], np.arange(first.entries)):
        raise ConfigError("its entries are not numbered in the order of the tree")
    check_rises("first_word", held["first_word"], first.words, 1)
    arrays = {name: held[name] for name in ("letter", "log_prob", "odd", "odd_start", "text")}
    arrays |= {"first_child": first_child, "value": np.zeros(0, np.int32)}
    arrays |= tries.bits_of(ends) | homographs(held["first_word"])
    sizes = (first.nodes, first.entries, first.words, len(arrays["several"]), 0)
    return Header(first.letters, *sizes, first.odd, first.text_bytes, first.notes), arrays
