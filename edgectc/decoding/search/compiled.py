"""The compiled lexicon decoder, through ctypes; the numpy one is the fall-back and the oracle."""

from __future__ import annotations

import copy
import ctypes
import logging
from array import array
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from edgectc.core.types import Array
from edgectc.decoding.search.lexicon_numpy import Answer, Settings
from edgectc.decoding.search.prefix_search import Tree
from edgectc.decoding.search.trace import Path as Trace

LIBRARY = Path(__file__).with_name("_compiled.so")
_NEAR = 32  # words as good as the last one wanted, beyond which ties are cut
_RANGE = 600.0  # nats between the lightest and the heaviest word that the bounds can hold
_STATE_BYTES = 1 << 26  # most memory for grown prefixes
_SET = 32  # most letters of which a set fits in the search's bits
_NONE_LEFT = -1  # of memory
_BAD_INPUT = -2


class _Tree(ctypes.Structure):
    _fields_ = [
        *[(name, ctypes.c_void_p) for name in ("first_child", "word", "n_children", "letter")],
        *[(name, ctypes.c_void_p) for name in ("gain", "bare", "below", "weights", "hidden")],
        ("entries", ctypes.c_int64),
    ]


class _Lexicon(ctypes.Structure):
    _fields_ = [
        ("trees", _Tree * 2),
        *[(name, ctypes.c_int32) for name in ("n_trees", "V", "K")],
        ("columns", ctypes.c_void_p),
        *[
            (name, ctypes.c_double)
            for name in ("scale", "blank_penalty", "letter_score", "top", "margin")
        ],
        *[(name, ctypes.c_int32) for name in ("beam_size", "spell")],
        ("spell_budget", ctypes.c_int64),
        *[(name, ctypes.c_double) for name in ("spell_score", "spell_letter_score")],
    ]


class _Answer(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_void_p)
        for name in ("words", "scores", "lengths", "letters", "frames", "about")
    ]


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL | None:
    """Return the compiled decoder, or None, with one notice, where it was not built anew."""
    try:
        loaded = ctypes.CDLL(str(LIBRARY))
    except OSError:
        _tell("is missing (no C compiler at install time?)")
        return None
    size = getattr(loaded, "edgectc_lexicon_size", None)
    if size is None or size() != ctypes.sizeof(_Lexicon):
        _tell("was built from other sources; reinstall edgectc")
        return None
    loaded.edgectc_decode.restype = ctypes.c_int64
    loaded.edgectc_decode.argtypes = [
        *(ctypes.POINTER(_Lexicon), ctypes.c_void_p, ctypes.c_int32),  # log_probs, T
        *(ctypes.c_int32, ctypes.c_double, ctypes.c_int64, ctypes.c_int32),  # nbest ... partial
        *(ctypes.c_int64, ctypes.POINTER(_Answer)),  # room
    ]
    pointer, count = ctypes.c_void_p, ctypes.c_int32
    loaded.edgectc_miss.restype = ctypes.c_double
    loaded.edgectc_miss.argtypes = [pointer, count, pointer, pointer, count, pointer]
    return loaded


def _tell(why: str) -> None:
    logging.getLogger("edgectc").warning(
        "edgectc: the compiled decoder %s; decoding with numpy, same answers, slower", why
    )


def fits(*trees: Tree) -> bool:
    """Whether the weights are close enough to each other for bounds without logarithms."""
    weights = np.concatenate([tree.weights[tree.weights > -np.inf] for tree in trees])
    return bool(len(weights)) and float(weights.max() - weights.min()) < _RANGE


