"""The compiled prefix beam search, through ctypes; beam_numpy.py is its oracle."""

from __future__ import annotations

import ctypes
import weakref
from array import array

import numpy as np

from edgectc.core.types import Array
from edgectc.decoding.search.beam_numpy import Ask
from edgectc.decoding.search.beam_tables import Ending, Tables, Trie
from edgectc.decoding.search.compiled import Library

_ARRAYS = ("first_child", "n_children", "token", "entry")
_PIECES = ("marks", "start", "letters")
_REALS = (
    "beam_threshold", "token_threshold", "lm_weight", "word_score", "unknown_score",
    "ahead_unknown", "gain", "end_gain", "hot_gain", "unknown_length",
)  # fmt: skip
_BESIDE = ("ahead", "settled", "partial", "lift", "fail", "alone")
_WHOLE = ("n_tokens", "blank", "boundary", "constrain", "asks", "counts", "beam_size")


class _Trie(ctypes.Structure):
    """Trie in beam.c."""

    _fields_ = tuple((name, ctypes.c_void_p) for name in _ARRAYS)


class _Tables(ctypes.Structure):
    """Tables in beam.c."""

    _fields_ = (
        *((name, _Trie) for name in ("words", "hot")),
        *((name, ctypes.c_void_p) for name in _BESIDE),
        *((name, ctypes.c_void_p) for name in _PIECES),
        *((name, ctypes.c_double) for name in _REALS),
        *((name, ctypes.c_int32) for name in (*_WHOLE, "hot_start", "hot_size")),
    )


class NativeSearch:
    """`PlainSearch`, compiled: the same answers. One thread at a time."""

    def __init__(self, loaded: Library, tables: Tables, ask: Ask) -> None:
        self._library, self._ask = loaded, ask
        self._held = tables  # its arrays are read in place
        packed = _struct(tables)
        self._search = loaded.edgectc_beam_new(ctypes.byref(packed))
        if not self._search:
            raise MemoryError("no memory for the beam search; choose a smaller beam_size")
        freed = weakref.finalize(self, loaded.edgectc_beam_free, self._search)
        freed.atexit = False  # a daemon thread may still search
        self._make_room(1 << 10)
        self._make_path_room(256)

    def _make_room(self, size: int) -> None:
        self._asked = np.empty(size, np.int32)
        self._asked_at = self._asked.ctypes.data  # looked up once: it takes longer than it seems

    def _make_path_room(self, size: int) -> None:
        self._both = np.empty((2, size), np.int32)
        self._both_at = self._both.ctypes.data

    def push(self, log_probs: Array) -> None:
        """Take (T, V) more frames, float64."""
        values = np.ascontiguousarray(log_probs)
        left, at, stride = len(values), values.ctypes.data, values.strides[0]
        while left:
            taken = self._library.edgectc_beam_push(self._search, at, left)
            if taken < 0:
                raise MemoryError("the beam search ran out of memory")
            left, at = left - taken, at + taken * stride
            if left:
                self._answer()

    def best(self) -> int | None:
        """Return the place of the prefix of highest rank, of equals the oldest; None of none."""
        place: int = self._library.edgectc_beam_best(self._search)
        return None if place < 0 else place

    def endings(self, *, unfinished: bool = False) -> list[Ending]:
        """Return what each prefix is as a whole text, in order of age; the beam stays as it is.

        Args:
            unfinished: list those that end in no word, too: their text is -1, the state that before
                their last word.
        """
        n = self._library.edgectc_beam_end(self._search)
        if n < 0:
            raise MemoryError("the beam search ran out of memory")
        self._answer()
        reals, whole = np.empty((n, 4)), np.empty((n, 4), np.int32)
        self._library.edgectc_beam_endings(self._search, reals.ctypes.data, whole.ctypes.data)
        rows = zip(reals.tolist(), whole.tolist(), strict=True)
        return [
            Ending(place, text, ctc, path, lm_sum, lm, words, unknown, hot_sum)
            for place, ((ctc, path, lm_sum, hot_sum), (text, lm, words, unknown)) in enumerate(rows)
            if text >= 0 or (text == -1 and unfinished)
        ]

    def path(self, place: int) -> tuple[list[int], list[int]]:
        """Return the tokens of a prefix and the frame of each on its best alignment."""
        while True:
            room = self._both.shape[1]
            n = self._library.edgectc_beam_path(
                self._search, place, self._both_at, self._both_at + 4 * room, room
            )
            if n <= room:
                tokens, frames = self._both[:, :n].tolist()
                return tokens, frames
            self._make_path_room(2 * n)

    def _answer(self) -> None:
        """Score the words that the search has asked for."""
        while True:
            room = len(self._asked)
            size = self._library.edgectc_beam_asked(self._search, self._asked_at, room)
            if size <= room:
                break
            self._make_room(2 * size)
        asked, ask, at = self._asked[:size].tolist(), self._ask, 0
        states, scores = array("i"), array("d")
        while at < size:
            state, row, n = asked[at], asked[at + 1], asked[at + 2]
            at += 3 + n
            score, after = ask(state, row, asked[at - n : at] if n else ())
            states.append(after)
            scores.append(score)
        self._library.edgectc_beam_answer(
            self._search, states.buffer_info()[0], scores.buffer_info()[0]
        )


def _struct(tables: Tables) -> _Tables:
    """Return the C form; it points into the arrays of ``tables``."""
    numbers = {name: getattr(tables, name) for name in (*_REALS, *_WHOLE)}
    packed = _Tables(words=_trie(tables.words), ahead=tables.ahead.ctypes.data, **numbers)
    if tables.hotwords:
        packed.hot, packed.hot_start = _trie(tables.hotwords.trie), tables.hotwords.start
        packed.hot_size = tables.hot_size
        packed.lift = None if tables.lift is None else tables.lift.ctypes.data
        packed.alone = None if tables.alone is None else tables.alone.ctypes.data
        for name in ("settled", "partial", "fail"):
            setattr(packed, name, getattr(tables.hotwords, name).ctypes.data)
    if tables.pieces:
        for name in _PIECES:
            setattr(packed, name, getattr(tables.pieces, name).ctypes.data)
    return packed


def _trie(trie: Trie | None) -> _Trie:
    if trie is None:
        return _Trie()
    return _Trie(*(getattr(trie, name).ctypes.data for name in _ARRAYS))
