"""A prefix beam search as textbooks have it: one dictionary of texts a frame, and nothing clever.

Every text of the beam is extended by every token, the masses of equal texts are added up, and the
best are kept. It knows nothing of the package's searches: no tree, no bounds, no shared prefixes;
what a text is worth is counted from its symbols each time. Probabilities are plain numbers.

Source: Hannun et al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using
Bi-Directional Recurrent DNNs", algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

Text = tuple[str, ...]  # symbols; a separator between words, none at the beginning, one at most


class Model(Protocol):
    def start(self) -> object: ...
    def score(self, state: object, word: str) -> tuple[float, object]: ...
    def finish(self, state: object) -> float: ...


class TooClose(Exception):
    """Two texts at the edge of the beam are equal up to rounding: either may be kept."""


@dataclass
class Worth:
    """What texts are worth beside their mass.

    ``words`` maps the symbols of each known word to its natural-log frequency, ``hotwords``
    phrases, each a list of words in symbols, to nats. ``separator`` is None where the text is one
    word (``single``) or each symbol is a word.
    """

    separator: str | None = None
    single: bool = False
    words: Mapping[Text, float] = field(default_factory=dict)
    constrain: bool = False
    model: Model | None = None
    lm_weight: float = 0.0
    word_score: float = 0.0
    unknown_score: float = 0.0
    unknown_length: float = math.inf
    hotwords: Sequence[tuple[Sequence[Text], float]] = ()

    def __post_init__(self) -> None:
        self.best: dict[Text, float] = {}  # of the words that begin so
        for word, log_prob in self.words.items():
            for end in range(len(word) + 1):
                self.best[word[:end]] = max(log_prob, self.best.get(word[:end], -math.inf))
        self.phrases: list[tuple[Text, float]] = []
        self.shares: dict[Text, float] = {}  # of phrases that are begun
        mark = (self.mark,) if self.mark else ()
        for words, nats in self.hotwords:
            phrase = mark
            for symbols in words:
                phrase = (*phrase, *symbols, *mark)
            self.phrases.append((phrase, nats))
            letters = [symbol != self.mark for symbol in phrase]
            for end in range(1, len(phrase)):
                share = nats * sum(letters[:end]) / sum(letters)
                self.shares[phrase[:end]] = max(share, self.shares.get(phrase[:end], -math.inf))

    def split(self, text: Text, ended: bool) -> tuple[list[Text], Text]:
        """Return the whole words of a text, and the symbols of the one that is begun."""
        if self.separator is None and not self.single:
            return [(symbol,) for symbol in text], ()
        words: list[Text] = [()]
        for symbol in text:
            words = (
                [*words, ()] if symbol == self.separator else [*words[:-1], (*words[-1], symbol)]
            )
        begun = () if ended else words.pop()
        return [word for word in words if word], begun

    def settled(self, text: Text, *, ended: bool) -> float:
        """Return the nats of whole words and hotwords; -inf if the text cannot be."""
        words, begun = self.split(text, ended)
        value, state = 0.0, self.model.start() if self.model else None
        for word in words:
            if self.words and self.constrain and word not in self.words:
                return -math.inf
            value += self.word_score if self.counts else 0.0
            value += self.unknown_score if self.words and word not in self.words else 0.0
            log_prob = 0.0
            if self.model:
                log_prob, state = self.model.score(state, "".join(word))
            elif self.words:
                log_prob = self.words.get(word, min(self.words.values()))
            value += self.lm_weight * log_prob
        if ended and self.model:
            value += self.lm_weight * self.model.finish(state)
        if self.constrain and begun not in self.best:
            return -math.inf
        marked = self.marked(text, ended)
        for phrase, nats in self.phrases:
            places = range(len(marked) - len(phrase) + 1)
            value += nats * sum(marked[at : at + len(phrase)] == phrase for at in places)
        return value

    def promised(self, text: Text) -> float:
        """Return the nats of the best word and of the hotwords that the text has begun."""
        _, begun = self.split(text, False)
        value = 0.0
        if self.words:
            best = self.best.get(begun, min(self.words.values()))
            value = self.lm_weight * best + (0.0 if begun in self.best else self.unknown_score)
            if begun not in self.best and value < 0:
                value *= max(1.0, len(begun) / self.unknown_length)
        marked, share = self.marked(text, False), 0.0
        for at in range(len(marked)):
            begun_share = self.shares.get(marked[at:], 0.0)
            if abs(begun_share) > abs(share):
                share = begun_share
        return value + share

    @property
    def mark(self) -> str:
        """What stands between words; empty where each symbol is one."""
        return self.separator or ("<end>" if self.single else "")

    @property
    def counts(self) -> bool:
        return self.separator is not None or self.single or self.model is not None

    def marked(self, text: Text, ended: bool) -> Text:
        """Return the text with a separator at its beginning, and at its end if it has ended."""
        if not self.mark:
            return text
        end = () if not ended or text[-1:] == (self.mark,) else (self.mark,)
        return (self.mark, *text, *end)


def step(
    beam: Mapping[Text, tuple[float, float]],
    frame: Mapping[str, float],
    blank: str,
    separator: str | None,
) -> dict[Text, tuple[float, float]]:
    """Return the masses after a frame: of each text, ending in blank, and in its last symbol."""
    after: dict[Text, tuple[float, float]] = {}

    def add(text: Text, in_blank: float, in_last: float) -> None:
        held = after.get(text, (0.0, 0.0))
        after[text] = (held[0] + in_blank, held[1] + in_last)

    for text in beam:
        add(text, 0.0, 0.0)  # the older text comes first
    for text, (in_blank, in_last) in beam.items():
        for symbol, p in frame.items():
            if symbol == blank:
                add(text, (in_blank + in_last) * p, 0.0)
            elif symbol == separator and text[-1:] in ((), (symbol,)):
                add(text, 0.0, (in_blank + in_last) * p)  # one separator or many: one text
            elif text[-1:] == (symbol,):
                add(text, 0.0, in_last * p)
                add((*text, symbol), 0.0, in_blank * p)
            else:
                add((*text, symbol), 0.0, (in_blank + in_last) * p)
    return after


def search(
    log_probs: np.ndarray,
    symbols: Sequence[str],
    blank: int,
    worth: Worth,
    *,
    beam_size: int,
    beam_threshold: float | None = None,
    token_threshold: float | None = None,
) -> dict[Text, float]:
    """Return the natural-log mass of each text in the beam after all frames.

    Raises:
        TooClose: the answer hangs on rounding.
    """
    beam: dict[Text, tuple[float, float]] = {(): (1.0, 0.0)}
    known: dict[Text, float] = {}  # what each text was worth when it was first met
    for row in np.asarray(log_probs, np.float64):
        all_of_it = {s: math.exp(v) for s, v in zip(symbols, row, strict=True) if v > -math.inf}
        least = -math.inf if token_threshold is None else token_threshold
        top = symbols[int(row.argmax())]
        frame = {s: p for s, p in all_of_it.items() if s == top or row[symbols.index(s)] >= least}
        # A frame whose likely symbols fit no text is taken with all of them.
        for taken in (frame, all_of_it):
            after = step(beam, taken, symbols[blank], worth.separator)
            kept = keep(after, worth, known, beam_size, beam_threshold)
            if kept:
                break
        beam = kept
    return {text: math.log(sum(masses)) for text, masses in beam.items()}


def keep(
    after: Mapping[Text, tuple[float, float]],
    worth: Worth,
    known: dict[Text, float],
    beam_size: int,
    beam_threshold: float | None,
) -> dict[Text, tuple[float, float]]:
    """Return the best texts, in their order."""
    ranks = {}
    for text, masses in after.items():
        if text not in known:
            known[text] = worth.settled(text, ended=False) + worth.promised(text)
        if sum(masses) and known[text] > -math.inf:
            ranks[text] = math.log(sum(masses)) + known[text]
    order = sorted(ranks.values(), reverse=True)
    if not order:
        return {}
    edges = [order[0] - beam_threshold] if beam_threshold is not None else []
    least = max([-math.inf, *edges, *order[beam_size - 1 : beam_size]])
    beyond = [rank for rank in order if rank < least]
    if len(order) > beam_size and order[beam_size] > order[beam_size - 1] - 1e-8:
        raise TooClose
    if (beyond and beyond[0] > least - 1e-8) or any(
        abs(r - e) < 1e-8 for e in edges for r in order
    ):
        raise TooClose
    return {text: after[text] for text, rank in ranks.items() if rank >= least}


def texts(beam: Mapping[Text, float], worth: Worth) -> dict[Text, float]:
    """Return the score of each whole text, the one that says nothing too."""
    total: dict[Text, float] = {}
    for text, mass in beam.items():
        value = mass + worth.settled(text, ended=True)
        plain = text[:-1] if worth.separator and text[-1:] == (worth.separator,) else text
        if value > -math.inf:
            total[plain] = float(np.logaddexp(total.get(plain, -math.inf), value))
    return total
