"""What both beam searches read: the words, the hotwords and the weights, in flat arrays."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from edgectc.core.types import Array

Spelling = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Trie:
    """A tree of token sequences; node 0 is the root, children are contiguous, by token.

    Attributes:
        first_child: (n,) int32 first child of each node.
        n_children: (n,) int32.
        token: (n,) int32 token that leads to the node; -1 at the root.
        parent: (n,) int32; -1 at the root. A parent comes before its children.
        entry: (n,) int32 row of the sequence that ends at the node, or -1.
    """

    first_child: Array
    n_children: Array
    token: Array
    parent: Array
    entry: Array

    @classmethod
    def build(cls, spellings: Sequence[Spelling]) -> Trie:
        """Return the tree of different, non-empty sequences."""
        n, longest = len(spellings), max(map(len, spellings), default=0)
        table = np.full((n, longest + 1), -1, np.int32)
        lengths = np.fromiter(map(len, spellings), np.int64, n)
        flat = np.fromiter((t for s in spellings for t in s), np.int32, int(lengths.sum()))
        table[:, :longest][np.arange(longest) < lengths[:, None]] = flat
        order = np.lexsort(table.T[::-1])
        table, lengths = table[order], lengths[order]
        node_of = np.zeros(n, np.int64)  # node of each row's prefix of the current length
        token, parent = [np.array([-1], np.int32)], [np.array([-1], np.int32)]
        entry = [np.full(1, -1, np.int32)]
        size = 1
        for depth in range(longest):
            rows = np.flatnonzero(lengths > depth)
            above, letter = node_of[rows], table[rows, depth]
            new = np.ones(len(rows), bool)
            new[1:] = (above[1:] != above[:-1]) | (letter[1:] != letter[:-1])
            node_of[rows] = size + np.cumsum(new) - 1
            token.append(letter[new])
            parent.append(above[new].astype(np.int32))
            ends = np.full(int(new.sum()), -1, np.int32)
            last = rows[lengths[rows] == depth + 1]
            ends[node_of[last] - size] = order[last]
            entry.append(ends)
            size += len(ends)
        parents = np.concatenate(parent)
        n_children = np.bincount(parents[1:], minlength=size).astype(np.int32)
        first_child = (1 + np.cumsum(n_children) - n_children).astype(np.int32)
        return cls(first_child, n_children, np.concatenate(token), parents, np.concatenate(entry))

    def child(self, node: int, token: int) -> int:
        """Return the child of ``node`` by ``token``, or -1."""
        firsts, counts, tokens = self._views
        first = firsts[node]
        end = first + counts[node]
        at = bisect_left(tokens, token, first, end)
        return at if at < end and tokens[at] == token else -1

    def levels(self) -> Iterator[Array]:
        """Yield the nodes of each level below the root."""
        level = np.arange(1, 1 + int(self.n_children[0]))
        while len(level):
            yield level
            begin = int(self.first_child[level[0]])
            level = np.arange(begin, begin + int(self.n_children[level].sum()))

    @cached_property
    def _views(self) -> tuple[memoryview, memoryview, memoryview]:
        """The arrays that `child` reads, as memory views, which index faster."""
        return self.first_child.data, self.n_children.data, self.token.data

    def find(self, sequence: Iterable[int]) -> int:
        """Return the row of ``sequence``, or -1."""
        node = 0
        for token in sequence:
            node = self.child(node, token)
            if node < 0:
                return -1
        return int(self.entry[node])


@dataclass(frozen=True, eq=False)
class Hotwords:
    """Phrases to favour, found in any text one token at a time.

    A phrase that is only begun promises a share of its weight, in proportion to its tokens. That
    keeps a prefix in places beside the beam and takes none from others, see ``prune`` in beam.c.

    Attributes:
        trie: tree of the phrases with their boundaries.
        fail: (n,) int32 node of the longest end of this node's sequence that is in the tree.
        settled: (n,) nats of the phrases that end here.
        partial: (n,) nats, 0 or more, that phrases promise which are begun here.
        start: node at the beginning of a text.

    Source: Aho and Corasick 1975, "Efficient string matching".
    """

    trie: Trie
    fail: Array
    settled: Array
    partial: Array
    start: int

    @classmethod
    def build(cls, phrases: Mapping[Spelling, float], boundary: int) -> Hotwords:
        """Return the matcher of ``phrases``; ``boundary`` is a token between words, or -1."""
        trie = Trie.build(list(phrases))
        nodes = len(trie.token)
        fail, settled = np.zeros(nodes, np.int32), np.zeros(nodes)
        partial = np.zeros(nodes)
        for phrase, weight in phrases.items():
            node, done, total = 0, 0, sum(token != boundary for token in phrase)
            for token in phrase:
                partial[node] = max(partial[node], weight * done / total)
                node = trie.child(node, token)
                done += token != boundary
            settled[node] += weight
        automaton = cls(trie, fail, settled, partial, 0)
        for node in range(1, nodes):  # a parent, and all shorter sequences, come first
            above = int(trie.parent[node])
            if above:
                fail[node] = automaton.step(int(fail[above]), int(trie.token[node]))
            settled[node] += settled[fail[node]]
            partial[node] = max(partial[node], partial[fail[node]])
        start = max(trie.child(0, boundary), 0) if boundary >= 0 else 0
        return cls(trie, fail, settled, partial, start)

    def step(self, node: int, token: int) -> int:
        """Return the node after one more token."""
        while True:
            child = self.trie.child(node, token)
            if child >= 0:
                return child
            if node == 0:
                return 0
            node = int(self.fail[node])

    @property
    def gain(self) -> float:
        """Most nats that one token can add."""
        return max(0.0, float(self.settled.max())) + float(self.partial.max())


BEGINS, ENDS, MAY_END = 1, 2, 4  # bits of `Pieces.marks`


@dataclass(frozen=True, eq=False)
class Pieces:
    """Tokens that write several letters, or say where words begin and end.

    Attributes:
        marks: (V,) int32 bits: `BEGINS`, a word that is open ends before this token; `ENDS`, a word
            ends with it; `MAY_END`, a word that is complete may end before it or go on with it.
        start: (V + 1,) int32 letters of token v are letters[start[v] : start[v + 1]].
        letters: (n,) int32 what the tree of the words is spelled with, one token after the other.
    """

    marks: Array
    start: Array
    letters: Array

    @classmethod
    def of(cls, marks: Sequence[int], letters: Sequence[Sequence[int]]) -> Pieces:
        """Return the arrays of marks and letters, one each a token."""
        start = np.cumsum([0, *map(len, letters)]).astype(np.int32)
        flat = np.array([one for piece in letters for one in piece], np.int32)
        return cls(np.array(marks, np.int32), start, flat)


@dataclass(frozen=True, eq=False)
class Tables:
    """All that a search reads and never changes.

    Attributes:
        n_tokens: V.
        pieces: what tokens write and where words begin, or None: one letter each, and words are
            apart by ``boundary`` alone.
        blank: the blank's column.
        boundary: token that ends a word; V where only the end of the text does; -1 where each
            token is a word of its own.
        constrain: whether only words of ``words`` may be emitted.
        asks: whether the language model is asked for each word.
        counts: whether words are counted for ``word_score``.
        words: tree of the lexicon, or None.
        ahead: (nodes,) nats a prefix is ranked by for the best word at or below a node.
        ahead_unknown: nats a prefix is ranked by while its word is in no lexicon.
        hotwords: the matcher, or None.
        beam_size: prefixes kept.
        beam_threshold: nats; inf for none.
        token_threshold: nats; -inf for none.
        lm_weight: weight of the language model.
        word_score: nats a word.
        unknown_score: nats a word that is not in the lexicon.
        gain: most nats that a token within a word can add to a rank.
        end_gain: most nats that the end of a word can add to the bonus.
        hot_gain: what of both comes from hotwords.
        unknown_length: tokens of an unknown word from which on ``ahead_unknown``, if it costs,
            grows in proportion to its length; inf for never.
        lift: (nodes,) nats that a begun hotword promises besides, where no other word lies below a
            node of ``words``, whose ``ahead`` is that of an unknown word then; None for none.
        alone: (nodes,) uint8, where no word but hotwords lies below a node of ``words``: it ranks
            like an unknown word, ``unknown_length`` too; None without ``lift``.
        hot_size: places beside ``beam_size`` for prefixes in which a hotword is begun.
    """

    n_tokens: int
    blank: int
    boundary: int
    constrain: bool
    asks: bool
    counts: bool
    words: Trie | None
    ahead: Array
    ahead_unknown: float
    hotwords: Hotwords | None
    beam_size: int
    beam_threshold: float
    token_threshold: float
    lm_weight: float
    word_score: float
    unknown_score: float
    gain: float
    end_gain: float
    hot_gain: float = 0.0
    unknown_length: float = math.inf
    hot_size: int = 0
    lift: Array | None = None
    alone: Array | None = None
    pieces: Pieces | None = None


class Ending(NamedTuple):
    """A prefix of the beam as a whole text.

    Attributes:
        place: its place in the beam.
        text: equal for prefixes that are one text, with and without a boundary at the end.
        ctc: log-probability of its alignments.
        path: log-probability of the best one.
        lm_sum: log-probability of its words.
        lm: state of the language model after them.
        words: how many words count.
        unknown: how many of them are in no lexicon.
        hot_sum: nats of its hotwords.
    """

    place: int
    text: int
    ctc: float
    path: float
    lm_sum: float
    lm: int
    words: int
    unknown: int
    hot_sum: float
