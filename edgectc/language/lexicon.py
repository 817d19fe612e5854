"""Words with their natural-log frequencies."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.errors import ConfigError
from edgectc.core.types import Array

MOST_NATS = 700.0  # of a log_prob or boost, up or down: exp of it is still a float


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Words and how frequent they are.

    Attributes:
        words: n different words as they are shown, n >= 1.
        log_probs: (n,) float64 natural log of each word's share of running text.
        notes: lines on source and licence.
        untyped: apostrophes and hyphens that no word is spelled with, whatever keys there are.
        unsaid: words that no free spelling is, beside its own; offensive ones that it leaves out.

    Raises:
        ConfigError: no words, a word twice, another number of log_probs, or one not finite.
    """

    words: tuple[str, ...]
    log_probs: Array
    notes: tuple[str, ...] = ()
    untyped: frozenset[str] = frozenset()
    unsaid: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.words:
            raise ConfigError("a lexicon needs at least one word")
        if self.log_probs.shape != (len(self.words),):
            raise ConfigError(
                f"a lexicon of {len(self.words)} words got log_probs {self.log_probs.shape}"
            )
        if not np.all(np.abs(self.log_probs) <= MOST_NATS):  # false for NaN too
            word = self.words[int(np.argmin(np.abs(self.log_probs) <= MOST_NATS))]
            raise ConfigError(
                f"a lexicon holds {word!r} with a log_prob that is not finite or beyond "
                f"{MOST_NATS:g} nats; leave the word out"
            )
        if len(set(self.words)) != len(self.words):
            twice = next(word for word, n in Counter(self.words).items() if n > 1)
            raise ConfigError(f"a lexicon holds {twice!r} twice; add the counts up")

    @classmethod
    def from_counts(cls, counts: Mapping[str, float], notes: tuple[str, ...] = ()) -> Lexicon:
        """Return the words of ``counts``, most frequent first; counts may have any scale > 0."""
        if not all(math.isfinite(count) and count > 0 for count in counts.values()):
            raise ConfigError("the count of a word must be finite and above 0")
        order = sorted(counts, key=lambda word: (-counts[word], word))
        values = np.array([counts[word] for word in order], np.float64)
        return cls(tuple(order), np.log(values / values.sum()), notes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.log_probs):,} words)"


def merged(first: Lexicon, second: Lexicon) -> Lexicon:
    """Return the words of both; one that both have keeps the figure of the first."""
    held = set(first.words)
    new = np.array([word not in held for word in second.words], bool)
    words = tuple(word for word, fresh in zip(second.words, new, strict=True) if fresh)
    log_probs = np.concatenate([first.log_probs, second.log_probs[new]])
    return Lexicon(first.words + words, log_probs, first.notes, first.untyped, first.unsaid)


def subset(lexicon: Lexicon, keep: Array) -> Lexicon:
    """Return the words where ``keep`` (n,) bool is set."""
    words = tuple(word for word, kept in zip(lexicon.words, keep, strict=True) if kept)
    return Lexicon(words, lexicon.log_probs[keep], lexicon.notes, lexicon.untyped, lexicon.unsaid)


def say_unspelled(left: Sequence[str], count: int) -> None:
    """Warn of the words of a lexicon of ``count`` that a decoder cannot spell, with an example."""
    if left:
        logging.getLogger("edgectc").warning(
            "edgectc: %d of %d words of the lexicon are left out: the tokens cannot spell %r",
            len(left),
            count,
            left[0],
        )
