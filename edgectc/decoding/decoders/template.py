"""A template matcher: words by the distance of the trace from their ideal paths, without a network.

What a swipe keyboard was before neural networks, as a baseline in the same tables. The network's
answer is not looked at.

Source: Kristensson & Zhai 2004, "SHARK2: A Large Vocabulary Shorthand Writing System".
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgectc.core import forks
from edgectc.core.config import check_numbers, number
from edgectc.core.errors import ConfigError, InputError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array, Decoded, Hypothesis
from edgectc.decoding.search.checks import check_nbest
from edgectc.decoding.search.options import MOST_WEIGHT
from edgectc.decoding.search.trace import Path
from edgectc.language.lexicon import Lexicon
from edgectc.language.packed import pack

USES = frozenset({"lexicon"})

Groups = dict[tuple[int, int], tuple[Array, Array]]  # first and last letter: entries, paths


@dataclass(frozen=True)
class Options:
    """Weights of the score.

    Attributes:
        location_weight: nats for each key of mean distance between trace and ideal path.
        shape_weight: the same with both moved to one centre and scaled to one size.
        lm_weight: weight of the lexicon's natural-log frequency.
        reach: words are compared whose first and last key lie within so many keys of the ends of
            the trace.
        samples: points on each path, evenly along it.
    """

    location_weight: float = number(9.0, least=0, most=MOST_WEIGHT)
    shape_weight: float = number(4.0, least=0, most=MOST_WEIGHT)
    lm_weight: float = number(0.6, least=0, most=MOST_WEIGHT)
    reach: float = number(1.6, above=0)
    samples: int = number(24, least=2, most=10_000)

    def __post_init__(self) -> None:
        check_numbers(self)


def create(options: Options, *, tokens: Tokens, lexicon: Lexicon | None) -> TemplateDecoder:
    """Return the decoder.

    Raises:
        ConfigError: no lexicon, or none of its words can be spelled with ``tokens``.
    """
    if lexicon is None:
        raise ConfigError("the template decoder needs a lexicon; give one, or use 'greedy'")
    return TemplateDecoder(options, tokens, lexicon)


class TemplateDecoder:
    """Finds the words whose ideal path, straight from key to key, is nearest to the trace.

    score(w) = lm_weight * lexicon(w) - location_weight * location(w) - shape_weight * shape(w),
    both the mean distance of points that lie evenly along trace and path, in key units.
    ``probability`` is the share of exp(score) among all words compared.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"trace"})

    def __init__(self, options: Options, tokens: Tokens, lexicon: Lexicon) -> None:
        self._options = options
        letters = {s for i, s in enumerate(tokens.symbols) if i != tokens.blank_id and len(s) == 1}
        self._words = pack(lexicon, letters)
        spelled = self._words.trie.spellings()
        self._lengths = self._words.trie.lengths()
        self._codes = spelled
        rows = np.arange(len(spelled))
        self._ends = spelled[:, 0], spelled[rows, self._lengths - 1]
        self._weights = self._words.log_probs[self._words.first_word[:-1]]
        self._made: tuple[Array, Groups] = (np.empty(0), {})
        self._lock = threading.Lock()

    def __call__(self, log_probs: object, *, nbest: int = 5, trace: Path | None = None) -> Decoded:
        """Return the ``nbest`` best words; none if no word lies near the ends of the trace.

        Args:
            log_probs: not looked at.
            nbest: most words to return.
            trace: where the finger went.

        Raises:
            InputError: there is no trace: the model reads no finger.
        """
        nbest = check_nbest(nbest)
        if trace is None:
            raise InputError(
                "the template decoder got no trace; use it with a swipe model", reason="no_trace"
            )
        entries, paths = self._candidates(trace)
        if not len(entries):
            return Decoded(())
        options = self._options
        drawn = _evenly(trace.points[None], options.samples)
        scores = options.lm_weight * self._weights[entries]
        scores -= options.location_weight * _apart(paths, drawn)
        scores -= options.shape_weight * _apart(_shape(paths), _shape(drawn))
        share = np.exp(scores - scores.max())
        share /= share.sum()
        best = np.lexsort((entries, -scores))[:nbest]
        return Decoded(
            tuple(
                Hypothesis(self._shown(int(entries[i])), float(scores[i]), float(share[i]))
                for i in best
            )
        )

    def _shown(self, entry: int) -> str:
        return self._words.text(int(self._words.first_word[entry]))

    def _candidates(self, trace: Path) -> tuple[Array, Array]:
        """Return (n,) entries near both ends of the trace and (n, samples, 2) their paths."""
        keys = trace.places(self._words.letters)
        with forks.whole(), self._lock:
            if not np.array_equal(self._made[0], keys, equal_nan=True):
                self._made = (keys, {})
            groups = self._made[1]  # another call may have another keyboard
        near = [
            np.flatnonzero(np.hypot(*(keys - end).T) <= self._options.reach)
            for end in (trace.points[0], trace.points[-1])
        ]
        parts = [self._group(int(a), int(b), keys, groups) for a in near[0] for b in near[1]]
        if not parts:
            return np.empty(0, np.int64), np.empty((0, self._options.samples, 2))
        entries, paths = zip(*parts, strict=True)
        return np.concatenate(entries), np.concatenate(paths)

    def _group(self, first: int, last: int, keys: Array, groups: Groups) -> tuple[Array, Array]:
        """Return the words from one letter to another and their paths, made once a keyboard."""
        if (first, last) not in groups:
            rows = np.flatnonzero((self._ends[0] == first) & (self._ends[1] == last))
            lengths = self._lengths[rows]
            # Beyond its end a word stays on its last letter.
            places = np.minimum(np.arange(self._codes.shape[1]), lengths[:, None] - 1)
            corners = keys[self._codes[rows[:, None], places]]
            usable = np.isfinite(corners).all((1, 2))
            paths = _evenly(corners[usable], self._options.samples)
            groups[first, last] = (rows[usable], paths)
        return groups[first, last]


def _evenly(corners: Array, samples: int) -> Array:
    """Return (n, samples, 2) points evenly along n polylines of (n, corners, 2)."""
    steps = np.diff(corners, axis=1)
    arc = np.cumsum(np.hypot(steps[:, :, 0], steps[:, :, 1]), axis=1)
    arc = np.concatenate([np.zeros((len(arc), 1)), arc], axis=1)
    wanted = np.linspace(0.0, 1.0, samples) * arc[:, -1:]
    leg = np.minimum((arc[:, None, 1:] < wanted[:, :, None]).sum(2), max(0, steps.shape[1] - 1))
    if not steps.shape[1]:
        return np.repeat(corners, samples, axis=1)
    row = np.arange(len(corners))[:, None]
    length = arc[row, leg + 1] - arc[row, leg]
    share = np.where(length > 0, (wanted - arc[row, leg]) / np.where(length > 0, length, 1.0), 0.0)
    result: Array = corners[row, leg] + share[:, :, None] * steps[row, leg]
    return result


def _shape(paths: Array) -> Array:
    """Return paths about their own centre, scaled to a mean square distance of 1 from it."""
    centred = paths - paths.mean(1, keepdims=True)
    size = np.sqrt((centred**2).sum(2).mean(1))[:, None, None]
    shaped: Array = centred / np.maximum(size, 0.3)  # a dot has no shape
    return shaped


def _apart(a: Array, b: Array) -> Array:
    """Return (n,) the mean distance of points at the same place along two paths."""
    result: Array = np.sqrt(((a - b) ** 2).sum(2)).mean(1)
    return result
