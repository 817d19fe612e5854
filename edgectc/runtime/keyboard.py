"""The keyboard of the C library: a finger's points in any unit go in, ranked words come out.

What a phone or a browser links, for Python: `native/include/edgectc.h` says what each call does.
`edgectc.Recognizer` answers the same on layouts that it knows, and runs every family and target.
"""

from __future__ import annotations

import ctypes
import os
import threading
import unicodedata
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgectc.core import forks
from edgectc.core.errors import (
    BundleError,
    ConfigError,
    InputError,
    MissingDependencyError,
    WriteError,
)
from edgectc.core.types import Decoded, Hypothesis
from edgectc.decoding.search import compiled
from edgectc.decoding.search.checks import check_nbest
from edgectc.decoding.search.compiled import File
from edgectc.formats import bundle as bundles
from edgectc.formats import manifest as manifests
from edgectc.formats.manifest import Manifest
from edgectc.formats.records import NamedFile
from edgectc.runtime.mapping import Bytes, mapped, of_library
from edgectc.runtime.touches import points_of, taps_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_NO_MEMORY, _CANCELLED, _MOVING = -1, -4, 1  # EDGECTC_NO_MEMORY and so on
_MOST_WORDS = 1000

Key = tuple[str, float, float, float, float]


class KeyRow(ctypes.Structure):
    """`edgectc_key`."""

    _fields_ = (
        ("letter", ctypes.c_int32),
        *((name, ctypes.c_double) for name in ("x", "y", "width", "height")),
    )


class Word(ctypes.Structure):
    """`edgectc_word`."""

    _fields_ = (
        ("text", ctypes.c_char_p),
        ("score", ctypes.c_double),
        ("probability", ctypes.c_double),
        ("exact", ctypes.c_int32),
    )


