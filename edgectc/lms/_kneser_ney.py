"""Interpolated modified Kneser-Ney estimation in flat arrays, and mixtures of such models.

    P(w | h) = max(c(h w) - D(c), 0) / c(h) + g(h) P(w | h')
    D(1), D(2), D(3 and more) from the counts of counts of each order

The longest n-grams have their counts, shorter ones the number of different words before them; those
that begin a sentence have their counts, as nothing can be before them. At the bottom is the even
distribution over all words but ``<s>``.

Texts of different kinds are estimated each by itself, on the n-grams of all; the probabilities are
mixed by weight, and the back-offs follow from them.

Source: Chen & Goodman 1998, An empirical study of smoothing techniques, section 3, equations 23 to
26; pruning by counts and the mass it frees as in Heafield et al. 2013; the mixture is the static
one of Stolcke 2002, SRILM.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.errors import ConfigError
from edgectc.lms._ngrams import MAX_ORDER, SPECIALS, Column, Level, NGrams
from edgectc.types import Array

_LEAST = 1e-12  # a rest of probability below this is rounding
FALLBACK = (0.5, 1.0, 1.5)  # discounts where the counts of counts give none


@dataclass
class Grams:
    """All n-grams of one length, sorted by parent and last word.

    Attributes:
        words: (n,) last word.
        parents: (n,) place of the n-gram without its last word, one level up.
        suffixes: (n,) place of the n-gram without its first word, one level up.
        begins: (n,) whether it begins a sentence.
        counts: (S, n) how often each of S texts has it.
        shares: (n,) its share of the mixed text, once estimated.
        kept: (n,) whether the model will hold it.
        log_probs: (n,) natural logarithms, once estimated.
        backoffs: (n,) natural logarithms, 0 where nothing longer is kept.
    """

    words: Array
    parents: Array
    suffixes: Array
    begins: Array
    counts: Array
    shares: Array
    kept: Array
    log_probs: Array
    backoffs: Array


def count(numbers: Array, sources: Array, vocabulary: int, order: int) -> list[Grams]:
    """Return the n-grams of some texts for n = 1..order.

    Args:
        numbers: (n,) word numbers, each sentence between 1 and 2, 0 for unknown words.
        sources: (n,) which text, 0..S-1, each number is from.
        vocabulary: number of words, specials included.
        order: longest n-gram.
    """
    if not 1 <= order <= MAX_ORDER:
        raise ConfigError(f"order is {order}, expected 1 to {MAX_ORDER}")
    levels: list[Grams] = []
    ends = np.flatnonzero(numbers == 2)
    left = ends[np.searchsorted(ends, np.arange(len(numbers)))] - np.arange(len(numbers)) + 1
    nodes = numbers  # for each place of the text, which n-gram begins there
    where = np.arange(len(numbers))
    for n in range(1, order + 1):
        if n == 1:
            words = np.arange(vocabulary)
            parents = suffixes = np.zeros(vocabulary, np.int64)
            begins = words == SPECIALS.index("<s>")
        else:
            where = where[left[where] >= n]
            keys = nodes[where] * vocabulary + numbers[where + n - 1]
            grams, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
            parents, words = grams // vocabulary, grams % vocabulary
            suffixes = nodes[where[first] + 1]
            begins = levels[-1].begins[parents]
            nodes = np.full(len(numbers), -1, np.int64)
            nodes[where] = inverse
        here = nodes[where]
        counts = np.stack(
            [
                np.bincount(here[sources[where] == source], minlength=len(words))
                for source in range(int(sources.max()) + 1)
            ]
        )
        zeros = [np.zeros(len(words)) for _ in range(3)]
        kept = np.ones(len(words), bool)
        levels.append(Grams(words, parents, suffixes, begins, counts, zeros[0], kept, *zeros[1:]))
    return levels


def estimate(
    levels: list[Grams], *, weights: Sequence[float] = (1.0,), prune: Sequence[int] = ()
) -> list[list[tuple[float, ...]]]:
    """Fill in log-probs, back-offs and what is kept; return the discounts by text and order.

    Args:
        levels: what `count` returned.
        weights: of the S texts; they sum to 1.
        prune: for n = 1, 2, ...: n-grams that the texts have so often or less are left out; the
            last number holds for all longer ones. Nothing prunes single words but 0 is expected.

    Raises:
        ConfigError: thresholds that begin above 0 or fall.
    """
    limits = [*prune, *[prune[-1] if prune else 0] * len(levels)][: len(levels)]
    if limits[0] != 0 or limits != sorted(limits) or len(prune) > len(levels):
        raise ConfigError(
            f"prune is {','.join(map(str, prune))}, expected up to {len(levels)} numbers that "
            "begin with 0 and never fall; to hold fewer words, limit the vocabulary"
        )
    sizes = levels[0].counts.sum(1)
    for n, (level, limit) in enumerate(zip(levels, limits, strict=True), start=1):
        level.shares = (np.array(weights) / sizes) @ level.counts
        if n > 1:
            level.kept = (level.counts.sum(0) > limit) & ~_unknown(levels, n)
    mixed = [np.zeros(len(level.words)) for level in levels]
    discounts = []
    for source, weight in enumerate(weights):
        found, probabilities = _one(levels, source)
        discounts.append(found)
        for total, own in zip(mixed, probabilities, strict=True):
            total += weight * own
    for level, total in zip(levels, mixed, strict=True):
        with np.errstate(divide="ignore"):
            level.log_probs = np.log(total)
    levels[0].log_probs[SPECIALS.index("<s>")] = np.log(10.0) * -99  # never asked for; as SRILM
    if len(weights) > 1:
        balance(levels)
    return discounts


def _one(levels: list[Grams], source: int) -> tuple[list[tuple[float, ...]], list[Array]]:
    """Return discounts and probabilities of each order for one text; sets its back-offs."""
    discounts: list[tuple[float, ...]] = []
    probabilities: list[Array] = []
    for n, level in enumerate(levels, start=1):
        adjusted = level.counts[source]
        if n < len(levels):
            above = levels[n]
            before = np.bincount(above.suffixes[above.counts[source] > 0], minlength=len(adjusted))
            adjusted = np.where(level.begins, adjusted, before)
        if n == 1:
            adjusted = adjusted * ~level.begins
        discounts.append(_discounts(adjusted))
        lower = probabilities[-1] if probabilities else np.zeros(0)
        probabilities.append(_interpolated(levels, n, adjusted, discounts[-1], lower))
    return discounts, probabilities


def _unknown(levels: list[Grams], n: int) -> Array:
    """Return which n-grams hold the unknown word; two words and more with it are not kept."""
    holds = levels[0].words == 0
    for level in levels[1:n]:
        holds = holds[level.parents] | (level.words == 0)
    return np.asarray(holds)


def _discounts(adjusted: Array) -> tuple[float, ...]:
    n1, n2, n3, n4 = (int((adjusted == i).sum()) for i in (1, 2, 3, 4))
    if not (n1 and n2 and n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    # A discount of 0 would leave nothing for unseen words.
    in_range = all(0 < d <= i for i, d in enumerate(found, start=1))
    return found if in_range else FALLBACK


def _interpolated(
    levels: list[Grams], n: int, adjusted: Array, discount: tuple[float, ...], lower: Array
) -> Array:
    """Return the probabilities of a level and set the back-offs of the one above it.

    ``lower`` are the probabilities of the level above, where the suffixes are found.
    """
    level = levels[n - 1]
    contexts = 1 if n == 1 else len(levels[n - 2].words)
    total = np.bincount(level.parents, adjusted, minlength=contexts)
    seen = total > 0
    total[~seen] = 1.0
    taken = np.array([0.0, *discount])[np.minimum(adjusted, 3)]
    # What is discounted from the kept ones and all of the rest goes to the shorter context.
    freed = np.where(level.kept, taken, adjusted)
    share = np.bincount(level.parents, freed, minlength=contexts) / total
    share[~seen] = 1.0
    own = (adjusted - taken) * level.kept / total[level.parents]
    if n == 1:
        even = ~level.begins / (len(level.words) - 1)
        return np.asarray(own + share[0] * even)
    has_child = np.bincount(level.parents, level.kept, minlength=contexts) > 0
    levels[n - 2].backoffs = np.log(np.where(has_child, share, 1.0))
    return np.asarray(own + share[level.parents] * lower[level.suffixes])


def balance(levels: list[Grams]) -> None:
    """Set the back-offs so that every distribution sums to 1 with the n-grams that are kept."""
    lower = np.exp(levels[0].log_probs)
    for above, level in itertools.pairwise(levels):
        p, shorter = np.exp(level.log_probs), lower[level.suffixes]
        own, other = rests(level, p, shorter, len(above.words))
        children = np.bincount(level.parents, level.kept, minlength=len(above.words))
        above.backoffs = np.where(children > 0, np.log(own) - np.log(other), 0.0)
        lower = np.where(level.kept, p, np.exp(above.backoffs)[level.parents] * shorter)


def rests(level: Grams, p: Array, lower: Array, contexts: int) -> tuple[Array, Array]:
    """Return, by context, what kept n-grams leave of 1: by themselves, and by shorter contexts."""
    own = np.bincount(level.parents, p * level.kept, minlength=contexts)
    other = np.bincount(level.parents, lower * level.kept, minlength=contexts)
    return np.maximum(1.0 - own, _LEAST), np.maximum(1.0 - other, _LEAST)


def packed(levels: list[Grams], words: Sequence[str]) -> NGrams:
    """Return the n-grams that are kept as a model."""
    made: list[Level] = []
    for n, level in enumerate(levels, start=1):
        starts = backoffs = None
        if n < len(levels):
            below = levels[n]
            children = np.bincount(below.parents, below.kept, minlength=len(level.words))
            starts = np.append(0, np.cumsum(children[level.kept])).astype(np.uint32)
            backoffs = Column(level.backoffs[level.kept].astype(np.float32))
        log_probs = Column(np.minimum(level.log_probs[level.kept], 0.0).astype(np.float32))
        made.append(Level(level.words[level.kept], log_probs, backoffs, starts))
    return NGrams(tuple(words), tuple(made))
