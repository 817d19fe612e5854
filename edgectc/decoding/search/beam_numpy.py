"""The prefix beam search in plain Python: always there, and the oracle of beam.c.

Both do the same additions in the same order and break ties alike: by rank rounded to a billionth
of a nat, then by age in the beam.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from edgectc.core.types import Array
from edgectc.decoding.search.beam_prefixes import Entry, Prefix, last_word
from edgectc.decoding.search.beam_tables import BEGINS, ENDS, MAY_END, Ending, Tables

# (state of the language model, row of the word or -1, its tokens) to (log_prob, next state)
Ask = Callable[[int, int, Sequence[int]], tuple[float, int]]

_INF = math.inf
_STEPS = 1e9  # ranks closer than a billionth of a nat are one rank
_MOST = 4e18  # steps; ranks of over 4e9 nats are one rank, as beam.c counts in 64 bits
_SLACK = 1e-6  # nats, on bounds; far above rounding
_STEPS_KEPT = 1 << 17  # steps in the vocabulary that are remembered
_SPARE = 4096  # prefixes beyond twice those in use, after which the unused are forgotten


class PlainSearch:
    """The beam over one signal.

    Source: Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition using
    bi-directional recurrent DNNs"; Graves 2012, section 7.5.
    """

    def __init__(self, tables: Tables, ask: Ask) -> None:
        self._tables, self._ask = tables, ask
        self._words = tables.words
        self._ahead = np.ascontiguousarray(tables.ahead).data
        self._hot = tables.hotwords
        self._entry = tables.words.entry.data if tables.words else None
        self._marks = tables.pieces.marks.tolist() if tables.pieces else None
        root = Prefix(None, tables.boundary)
        root.rank = self._ahead[0]
        if self._hot:
            root.hot = self._hot.start
        root.slot = 0
        first = Entry(root)
        first.blank = first.total = first.blank_path = 0.0
        self.entries = [first]
        self._lead = 0.0  # nats of the frames that were blank alone, the same for all
        self._t = 0
        self._at_rest = False  # whether all prefixes end in blank
        self._made, self._limit = 1, _SPARE
        self._steps: dict[int, int] = {}

    def push(self, log_probs: Array) -> None:
        """Take (T, V) more frames."""
        for row in log_probs:
            kept = row >= self._tables.token_threshold
            kept[row.argmax()] = True
            tokens = np.flatnonzero(kept & (row > -_INF)).tolist()
            values = row.tolist()
            if not self._frame(values, tokens):
                # No prefix can take a token that passes: all of them, rather than no answer.
                possible = np.flatnonzero(row > -_INF).tolist()
                if not self._frame(values, possible):
                    self.entries = []
            self._t += 1
            if self._made > self._limit:
                self._forget()

    def _frame(self, values: list[float], tokens: list[int]) -> bool:
        """Take one frame with the given tokens; False, and nothing done, if no prefix can."""
        tables = self._tables
        blank_value = values[tables.blank] if tables.blank in tokens else -_INF
        # Sure silence, as most frames of speech models are, changes no order: one addition does it.
        if tokens == [tables.blank]:
            self._only_blank(blank_value)
            return bool(self.entries)
        allowed = dict.fromkeys(tokens)
        allowed.pop(tables.blank, None)
        nexts = [self._stay(e, values, allowed, blank_value) for e in self.entries]
        # What stays bounds what a new prefix needs, so it comes first and spares most of the work.
        floor = self._floor([n.total + n.prefix.rank for n in nexts if not n.lent])
        letters = [(token, values[token]) for token in allowed]
        for entry in self.entries:
            self._extend(entry, letters, floor, nexts)
        return self._prune(nexts)

    def _floor(self, ranks: list[float]) -> tuple[float, float]:
        """Return the rank that a new prefix needs, and one that may be lent a place."""
        tables = self._tables
        floor = hot_floor = max(ranks, default=-_INF) - tables.beam_threshold
        if len(ranks) == tables.beam_size:  # each that comes must replace one
            floor = max(floor, min(ranks))
        return floor - _SLACK, hot_floor - _SLACK

    def _only_blank(self, value: float) -> None:
        """All prefixes end in blank; their order stays."""
        self._lead += value
        if self._at_rest:
            return
        self._at_rest = True
        for e in self.entries:
            e.blank_path, e.blank_cell = e.best_path()
            e.blank = e.total
            e.last = e.last_path = -_INF
            e.last_cell = None

    def _stay(
        self, e: Entry, values: list[float], allowed: dict[int, None], blank_value: float
    ) -> Entry:
        """Return the entry after a frame of a prefix that was in the beam.

        Its last token may be emitted once more, or now for the first time after its parent, which
        may be in the beam too. No bound is asked there: what is in the beam has all its alignments.
        """
        prefix = e.prefix
        token = prefix.token
        after = Entry(prefix, e.lent)
        path, cell = e.best_path()
        after.blank = e.total + blank_value
        after.blank_path, after.blank_cell = path + blank_value, cell
        if token in allowed:
            value = values[token]
            if token != self._tables.boundary:
                mass, path, cell = e.last, e.last_path, e.last_cell
            else:  # a boundary after a boundary, even over a blank, says nothing new
                mass = e.total
            after.last = mass + value
            after.last_path = path + value
            if cell and value > cell[1]:
                cell = (self._t, value, cell[2])
            after.last_cell = cell
            parent = prefix.parent
            before = self.entries[parent.slot] if parent and parent.slot >= 0 else None
            if before and (e.lent or not before.lent or prefix.completes):
                self._arrive(after, before, value)
        blank, last = after.blank, after.last
        after.total = blank if last == -_INF else _log_add(blank, last)
        return after

    def _arrive(self, after: Entry, before: Entry, value: float) -> None:
        """Add the alignments in which the last token of ``after`` follows those of ``before``."""
        mass, (path, cell) = before.total, before.best_path()
        if after.prefix.token == before.prefix.token:  # a new one only over a blank; else `_stay`
            mass, path, cell = before.blank, before.blank_path, before.blank_cell
        after.last = mass + value if after.last == -_INF else _log_add(after.last, mass + value)
        if path + value > after.last_path:
            after.last_path = path + value
            after.last_cell = (self._t, value, cell)

    def _extend(
        self,
        e: Entry,
        letters: list[tuple[int, float]],
        floors: tuple[float, float],
        nexts: list[Entry],
    ) -> None:
        """Add all that can follow ``e`` to ``nexts`` and is not in the beam, or only lent.

        What must fall under the floor, or the second where a hotword is begun, is skipped, see
        `_may_stay`.
        """
        tables, prefix = self._tables, e.prefix
        boundary, n_tokens = tables.boundary, tables.n_tokens
        steps = self._steps
        # The most that a child can rank that comes anew: all alignments so far, the greatest bonus
        # of a word and of hotwords, the best word still below. Under the floor it cannot stay, so
        # it is not made.
        reach, end_reach = e.total + prefix.bonus + tables.gain, tables.end_gain - tables.gain
        for token, value in letters:
            word, most, goes_on = 0, reach + value, True
            if self._marks and token != boundary and prefix.in_word:
                bits = self._marks[token]
                goes_on = not (bits & BEGINS or self._marks[prefix.token] & ENDS)
                if not goes_on or (bits & MAY_END and self._is_word(prefix)):
                    self._begin(e, token, value, floors, nexts)
            if not goes_on:
                continue
            if token == boundary:
                if not prefix.in_word:
                    continue
                most += end_reach
            elif self._words:
                step = prefix.word * n_tokens + token
                word = steps[step] if step in steps else self._step(prefix.word, token, step)
                if word < 0 and tables.constrain:
                    continue
                most += self._ahead[word] if word >= 0 else tables.ahead_unknown
            if not self._may_stay(e, token, word, most, floors):
                continue
            self._grow(e, self._child(prefix, token, word), value, nexts)

    def _may_stay(
        self,
        e: Entry,
        token: int,
        word: int,
        most: float,
        floors: tuple[float, float],
        *,
        begins: bool = False,
    ) -> bool:
        """Whether the child of ``e`` by ``token`` may get a place.

        Args:
            e: the entry before it.
            token: its last token.
            word: its node of the vocabulary.
            most: bound of its rank, with the greatest gain of hotwords for each step.
            floors: what it must rank, and what if a hotword is begun.
            begins: whether the token begins a word and so ends the one before: two steps.
        """
        floor, hot_floor = floors
        tables = self._tables
        if not self._hot:
            return most >= floor
        hot, settled = e.prefix.hot, 0.0
        for step in (tables.boundary, token) if begins else (token,):
            hot = self._hot.step(hot, step)
            settled += float(self._hot.settled[hot])
            most -= tables.hot_gain
        most, promise = most + settled, float(self._hot.partial[hot])
        if promise > 0 and tables.lift is not None and word >= 0:
            promise += float(tables.lift[word])
        if promise > 0 and most + promise >= hot_floor:
            return True
        return most >= floor and (not e.lent or settled > 0)

    def _begin(
        self,
        e: Entry,
        token: int,
        value: float,
        floors: tuple[float, float],
        nexts: list[Entry],
    ) -> None:
        """Add the prefix in which ``token`` begins a word and so ends the one before."""
        tables, prefix, word = self._tables, e.prefix, 0
        most = e.total + prefix.bonus + tables.end_gain + tables.gain - self._ahead[0] + value
        if self._words:
            step = token  # from the root
            word = self._steps[step] if step in self._steps else self._step(0, token, step)
            if word < 0 and tables.constrain:
                return
            most += self._ahead[word] if word >= 0 else tables.ahead_unknown
        if not self._may_stay(e, token, word, most, floors, begins=True):
            return
        ended = self._child(prefix, tables.n_tokens, 0)
        if ended is not None and ended.bonus > -_INF:
            self._grow(e, self._child(prefix, token, word, ended), value, nexts)

    def _grow(self, e: Entry, child: Prefix | None, value: float, nexts: list[Entry]) -> None:
        """Add a child of ``e`` to ``nexts`` unless impossible or in the beam and not only lent."""
        if child is None or child.bonus == -_INF:
            return
        if child.slot >= 0 and (e.lent or not self.entries[child.slot].lent):
            return
        after = Entry(child, e.lent and not child.completes)
        self._arrive(after, e, value)
        after.total = after.last
        if after.last > -_INF:
            nexts.append(after)

    def _is_word(self, prefix: Prefix) -> bool:
        return bool(self._entry and prefix.word >= 0 and self._entry[prefix.word] >= 0)

    def _step(self, word: int, token: int, key: int) -> int:
        """Return the node of the vocabulary after one more token, -1 for none; remembered."""
        if len(self._steps) > _STEPS_KEPT:
            self._steps.clear()
        assert self._words
        pieces = self._tables.pieces
        if pieces is None:
            word = self._words.child(word, token) if word >= 0 else -1
        else:
            for letter in pieces.letters[pieces.start[token] : pieces.start[token + 1]].tolist():
                word = self._words.child(word, letter) if word >= 0 else -1
        self._steps[key] = word
        return word

    def _prune(self, nexts: list[Entry]) -> bool:
        """Keep the best prefixes, in order of age.

        Their places are given as if there were no begun hotwords. Others in which one is begun may
        be lent ``hot_size`` further places, by the rank that it promises. What follows them is
        lent too, until the hotword is complete, and gives nothing to the others: so a hotword that
        is in no text changes none.
        """
        tables, old = self._tables, len(self.entries)
        ranks = {i: n.total + n.prefix.rank for i, n in enumerate(nexts) if not n.lent}
        keys = {i: _key(rank) for i, rank in ranks.items() if rank > -_INF}
        if not keys:
            return False
        least = -_INF
        if tables.beam_threshold < _INF:
            least = max(keys.values()) - int(tables.beam_threshold * _STEPS)
        kept = _best(keys, tables.beam_size, least)
        if tables.hot_size:
            # One that was lent may have a place of its own now.
            own = {nexts[i].prefix.slot for i in kept if i >= old}
            keys = {}
            for i, after in enumerate(nexts):
                prefix = after.prefix
                twin = i in own if i < old else prefix.slot >= 0
                rank = after.total + prefix.rank + prefix.promise
                if i not in kept and not twin and prefix.promise > 0 and rank > -_INF:
                    keys[i] = _key(rank)
            for i in _best(keys, tables.hot_size, least):
                nexts[i].lent = True
                kept.add(i)
        for e in self.entries:
            e.prefix.slot = -1
        self.entries = [nexts[i] for i in sorted(kept)]
        self._at_rest = False
        for slot, e in enumerate(self.entries):
            e.prefix.slot = slot
        return True

    def _child(
        self, parent: Prefix, token: int, word: int, ended: Prefix | None = None
    ) -> Prefix | None:
        """Return the prefix one token longer, whose vocabulary node is ``word``; remembered.

        None if it ends a word that may not be. The token V ends a word without being emitted.

        Args:
            parent: the prefix before it.
            token: its last token.
            word: node of the vocabulary.
            ended: ``parent`` with its word ended, if the token begins a word; else None.
        """
        tables = self._tables
        children = (ended or parent).children
        if token in children:
            return children[token]
        row, spelled = -1, [token]
        child = Prefix(parent, token, ended)
        self._made += 1
        ends = token in (tables.boundary, tables.n_tokens)
        if ends:
            if self._entry and parent.word >= 0:
                row = self._entry[parent.word]
            if row < 0 and tables.constrain:
                children[token] = None
                return None
            child.unknown += bool(self._words and row < 0)
            spelled = last_word(parent) if row < 0 and tables.asks else []
        elif tables.boundary >= 0:
            child.in_word, child.word = (0 if ended else parent.in_word) + 1, word
        if ends or tables.boundary < 0:
            child.words += tables.counts
            if tables.asks:
                log_prob, child.lm = self._ask(parent.lm, row, spelled)
                child.lm_sum += log_prob
        self._settle(child, (ended or parent).hot)
        children[token] = child
        return child

    def _settle(self, child: Prefix, hot: int) -> None:
        """Set the terms that follow from the child's own: bonus and rank."""
        tables = self._tables
        if self._hot:
            token = child.token if child.token < tables.n_tokens else tables.boundary
            child.hot = self._hot.step(hot, token)
            settled = float(self._hot.settled[child.hot])
            child.hot_sum += settled
            if child.after:  # those that end with the word before
                settled += float(self._hot.settled[child.after.hot])
            child.completes = settled > 0
            child.promise = float(self._hot.partial[child.hot])
            if child.promise > 0 and tables.lift is not None and child.word >= 0:
                child.promise += float(tables.lift[child.word])
        alone = tables.alone is not None and child.word >= 0 and bool(tables.alone[child.word])
        bonus = tables.word_score * child.words + tables.unknown_score * child.unknown
        if tables.asks:
            bonus += tables.lm_weight * child.lm_sum
        child.bonus = bonus + child.hot_sum
        ahead = self._ahead[child.word] if child.word >= 0 else tables.ahead_unknown
        child.rank = child.bonus + ahead
        if (child.word < 0 or alone) and ahead < 0 and child.in_word > tables.unknown_length:
            more = ahead * (child.in_word / tables.unknown_length - 1)
            child.rank += more
            if alone and child.promise > 0:
                child.promise -= more  # a begun hotword has its own places as before

    def _forget(self) -> None:
        """Forget the prefixes that are in no text of the beam."""
        used: set[Prefix] = set()
        for e in self.entries:
            prefix: Prefix | None = e.prefix
            while prefix and prefix not in used:
                used.add(prefix)
                if prefix.after:
                    used.add(prefix.after)
                prefix = prefix.parent
        for prefix in used:
            prefix.children = {t: c for t, c in prefix.children.items() if c in used}
        self._made = len(used)
        self._limit = 2 * self._made + _SPARE

    def best(self) -> int | None:
        """Return the place of the prefix of highest rank, of equals the oldest; None of none."""
        if not self.entries:
            return None
        keys = [-_INF if e.lent else _key(e.total + e.prefix.rank) for e in self.entries]
        return keys.index(max(keys))

    def endings(self, *, unfinished: bool = False) -> list[Ending]:
        """Return what each prefix is as a whole text, in order of age; the beam stays as it is.

        Args:
            unfinished: list those that end in no word, too: their text is -1, the state that before
                their last word.
        """
        ends = []
        for place, e in enumerate(self.entries):
            prefix: Prefix | None = e.prefix
            if e.prefix.in_word:
                prefix = self._child(e.prefix, self._tables.boundary, 0)
            if e.lent and not (e.prefix.in_word and prefix and prefix.completes):
                continue  # a hotword is begun and not complete
            if prefix is None and unfinished:
                last = e.prefix
                lm, counts = (last.lm_sum, last.lm), (last.words, last.unknown)
                ends.append(Ending(place, -1, e.total, -_INF, *lm, *counts, last.hot_sum))
            elif prefix is not None:
                lm, counts = (prefix.lm_sum, prefix.lm), (prefix.words, prefix.unknown)
                total, path = e.total + self._lead, e.best_path()[0]
                ends.append(Ending(place, id(prefix), total, path, *lm, *counts, prefix.hot_sum))
        return ends

    def path(self, place: int) -> tuple[list[int], list[int]]:
        """Return the tokens of a prefix and the frame of each on its best alignment."""
        e = self.entries[place]
        tokens, frames = [], []
        prefix, cell = e.prefix, e.best_path()[1]
        while prefix.parent is not None and cell is not None:
            tokens.append(prefix.token)
            frames.append(cell[0])
            prefix, cell = prefix.parent, cell[2]
        return tokens[::-1], frames[::-1]


def _best(keys: dict[int, int], size: int, least: float) -> set[int]:
    """Return which have the ``size`` largest keys of at least ``least``, of equals the first."""
    wanted = [i for i, key in keys.items() if key >= least]
    return set(sorted(wanted, key=lambda i: -keys[i])[:size])


def _key(rank: float) -> int:
    """Return a rank in whole billionths of a nat: equal up to rounding is equal everywhere."""
    steps = rank * _STEPS + (0.5 if rank > 0 else -0.5)
    return int(max(-_MOST, min(_MOST, steps)))


def _log_add(a: float, b: float) -> float:
    if a < b:
        a, b = b, a
    return a if b == -_INF else a + math.log1p(math.exp(b - a))
