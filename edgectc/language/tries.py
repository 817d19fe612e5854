"""A prefix tree in flat arrays: what a lexicon search walks, in Python, in C and on a phone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.types import Array

ROOT_LETTER = 0xFFFF  # the root has no letter; so at most 65,535 letters can be told apart
BLOCK = 64  # nodes whose ends are one word of bits


@dataclass(frozen=True, eq=False)
class Trie:
    """A prefix tree of M nodes, breadth first; node 0 is the root.

    Entries are numbered in the order of their nodes, so that the number of one is how many end
    before it.

    Attributes:
        first_child: (M + 1,) int32: the children of a node are first_child[node] to
            first_child[node + 1].
        letter: (M,) uint8 or uint16 letter on the way into the node, ascending among the children
            of a node; that of the root is the highest number of the type.
        ends: (M / 64 rounded up,) uint64: whether an entry ends at a node, from the lowest bit.
        ends_before: (M / 64 rounded up,) int32 entries that end before each 64 nodes.
    """

    first_child: Array
    letter: Array
    ends: Array
    ends_before: Array

    def __len__(self) -> int:
        return len(self.letter)

    def count_children(self, nodes: Array) -> Array:
        """Return (n,) int64: how many children each of ``nodes`` has."""
        counts: Array = self.first_child[nodes + 1].astype(np.int64) - self.first_child[nodes]
        return counts

    @cached_property
    def word(self) -> Array:
        """Return (M,) int32 entry that ends at each node, or -1; made at first use."""
        bits = np.unpackbits(self.ends.view(np.uint8), count=len(self), bitorder="little")
        word = np.cumsum(bits, dtype=np.int32) - 1
        word[bits == 0] = -1
        return word

    def children(self, nodes: Array) -> tuple[Array, Array]:
        """Return the children of ``nodes`` and, for each, the index of its parent in ``nodes``."""
        counts = self.count_children(nodes)
        parents = np.repeat(np.arange(len(nodes)), counts)
        before = np.cumsum(counts) - counts
        offsets = np.repeat(self.first_child[nodes] - before, counts)
        return offsets + np.arange(len(parents)), parents

    def find(self, codes: Array) -> Array:
        """Return (n,) the nodes that label sequences lead to, -1 where there is none.

        Args:
            codes: (n, longest) letters, `ROOT_LETTER` after the end of each; the letters of
                neighbours ascend, as `build` leaves them.
        """
        nodes = np.zeros(len(codes), np.int64)
        for letters in codes.T:
            at = np.flatnonzero((letters != ROOT_LETTER) & (nodes >= 0))
            if not len(at):
                break
            wanted = letters[at]
            low = self.first_child[nodes[at]].astype(np.int64)
            end = low + self.count_children(nodes[at])
            high = end.copy()
            while np.any(low < high):  # the first child whose letter is not below the wanted one
                middle = (low + high) // 2
                below = (low < high) & (self.letter[np.minimum(middle, len(self) - 1)] < wanted)
                low, high = np.where(below, middle + 1, low), np.where(below, high, middle)
            there = low < end
            there[there] = self.letter[low[there]] == wanted[there]
            nodes[at] = np.where(there, low, -1)
        return nodes

    def parent(self, node: int) -> int:
        """Return the parent of a node of a breadth-first tree that is not the root."""
        # Children follow each other as their parents do, so the parent can be searched for.
        return int(np.searchsorted(self.first_child[:-1], node, side="right")) - 1

    def end(self, entry: int) -> int:
        """Return the node at which an entry ends."""
        block = int(np.searchsorted(self.ends_before, entry, side="right")) - 1
        bits = int(self.ends[block])
        for _ in range(entry - int(self.ends_before[block])):
            bits &= bits - 1  # without its lowest bit
        return BLOCK * block + (bits & -bits).bit_length() - 1

    def letters_of(self, word: int) -> list[int]:
        """Return the letters of an entry of a breadth-first tree."""
        node, letters = self.end(word), []
        while node:
            letters.append(int(self.letter[node]))
            node = self.parent(node)
        return letters[::-1]

    def best_below(self, weights: Array) -> Array:
        """Return (M,) float64: the highest weight of the entries at or below each node.

        The tree must be breadth first, as `build` makes it.

        Args:
            weights: (entries,) natural-log weight of each entry; -inf leaves one out.
        """
        ends = np.flatnonzero(self.word >= 0)
        best = np.full(len(self), -np.inf)
        best[ends] = np.asarray(weights, np.float64)[self.word[ends]]
        self._gather(np.maximum, best)
        return best

    def letters_below(self) -> Array:
        """Return (M,) uint32: the letters, below 32, at or below each node, one bit each.

        The tree must be breadth first.
        """
        letters = np.where(
            self.letter < 32, np.uint32(1) << (self.letter & 31).astype(np.uint32), 0
        )
        letters = letters.astype(np.uint32)
        letters[0] = 0
        self._gather(np.bitwise_or, letters)
        return letters

    def _gather(self, join: np.ufunc, values: Array) -> None:
        """Join into each node's value those of all nodes below it, in place."""
        for start, end in reversed(self._levels()):
            parents = start + np.flatnonzero(np.diff(self.first_child[start : end + 1]))
            if len(parents):
                first = self.first_child[parents]
                last = int(self.first_child[end])
                below = join.reduceat(values[first[0] : last], first - first[0])
                values[parents] = join(values[parents], below)

    def _levels(self) -> list[tuple[int, int]]:
        """Return the nodes of each depth, as ranges."""
        levels, start, end = [], 0, 1
        while start < end:
            levels.append((start, end))
            start, end = end, int(self.first_child[end])
        return levels

    def lengths(self) -> Array:
        """Return (entries,) int64 letters of each entry of a breadth-first tree."""
        lengths = np.zeros(int(np.count_nonzero(self.word >= 0)), np.int64)
        for depth, (start, end) in enumerate(self._levels()):
            word = self.word[start:end]
            lengths[word[word >= 0]] = depth
        return lengths

    def spellings(self) -> Array:
        """Return (entries, longest) uint16 letters of each entry, `ROOT_LETTER` after its end.

        The tree must be breadth first.
        """
        ends = np.flatnonzero(self.word >= 0)
        spelled = np.full((len(ends), len(self._levels()) - 1), ROOT_LETTER, np.uint16)
        rows, nodes = self.word[ends], ends
        depth = np.searchsorted([start for start, _ in self._levels()], nodes, side="right") - 1
        while len(nodes):
            spelled[rows, depth - 1] = self.letter[nodes]
            nodes = np.searchsorted(self.first_child[:-1], nodes, side="right") - 1
            depth = depth - 1
            rows, nodes, depth = rows[depth > 0], nodes[depth > 0], depth[depth > 0]
        return spelled


