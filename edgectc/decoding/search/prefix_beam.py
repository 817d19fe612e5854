"""A time-synchronous beam over a lexicon's prefix tree: quick on any signal, and not exact."""

from __future__ import annotations

import numpy as np

from edgectc.core.types import Array
from edgectc.decoding.search.prefix_search import Tree


def survivors(tree: Tree, log_probs: Array, beam_size: int) -> Array:
    """Return the entries whose whole spelling is among the ``beam_size`` best prefixes at the end.

    A prefix is ranked by the probability that the frames so far spell it, times the weight of the
    best word below it.

    Args:
        tree: the words.
        log_probs: (T, K+1) natural-log probabilities of letters 0..K-1 and, last, the blank.
        beam_size: prefixes kept at each frame.

    Source: Hannun et al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using
    Bi-Directional Recurrent DNNs", algorithm 1, with a tree in place of a language model.
    """
    trie = tree.trie
    nodes = np.zeros(1, np.int64)
    in_letter, in_blank = np.full(1, -np.inf), np.zeros(1)
    for row in log_probs:
        either = np.logaddexp(in_letter, in_blank)
        children, at = trie.children(nodes)
        letters = trie.letter[children]
        # A letter follows itself only over a blank; without one it is the same letter still.
        doubled = letters == trie.letter[nodes][at]
        arrived = np.where(doubled, in_blank[at], either[at]) + row[letters]
        own = np.where(nodes > 0, trie.letter[nodes], 0)
        stayed = np.where(nodes > 0, in_letter + row[own], -np.inf)
        nodes, row_of = np.unique(np.concatenate([nodes, children]), return_inverse=True)
        n_old = len(either)
        in_letter = np.full(len(nodes), -np.inf)
        in_letter[row_of[:n_old]] = stayed
        in_letter[row_of[n_old:]] = np.logaddexp(in_letter[row_of[n_old:]], arrived)
        in_blank = np.full(len(nodes), -np.inf)
        in_blank[row_of[:n_old]] = either + row[-1]
        # Ranked by the best word that a prefix can still become, or frequent short words would
        # crowd out the beginnings of long ones.
        bound = np.logaddexp(in_letter, in_blank) + tree.bounds.best[nodes]
        kept = np.flatnonzero(bound > -np.inf)
        if len(kept) > beam_size:
            kept = kept[np.argpartition(-bound[kept], beam_size)[:beam_size]]
        nodes, in_letter, in_blank = nodes[kept], in_letter[kept], in_blank[kept]
    words = trie.word[nodes]
    words = words[words >= 0].astype(np.int64)
    return words if tree.hidden is None else words[~tree.hidden[words]]