class Keyboard:
    """Keys as they lie on a screen, over a model in the native format; threads take turns.

    Args:
        path: a native artifact, a bundle that holds one, or a shipped model by name; None for the
            shipped model.
        keys: see `place`; None where they come later.
        context: whether the language models are loaded, too, where there are any.
        language: names or paths of at most 4 language packs that are written at once, as in
            `edgectc.load`: the first is the main one, "own" stands for the words of the model.

    Raises:
        BundleError: the artifact, a lexicon or a language model is not as it was sealed.
        ConfigError: there is no native artifact, no such language, or the keys cannot be used.
        MissingDependencyError: the package was installed without its C library.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        keys: Iterable[Key] | None = None,
        context: bool = True,
        language: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = "own",
    ) -> None:
        loaded = compiled.library()
        if loaded is None:
            raise MissingDependencyError(
                "a keyboard", system="the compiled library", command=compiled.remedy()
            )
        artifact = _artifact(bundles.locate(path))
        _, manifest = manifests.read(artifact)
        self.name, self._c, self._lock = manifest.name, loaded, threading.Lock()
        wanted = (language,) if isinstance(language, (str, os.PathLike)) else tuple(language)
        packs = [_pack(one, artifact, manifest, context=context) for one in wanted]
        self._files = [mapped(artifact), *(file for pack in packs for file in pack)]
        self._handle: int = loaded.edgectc_keyboard_new()
        if not self._handle:
            raise MemoryError("no memory for a keyboard")
        freed = weakref.finalize(self, loaded.edgectc_keyboard_free, self._handle)
        freed.atexit = False  # a daemon thread may still run it
        if self._status("open", of_library(self._files[0]), File(), File()) < 0:
            raise BundleError(f"{artifact}: {self._error()}")
        for name, pack in zip(wanted, packs, strict=True):
            if self._status("add", *map(of_library, pack)) < 0:
                raise BundleError(f"{artifact}, language {os.fspath(name)!r}: {self._error()}")
        if keys is not None:
            self.place(keys)

    def __repr__(self) -> str:
        return f"Keyboard({self.name!r})"

    @property
    def languages(self) -> dict[str, float]:
        """The probability that the next word is of each language, 0 of one that has no keys."""
        found: dict[str, float] = {}
        share = ctypes.c_double()
        with self._turn():
            call = self._c.edgectc_keyboard_language
            while (name := call(self._handle, len(found), ctypes.byref(share))) is not None:
                found[name.decode()] = share.value
        return found

    def place(self, keys: Iterable[Key]) -> None:
        """Say where the keys lie now: at every change of their place or letters.

        Args:
            keys: letter, x, y, width, height of each, as it is touched, gaps included: its left
                upper corner in any unit, y downwards. The letter "" belongs to the board but
                spells nothing. Coordinates are counted in the bounding box of all keys.

        Raises:
            ConfigError: a key has no place, or the letters are not those of the lexicon.
        """
        rows = [row_of(key) for key in keys]
        with self._turn():
            if self._status("keys", (KeyRow * len(rows))(*rows), len(rows)) < 0:
                raise ConfigError(self._error(), options=["keys"])

    def swipe(self, points: ArrayLike, *, nbest: int = 5, moving: bool = False) -> Decoded:
        """Return the ranked words of a finger's points.

        Args:
            points: (n, 3) x, y in the unit of the keys and t in milliseconds.
            nbest: most words to return.
            moving: the finger still moves: rank what the points so far may begin.

        Raises:
            InputError: the points are no swipe, or another thread cancelled; ``reason`` names why.
        """
        rows = points_of(points)
        where = (rows.buffer_info()[0], len(rows) // 3)
        return self._ranked(nbest, "swipe", *where, _MOVING * moving)

    def strokes(
        self, strokes: Iterable[ArrayLike], *, nbest: int = 5, moving: bool = False
    ) -> Decoded:
        """Return the ranked words of strokes, taps and swipes in any order, that write one word.

        Args:
            strokes: points of each, as of `swipe`; a single one is a tap, which may lie beside its
                key. At most 64; taps alone are those of `tap`.
            nbest: most words to return.
            moving: the word goes on: rank what the strokes so far may begin.

        Raises:
            InputError: a stroke is no swipe, or another thread cancelled; ``reason`` names why.
            ConfigError: there are too many, or one has no point.
        """
        given = [points_of(stroke) for stroke in strokes]
        rows = array("d", chain.from_iterable(given))
        lengths = (ctypes.c_int32 * len(given))(*(len(one) // 3 for one in given))
        where = (rows.buffer_info()[0], lengths, len(lengths))
        return self._ranked(nbest, "strokes", *where, _MOVING * moving)

    def _ranked(self, nbest: int, name: str, *arguments: Any) -> Decoded:
        """Return the words of a call that may be cancelled or refused for its points."""
        words = (Word * min(check_nbest(nbest), _MOST_WORDS))()
        with self._turn():
            n = self._status(name, *arguments, words, len(words))
            if n == _CANCELLED:
                raise InputError(self._error(), reason="cancelled")
            if n < 0:
                reason = self._c.edgectc_keyboard_reason(self._handle).decode()
                if not reason:
                    raise ConfigError(self._error())
                raise InputError(self._error(), reason=reason)
            return _decoded(words[:n])

    def tap(self, taps: ArrayLike, *, nbest: int = 5, moving: bool = False) -> Decoded:
        """Return the ranked words of taps, corrected; what is no word may be one of them.

        A word of the lexicon or the user is left alone unless another one is much likelier.

        Args:
            taps: (n, 2) x, y in the unit of the keys, n <= 64; times behind them do not count.
            nbest: most words to return.
            moving: the word goes on: complete it. Of no taps, this is the next word.

        Raises:
            ConfigError: these are no taps, one lies nowhere near the keys, or there are too many.
        """
        rows = taps_of(taps)
        words = (Word * min(check_nbest(nbest), _MOST_WORDS))()
        with self._turn():
            flags = _MOVING * moving
            n = self._status("tap", rows.buffer_info()[0], len(rows) // 3, flags, words, len(words))
            if n < 0:
                raise ConfigError(self._error())
            return _decoded(words[:n])

    def complete(self, begun: str = "", *, nbest: int = 5) -> Decoded:
        """Return the ranked words that begin with letters, as completed taps but without doubt.

        Args:
            begun: letters before the cursor, in any case; "" asks for the next word. `before` is
                told what stands before them.
            nbest: most words to return.
        """
        words = (Word * min(check_nbest(nbest), _MOST_WORDS))()
        with self._turn():
            n = self._status("complete", _word(begun), words, len(words))
            if n < 0:
                raise ConfigError(self._error())
            return _decoded(words[:n])

    def knows(self, word: str) -> bool:
        """Return whether the lexicon has a word, in any case."""
        with self._turn():
            return self._status("knows", _word(word)) == 1

    @property
    def typed(self) -> str:
        """The letters of the keys that the last taps were nearest to."""
        with self._turn():
            return str(self._c.edgectc_keyboard_typed(self._handle).decode())

    def cancel(self) -> bool:
        """End the swipe that another thread waits for, and tell whether one ran.

        It raises InputError with the ``reason`` "cancelled" there.
        """
        return bool(self._c.edgectc_keyboard_cancel(self._handle))

    def before(self, text: str, *, whole: bool = True) -> None:
        """Say what stands before the cursor; the sentence that it ends in ranks the next word.

        Args:
            text: the text, or its end.
            whole: nothing stands before ``text``, so that it begins a sentence.
        """
        if not isinstance(text, str):
            raise ConfigError(f"what stands before the cursor is {text!r}, expected a text")
        plain = unicodedata.normalize("NFC", text).replace("\0", " ")
        self._call("before", plain.encode(errors="replace"), int(whole))

    def teach(self, word: str, uses: float = 1.0) -> None:
        """Count uses of a word, new or known; it is shown again if it was hidden, in any case.

        The word ranks with those of the lexicon, as by `UserDictionary.add` of a recognizer.

        Raises:
            ConfigError: it is no word, or ``uses`` is not above 0.
        """
        self._call("teach", _word(word), uses)

    def learn(self, word: str, uses: float = 1.0) -> bool:
        """Learn a word that was written, and tell whether it was; see `UserDictionary.learn`.

        Nothing is learnt while `incognito` is on, and no word that is hidden. Of several languages
        the word is of the one that it was probably written in; of all once it was written in two.

        Args:
            word: as it is shown.
            uses: how often it was written; below 0 takes so many back.

        Raises:
            ConfigError: it is no word, or ``uses`` is 0 or not finite.
        """
        with self._turn():
            status = self._status("learn", _word(word), uses)
            if status < 0:
                raise ConfigError(self._error())
            return bool(status)

    def today(self, day: float) -> None:
        """Say which day it is, from any origin that stays the same; what was learnt fades with it.

        Raises:
            ConfigError: it is no number from 0 to 1e6.
        """
        self._call("today", day)

    def incognito(self, on: bool) -> None:
        """Learn and teach nothing while it is on, as in fields that forbid learning.

        Where it goes on or off, the words before the cursor, the last points and what was made of
        them are forgotten.
        """
        self._call("incognito", int(on))

    def hide(self, word: str) -> None:
        """Never rank a word, in whatever case, be it the user's own or of the lexicon.

        What is learnt does not bring it back; what is taught does, and so does forgetting it.
        """
        self._call("hide", _word(word))

    def forget(self, word: str) -> None:
        """Forget all about a word; one of the lexicon is then as it was.

        Raises:
            ConfigError: the user has no such word.
        """
        self._call("forget", _word(word))

    def favour(self, word: str, nats: float, *, spelling: str | None = None) -> bool:
        """Favour a word, such as a contact's name, until told otherwise; tell if it can be typed.

        No file has such words; a name of several words is called for word by word.

        Args:
            word: as it is shown.
            nats: added to its score, -100 to 100; 0: no more.
            spelling: another way to swipe it; call once for each.

        Raises:
            ConfigError: it is no word, or ``nats`` is out of range.
        """
        spelled = None if spelling is None else _word(spelling)
        with self._turn():
            status = self._status("favour", _word(word), spelled, nats)
            if status < 0:
                raise ConfigError(self._error())
            return bool(status)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the user's words, for this user of the machine alone; `UserDictionary` reads them.

        Raises:
            WriteError: the file cannot be written; what had its name is as it was.
        """
        with self._turn():
            if self._status("save", os.fsencode(path)) < 0:
                raise WriteError(self._error())

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take the user's words of a file that a keyboard or a `UserDictionary` saved.

        Raises:
            ConfigError: there is none, or it was damaged; the words are as they were.
        """
        self._call("load", os.fsencode(path))

    def prepare(self) -> None:
        """Make ready what the next swipe would make first."""
        self._call("prepare")

    def test(self) -> None:
        """Run the model's own reference cases on this processor.

        Raises:
            ConfigError: a case comes out otherwise than when the model was made.
        """
        self._call("test")

    def _call(self, name: str, *arguments: Any) -> None:
        with self._turn():
            if self._status(name, *arguments) < 0:
                raise ConfigError(self._error())

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for a thread's turn, which no fork cuts in half."""
        with forks.whole(), self._lock:
            yield

    def _status(self, name: str, *arguments: Any) -> int:
        function = getattr(self._c, f"edgectc_keyboard_{name}")
        try:
            status: int = function(self._handle, *arguments)
        except ctypes.ArgumentError:
            raise ConfigError(f"{name} takes a number, got {arguments[-1]!r}") from None
        if status == _NO_MEMORY:
            raise MemoryError("the keyboard ran out of memory")
        return status

    def _error(self) -> str:
        return str(self._c.edgectc_keyboard_error(self._handle).decode(errors="replace"))