def build(codes: Array) -> tuple[Trie, Array]:
    """Return the breadth-first tree of n label sequences, and the entry number of each.

    Entries are numbered in the order of their nodes.

    Args:
        codes: (n, longest) uint16, n >= 1, rows strictly ascending, each one letter or more and
            then `ROOT_LETTER` to the end. "Ascending" takes the padding for the lowest letter.
    """
    keep = codes != ROOT_LETTER
    lengths = keep.sum(axis=1)
    # In sorted order a row begins new nodes behind the prefix it shares with the row above.
    shared = np.zeros(len(codes), np.int64)
    shared[1:] = (codes[1:] != codes[:-1]).argmax(axis=1)
    letter, parent, row_at = [np.array([ROOT_LETTER])], [np.array([-1])], [np.array([-1])]
    at = np.zeros(len(codes), np.int64)  # node that each row has reached
    size = 1
    for depth in range(codes.shape[1]):
        starts = (shared <= depth) & (lengths > depth)
        rows = np.flatnonzero(starts)
        letter.append(codes[rows, depth])
        parent.append(at[rows])
        # The shortest of the rows that share a prefix comes first, so it is the one that starts.
        row_at.append(np.where(lengths[rows] == depth + 1, rows, -1))
        at = np.cumsum(starts) + (size - 1)
        size += len(rows)
    rows = np.concatenate(row_at)
    ends = rows >= 0
    entries = np.empty(len(codes), np.int64)
    entries[rows[ends]] = np.arange(len(codes))
    n_children = np.bincount(np.concatenate(parent)[1:], minlength=size)
    return Trie(
        first_child=firsts(n_children),
        letter=np.concatenate(letter).astype(np.uint16),
        **bits_of(ends),
    ), entries


def firsts(n_children: Array) -> Array:
    """Return `Trie.first_child` of a breadth-first tree by how many children each node has."""
    first = np.ones(len(n_children) + 1, np.int64)
    first[1:] += np.cumsum(n_children)
    return first.astype(np.int32)


def bits_of(ends: Array) -> dict[str, Array]:
    """Return ``ends`` and ``ends_before`` of a tree by (M,) bool: whether an entry ends there."""
    blocks = -(-len(ends) // BLOCK)
    held = np.zeros(blocks * BLOCK, bool)
    held[: len(ends)] = ends
    counts = held.reshape(blocks, BLOCK).sum(axis=1)
    return {
        "ends": np.packbits(held, bitorder="little").view("<u8"),
        "ends_before": (np.cumsum(counts) - counts).astype(np.int32),
    }


def encode(spelled: Array, letters: Mapping[str, int]) -> Array:
    """Return (n, longest) uint16 letters of (n,) str, `ROOT_LETTER` after the end of each.

    Args:
        spelled: words whose every character is in ``letters``.
        letters: number of each character.
    """
    width = max(1, spelled.dtype.itemsize // 4)
    codes = np.ascontiguousarray(spelled, f"<U{width}").view(np.uint32)
    codes = codes.reshape(len(spelled), width)
    numbers = np.full(int(codes.max()) + 1, ROOT_LETTER, np.uint16)
    for character, number in letters.items():
        if ord(character) < len(numbers):
            numbers[ord(character)] = number
    numbers[0] = ROOT_LETTER
    return numbers[codes]


def check(trie: Trie, *, n_letters: int, n_entries: int) -> None:
    """Check that arrays from outside are the tree `build` makes, so that no search leaves them.

    Raises:
        ConfigError: they are not; the message says why.
    """
    M, first = len(trie), trie.first_child
    # A node's children come after it, and no node but the root is without a parent.
    if first[0] != 1 or first[-1] != M or not np.all(first[1:] >= first[:-1]):
        raise ConfigError("its tree is not breadth first")
    if not np.all(first[:-1] > np.arange(M)):
        raise ConfigError("its tree has a node that is not reached from the root")
    root = np.iinfo(trie.letter.dtype).max
    if trie.letter[0] != root or not np.all(trie.letter[1:] < n_letters):
        raise ConfigError(f"its tree has a letter beyond the {n_letters} of its alphabet")
    bits = np.unpackbits(trie.ends.view(np.uint8), bitorder="little")
    expected = bits_of(bits[:M].astype(bool))
    if bits[0] or bits[M:].any() or not np.array_equal(expected["ends_before"], trie.ends_before):
        raise ConfigError("its entries are not numbered in the order of the tree")
    if bits.sum() != n_entries:
        raise ConfigError(f"its tree has {bits.sum()} entries, and its header states {n_entries}")
