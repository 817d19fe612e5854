"""The exact search over a lexicon's prefix tree, in numpy: the oracle of ``search.c``.

Prefixes are grown one letter at a time, for all frames at once. The probability that the output
*starts* with a prefix, times the weight of the best word below it, bounds every word below it; a
prefix whose bound is under the n-th best word found so far is dropped for good. So nothing is
approximated: what is returned is complete. The bounds of what was dropped add up to all that the
words never looked at can weigh together.

Source: prefix search of Graves et al. 2006, "Connectionist Temporal Classification", section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgectc.core.types import Array
from edgectc.decoding.search.trace import Heading
from edgectc.language.tries import Trie

_FIRST_WIDTH = 64  # prefixes grown at once until there are words to prune with
_WIDTH = 1024  # and after that; bounds the memory, the other prefixes wait
# Probabilities are kept times exp(LIFT * t / T) at frame t, to use the whole range of float64.
# The sum over all paths ends at exp(600), so nothing overflows; under TINY digits get lost.
LIFT = 600.0
TINY = 1e-290
LOG_TINY = float(np.log(TINY))
# Nats that a letter costs which an unfinished signal has not come to: the more of a word is yet to
# come, the less likely it is meant. Chosen on 600 swipes of dev users cut at 60, 80 and 100 %, with
# the heading of the finger: see docs/notes/experiments.md.
TO_COME = 0.5


class Bounds:
    """The highest weights below the nodes of a tree, made when they are asked for.

    Args:
        trie: breadth first.
        weights: (entries,) natural-log weight of each entry.
        letter_score: nats in them for each letter.
    """

    def __init__(self, trie: Trie, weights: Array, letter_score: float) -> None:
        self._trie, self._weights, self.letter_score = trie, weights, letter_score

    def make(self, *, bare: bool) -> Array:
        """Return (M,) the highest weight at or below each node, or that without letter_score."""
        weights = self._weights
        if bare and self.letter_score:
            weights = weights - self.letter_score * self._trie.lengths()
        return self._trie.best_below(weights)

    @cached_property
    def best(self) -> Array:
        """`make`, kept."""
        return self.make(bare=False)

    @cached_property
    def bare(self) -> Array:
        """`make`, kept, without letter_score."""
        return self.make(bare=True) if self.letter_score else self.best


@dataclass(frozen=True, eq=False)
class Tree:
    """The words of one prefix tree, weighed.

    Attributes:
        trie: where the entries end.
        weights: (entries,) natural-log weight of each, added to its log-probability; -inf takes
            it out.
        bounds: highest weights at or below each node.
        hidden: (entries,) bool: entries that are not to be found; None hides nothing.
        more: (entries,) nats that all words of an entry weigh together beyond the heaviest; None
            where each has one.
    """

    trie: Trie
    weights: Array
    bounds: Bounds
    hidden: Array | None = None
    more: Array | None = None


@dataclass(frozen=True, eq=False)
class Result:
    """What a search found.

    Attributes:
        entries: (n,) entries, those of a tree after the first counted on from the one before.
        scores: (n,) natural-log score of each; the ``nbest`` best and their ties are among them.
        exact: whether that is proven.
        log_found: log of the sum of exp(score) over every word that was scored.
        log_rest: log of the most that all other words can add to that sum.
    """

    entries: Array
    scores: Array
    exact: bool
    log_found: float
    log_rest: float


def best_entries(
    trees: Sequence[Tree],
    log_probs: Array,
    *,
    letter_score: float,
    nbest: int,
    slack: float,
    budget: int,
    margin: float = np.inf,
    partial: bool = False,
    heading: Heading | None = None,
) -> Result:
    """Return the ``nbest`` best entries among others that were scored.

    An entry closer than ``slack`` to the last of them is never missed. Entries that cannot be
    emitted are left out, and so are those less likely than about exp(-600).

    Args:
        trees: the words, the largest tree first; a word in two of them is found twice.
        log_probs: (T, K+1) natural-log probabilities of letters 0..K-1 and, last, the blank.
        letter_score: nats in the weights for each letter of a word.
        nbest: entries wanted.
        slack: nats.
        budget: prefixes to grow before the search stops without proof.
        margin: nats under the best entry from which on others need not be found.
        partial: rank by the probability that the frames spell the word or any beginning of it,
            where ``letter_score`` is paid only for the letters of that beginning and each letter
            that is still to come costs ``TO_COME``::

                score(w) = log(sum over k <= L of P(w[:k]) * exp(letter_score * k)
                               * exp(-TO_COME * (L - k))) + weight(w) - letter_score * L
        heading: where the finger is bound for while the signal goes on, or None. In place of
            P(w[:k]) stands, as the letter of the last frame may be one that is only passed::

                (1 - passing) * P(w[:k]) + passing * P(w[:k] | all frames but the last)
                                                   * ahead[w[k]]

            of k letters before the last one, and of all L the first term alone.
    """
    lattice, scored = Lattice(log_probs, letter_score, heading), _Scored(nbest, slack, margin)
    exact, base = True, sum(len(tree.weights) for tree in trees)
    # The overlay first, the lexicon last: the likely words of user and context raise the floor, and
    # the large tree is cut off by it.
    for tree in reversed(trees):
        base -= len(tree.weights)
        exact &= _search_tree(tree, base, lattice, scored, budget, partial)
    scores = np.concatenate(scored.scores)
    entries = np.concatenate(scored.entries)
    log_found = found_in(trees, entries, scores)
    most = max(0.0 if tree.more is None else tree.more.max(initial=0.0) for tree in trees)
    return Result(entries, scores, exact, log_found, scored.log_rest + float(most))


def found_in(trees: Sequence[Tree], entries: Array, scores: Array) -> float:
    """Return the log of the sum of exp(score) over all words of entries, of these heaviest ones."""
    nats = [np.zeros(len(t.weights)) if t.more is None else t.more for t in trees]
    totals = scores + np.concatenate(nats)[entries] if len(entries) else scores
    return float(np.logaddexp.reduce(totals, initial=-np.inf))


def _search_tree(
    tree: Tree, base: int, lattice: Lattice, scored: _Scored, budget: int, partial: bool
) -> bool:
    """Add the words of one tree to ``found``; False if the budget ran out."""
    width = _FIRST_WIDTH
    postponed: list[_Waiting] = []
    root = lattice.root()
    none = np.zeros(1, np.int64)
    paid = lattice.paid(root, none, np.full(1, -np.inf)) if partial else None
    stack = [_waiting(tree, lattice, none, none, root, paid)]
    while stack or postponed:
        if not stack:  # the first dive is over: go on with all it passed by, as one level
            stack, postponed = [_joined([scored.wanted(w) for w in postponed])], []
            width = _WIDTH
        waiting = scored.wanted(stack.pop())
        # The budget holds only after the first dive, so that a beam has words to begin with.
        if width == _WIDTH and scored.grown + len(waiting.nodes) > budget:
            for left in (waiting, *stack):
                scored.leave(left.bounds)
            return False
        # The best bounds go on, depth first: the sooner words are scored, the sooner the floor
        # rises. Any order is exact; only the number of prefixes grown depends on it.
        if len(waiting.nodes) > width:
            order = np.argpartition(-waiting.bounds, width)
            (postponed if width == _FIRST_WIDTH else stack).append(waiting.take(order[width:]))
            waiting = waiting.take(order[:width])
        if len(waiting.nodes):
            nodes = waiting.nodes
            forward = lattice.grow(tree.trie.letter[nodes], waiting.before[waiting.rows])
            depth, paid = waiting.depth + 1, waiting.paid
            if paid is None:
                with np.errstate(divide="ignore"):
                    lifted = np.log(forward[: len(nodes), -1])
            else:
                paid = lattice.paid(forward, depth, paid)
                lifted = paid - lattice.letter_score * depth  # the weights have it for all letters
            scored.add(tree, base, nodes, lifted)
            stack.append(_waiting(tree, lattice, nodes, depth, forward, paid))
    return True


@dataclass(frozen=True, eq=False)
class _Waiting:
    """Prefixes to grow.

    Attributes:
        nodes: (n,) their nodes.
        depth: (n,) letters of each but the last.
        bounds: (n,) natural-log bound of the score of every entry at or below each.
        rows: (n,) row of ``before`` that each continues.
        before: (m, T+1) lifted probability that the first 0..T frames spell the letters before
            the last one, and may be followed by it at once.
        paid: (n,) log of the lifted probability that all frames spell a beginning of the prefix,
            without the prefix itself, each letter of the beginning paid for and each one more
            to come; None where such a beginning does not count.
    """

    nodes: Array
    depth: Array
    bounds: Array
    rows: Array
    before: Array
    paid: Array | None

    def take(self, which: Array) -> _Waiting:
        """Return the prefixes chosen by index or mask."""
        paid = None if self.paid is None else self.paid[which]
        chosen = (self.nodes[which], self.depth[which], self.bounds[which], self.rows[which])
        return _Waiting(*chosen, self.before, paid)


def _waiting(
    tree: Tree,
    lattice: Lattice,
    parents: Array,
    depth: Array,
    forward: Array,
    paid: Array | None,
) -> _Waiting:
    """Return the children of ``parents``, whose `Lattice.grow` is ``forward``.

    ``paid`` counts the parents too.
    """
    nodes, at = tree.trie.children(parents)
    letters = tree.trie.letter[nodes]
    # A letter may follow itself only over a blank: the second half of ``forward``.
    rows = at + len(parents) * (letters == tree.trie.letter[parents][at])
    passed = None if paid is None else lattice.passed(forward, depth, paid, at, letters)
    depth = depth[at]
    best, bare, letter_score = (
        tree.bounds.best[nodes],
        tree.bounds.bare[nodes],
        lattice.letter_score,
    )
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        # No path starts with a prefix and spells a word elsewhere, and no word below weighs more
        # than `best`: so no word below scores more, and one left for its bound loses nothing.
        loose = 0.0 if passed is None else lattice.loose
        bounds = np.log((forward @ lattice.onward)[rows, letters]) + best + loose
        # What the parents have passed counts for the words below, too.
        bounds = bounds if passed is None else np.logaddexp(bounds, passed + bare)
        if letter_score:
            # `best` may be a long word's, paid for letters that the signal has no room for. Here
            # each letter pays as it is emitted, on weights without it; the lower bound counts.
            other = np.log((forward @ lattice.paying)[rows, letters]) + letter_score * (depth + 1)
            other += loose
            other = (other if passed is None else np.logaddexp(other, passed)) + bare
            # Where letters cost, `best` knows nothing of words of which only the beginning is paid.
            bounds = np.fmin(bounds, other) if passed is None or letter_score > 0 else other
    return _Waiting(nodes, depth, bounds - LIFT, rows, forward, passed)


def _joined(parts: list[_Waiting]) -> _Waiting:
    """Return all prefixes as one, with only the rows that they need."""
    before = np.concatenate([part.before[part.rows] for part in parts])
    nodes = np.concatenate([part.nodes for part in parts])
    depth = np.concatenate([part.depth for part in parts])
    bounds = np.concatenate([part.bounds for part in parts])
    paid = [part.paid for part in parts if part.paid is not None]
    total = np.concatenate(paid) if paid else None
    return _Waiting(nodes, depth, bounds, np.arange(len(nodes)), before, total)


class Lattice:
    """The frames of one sample, prepared for growing prefixes of any letters."""

    def __init__(
        self, log_probs: Array, letter_score: float = 0.0, heading: Heading | None = None
    ) -> None:
        T = len(log_probs)
        self.letter_score, self._heading, self._frame = letter_score, heading, LIFT / T
        self.loose = _loose(heading, letter_score)
        lifted = np.exp(log_probs + LIFT / T)
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
        self.onward[:T] = lifted[:, :-1] * np.exp(LIFT / T * (T - 1 - frames))[:, None]
        self.paying = self._paying(lifted) if letter_score else self.onward

    def paid(self, forward: Array, depth: Array, passed: Array) -> Array:
        """Return (n,) log of the mass of each prefix and its beginnings, each letter paid for.

        Args:
            forward: `grow` of the prefixes.
            depth: (n,) letters of each.
            passed: (n,) log of the mass of the beginnings, see `_Waiting`.
        """
        heading = self._heading
        whole = forward[: len(depth), -1] * (1.0 if heading is None else 1.0 - heading.passing)
        with np.errstate(divide="ignore"):
            return np.logaddexp(passed, np.log(whole) + self.letter_score * depth)

    def passed(self, forward: Array, depth: Array, paid: Array, at: Array, letters: Array) -> Array:
        """Return (m,) log of the mass that parents leave to their children.

        Args:
            forward: `grow` of the parents.
            depth: (n,) letters of each.
            paid: (n,) see `paid`.
            at: (m,) parent of each child.
            letters: (m,) last letter of each child.
        """
        mass, heading = paid[at], self._heading
        if heading is not None:  # all but the last frame, which only passes a key
            with np.errstate(divide="ignore"):
                before = np.log(forward[: len(depth), -2] * heading.passing) + self._frame
                before += self.letter_score * depth
                mass = np.logaddexp(mass, before[at] + np.log(heading.ahead[letters]))
        return mass - TO_COME

    def mass(self, word: Sequence[int], *, partial: bool) -> float:
        """Return the log of the probability of a word; of its beginnings too where it goes on.

        As in `best_entries`, less ``letter_score`` for each letter where it is partial.
        """
        depth, before = np.zeros(1, np.int64), self.root()
        passed, last = np.full(1, -np.inf), -1
        for letter in word:
            letters, first = np.array([letter]), np.zeros(1, np.int64)
            if partial:
                paid = self.paid(before, depth, passed)
                passed = self.passed(before, depth, paid, first, letters)
            before = self.grow(letters, before[1:] if letter == last else before[:1])
            depth, last = depth + 1, letter
        if partial:
            return float(self.paid(before, depth, passed)[0] - self.letter_score * len(word) - LIFT)
        with np.errstate(divide="ignore"):
            return float(np.log(before[0, -1]) - LIFT)

    def _paying(self, lifted: Array) -> Array:
        """Return (T+1, K): a letter at frame t and all after it, further letters paid for.

        That gives another bound of a prefix: `onward` with ``best`` takes ``letter_score`` for as
        many letters as the longest word below has, this for as many as the signal has room for.
        """
        T, K = lifted.shape[0], lifted.shape[1] - 1
        pay, table = np.exp(self.letter_score), np.zeros((T + 1, K))
        after, after_blank = np.ones(K), 1.0
        for t in range(T - 1, -1, -1):
            table[t] = lifted[t, :-1] * after
            blank, total = lifted[t, -1] * after_blank, table[t].sum()
            after = blank + table[t] + pay * (total - table[t])
            after_blank = blank + pay * total
        return table

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


def _loose(heading: Heading | None, letter_score: float) -> float:
    """Return nats by which the bounds of a prefix rise, as a frame may be left out of it.

    Fewer frames begin with a prefix less often than all of them do. Where letters cost, the frame
    that was left out may have cost one.
    """
    if heading is None:
        return 0.0
    most = heading.passing * float(heading.ahead.max()) * np.exp(max(0.0, -letter_score))
    return float(np.log(1.0 - heading.passing + most))


class _Scored:
    """Entries scored so far; ``floor`` is the bound under which none is wanted any more."""

    def __init__(self, nbest: int, slack: float, margin: float) -> None:
        self._nbest, self._slack, self._margin = nbest, slack, margin
        self._best = np.full(nbest, -np.inf)
        self.floor: float = np.finfo(np.float64).min  # an impossible prefix has -inf
        self.entries, self.scores = [np.zeros(0, np.int64)], [np.zeros(0)]
        self.log_rest: float = -np.inf
        self.grown = 0

    def wanted(self, waiting: _Waiting) -> _Waiting:
        """Return the prefixes that reach the floor; the others are left."""
        reach = waiting.bounds >= self.floor
        self.leave(waiting.bounds[~reach])
        return waiting.take(reach)

    def leave(self, bounds: Array) -> None:
        """Count prefixes that are not grown: the words below one weigh its bound at most.

        All of them together, as no path spells two words.
        """
        self.log_rest = float(np.logaddexp.reduce(bounds, initial=self.log_rest))

    def add(self, tree: Tree, base: int, nodes: Array, lifted: Array) -> None:
        """Score the entries that end at the grown nodes, of this log of lifted probability."""
        self.grown += len(nodes)
        words = tree.trie.word[nodes]
        ends = np.flatnonzero((words >= 0) & (lifted > LOG_TINY))
        if tree.hidden is not None:
            ends = ends[~tree.hidden[words[ends]]]
        ends = ends[tree.weights[words[ends]] > -np.inf]
        entries = words[ends]
        if not len(entries):
            return
        scores = lifted[ends] - LIFT + tree.weights[entries]
        self.entries.append(entries.astype(np.int64) + base)
        self.scores.append(scores)
        self._best = np.sort(np.concatenate([self._best, scores]))[-self._nbest :]
        # Never lowered: what was left under an earlier floor stays left. The slack keeps words that
        # equal the last one wanted up to rounding, which another machine may order otherwise.
        last = max(float(self._best[0]), float(self._best[-1]) - self._margin)
        self.floor = max(self.floor, last - self._slack)
