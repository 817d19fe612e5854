"""A lexicon as a prefix tree in flat arrays, and the exact search over it.

Prefixes are grown one letter at a time, for all frames at once. The probability that the output
*starts* with a prefix, times the weight of the best word below it, bounds every word below it; a
prefix whose bound is under the n-th best word found so far is dropped for good. So nothing is
approximated: what is returned is complete.

Source: prefix search of Graves et al. 2006, "Connectionist Temporal Classification", section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgectc.types import Array

_FIRST_WIDTH = 64  # prefixes grown at once until there are words to prune with
_WIDTH = 1024  # and after that; bounds the memory, the other prefixes wait
# Probabilities are kept times exp(_LIFT * t / T) at frame t, to use the whole range of float64.
# The sum over all paths ends at exp(600), so nothing overflows; under _TINY digits get lost.
_LIFT = 600.0
_TINY = 1e-290


@dataclass(frozen=True, eq=False)
class Trie:
    """A prefix tree of M nodes; node 0 is the root, the children of a node are neighbours.

    Attributes:
        first_child: (M,) int32 node of the first child, meaningless without children.
        n_children: (M,) int32.
        letter: (M,) int32 letter on the way into the node; -1 at the root.
        word: (M,) int32 entry that ends at the node, or -1.
        best: (M,) float64 highest weight of the entries at or below the node.
    """

    first_child: Array
    n_children: Array
    letter: Array
    word: Array
    best: Array

    def children(self, nodes: Array) -> tuple[Array, Array]:
        """Return the children of ``nodes`` and, for each, the index of its parent in ``nodes``."""
        counts = self.n_children[nodes]
        parents = np.repeat(np.arange(len(nodes)), counts)
        before = np.cumsum(counts) - counts
        offsets = np.repeat(self.first_child[nodes] - before, counts)
        return offsets + np.arange(len(parents)), parents


def build(spelled: Array, weights: Array, letters: Mapping[str, int]) -> Trie:
    """Return the tree of the entries.

    Args:
        spelled: (n,) array of str, n >= 1, strictly ascending, none empty.
        weights: (n,) natural-log weight of each entry.
        letters: number of every character that occurs.
    """
    width = spelled.dtype.itemsize // 4
    codes = np.ascontiguousarray(spelled).view(np.uint32).reshape(len(spelled), width)
    numbers = np.zeros(int(codes.max()) + 1, np.int32)
    for character, number in letters.items():
        if ord(character) < len(numbers):
            numbers[ord(character)] = number
    lengths = (codes != 0).sum(axis=1)
    # In sorted order a row begins new nodes behind the prefix it shares with the row above.
    shared = np.zeros(len(codes), np.int64)
    shared[1:] = (codes[1:] != codes[:-1]).argmax(axis=1)

    letter, parent, word = [np.array([-1])], [np.array([-1])], [np.array([-1])]
    at = np.zeros(len(codes), np.int64)  # node that each row has reached
    size = 1
    for depth in range(width):
        starts = (shared <= depth) & (lengths > depth)
        rows = np.flatnonzero(starts)
        letter.append(numbers[codes[rows, depth]])
        parent.append(at[rows])
        # The shortest of the rows that share a prefix comes first, so it is the one that starts.
        word.append(np.where(lengths[rows] == depth + 1, rows, -1))
        at = np.cumsum(starts) + (size - 1)
        size += len(rows)
    words = np.concatenate(word).astype(np.int32)
    n_children = np.bincount(np.concatenate(parent)[1:], minlength=size)
    return Trie(
        first_child=(1 + np.cumsum(n_children) - n_children).astype(np.int32),
        n_children=n_children.astype(np.int32),
        letter=np.concatenate(letter).astype(np.int32),
        word=words,
        best=_best_below(np.where(words >= 0, weights[words], -np.inf), parent),
    )


def _best_below(own: Array, parents: list[Array]) -> Array:
    """Return (M,) the maximum of ``own`` over each node's subtree.

    Args:
        own: (M,) weight of each node.
        parents: parent of each node, one array a level, the root's first.
    """
    best = own.copy()
    end = len(own)
    for parent in reversed(parents[1:]):
        start = end - len(parent)
        np.maximum.at(best, parent, best[start:end])
        end = start
    return best


def search(
    trie: Trie, weights: Array, log_probs: Array, *, nbest: int, slack: float
) -> tuple[Array, Array]:
    """Return the entries that were scored and their scores (n,), the ``nbest`` best among them.

    An entry closer than ``slack`` to the last of them is never missed. Entries that cannot be
    emitted are left out, and so are those less likely than about exp(-600).

    Args:
        trie: tree of the entries, built with ``weights``.
        weights: (n,) natural-log weight of each entry, added to its log-probability.
        log_probs: (T, K+1) natural-log probabilities of letters 0..K-1 and, last, the blank.
        nbest: entries wanted.
        slack: nats.
    """
    lattice, found = _Lattice(log_probs), _Found(nbest, slack)
    width = _FIRST_WIDTH
    postponed: list[_Waiting] = []
    stack = [_waiting(trie, lattice, np.zeros(1, np.int64), lattice.root())]
    while stack or postponed:
        if not stack:  # the first dive is over: go on with all it passed by, as one level
            stack, postponed = [_joined([w.take(w.bounds >= found.floor) for w in postponed])], []
            width = _WIDTH
        waiting = stack.pop()
        waiting = waiting.take(waiting.bounds >= found.floor)
        if len(waiting.nodes) > width:
            order = np.argpartition(-waiting.bounds, width)
            (postponed if width == _FIRST_WIDTH else stack).append(waiting.take(order[width:]))
            waiting = waiting.take(order[:width])
        if len(waiting.nodes):
            nodes = waiting.nodes
            forward = lattice.grow(trie.letter[nodes], waiting.before[waiting.rows])
            found.add(trie.word[nodes], forward[: len(nodes), -1], weights)
            stack.append(_waiting(trie, lattice, nodes, forward))
    return np.concatenate(found.entries), np.concatenate(found.scores)


@dataclass(frozen=True, eq=False)
class _Waiting:
    """Prefixes to grow.

    Attributes:
        nodes: (n,) their nodes.
        bounds: (n,) natural-log bound of the score of every entry at or below each.
        rows: (n,) row of ``before`` that each continues.
        before: (m, T+1) lifted probability that the first 0..T frames spell the letters before
            the last one, and may be followed by it at once.
    """

    nodes: Array
    bounds: Array
    rows: Array
    before: Array

    def take(self, which: Array) -> _Waiting:
        """Return the prefixes chosen by index or mask."""
        return _Waiting(self.nodes[which], self.bounds[which], self.rows[which], self.before)


def _waiting(trie: Trie, lattice: _Lattice, parents: Array, forward: Array) -> _Waiting:
    """Return the children of ``parents``, whose `_Lattice.grow` is ``forward``."""
    nodes, at = trie.children(parents)
    letters = trie.letter[nodes]
    # A letter may follow itself only over a blank: the second half of ``forward``.
    rows = at + len(parents) * (letters == trie.letter[parents][at])
    with np.errstate(divide="ignore"):
        bounds = np.log((forward @ lattice.onward)[rows, letters]) - _LIFT + trie.best[nodes]
    return _Waiting(nodes, bounds, rows, forward)


def _joined(parts: list[_Waiting]) -> _Waiting:
    """Return all prefixes as one, with only the rows that they need."""
    before = np.concatenate([part.before[part.rows] for part in parts])
    nodes = np.concatenate([part.nodes for part in parts])
    bounds = np.concatenate([part.bounds for part in parts])
    return _Waiting(nodes, bounds, np.arange(len(nodes)), before)


class _Lattice:
    """The frames of one sample, prepared for growing prefixes of any letters."""

    def __init__(self, log_probs: Array) -> None:
        T = len(log_probs)
        lifted = np.exp(log_probs + _LIFT / T)
        self._letters, blank = np.ascontiguousarray(lifted[:, :-1].T), lifted[:, -1]  # (K, T)
        # (2**i, p): p[k, t] is the probability of letter k in the 2**i frames up to 2**i + t.
        self._runs: list[tuple[int, Array]] = []
        run, stride = self._letters, 1
        while stride < T:
            self._runs.append((stride, run[:, stride:].copy()))
            longer = run.copy()
            longer[:, stride:] *= run[:, :-stride]
            run, stride = longer, 2 * stride
        frames = np.arange(T)
        between = np.cumprod(np.where(frames > frames[:, None], blank, 1.0), axis=1)
        # (T, T+1): from a letter at frame s to the frames s+1..t-1 being blank, at least one.
        self._blanks = np.zeros((T, T + 1))
        self._blanks[:, 1:] = np.triu(between, 1)
        self._start = np.concatenate([[1.0], np.cumprod(blank)])
        # (T+1, K): a letter at frame t, and anything after it.
        self.onward = np.zeros((T + 1, len(self._letters)))
        self.onward[:T] = lifted[:, :-1] * np.exp(_LIFT / T * (T - 1 - frames))[:, None]

    def root(self) -> Array:
        """Return `grow` of the empty prefix: blanks alone, and any letter may follow."""
        return np.stack([self._start, self._start])

    def grow(self, letters: Array, before: Array) -> Array:
        """Return (2n, T+1) lifted probabilities that the first 0..T frames spell each prefix.

        Rows n..2n-1 count only what ends in blank.

        Args:
            letters: (n,) last letter of each prefix.
            before: (n, T+1) see `_Waiting`.
        """
        n, T = len(letters), before.shape[1] - 1
        # in_letter[t] = p[t] * (in_letter[t-1] + before[t]), by doubling: after i rounds it holds
        # the runs of less than 2**i frames.
        in_letter = before[:, :T] * self._letters[letters]
        for stride, run in self._runs:
            in_letter[:, stride:] += run[letters] * in_letter[:, :-stride]
        forward = np.empty((2 * n, T + 1))
        np.matmul(in_letter, self._blanks, out=forward[n:])
        forward[:n] = forward[n:]
        forward[:n, 1:] += in_letter
        return forward


class _Found:
    """Entries scored so far; ``floor`` is the bound under which none is wanted any more."""

    def __init__(self, nbest: int, slack: float) -> None:
        self._nbest, self._slack = nbest, slack
        self._best = np.full(nbest, -np.inf)
        self.floor: float = np.finfo(np.float64).min  # an impossible prefix has -inf
        self.entries, self.scores = [np.zeros(0, np.int64)], [np.zeros(0)]

    def add(self, words: Array, lifted: Array, weights: Array) -> None:
        """Score the entries that end at the grown nodes; ``words`` is -1 where none does."""
        ends = np.flatnonzero((words >= 0) & (lifted > _TINY))
        if not len(ends):
            return
        entries = words[ends]
        scores = np.log(lifted[ends]) - _LIFT + weights[entries]
        self.entries.append(entries)
        self.scores.append(scores)
        self._best = np.sort(np.concatenate([self._best, scores]))[-self._nbest :]
        self.floor = max(self.floor, float(self._best[0]) - self._slack)
