"""A prefix beam search as textbooks have it: one dictionary of texts a frame, and nothing clever.

Every text of the beam is extended by every token, the masses of equal texts are added up, and the
best are kept. It knows nothing of the package's searches: no tree, no bounds, no shared prefixes;
what a text is worth is counted from its symbols each time. Probabilities are plain numbers.

Source: Hannun et al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using
Bi-Directional Recurrent DNNs", algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
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
    lent: frozenset[Text] = frozenset()  # of these, words that are there for a hotword alone
    constrain: bool = False
    model: Model | None = None
    lm_weight: float = 0.0
    word_score: float = 0.0
    unknown_score: float = 0.0
    unknown_length: float = math.inf
    hotwords: Sequence[tuple[Sequence[Text], float]] = ()

    def __post_init__(self) -> None:
        self.best: dict[Text, float] = {}  # of the words that begin so
        self.own: dict[Text, float] = {}  # of those that are not lent
        for word, log_prob in self.words.items():
            for best in [self.best] if word in self.lent else [self.best, self.own]:
                for end in range(len(word) + 1):
                    best[word[:end]] = max(log_prob, best.get(word[:end], -math.inf))
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
                self.shares[phrase[:end]] = max(share, self.shares.get(phrase[:end], 0.0))

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

    def ahead(self, text: Text) -> float:
        """Return the nats of the best word that the text has begun."""
        _, begun = self.split(text, False)
        if not self.words:
            return 0.0
        if begun in self.own:
            return self.lm_weight * self.own[begun]
        if begun in self.best and self.constrain:
            return -1e6
        value = self.lm_weight * min(self.words.values()) + self.unknown_score
        if begun not in self.best and value < 0:
            value *= max(1.0, len(begun) / self.unknown_length)
        return value

    def promised(self, text: Text) -> float:
        """Return the share of the hotword that the text has begun."""
        marked = self.marked(text, False)
        share = max((self.shares.get(marked[at:], 0.0) for at in range(len(marked))), default=0.0)
        _, begun = self.split(text, False)
        if share > 0 and begun in self.best and begun not in self.own:
            share += max(0.0, self.lm_weight * self.best[begun] - self.ahead(text))
        return share

    def completes(self, text: Text, *, ended: bool = False) -> bool:
        """Return whether hotwords end where the text ends, worth more than nothing together."""
        marked = self.marked(text, ended)
        return sum(nats for phrase, nats in self.phrases if marked[-len(phrase) :] == phrase) > 0

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


Beam = Mapping[Text, tuple[float, float, bool]]  # mass in blank, mass in the last symbol, lent


def moves(
    text: Text, masses: tuple[float, float], frame: Mapping[str, float], blank: str,
    separator: str | None,
) -> Iterator[tuple[Text, float, float]]:  # fmt: skip
    """Yield what a frame makes of a text, and the masses in blank and in the last symbol."""
    in_blank, in_last = masses
    for symbol, p in frame.items():
        if symbol == blank:
            yield text, (in_blank + in_last) * p, 0.0
        elif symbol == separator and text[-1:] in ((), (symbol,)):
            yield text, 0.0, (in_blank + in_last) * p  # one separator or many: one text
        elif text[-1:] == (symbol,):
            yield text, 0.0, in_last * p
            yield (*text, symbol), 0.0, in_blank * p
        else:
            yield (*text, symbol), 0.0, (in_blank + in_last) * p


def step(beam: Beam, frame: Mapping[str, float], blank: str, worth: Worth) -> tuple[dict, dict]:
    """Return the masses of texts after a frame, of a search without begun hotwords and of others.

    The others are texts that were lent a place, with all their masses, and what follows them.
    """
    free: dict[Text, tuple[float, float]] = {}
    others: dict[Text, tuple[float, float]] = {}
    for text, (_, _, lent) in beam.items():  # the older text comes first
        (others if lent else free)[text] = (0.0, 0.0)
    for text, (in_blank, in_last, lent) in beam.items():
        for to, more, last in moves(text, (in_blank, in_last), frame, blank, worth.separator):
            was_lent = to in beam and beam[to][2]
            into = [others] if was_lent else []
            if not lent or (not was_lent and worth.completes(to)):
                into.append(free)
            elif to not in beam:
                into.append(others)
            for masses in into:
                held = masses.get(to, (0.0, 0.0))
                masses[to] = (held[0] + more, held[1] + last)
    return free, others


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

    Beside the beam a quarter as many texts are kept in which a hotword is begun. They take part in
    nothing until it is complete; those in which it still is not are left out here.

    Raises:
        TooClose: the answer hangs on rounding.
    """
    beam: dict[Text, tuple[float, float, bool]] = {(): (1.0, 0.0, False)}
    known: dict[Text, float] = {}  # what each text was worth when it was first met
    for row in np.asarray(log_probs, np.float64):
        all_of_it = {s: math.exp(v) for s, v in zip(symbols, row, strict=True) if v > -math.inf}
        least = -math.inf if token_threshold is None else token_threshold
        top = symbols[int(row.argmax())]
        frame = {s: p for s, p in all_of_it.items() if s == top or row[symbols.index(s)] >= least}
        if [*frame] == [symbols[blank]]:  # silence alone changes no order
            p = frame[symbols[blank]]
            beam = {text: ((b + last) * p, 0.0, lent) for text, (b, last, lent) in beam.items()}
            continue
        # A frame whose likely symbols fit no text is taken with all of them.
        for taken in (frame, all_of_it):
            free, others = step(beam, taken, symbols[blank], worth)
            best = keep(ranks(free, worth, known), beam_size, beam_threshold)
            if best:
                break
        edge = None if not best or beam_threshold is None else max(best.values()) - beam_threshold
        was_lent = {text for text, held in beam.items() if held[2]}
        begun = {**{t: m for t, m in free.items() if t not in was_lent}, **others}
        promises = {
            text: rank + worth.promised(text) for text, rank in ranks(begun, worth, known).items()
            if text not in best and worth.promised(text) > 0
        }  # fmt: skip
        places = max(1, beam_size // 4) if worth.phrases and best else 0
        extra = keep(promises, places, None, edge)
        # Of equal age as in the search: those of the beam in their order, then the new ones.
        beam = {t: (*free[t], False) for t in best}
        beam.update({t: (*begun[t], True) for t in extra})
    return {
        text: math.log(sum(held[:2])) for text, held in beam.items()
        if not held[2] or (worth.split(text, False)[1] and worth.completes(text, ended=True))
    }  # fmt: skip


def ranks(
    masses: Mapping[Text, tuple[float, float]], worth: Worth, known: dict[Text, float]
) -> dict[Text, float]:
    """Return the rank of each text that can be, without what hotwords promise."""
    found = {}
    for text, both in masses.items():
        if text not in known:
            known[text] = worth.settled(text, ended=False) + worth.ahead(text)
        if sum(both) and known[text] > -math.inf:
            found[text] = math.log(sum(both)) + known[text]
    return found


def keep(
    ranked: Mapping[Text, float],
    size: int,
    threshold: float | None,
    edge: float | None = None,
) -> dict[Text, float]:
    """Return the best texts and their ranks, in their order.

    ``edge`` is the least rank, or ``threshold`` nats under the best.
    """
    order = sorted(ranked.values(), reverse=True)
    if not order or size < 1:
        return {}
    if threshold is not None:
        edge = order[0] - threshold
    edges = [] if edge is None else [edge]
    least = max([-math.inf, *edges, *order[size - 1 : size]])
    beyond = [rank for rank in order if rank < least]
    if len(order) > size and order[size] > order[size - 1] - 1e-8:
        raise TooClose
    if (beyond and beyond[0] > least - 1e-8) or any(
        abs(r - e) < 1e-8 for e in edges for r in order
    ):
        raise TooClose
    return {text: rank for text, rank in ranked.items() if rank >= least}


def texts(beam: Mapping[Text, float], worth: Worth) -> dict[Text, float]:
    """Return the score of each whole text, the one that says nothing too."""
    total: dict[Text, float] = {}
    for text, mass in beam.items():
        value = mass + worth.settled(text, ended=True)
        plain = text[:-1] if worth.separator and text[-1:] == (worth.separator,) else text
        if value > -math.inf:
            total[plain] = float(np.logaddexp(total.get(plain, -math.inf), value))
    return total
