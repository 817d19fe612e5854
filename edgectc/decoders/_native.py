"""The compiled search, through ctypes; numpy's is the fallback and the oracle."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from edgectc.decoders._trie import Trie
from edgectc.types import Array

LIBRARY = Path(__file__).with_name("_compiled.so")
_BUDGET_BYTES = 1 << 25  # of grown prefixes; past it numpy's search, which needs less, takes over
_NEAR = 64  # words as good as the last one wanted, beyond which ties are cut
_RANGE = 600.0  # nats between the lightest and the heaviest word that the bounds can hold


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL | None:
    """Return the compiled search, or None, with one notice, where it was not built."""
    try:
        loaded = ctypes.CDLL(str(LIBRARY))
    except OSError:
        logging.getLogger("edgectc").warning(
            "edgectc: the compiled decoder is missing (no C compiler at install time?); "
            "decoding with numpy, same answers, slower"
        )
        return None
    array, size, wide, real = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_double
    loaded.edgectc_search.restype = wide
    loaded.edgectc_search.argtypes = [
        *(array, array, array, array, array),  # trie
        *(array, real),  # weights and their maximum
        *(array, size, size),  # log_probs, T, K
        *(size, real, wide),  # nbest, slack, budget
        *(wide, array, array),  # room, words, scores
    ]
    loaded.edgectc_align.restype = wide
    loaded.edgectc_align.argtypes = [array, size, size, array, size, array]
    return loaded


class NativeSearch:
    """`_trie.search` for one trie, compiled. Calls may run in threads at once."""

    def __init__(self, loaded: ctypes.CDLL, trie: Trie, weights: Array) -> None:
        self._search = loaded.edgectc_search
        nodes = (trie.first_child, trie.n_children, trie.letter, trie.word)
        top = float(weights.max())
        self._arrays = [
            *(np.ascontiguousarray(array, np.int32) for array in nodes),
            np.exp(trie.best - top),
            np.ascontiguousarray(weights, np.float64),
        ]
        self._fixed = (*(array.ctypes.data for array in self._arrays), top)

    @staticmethod
    def fits(weights: Array) -> bool:
        """Whether the weights are close enough to each other for bounds without logarithms."""
        return float(weights.max() - weights.min()) < _RANGE

    def __call__(self, log_probs: Array, *, nbest: int, slack: float) -> tuple[Array, Array] | None:
        """Return entries and scores as `_trie.search`; None if the budget of prefixes ran out.

        Args:
            log_probs: (T, K+1) float64, C-contiguous; the library reads its memory directly.
            nbest: entries wanted.
            slack: nats.
        """
        frames, columns = log_probs.shape
        room, budget = nbest + _NEAR, _BUDGET_BYTES // (16 * (frames + 1))
        words, scores = np.empty(room, np.int32), np.empty(room)
        found = self._search(
            *self._fixed, log_probs.ctypes.data, frames, columns - 1, nbest, slack, budget, room,
            words.ctypes.data, scores.ctypes.data,
        )  # fmt: skip
        if found == -1:
            raise MemoryError("the lexicon search ran out of memory")
        if found == -2:
            return None
        return words[:found], scores[:found]


def align(
    loaded: ctypes.CDLL, log_probs: Array, labels: Sequence[Sequence[int]]
) -> list[tuple[int, ...]]:
    """Return the frame of each letter of each label; see ``lexicon._align``, its oracle."""
    frames, columns = log_probs.shape
    aligned = []
    for label in labels:
        given, out = np.array(label, np.int32), np.empty(len(label), np.int32)
        if loaded.edgectc_align(
            log_probs.ctypes.data, frames, columns - 1, given.ctypes.data, len(label),
            out.ctypes.data,
        ):  # fmt: skip
            raise MemoryError("the alignment ran out of memory")
        aligned.append(tuple(out.tolist()))
    return aligned
