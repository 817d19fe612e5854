"""The engine of `native/` behind the lexicon decoder: what phones and browsers run, through ctypes.

Each thread that calls at the same time gets an engine of its own; they share the lexicon's memory.
"""

from __future__ import annotations

import ctypes
import math
import threading
import weakref
from collections.abc import Callable, Sequence

import numpy as np

from edgectc.core import forks
from edgectc.core.contracts import ContextModel, MappedModel
from edgectc.core.types import Array, Decoded, Hypothesis
from edgectc.decoding.search.compiled import Library, address
from edgectc.decoding.search.context import BEGIN, following
from edgectc.decoding.search.options import Parts
from edgectc.decoding.search.trace import Path
from edgectc.language.ngram.tables import UNK, normalize_word

_NO_MEMORY = -1
_CONTEXTS = 64  # contexts whose words an engine keeps
_MOST = 2**31 - 1
_FIGURES = 9  # EDGECTC_FIGURES of edgectc.h, in its order:
_HOTWORD = 9  # EDGECTC_HOTWORD, told alone
_TERMS = ("ctc", "lexicon", "context", "template")  # the figures after the first five


class Refused(Exception):
    """The engine cannot do what it was asked, and says why."""


def create(loaded: Library, parts: Parts) -> EngineSearch | None:
    """Return the compiled search, or None where it cannot hold these words, as numpy can.

    Such words are over 255 letters long, or have weights of over 600 nats apart.
    """
    try:
        return EngineSearch(loaded, parts)
    except Refused:
        return None


class EngineSearch:
    """Ranks the words of a lexicon, compiled. Calls may run in threads at once."""

    def __init__(self, loaded: Library, parts: Parts) -> None:
        self._c, self._parts = loaded, parts
        self._lock = threading.Lock()
        self._first = _Engine(loaded, parts)
        self._idle = [self._first]

    def __call__(
        self, values: Array, nbest: int, context: Sequence[str], partial: bool, trace: Path | None
    ) -> Decoded | None:
        """Return the ``nbest`` best words; None where the engine refuses, which numpy may not.

        Args:
            values: (T, V) float64, C-contiguous, T >= 1.
            nbest: words wanted.
            context: words before this one.
            partial: whether the signal goes on.
            trace: where the finger went, None where it has no say.
        """
        with forks.whole():
            engine = self._taken()
            try:
                engine.follow()
                engine.set_context(context)
                if trace is not None:
                    engine.set_trace(trace)
                return engine.search(values, nbest, partial)
            except Refused:
                return None
            finally:
                self._idle.append(engine)

    def prepare(self, context: Sequence[str]) -> bool:
        """Make the next call with this context ready; tell whether the engine can answer it."""
        with forks.whole():
            engine = self._taken()
            try:
                engine.follow()
                engine.set_context(context)
                engine.prepare()
                return True
            except Refused:
                return False
            finally:
                self._idle.append(engine)

    def _taken(self) -> _Engine:
        """Return an engine that no other call has: the one used last."""
        with self._lock:
            return self._idle.pop() if self._idle else self._first.sibling()


