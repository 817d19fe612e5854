"""Words laid over a lexicon: those that a user added, and those that a context makes likelier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from edgectc.core.types import Array
from edgectc.decoding.search.prefix_search import Bounds, Tree
from edgectc.language import tries
from edgectc.language.tries import Trie

_FIRST_ROOM = 64
_FILLS = {
    "first_child": np.int32(0),
    "n_children": np.uint16(0),
    "letter": np.uint16(tries.ROOT_LETTER),
    "word": np.int32(-1),
    "best": np.float64(-np.inf),
    "bare": np.float64(-np.inf),
}


class _LooseTrie(Trie):
    """A tree in any order of its nodes, which keeps the letters of its entries beside it.

    Attributes:
        n_children: (M,) uint16; the children of a node begin at first_child[node].
        word: (M,) int32 entry that ends at the node, or -1.
        labels: letters of each entry.
    """

    n_children: Array
    word: Array
    labels: Sequence[tuple[int, ...]]

    def __init__(self, arrays: Mapping[str, Array], labels: Sequence[tuple[int, ...]]) -> None:
        self.__dict__.update(arrays, labels=labels)  # frozen, like its base

    def count_children(self, nodes: Array) -> Array:
        """Return (n,) int64: how many children each of ``nodes`` has."""
        return self.n_children[nodes].astype(np.int64)

    def letters_below(self) -> Array:
        """Return (M,) uint32 with every bit set, which is true of any tree."""
        return np.full(len(self), 0xFFFFFFFF, np.uint32)

    def letters_of(self, word: int) -> list[int]:
        """Return the letters of an entry."""
        return list(self.labels[word])

    def find(self, codes: Array) -> Array:
        """Return (n,) the nodes that label sequences lead to, -1 where there is none."""
        return np.array([self._find_one(row[row != tries.ROOT_LETTER]) for row in codes], np.int64)

    def _find_one(self, letters: Array) -> int:
        node = 0
        for letter in letters:
            first = int(self.first_child[node])
            siblings = self.letter[first : first + int(self.n_children[node])]
            match = np.flatnonzero(siblings == letter)
            if not len(match):
                return -1
            node = first + int(match[0])
        return node


class Known(Bounds):
    """Bounds that were kept up to date as the tree grew."""

    def __init__(self, best: Array, bare: Array) -> None:
        self._best, self._bare = best, bare

    def make(self, *, bare: bool) -> Array:
        """Return (M,) the highest weight at or below each node, or that without letter_score."""
        return (self._bare if bare else self._best).copy()

    @cached_property
    def bare(self) -> Array:
        """`make`, kept, without letter_score."""
        return self._bare


class Overlay:
    """A small prefix tree that grows: setting a word costs what its letters cost.

    The children of a node are neighbours, as everywhere; a node that gets one more has them moved
    to the end, and the gap stays. Searches run on a `snapshot`, so they may go on in other threads.
    """

    def __init__(self, letter_score: float) -> None:
        for name, fill in _FILLS.items():
            setattr(self, name, np.full(_FIRST_ROOM, fill))
        self._letter_score, self._size = letter_score, 1
        self._labels: list[tuple[int, ...]] = []
        self._weights: list[float] = []
        self._entry: dict[tuple[int, ...], int] = {}

    first_child: Array
    n_children: Array
    letter: Array
    word: Array
    best: Array
    bare: Array

    def set(self, letters: Sequence[int], weight: float) -> int:
        """Give a word its natural-log weight, -inf to take it out; return its entry."""
        label = tuple(letters)
        entry = self._entry.setdefault(label, len(self._labels))
        if entry == len(self._labels):
            self._labels.append(label)
            self._weights.append(weight)
        self._weights[entry] = weight
        path = [0]
        for letter in label:
            path.append(self._child(path[-1], letter))
        self.word[path[-1]] = entry
        for node in reversed(path):
            first, count = int(self.first_child[node]), int(self.n_children[node])
            own, letters_of = -np.inf, 0
            if self.word[node] >= 0:
                own, letters_of = self._weights[self.word[node]], len(self._labels[self.word[node]])
            below = slice(first, first + count)
            self.best[node] = max(own, self.best[below].max(initial=-np.inf))
            own -= self._letter_score * letters_of
            self.bare[node] = max(own, self.bare[below].max(initial=-np.inf))
        return entry

    def snapshot(self) -> Tree:
        """Return the words as they are now."""
        arrays = {name: getattr(self, name)[: self._size].copy() for name in _FILLS}
        bounds = Known(arrays.pop("best"), arrays.pop("bare"))
        trie = _LooseTrie(arrays, tuple(self._labels))
        return Tree(trie, np.array(self._weights, np.float64), bounds)

    def _child(self, node: int, letter: int) -> int:
        first, count = int(self.first_child[node]), int(self.n_children[node])
        siblings = np.flatnonzero(self.letter[first : first + count] == letter)
        if len(siblings):
            return first + int(siblings[0])
        self._reserve(count + 1)
        moved = self._size
        for name in _FILLS:
            array = getattr(self, name)
            array[moved : moved + count] = array[first : first + count]
        self.first_child[node], self.n_children[node] = moved, count + 1
        self._size = moved + count + 1
        self.letter[self._size - 1] = letter
        return self._size - 1

    def _reserve(self, nodes: int) -> None:
        room = len(self.word)
        while room < self._size + nodes:
            room *= 2
        for name, fill in _FILLS.items():
            array = getattr(self, name)
            grown = np.full(room, fill)
            grown[: self._size] = array[: self._size]
            setattr(self, name, grown)


def tree_of(codes: Array, weights: Array, letter_score: float) -> tuple[Tree, Array]:
    """Return the tree of many words at once, and the entry number of each.

    Args:
        codes: (n, longest) uint16 letters, see `tries.build`.
        weights: (n,) natural-log weights.
        letter_score: nats in them for each letter.
    """
    trie, entries = tries.build(codes)
    by_entry = np.empty(len(weights))
    by_entry[entries] = weights
    return Tree(trie, by_entry, Bounds(trie, by_entry, letter_score)), entries