class NativeDecoder:
    """The words of one tree, or of two, compiled. Calls may run in threads at once."""

    def __init__(self, loaded: ctypes.CDLL, tree: Tree, settings: Settings) -> None:
        self._decode, self._miss, self._settings = (
            loaded.edgectc_decode,
            loaded.edgectc_miss,
            settings,
        )
        columns = np.array(settings.columns, np.int32)
        self._held: list[object] = [columns]  # the library reads their memory
        score, letter_score = settings.spell or (0.0, 0.0)
        self._lexicon = _Lexicon(
            n_trees=1, V=settings.n_tokens, K=len(columns) - 1, columns=columns.ctypes.data,
            scale=settings.scale, blank_penalty=settings.blank_penalty,
            letter_score=settings.letter_score, top=float(tree.weights.max()),
            margin=settings.margin, beam_size=settings.beam_size, spell=settings.spell is not None,
            spell_budget=settings.spell_budget, spell_score=score, spell_letter_score=letter_score,
        )  # fmt: skip
        self._put(0, tree)

    def over(self, hidden: Array | None, tree: Tree) -> NativeDecoder:
        """Return the search that lays another tree over this one; the arrays are shared.

        Args:
            hidden: (entries,) bool: entries of the first tree that are not to be found.
            tree: the other words.
        """
        made = copy.copy(self)
        made._held = [self]
        made._lexicon = _Lexicon.from_buffer_copy(self._lexicon)
        made._lexicon.n_trees = 2
        made._put(1, tree)
        if hidden is not None:
            made._held.append(hidden)
            made._lexicon.trees[0].hidden = hidden.ctypes.data
        return made

    def misses(self, trace: Trace, words: Iterable[list[int]]) -> list[float]:
        """Return `_template.Path.miss` of each word, given as rows of ``trace.centers``."""
        n = len(trace.points)
        work = np.empty(n)
        points, centers, least = (a.ctypes.data for a in (trace.points, trace.centers, work))
        letters = (array("i", word) for word in words)
        return [
            self._miss(points, n, centers, word.buffer_info()[0], len(word), least)
            for word in letters
        ]

    def _put(self, place: int, tree: Tree) -> None:
        trie = tree.trie
        arrays: dict[str, Array] = {
            "first_child": np.ascontiguousarray(trie.first_child, np.int32),
            "word": np.ascontiguousarray(trie.word, np.int32),
            "n_children": np.ascontiguousarray(trie.n_children, np.uint16),
            "letter": np.ascontiguousarray(trie.letter, np.uint16),
            "gain": self._gain(tree, bare=False),
            "weights": np.ascontiguousarray(tree.weights, np.float64),
        }
        if self._settings.letter_score:
            arrays["bare"] = self._gain(tree, bare=True)
        if len(self._settings.columns) <= _SET + 1:
            arrays["below"] = trie.letters_below()
        self._held += arrays.values()
        pointers = {name: array.ctypes.data for name, array in arrays.items()}
        self._lexicon.trees[place] = _Tree(entries=len(tree.weights), **pointers)

    def _gain(self, tree: Tree, *, bare: bool) -> Array:
        """Return (M,) float32 exp(bound - top), rounded up, so that it still is a bound."""
        gain = tree.bounds.make(bare=bare)
        gain -= self._lexicon.top
        np.exp(gain, out=gain)
        with np.errstate(over="ignore"):
            rounded = np.nextafter(gain.astype(np.float32), np.float32(np.inf))
        rounded[gain == 0] = 0  # nothing below is wanted
        return rounded

    def __call__(
        self, log_probs: Array, *, nbest: int, slack: float, partial: bool = False
    ) -> Answer | None:
        """Return what was found; None if ``log_probs`` are no distributions.

        Args:
            log_probs: (T, V) float64, C-contiguous, T >= 1.
            nbest: words wanted.
            slack: nats; no word closer than this to the last one wanted is missed.
            partial: rank by the probability that the frames spell the word or any beginning.
        """
        T = len(log_probs)
        room = nbest + _NEAR
        budget = min(self._settings.budget, _STATE_BYTES // (16 * (T + 1)))
        numbers, reals = np.empty((2 + 2 * T, room), np.int32), np.empty(room + 5)
        at, step = numbers.ctypes.data, 4 * room
        answer = _Answer(
            words=at, lengths=at + step, letters=at + 2 * step, frames=at + (2 + T) * step,
            scores=reals.ctypes.data, about=reals.ctypes.data + 8 * room,
        )  # fmt: skip
        n = self._decode(
            self._lexicon, log_probs.ctypes.data, T, nbest, slack, budget, partial, room, answer
        )
        if n == _BAD_INPUT:
            return None
        if n == _NONE_LEFT:
            raise MemoryError("the lexicon search ran out of memory")
        exact, spelled_exact, log_found, log_rest, log_blank = reals[room:].tolist()
        letters = numbers[2 : 2 + T].reshape(room, T)
        frames = numbers[2 + T :].reshape(room, T)
        lengths = numbers[1, :n].tolist()
        return Answer(
            numbers[0, :n].tolist(), reals[:n].tolist(),
            [letters[i, :length].tolist() for i, length in enumerate(lengths)],
            [tuple(frames[i, :length].tolist()) for i, length in enumerate(lengths)],
            bool(exact), bool(spelled_exact), log_found, log_rest, log_blank,
        )  # fmt: skip