class _Engine:
    """One handle of the C library; one thread at a time."""

    def __init__(self, loaded: Library, parts: Parts, first: _Engine | None = None) -> None:
        self._c, self._parts, self._source = loaded, parts, first
        self._text = loaded.edgectc_engine_text
        handle = (
            loaded.edgectc_engine_sibling(first.handle) if first else loaded.edgectc_engine_new()
        )
        if not handle:
            raise MemoryError("no memory for the lexicon search")
        self.handle: int = handle
        # A sibling keeps the first one alive by `_source`, so that the last of them is freed alone.
        freed = weakref.finalize(self, loaded.edgectc_engine_free, handle)
        freed.atexit = False  # a daemon thread may still search
        self._changes = 0  # of the dictionary, that were taken over
        self._context: tuple[str, ...] | None = ()  # None for one that a model said
        self._centers: Array | None = None  # that `_keys` were made of
        self._keys, self._keys_address = np.empty((0, 2)), 0
        # Arrays of ctypes, as their slices are lists; they stay for the next call.
        self._figures, self._places = (ctypes.c_double * 0)(), (ctypes.c_int32 * 0)()
        model = parts.language_model
        self._reads_model = isinstance(model, MappedModel) and model.file_bytes is not None
        if first is None:
            self._give_lexicon()
            self._give_model()
            self.prepare()
        for (text, spelled), nats in parts.hotwords.items():
            self._call("hotword", text.encode(), spelled.encode(), nats)

    def sibling(self) -> _Engine:
        """Return another engine over the same words."""
        return _Engine(self._c, self._parts, self)

    def _call(self, name: str, *arguments: object) -> int:
        function: Callable[..., int] = getattr(self._c, f"edgectc_engine_{name}")
        status = function(self.handle, *arguments)
        if status >= 0:
            return status
        if status == _NO_MEMORY:
            raise MemoryError("the lexicon search ran out of memory")
        raise Refused(self._c.edgectc_engine_error(self.handle).decode())

    # ---- what it is given -----------------------------------------------------------------------

    def _give_lexicon(self) -> None:
        lexicon, options = self._parts.lexicon, self._parts.options
        self._bytes = lexicon.file_bytes()  # the engine reads it in place
        self._call("lexicon", self._bytes.ctypes.data, len(self._bytes))
        if not lexicon.is_file:  # whose logs are exact as they are
            self._log_probs = np.ascontiguousarray(lexicon.log_probs, np.float64)
            self._call("log_probs", self._log_probs.ctypes.data, len(self._log_probs))
        for name, value in vars(options).items():
            self._call("option", name.encode(), math.nan if value is None else float(value))
        self._call("contexts", _CONTEXTS)
        symbols = np.zeros(len(self._parts.tokens), np.int32)
        for letter, column in zip(lexicon.letters, self._parts.columns, strict=False):
            symbols[column] = ord(letter)
        symbols[self._parts.tokens.blank_id] = -1
        self._call("columns", symbols.ctypes.data, None, len(symbols), 0.0, 0.0)

    def _give_model(self) -> None:
        model = self._parts.language_model
        if isinstance(model, MappedModel) and model.file_bytes is not None:
            self._model_bytes = model.file_bytes
            self._call("language_model", self._model_bytes.ctypes.data, len(self._model_bytes))

    def follow(self) -> None:
        """Take over what changed in the user's dictionary; what it cannot spell is passed by."""
        dictionary = self._parts.dictionary
        if dictionary is None:
            return
        changed = dictionary.changed_since(self._changes)
        if changed:
            self._call("share", dictionary.share)
        for text in dict.fromkeys(changed):
            spelled = self._parts.spell(text)
            if not spelled:
                continue
            held = dictionary[text]
            how = (float(dictionary.uses(text)), float(held.boost), bool(held.hidden))
            self._call("word", text.encode(), spelled.encode(), *how)
        self._changes += len(changed)  # only now: what an error interrupts is taken over again

    def set_context(self, context: Sequence[str]) -> None:
        """Set the words before the next one."""
        model = self._parts.language_model
        if model is None:
            return
        if context and not self._reads_model:
            self._context = None
            self._set_said_context(model, context)
        elif (words := (*context,)) != self._context:
            self._call("context", _lines(words))
            self._context = words

    def _set_said_context(self, model: ContextModel, context: Sequence[str]) -> None:
        """Hand over what a model says that the engine cannot read; it keeps some contexts."""
        key = ascii(tuple(context)).encode()  # of no two contexts the same
        if self._call("said_context", key, None, None, 0, 0.0):
            return
        words, gains, others = following(model, context)
        # Only a normal word is found: numpy looks it up by the normal form of what is shown.
        rows = [row for row, word in enumerate(words) if _is_normal(word) and _is_text(word)]
        text = "\n".join(words[row] for row in rows).encode()
        gains = np.ascontiguousarray(np.asarray(gains, np.float64)[rows])
        self._call("said_context", key, text, gains.ctypes.data, len(gains), float(others))

    def prepare(self) -> None:
        """Make weights and the words of the context ready."""
        self._call("prepare")

    def set_trace(self, trace: Path) -> None:
        """Set where the finger went, for the next search alone."""
        if trace.centers is not self._centers:  # one array for all traces of a keyboard
            self._keys = trace.places(self._parts.lexicon.letters)
            self._keys_address = self._keys.ctypes.data
            self._centers = None if trace.centers.flags.writeable else trace.centers
        self._call("path", address(trace.points), len(trace.points), self._keys_address)
        if trace.seconds is not None:
            self._call("path_times", address(trace.seconds))

    # ---- what it answers ------------------------------------------------------------------------

    def search(self, values: Array, nbest: int, partial: bool) -> Decoded:
        """Return the ranked words of (T, V) float64 log_probs."""
        most = min(nbest, _MOST)  # a C int; so many are refused
        frames = len(values)
        n = self._call("search_double", address(values), frames, most, partial)
        if len(self._figures) < n * _FIGURES or len(self._places) < n * (1 + frames):
            self._figures = (ctypes.c_double * (n * _FIGURES))()
            self._places = (ctypes.c_int32 * (n * (1 + frames)))()
        self._call("ranked", self._figures, self._places, frames)
        return Decoded(tuple([self._hypothesis(rank, rank * (1 + frames)) for rank in range(n)]))

    def _hypothesis(self, rank: int, place: int) -> Hypothesis:
        """Return a word of what the last call wrote; its frames begin at a place."""
        text: str = self._text(self.handle, rank).decode()
        score, probability, low, high, exact, *terms = self._figures[
            rank * _FIGURES : (rank + 1) * _FIGURES
        ]
        parts = {name: value for name, value in zip(_TERMS, terms, strict=True) if value == value}
        if self._parts.hotwords:
            hot = self._c.edgectc_engine_figure(self.handle, rank, _HOTWORD)
            parts |= {"hotwords": hot} if hot == hot else {}
        proven = (low, high) if low == low else None  # no NaN
        timesteps = tuple(self._places[place + 1 : place + 1 + self._places[place]])
        return Hypothesis(text, score, probability, timesteps, exact == 1.0, parts, proven)


def _lines(context: Sequence[str]) -> bytes:
    """Return words in normal form, one a line; what is no word is one that nobody knows."""
    words = []
    for word in context:
        plain = normalize_word(word)
        known = _is_text(plain) and (plain != BEGIN or word == BEGIN)  # "<S>" begins no sentence
        words.append(plain if known else UNK)
    return "\n".join(words).encode()


def _is_normal(word: str) -> bool:
    return normalize_word(word) == word


def _is_text(word: str) -> bool:
    """Return whether a word can be one line of a C string in UTF-8."""
    try:
        word.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return word != "" and "\n" not in word and "\0" not in word
