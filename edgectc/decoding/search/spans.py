"""Where each word of a text is in the signal, and how sure the network is of it.

The alignment is the most probable one of the whole text (Viterbi), with separators as silence: the
start of a word is the first frame of its first token, its end the frame after the last of its last.

The confidence of a word is the probability, under the network alone, that the frames about it say
that word and nothing else, summed over all alignments::

    confidence(k) = P_ctc(word k | frames cut[k] <= t < cut[k + 1])
    cut[k]        = the middle of the pause between word k - 1 and word k; 0 and T at the ends

So the confidence of the only word of a signal is the probability of that text, and a word that the
language model or the lexicon has put in against the network has a low one.

Source: Graves et al. 2006, "Connectionist Temporal Classification", section 4.1: the forward pass
over a label with blanks between, with max for the alignment and a sum for the confidence.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.types import Array, WordSpan

Spelled = tuple[str, Sequence[int]]  # a word as it is shown, and its tokens


def word_spans(
    log_probs: Array, words: Sequence[Spelled], *, blank: int, boundary: int = -1
) -> tuple[WordSpan, ...]:
    """Return the span of each word of a text.

    Args:
        log_probs: (T, V) natural-log probabilities, each row summing to 1.
        words: the text; together the words must fit into T frames.
        blank: column of the CTC blank.
        boundary: column of the token between words; below 0 or V where there is none.
    """
    if not words:
        return ()
    frames = _Frames(log_probs, blank, boundary)
    spans = _aligned(frames, [ids for _, ids in words])
    cuts = [0, *((a[1] + b[0] + 1) // 2 for a, b in itertools.pairwise(spans))]
    cuts.append(len(log_probs))
    found = []
    for (text, ids), (start, end), (first, last) in zip(
        words, spans, itertools.pairwise(cuts), strict=True
    ):
        sure = min(1.0, math.exp(_probability(frames, ids, first, last)))
        found.append(WordSpan(text, start, end, sure))
    return tuple(found)


def surest_spans(
    log_probs: Array, ways: Sequence[Sequence[Spelled]], *, blank: int, boundary: int = -1
) -> tuple[WordSpan, ...]:
    """Return the spans of the way to write a text in which its first word is surest.

    Args:
        log_probs: as in `word_spans`, and so are ``blank`` and ``boundary``.
        ways: of each way the words, one or more; () for no span.
        blank: see there.
        boundary: see there.
    """
    each = [word_spans(log_probs, words, blank=blank, boundary=boundary) for words in ways]
    return max(each, key=lambda words: words[0].confidence, default=())


class _Frames:
    """The columns that alignments read: V tokens, and after them silence as a sum and as a max."""

    def __init__(self, log_probs: Array, blank: int, boundary: int) -> None:
        T, V = log_probs.shape
        self.blank, self.boundary = blank, boundary if 0 <= boundary < V else -1
        self.silence, self.likelier = V, V + 1
        self.values = np.empty((T, V + 2))
        self.values[:, :V] = log_probs
        quiet = log_probs[:, blank]
        other = log_probs[:, self.boundary] if self.boundary >= 0 else np.full(T, -np.inf)
        np.logaddexp(quiet, other, out=self.values[:, V])
        np.maximum(quiet, other, out=self.values[:, V + 1])


@dataclass
class _Chain:
    """The states that a text goes through, from left to right.

    Attributes:
        enter: column that a state emits in its first frame.
        stay: column that it emits in the frames after that.
        skip: 0 where it may follow the state before the last, -inf elsewhere.
        ends: 0 where the text may end, -inf elsewhere.
        word: place of the word that the state is a token of, -1 for none.
    """

    enter: Array
    stay: Array
    skip: Array
    ends: Array
    word: Array


def _chain(frames: _Frames, words: Sequence[Sequence[int]], silence: int) -> _Chain:
    """Return the states of words with silence around them, and of a separator between them."""
    rows = [(silence, silence, False, -1)]
    before = -1  # the token before, within a word or where nothing stands between words
    for place, ids in enumerate(words):
        if place:
            rows.append((frames.blank, frames.blank, False, -1))
            if frames.boundary >= 0:
                rows.append((frames.boundary, silence, True, -1))
                before = -1
        for at, token in enumerate(ids):
            if at:
                rows.append((frames.blank, frames.blank, False, -1))
            rows.append((token, token, before not in (-1, token), place))
            before = token
    rows.append((silence, silence, False, -1))
    enter, stay, skip, word = (np.array(column) for column in zip(*rows, strict=True))
    ends = np.full(len(rows), -np.inf)
    ends[-2:] = 0.0
    return _Chain(enter, stay, np.where(skip, 0.0, -np.inf), ends, word)


def _first(chain: _Chain, row: Array) -> Array:
    score = np.full(len(chain.enter), -np.inf)
    score[:2] = row[chain.enter[:2]]
    return score


def _probability(frames: _Frames, ids: Sequence[int], first: int, last: int) -> float:
    """Return the log of the probability that frames ``first`` to ``last`` say one word alone."""
    chain = _chain(frames, [ids], frames.silence)
    score = _first(chain, frames.values[first])
    for row in frames.values[first + 1 : last]:
        come = np.full(len(score), -np.inf)
        come[1:] = score[:-1]
        come[2:] = np.logaddexp(come[2:], score[:-2] + chain.skip[2:])
        score = np.logaddexp(score + row[chain.stay], come + row[chain.enter])
    return float(np.logaddexp.reduce(score + chain.ends))


def _aligned(frames: _Frames, words: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return the first frame of each word, and the one after its last."""
    chain = _chain(frames, words, frames.likelier)
    T, S = len(frames.values), len(chain.enter)
    came = np.zeros((T, S), np.int8)  # how many states before this one the best path was
    ways = np.full((3, S), -np.inf)
    score = _first(chain, frames.values[0])
    for t in range(1, T):
        row = frames.values[t]
        enter = row[chain.enter]
        np.add(score, row[chain.stay], out=ways[0])
        np.add(score[:-1], enter[1:], out=ways[1, 1:])
        np.add(score[:-2] + chain.skip[2:], enter[2:], out=ways[2, 2:])
        ways.argmax(axis=0, out=came[t])
        score = ways.max(axis=0)
    state = int((score + chain.ends)[::-1].argmax())  # of equal paths the one that ends latest
    state = S - 1 - state
    spans = [(T, 0)] * len(words)
    for t in range(T - 1, -1, -1):
        place = int(chain.word[state])
        if place >= 0:
            spans[place] = (t, max(spans[place][1], t + 1))
        state -= int(came[t, state])
    return spans
