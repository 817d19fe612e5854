"""A prefix tree in flat arrays: what a lexicon search walks, in Python, in C and on a phone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.types import Array

ROOT_LETTER = 0xFFFF  # the root has no letter; so at most 65,535 letters can be told apart


@dataclass(frozen=True, eq=False)
class Trie:
    """A prefix tree of M nodes; node 0 is the root, the children of a node are neighbours.

    Attributes:
        first_child: (M,) int32 node of the first child, meaningless without children.
        n_children: (M,) uint16.
        letter: (M,) uint16 letter on the way into the node; `ROOT_LETTER` at the root.
        word: (M,) int32 entry that ends at the node, or -1.
    """

    first_child: Array
    n_children: Array
    letter: Array
    word: Array

    def __len__(self) -> int:
        return len(self.first_child)

    def children(self, nodes: Array) -> tuple[Array, Array]:
        """Return the children of ``nodes`` and, for each, the index of its parent in ``nodes``."""
        counts = self.n_children[nodes].astype(np.int64)
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
            end = low + self.n_children[nodes[at]]
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
        return int(np.searchsorted(self.first_child, node, side="right")) - 1

    @cached_property
    def _ends(self) -> Array:
        ends = np.flatnonzero(self.word >= 0)
        nodes = np.empty(len(ends), np.int64)
        nodes[self.word[ends]] = ends
        return nodes

    def letters_of(self, word: int) -> list[int]:
        """Return the letters of an entry of a breadth-first tree."""
        node, letters = int(self._ends[word]), []
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
            parents = start + np.flatnonzero(self.n_children[start:end])
            if len(parents):
                first = self.first_child[parents]
                last = int(first[-1]) + int(self.n_children[parents[-1]])
                below = join.reduceat(values[first[0] : last], first - first[0])
                values[parents] = join(values[parents], below)

    def _levels(self) -> list[tuple[int, int]]:
        """Return the nodes of each depth, as ranges."""
        levels, start, end = [], 0, 1
        while start < end:
            levels.append((start, end))
            start, end = end, end + int(self.n_children[start:end].sum())
        return levels

    def lengths(self) -> Array:
        """Return (entries,) int64 letters of each entry of a breadth-first tree."""
        lengths = np.zeros(np.count_nonzero(self.word >= 0), np.int64)
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
            nodes = np.searchsorted(self.first_child, nodes, side="right") - 1
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
        first_child=(1 + np.cumsum(n_children) - n_children).astype(np.int32),
        n_children=n_children.astype(np.uint16),
        letter=np.concatenate(letter).astype(np.uint16),
        word=np.where(ends, np.cumsum(ends) - 1, -1).astype(np.int32),
    ), entries


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
    M = len(trie)
    counts = trie.n_children.astype(np.int64)
    expected = 1 + np.cumsum(counts) - counts
    if M < 1 or not np.array_equal(trie.first_child, expected) or 1 + counts.sum() != M:
        raise ConfigError("its tree is not breadth first")
    if not np.all(expected[counts > 0] > np.flatnonzero(counts)):
        raise ConfigError("its tree has a node that is not reached from the root")
    if trie.letter[0] != ROOT_LETTER or not np.all(trie.letter[1:] < n_letters):
        raise ConfigError(f"its tree has a letter beyond the {n_letters} of its alphabet")
    ends = trie.word[trie.word != -1]
    if not np.array_equal(ends, np.arange(n_entries)) or trie.word[0] != -1:
        raise ConfigError("its entries are not numbered in the order of the tree")
