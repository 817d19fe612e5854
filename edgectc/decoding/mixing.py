"""Several languages at once: each word by its own language, and languages by the words before."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgectc.core.contracts import Decoder
from edgectc.core.errors import ConfigError
from edgectc.core.types import Array, Decoded, Hypothesis
from edgectc.decoding.decoders.lexicon import LexiconDecoder
from edgectc.decoding.search.checks import check_nbest
from edgectc.decoding.search.context import PreparedDecoder
from edgectc.decoding.search.trace import Path
from edgectc.language.ngram.tables import BOS
from edgectc.language.spelling import normalize_word, words_of

# Chosen on dev users, see docs/languages.md.
STAY = 0.9  # probability that the next word is of the language of this one
FIRST = 0.9  # share of the first language where nothing is known
_UNKNOWN = math.log(1e-8)  # share of a word that a language lacks
_HEARD = 12  # words before the cursor that tell the language


class MixedDecoder:
    """Finds the best words of several languages.

    The score of word w of language l is that of its own decoder and what the words before say of
    the language::

        score(w, l) = score_l(w) + lm_weight * log P(l | previous words)

    A word that several languages have counts with its best score; a free spelling (`unknown_score`)
    of one that another language has, or leaves unsaid, does not count. P(l | previous words) is
    that of a hidden Markov model whose states are the languages: it stays in a language with
    `STAY`, begins in the first one with `FIRST`, and word w has the share of running text that the
    lexicon of l gives it, at least 1e-8.

    Source: of the filter, Rabiner 1989, "A Tutorial on Hidden Markov Models", the forward
    algorithm.
    """

    def __init__(self, decoders: Mapping[str, LexiconDecoder]) -> None:
        """Mix decoders of the same tokens and options, the main language first."""
        self._decoders = dict(decoders)
        options = next(iter(self._decoders.values())).options
        self._weight, self._temperature = options.lm_weight, options.temperature

    @property
    def takes(self) -> frozenset[str]:
        """Return what a call makes something of."""
        return frozenset.intersection(*(decoder.takes for decoder in self._decoders.values()))

    def languages(self, context: Sequence[str] | str = ()) -> dict[str, float]:
        """Return the probability that the next word is of each language, summing to 1.

        Args:
            context: as in a call; a text tells more than the words of its last sentence.
        """
        words = words_of(context) if isinstance(context, str) else [w for w in context if w != BOS]
        n = len(self._decoders)
        start = np.full(n, (1 - FIRST) / max(1, n - 1))
        start[0] = FIRST if n > 1 else 1.0
        moves = np.full((n, n), (1 - STAY) / max(1, n - 1))
        np.fill_diagonal(moves, STAY if n > 1 else 1.0)
        state = start
        for word in words[-_HEARD:]:
            shares = [max(d.frequency(word), _UNKNOWN) for d in self._decoders.values()]
            heard = state * np.exp(np.array(shares) - max(shares))
            state = heard / heard.sum() @ moves
        return dict(zip(self._decoders, state.tolist(), strict=True))

    def __call__(
        self,
        log_probs: Array,
        *,
        nbest: int = 5,
        context: Sequence[str] | str = (),
        partial: bool = False,
        trace: Path | None = None,
        spans: bool = False,
        normalize: bool = False,
    ) -> Decoded:
        """Return the ``nbest`` best words; arguments and errors are those of `LexiconDecoder`.

        Hypotheses carry no posterior: the bounds of one language say nothing of several.
        """
        nbest = check_nbest(nbest)
        found: list[list[Hypothesis]] = []
        for language, share in self.languages(context).items():
            prior = self._weight * math.log(share)
            decoder = self._decoders[language]
            answer = decoder(
                log_probs,
                nbest=nbest,
                context=decoder.usable(context),
                partial=partial,
                trace=trace,
                spans=spans,
                normalize=normalize,
            )
            others = [one for name, one in self._decoders.items() if name != language]
            found.append(
                [
                    replace(h, score=h.score + prior, posterior=None)
                    for h in answer
                    if "lexicon" in h.parts or not any(o.knows(h.text) for o in others)
                ]
            )
        kept = functools.reduce(_joined, found)
        ranked = sorted(kept, key=lambda h: (-h.score, h.text))[:nbest]
        return Decoded(tuple(self._shares(ranked, kept, found)))

    def prepare(self, context: Sequence[str] | str = ()) -> None:
        """Make ready what the next call with this context needs, see `LexiconDecoder.prepare`."""
        for decoder in self._decoders.values():
            if isinstance(decoder, PreparedDecoder):
                decoder.prepare(decoder.usable(context))

    def _shares(
        self,
        ranked: Sequence[Hypothesis],
        kept: Sequence[Hypothesis],
        found: Sequence[Sequence[Hypothesis]],
    ) -> Iterator[Hypothesis]:
        """Yield the answers with their shares of all the words that the decoders compared."""

        def mass(one: Hypothesis) -> float:
            return math.exp((one.score - ranked[0].score) / self._temperature)

        sure = [next((h for h in answer if h.probability > 0), None) for answer in found]
        compared = sum(mass(h) / h.probability for h in sure if h is not None)
        # Words that two languages have were compared twice.
        compared -= sum(map(mass, itertools.chain(*found))) - sum(map(mass, kept))
        for one in ranked:
            yield replace(one, probability=mass(one) / compared)


def _joined(first: Sequence[Hypothesis], second: Sequence[Hypothesis]) -> list[Hypothesis]:
    """Return the words of two languages; of one that both have, but for its case, the better."""
    mine, theirs = _best(first), _best(second)
    return [
        *(one for one in first if mine[_word(one)] >= theirs.get(_word(one), -math.inf)),
        *(one for one in second if theirs[_word(one)] > mine.get(_word(one), -math.inf)),
    ]


def _best(found: Sequence[Hypothesis]) -> dict[str, float]:
    """Return the best score of each word, whatever its case."""
    best: dict[str, float] = {}
    for one in found:
        best[_word(one)] = max(one.score, best.get(_word(one), -math.inf))
    return best


def _word(one: Hypothesis) -> str:
    """Return the word of a hypothesis as words are compared."""
    return normalize_word(one.text)


def mixed(decoders: Mapping[str, Decoder]) -> Decoder:
    """Return the decoder of several languages, by name, the main one first.

    Raises:
        ConfigError: they are of another kind than "lexicon".
    """
    of_words = {k: d for k, d in decoders.items() if isinstance(d, LexiconDecoder)}
    if len(of_words) < len(decoders):
        raise ConfigError(
            "several languages at once need the decoder 'lexicon'; name one language, or leave the "
            "decoder out",
            options=["language", "decoder"],
        )
    return MixedDecoder(of_words)