def _decoded(words: Iterable[Word]) -> Decoded:
    return Decoded(tuple(
        Hypothesis(word.text.decode(), word.score, word.probability, exact=bool(word.exact))
        for word in words
    ))  # fmt: skip


def _artifact(location: Path) -> Path:
    """Return the native artifact at a place."""
    if not bundles.is_bundle(location):
        return location
    for path in bundles.read(location).artifacts():
        if bundles.target_of(path) == "native":
            return path
    raise ConfigError(
        f"{location} holds no native artifact; make one with: "
        f"edgectc export {location} --target native"
    )


def _pack(
    name: str | os.PathLike[str], artifact: Path, manifest: Manifest, *, context: bool
) -> tuple[Bytes, Bytes, Bytes]:
    """Return index, lexicon and language model of a language; "own" has no index."""
    if os.fspath(name) == "own":
        model = manifest.language_model if context else None
        words = _named(manifest.lexicon, artifact, "lexicon")
        return b"", words, _named(model, artifact, "language_model")
    from edgectc.runtime import languages  # with all of the recognizer

    pack = languages.read(name)
    model = pack.index.language_model if context else None
    said = mapped(Path(pack.file(model))) if model else b""
    index = (pack.path / languages.INDEX).read_bytes()
    return index, mapped(Path(pack.file(pack.index.lexicon))), said


def _named(file: NamedFile | None, artifact: Path, kind: str) -> Bytes:
    """Return the bytes of a file that the manifest names, none where it names none."""
    if file is None:
        return b""
    return mapped(bundles.find_file(file, artifact.parent, kind=kind))


def _word(text: str) -> bytes:
    """Return a word as the library takes it.

    Raises:
        ConfigError: it is no text, or holds what is no character of one.
    """
    if not isinstance(text, str):
        raise ConfigError(f"a word is {text!r}, expected a text")
    try:
        plain = unicodedata.normalize("NFC", text).encode()
    except UnicodeEncodeError:
        plain = b"\0"
    if b"\0" in plain:
        raise ConfigError(f"{text!r} is no word: it holds what is no character of a text")
    return plain


def row_of(key: Key) -> KeyRow:
    """Return a key as the library takes it.

    Raises:
        ConfigError: it is none.
    """
    try:
        letter, x, y, width, height = key
        code = ord(letter) if letter else 0
        return KeyRow(code, float(x), float(y), float(width), float(height))
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(
            f"a key is {key!r}, expected one letter or '', x, y, width, height", options=["keys"]
        ) from None
