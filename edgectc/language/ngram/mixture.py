"""Static mixtures: one back-off model of texts and of models that are there already.

    P(w | h) = sum over i of weight(i) P(w | h, i)     for each n-gram h w that any of them holds
    P(w | h) = b(h) P(w | h')                          otherwise; b(h) so that the sum over w is 1

Each text is estimated by itself, and each model asked, on the n-grams of all: one that lacks the
n-gram answers by its own back-off.

A model answers for the words of the vocabulary that it knows. Words that it does not know have the
probability 0 there, and what it gives to words outside the vocabulary goes to ``<unk>``: as a
single word; n-grams that hold one are left out, and what they have goes to the shorter context.

Source: Stolcke 2002, SRILM (ngram -mix-lm).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.types import Array
from edgectc.language.ngram import kneser_ney
from edgectc.language.ngram.counting import Grams
from edgectc.language.ngram.tables import SPECIALS, Column, Level, NGrams, index, parents

_LEAST = 1e-12  # a rest of probability below this is rounding
_UNK, _BOS, _EOS = range(len(SPECIALS))


@dataclass(frozen=True, eq=False)
class Component:
    """A model and how its words and those of the mixture answer to each other.

    Attributes:
        ngrams: the model.
        inward: (V,) number in the model of each word of the mixture; 0 if it lacks the word.
        outward: (W,) number in the mixture of each word of the model; -1 if it lacks the word.
    """

    ngrams: NGrams
    inward: Array
    outward: Array


def single_words(ngrams: NGrams) -> dict[str, float]:
    """Return the probability without context of each word of a model."""
    number_of = index(ngrams.words)
    values = np.exp(ngrams.levels[0].log_probs[np.array(list(number_of.values()), np.intp)])
    return dict(zip(number_of, values.tolist(), strict=True))


def component(ngrams: NGrams, words: Sequence[str]) -> Component:
    """Return a model as part of a mixture over ``words``, which begin with `SPECIALS`."""
    known = index(ngrams.words)
    inward = np.array([*range(len(SPECIALS)), *(known.get(w, 0) for w in words[len(SPECIALS) :])])
    outward = np.full(len(ngrams.words), -1)
    outward[inward] = np.where(inward > 0, np.arange(len(words)), -1)
    return Component(ngrams, inward, outward)


def gathered(components: Sequence[Component], order: int) -> list[Array]:
    """Return, for n = 2..order, the n-grams of some models and all that they end in.

    N-grams with a word outside the vocabulary are left out, and those that go on after ``</s>`` or
    expect ``<s>``, which some tool kits write. One may be there several times.

    Returns:
        for each n an array (n, rows) of word numbers.
    """
    ngrams = [np.zeros((n, 0), np.int64) for n in range(2, order + 1)]
    for component in components:
        columns = component.outward[None]
        good = component.outward >= 0
        for n, (above, level) in enumerate(
            itertools.pairwise(component.ngrams.levels[:order]), start=2
        ):
            parent = parents(above)
            columns = np.concatenate([columns[:, parent], component.outward[level.words][None]])
            good = good[parent] & (columns[-1] >= 0) & (columns[-1] != _BOS) & (columns[-2] != _EOS)
            ngrams[n - 2] = np.concatenate([ngrams[n - 2], columns[:, good]], axis=1)
    for n in range(order, 2, -1):
        ngrams[n - 3] = np.concatenate([ngrams[n - 3], ngrams[n - 2][1:]], axis=1)
    return ngrams


def mix(
    levels: list[Grams],
    components: Sequence[Component] = (),
    *,
    weights: Sequence[float] = (1.0,),
    prune: Sequence[int] = (),
) -> list[list[tuple[float, ...]]]:
    """Fill in log-probs, back-offs and what is kept; return the discounts by text and order.

    Args:
        levels: what `count` returned for S texts and the n-grams of the components.
        components: C models.
        weights: of the texts and then of the models, S + C in all; they sum to 1.
        prune: for n = 1, 2, ...: n-grams that the texts have so often or less, and no model has,
            are left out; the last number holds for all longer ones. Nothing prunes single words
            but 0 is expected.

    Raises:
        ConfigError: thresholds that begin above 0 or fall.
    """
    _keep(levels, prune)
    texts = len(levels[0].counts)
    mixed = [np.zeros(len(level.words)) for level in levels]
    discounts = []
    for source, weight in enumerate(weights):
        if source < texts:
            of_text, probabilities = kneser_ney.estimate(levels, source)
            discounts.append(of_text)
            size = levels[0].counts[source].sum()
            shares = [level.counts[source] / size for level in levels]
        else:
            probabilities = _asked(levels, components[source - texts])
            shares = _shares(levels, probabilities)
        for level, total, own, share in zip(levels, mixed, probabilities, shares, strict=True):
            total += weight * own
            level.shares += weight * share
    for level, total in zip(levels, mixed, strict=True):
        level.log_probs = np.log(np.maximum(total, 1e-300))
    levels[0].log_probs[_BOS] = np.log(10.0) * -99  # never asked for; as SRILM
    if len(weights) > 1 or components:
        balance(levels)
    return discounts


def _keep(levels: list[Grams], prune: Sequence[int]) -> None:
    limits = [*prune, *[prune[-1] if prune else 0] * len(levels)][: len(levels)]
    if limits[0] != 0 or limits != sorted(limits) or len(prune) > len(levels):
        raise ConfigError(
            f"prune is {','.join(map(str, prune))}, expected up to {len(levels)} numbers that "
            "begin with 0 and never fall; to hold fewer words, limit the vocabulary"
        )
    unknown = levels[0].words == _UNK
    for level, limit in zip(levels[1:], limits[1:], strict=True):
        unknown = unknown[level.parents] | (level.words == _UNK)
        level.kept = ((level.counts.sum(0) > limit) | level.held) & ~unknown


def _asked(levels: list[Grams], component: Component) -> list[Array]:
    """Return the probabilities that a model gives to the n-grams of the tree."""
    ngrams, inward = component.ngrams, component.inward
    known = inward > 0
    known[_BOS] = False
    p = np.exp(ngrams.levels[0].log_probs[inward]) * known
    p[_UNK] = max(1.0 - p.sum(), _LEAST)
    known[_UNK] = True
    probabilities = [p]
    nodes = inward  # of each n-gram of the tree in the model; -1 where the model lacks it
    for n, level in enumerate(levels[1:], start=2):
        before = nodes[level.parents]
        p, nodes = probabilities[-1][level.suffixes], np.full(len(level.words), -1)
        if n <= ngrams.order:
            above, below = ngrams.levels[n - 2 : n]
            assert above.backoffs is not None
            p *= np.exp(np.where(before >= 0, above.backoffs[before], 0.0))
            keys = parents(above) * len(ngrams.words) + below.words
            wanted = before * len(ngrams.words) + inward[level.words]
            at = np.searchsorted(keys, wanted)
            hit = np.append(keys, -1)[at] == np.where(before >= 0, wanted, -2)
            p[hit] = np.exp(below.log_probs[at[hit]])
            nodes[hit] = at[hit]
        probabilities.append(p * known[level.words])
    return probabilities


def _shares(levels: list[Grams], probabilities: Sequence[Array]) -> list[Array]:
    """Return the share of each n-gram in text as a model without text expects it.

    The probabilities of its words are multiplied. As many sentences begin as end.
    """
    share = probabilities[0].copy()
    share[_BOS] = share[_EOS]
    shares = [share / share.sum()]
    for level, p in zip(levels[1:], probabilities[1:], strict=True):
        shares.append(shares[-1][level.parents] * p)
    return shares


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
    tree: list[Level] = []
    for n, level in enumerate(levels, start=1):
        starts = backoffs = None
        if n < len(levels):
            below = levels[n]
            children = np.bincount(below.parents, below.kept, minlength=len(level.words))
            starts = np.append(0, np.cumsum(children[level.kept])).astype(np.uint32)
            backoffs = Column(level.backoffs[level.kept].astype(np.float32))
        log_probs = Column(np.minimum(level.log_probs[level.kept], 0.0).astype(np.float32))
        tree.append(Level(level.words[level.kept], log_probs, backoffs, starts))
    return NGrams(tuple(words), tuple(tree))
