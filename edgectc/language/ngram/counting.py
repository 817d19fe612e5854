"""The n-grams of texts and of other models as one tree of flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edgectc.core.types import Array
from edgectc.language.ngram.tables import SPECIALS, places


@dataclass
class Grams:
    """All n-grams of one length, sorted by parent and last word.

    Attributes:
        words: (n,) last word.
        parents: (n,) place of the n-gram without its last word, one level up.
        suffixes: (n,) place of the n-gram without its first word, one level up.
        begins: (n,) whether it begins a sentence.
        counts: (S, n) how often each of S texts has it.
        held: (n,) whether a model has it, or one that ends in it.
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
    held: Array
    shares: Array = field(init=False)
    kept: Array = field(init=False)
    log_probs: Array = field(init=False)
    backoffs: Array = field(init=False)

    def __post_init__(self) -> None:
        self.shares, self.log_probs, self.backoffs = np.zeros((3, len(self.words)))
        self.kept = np.ones(len(self.words), bool)


def count(
    numbers: Array,
    sources: Array,
    vocabulary: int,
    order: int,
    *,
    texts: int = 1,
    others: Sequence[Array] = (),
) -> list[Grams]:
    """Return the n-grams of some texts, and others, for n = 1..order.

    Args:
        numbers: (n,) word numbers, each sentence between 1 and 2, 0 for unknown words.
        sources: (n,) which text, 0..texts-1, each number is from.
        vocabulary: number of words, specials included.
        order: longest n-gram.
        texts: number of texts.
        others: for n = 2, 3, ...: (n, rows) word numbers of n-grams that the tree holds as well.
            All that they begin with or end in is there too.
    """
    ends = np.flatnonzero(numbers == 2)
    left = ends[np.searchsorted(ends, np.arange(len(numbers)))] - np.arange(len(numbers)) + 1
    nodes = numbers  # for each place of the text, which n-gram begins there
    where = np.arange(len(numbers))
    keys = [np.arange(vocabulary)]
    none = np.zeros(vocabulary, np.int64)
    begins = keys[0] == SPECIALS.index("<s>")
    counts = _counted(numbers, sources, texts, vocabulary)
    levels = [Grams(keys[0], none, none, begins, counts, none > 0)]
    for n in range(2, order + 1):
        where = where[left[where] >= n]
        own = nodes[where] * vocabulary + numbers[where + n - 1]
        more = others[n - 2] if n - 2 < len(others) else np.zeros((n, 0), np.int64)
        of_models = places(keys, more[:-1], vocabulary) * vocabulary + more[-1]
        grams, inverse = np.unique(np.concatenate([own, of_models]), return_inverse=True)
        here = inverse[: len(own)]
        parents, words = grams // vocabulary, grams % vocabulary
        suffixes = np.searchsorted(keys[-1], levels[-1].suffixes[parents] * vocabulary + words)
        held = np.zeros(len(grams), bool)
        held[inverse[len(own) :]] = True
        counts = _counted(here, sources[where], texts, len(grams))
        levels.append(Grams(words, parents, suffixes, levels[-1].begins[parents], counts, held))
        keys.append(grams)
        nodes = np.full(len(numbers), -1, np.int64)
        nodes[where] = here
    return levels


def _counted(numbers: Array, sources: Array, texts: int, size: int) -> Array:
    """Return how often each text has each number, (texts, size)."""
    counts = np.zeros((texts, size), np.int64)
    for source in range(texts):
        counts[source] = np.bincount(numbers[sources == source], minlength=size)
    return counts
