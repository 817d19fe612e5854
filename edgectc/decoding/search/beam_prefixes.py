"""What the plain beam search keeps: prefixes by parent and token, and how likely each is."""

from __future__ import annotations

import math
from typing import Any

# Emission of a token: (frame, log_prob there, the emission before); None before the first.
Cell = tuple[int, float, Any]

_INF = math.inf


class Prefix:
    """A text begun: its tokens as a chain of parents, and all its score but that of CTC."""

    __slots__ = (
        "after", "bonus", "children", "completes", "hot", "hot_sum", "in_word", "lm", "lm_sum",
        "parent", "promise", "rank", "slot", "token", "unknown", "word", "words",
    )  # fmt: skip

    def __init__(self, parent: Prefix | None, token: int, after: Prefix | None = None) -> None:
        self.parent, self.token = parent, token
        self.after = after  # the parent with its word ended, where this token begins a word
        self.children: dict[int, Prefix | None] = {}
        self.slot = -1  # place in the beam
        self.word = 0  # node of the vocabulary; -1 outside of it
        self.in_word = 0  # tokens of the word that is open
        self.hot = 0  # node of the hotwords
        self.bonus = 0.0  # settled: language model, words, complete hotwords
        self.rank = 0.0  # bonus, and what the begun word promises
        self.promise = 0.0  # nats of a hotword that is begun
        self.completes = False  # whether hotwords that add to the score end here
        before = after or parent
        self.lm: int = before.lm if before else 0  # state of the language model
        self.lm_sum: float = before.lm_sum if before else 0.0
        self.words: int = before.words if before else 0
        self.unknown: int = before.unknown if before else 0
        self.hot_sum: float = before.hot_sum if before else 0.0  # nats of complete hotwords


class Entry:
    """A prefix in the beam: log-probability of its alignments, and its best alignment.

    Both are over the search's ``lead``.
    """

    __slots__ = ("blank", "blank_cell", "blank_path", "last", "last_cell", "last_path", "lent",
                 "prefix", "total")  # fmt: skip

    def __init__(self, prefix: Prefix, lent: bool = False) -> None:
        self.prefix = prefix
        self.lent = lent  # kept for a begun hotword alone
        self.last = -_INF  # ends in the last token
        self.blank = -_INF  # ends in blank
        self.total = -_INF  # either
        self.blank_path = self.last_path = -_INF  # the most probable single one
        self.blank_cell: Cell | None = None
        self.last_cell: Cell | None = None

    def best_path(self) -> tuple[float, Cell | None]:
        """Return log-probability and emissions of the most probable alignment."""
        if self.last_path >= self.blank_path:
            return self.last_path, self.last_cell
        return self.blank_path, self.blank_cell


def last_word(prefix: Prefix) -> list[int]:
    """Return the tokens of the word that ``prefix`` ends in."""
    tokens = []
    at: Prefix | None = prefix
    for _ in range(prefix.in_word):
        assert at is not None
        tokens.append(at.token)
        at = at.parent
    return tokens[::-1]
