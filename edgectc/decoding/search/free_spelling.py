"""The best free spelling: any letters at all, at a price for each."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core.types import Array
from edgectc.decoding.search.prefix_search import LIFT, TINY, Lattice


@dataclass(frozen=True)
class Spelling:
    """Letters and their natural-log score."""

    letters: tuple[int, ...]
    score: float


def best(
    log_probs: Array,
    score: float,
    letter_score: float,
    *,
    is_word: Callable[[Sequence[int]], bool],
    floor: float,
    budget: int,
) -> tuple[Spelling | None, bool]:
    """Return the best spelling that is no word and reaches ``floor``, and whether that is proven.

    The prefix with the highest bound is grown next, as in the search over words; with
    ``letter_score`` <= 0 no longer spelling can outweigh the bound of its beginning.

    Args:
        log_probs: (T, K+1) natural-log probabilities of letters 0..K-1 and, last, the blank.
        score: nats added to every spelling.
        letter_score: nats added per letter, <= 0.
        is_word: tells the spellings that do not count.
        floor: natural-log score under which none is wanted.
        budget: prefixes to grow before the search stops without proof.
    """
    lattice, spelling = Lattice(log_probs), None
    heap: list[tuple[float, tuple[int, ...], int]] = []  # -bound, letters, index of the parent
    states = [lattice.root()]
    letters: tuple[int, ...] = ()
    for grown in range(budget + 1):
        with np.errstate(divide="ignore"):
            starts = np.log(states[-1] @ lattice.onward) - LIFT
        worth = score + letter_score * (len(letters) + 1)
        for letter in range(starts.shape[1]):
            bound = float(starts[int(letters[-1:] == (letter,)), letter]) + worth
            if bound > -math.inf and bound >= floor:
                heapq.heappush(heap, (-bound, (*letters, letter), len(states) - 1))
        # The heap gives the highest bound: if that is under the floor, so is every other.
        if not heap or -heap[0][0] < floor:
            return spelling, True
        if grown == budget:
            return spelling, False
        _, letters, parent = heapq.heappop(heap)
        doubled = int(len(letters) > 1 and letters[-1] == letters[-2])
        states.append(lattice.grow(np.array(letters[-1:]), states[parent][doubled : doubled + 1]))
        lifted = float(states[-1][0, -1])
        if lifted > TINY and not is_word(letters):
            value = math.log(lifted) - LIFT + score + letter_score * len(letters)
            # The first one is not the best yet: it raises the bar for the others.
            if value >= floor and (spelling is None or value > spelling.score):
                spelling, floor = Spelling(letters, value), value
    raise AssertionError("unreachable")
