"""Calls of a keyboard of the C library: damaged models and words, taught words; see `c_fuzz`."""

from __future__ import annotations

import base64
import ctypes
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import edgectc
from edgectc.core.types import Array
from edgectc.decoding.search import compiled
from edgectc.decoding.search.compiled import File
from edgectc.formats import layouts
from edgectc.formats import manifest as manifests
from edgectc.runtime import keyboard as keyboards

MODELS = Path(edgectc.__file__).parents[1] / "models"
MODEL = MODELS / "swipe-en-tiny" / "artifacts" / "swipe-en-tiny-int8-dynamic.edgectc"
GOLDEN = Path(__file__).parents[1] / "golden"
LETTERS = layouts.shipped("qwerty").letters
_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2.5, 1e300, -1e-300, 10**30, "", "x", "\u00e9\ud83d\ude00", [], {}, [[]],
    {"type": "swipe"}, {"sha256": "0" * 64}, [{"name": "qwerty", "rows": []}],
)  # fmt: skip


def damaged_values(value: Any, rng: np.random.Generator) -> Any:
    """Return a JSON value with one thing in it changed, left out or put in."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        made = dict(value)
        name = str(rng.choice([*made]))
        if rng.random() < 0.1:
            del made[name]
        elif rng.random() < 0.05:
            made["a key of nobody"] = rng.choice([1.0, 2.0])
        else:
            made[name] = damaged_values(made[name], rng)
        return made
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = int(rng.integers(len(value)))
        return [*value[:at], damaged_values(value[at], rng), *value[at + 1 :]]
    if isinstance(value, str) and value and rng.random() < 0.5:
        at = int(rng.integers(len(value)))
        return value[:at] + str(rng.choice(["", "A", "=", "\u20ac", "\n"])) + value[at + 1 :]
    return _VALUES[int(rng.integers(len(_VALUES)))]


def damaged_text(text: bytes, rng: np.random.Generator) -> bytes:
    """Return the bytes of a manifest with a few of them changed, so that it may be no JSON."""
    made = bytearray(text)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(made)))
        made[at] = int(rng.choice([*b'{}[]",:\\u0-.e \x00\xff']))
    return bytes(made)


def resealed(data: bytes, start: int, text: bytes) -> bytes:
    """Return a native artifact with another manifest, so that its seal holds."""
    made = bytearray(data[:start] + text)
    made[48:56] = len(text).to_bytes(8, "little")
    try:
        sealed = manifests.sealed(bytes(made))
    except edgectc.BundleError:  # no manifest any more
        return bytes(made)
    assert isinstance(sealed, bytes)
    return sealed


def models(rng: np.random.Generator) -> Iterator[bytes]:
    """Yield artifacts: damaged in the manifest, in the program before it, or not at all."""
    data = MODEL.read_bytes()
    start = data.index(manifests.PREFIX)
    whole = json.loads(data[start:])
    whole["file_sha256"] = "0" * 64
    cases = whole["manifest"]["reference"]
    whole["manifest"]["reference"] = {name: cases[name] for name in [*cases][:2]}
    while True:
        kind, text = rng.random(), json.dumps(whole, separators=(",", ":")).encode()
        if kind < 0.6:
            changed = {**whole, "manifest": damaged_values(whole["manifest"], rng)}
            text = json.dumps(changed, separators=(",", ":")).encode()
        elif kind < 0.8:
            cut = len(manifests.PREFIX) + 64
            text = text[:cut] + damaged_text(text[cut:], rng)
        before = bytearray(data)
        if 0.8 <= kind < 0.95:
            at = int(rng.integers(4, 16 + 32 * 8)) * 4
            before[at : at + 4] = int(rng.integers(2**32)).to_bytes(4, "little")
        yield resealed(bytes(before), start, text)


def some_points(rng: np.random.Generator) -> Array:
    """Return what may be a swipe."""
    n = int(rng.choice([0, 1, 2, 3, 60, 700]))
    points = rng.uniform(-0.3, 1.3, (n, 3)) * float(rng.choice([1.0, 1.0, 1e3]))
    points[:, 2] = np.cumsum(rng.integers(0, 60, n))
    if n and rng.random() < 0.2:
        points[int(rng.integers(n)), int(rng.integers(3))] = rng.choice(
            [np.nan, np.inf, 1e308, -1e9]
        )
    return points


def some_keys(rng: np.random.Generator) -> list[keyboards.Key]:
    """Return keys, mostly those of a keyboard."""
    place = rng.uniform(-2.0, 2.0, (30, 2))
    keys = [(c, float(x), float(y), 0.1, 0.3) for c, (x, y) in zip(LETTERS, place, strict=False)]
    if rng.random() < 0.3:
        letter = str(rng.choice(["", "a", "\u00df", "\U0001f600"]))
        width = float(rng.choice([0.1, 0.0, -1.0, np.nan, 1e12]))
        keys[int(rng.integers(26))] = (letter, 0.0, 0.0, width, 0.1)
    return keys


_WORDS = tuple(word if isinstance(word, bytes) else word.encode() for word in (
    "hello", "Hello", "", b"a\xffb", b"\xed\xa0\x80", "\u00dcber-Gr\u00f6\u00dfe",
    "it's", "\ud55c\uad6d",
    "\u03a3\u0391\u03a3", "x" * 255, "y" * 256, "-'" * 3000 + "a", "\u1ea5\u0323\u0301" * 90, "12",
    "a\nb", 'quo"te\\',
))  # fmt: skip
_NUMBERS = (0.0, 1.0, 5e-324, 1e9, -1.0, 1e308, float("nan"), 1 / 3)


def some_words(rng: np.random.Generator) -> bytes:
    """Return a file of words, mostly with something changed."""
    known = {
        f"word{i}x": {"boost": -1.5, "count": i / 3, "hidden": i == 2, "learnt": i / 7, "day": i,
                      "language": "de" * (i % 2)} for i in range(4)
    }  # fmt: skip
    value = {"schema_version": int(rng.choice([1, 2, 3])), "share": 1e-5, "words": known}
    if rng.random() < 0.7:
        value = damaged_values(value, rng)
    text = json.dumps(value).encode()
    return damaged_text(text, rng) if rng.random() < 0.3 else text


def learn(
    library: compiled.Library, handle: int, rng: np.random.Generator, *, opened: bool
) -> None:
    """Teach, favour, hide, forget, take and write words."""
    for _ in range(int(rng.integers(12))):
        word, number = _WORDS[int(rng.integers(len(_WORDS)))], _NUMBERS[int(rng.integers(8))]
        call = int(rng.integers(9))
        if call == 0:
            library.edgectc_keyboard_teach(handle, word, number)
        elif call == 5:
            other = _WORDS[int(rng.integers(len(_WORDS)))] if rng.random() < 0.5 else None
            library.edgectc_keyboard_favour(handle, word, other, number)
        elif call == 6:
            library.edgectc_keyboard_learn(handle, word, number)
        elif call == 7:
            library.edgectc_keyboard_today(handle, float(rng.choice([0, 10, 300, 1e6, 1e7])))
        elif call == 8:
            library.edgectc_keyboard_incognito(handle, int(rng.integers(2)))
        elif call == 1:
            library.edgectc_keyboard_hide(handle, word)
        elif call == 2:
            library.edgectc_keyboard_forget(handle, word)
        elif call == 3:
            data = some_words(rng)
            held = np.frombuffer(data or b" ", np.uint8).copy()
            library.edgectc_keyboard_take_words(handle, File(held.ctypes.data, len(data)))
        else:
            size = library.edgectc_keyboard_words(handle, None, 0)
            out = np.zeros(max(size, 1), np.uint8)
            room = int(rng.choice([size, size - 1, 0])) if size > 0 else 0
            library.edgectc_keyboard_words(handle, out.ctypes.data, room)
            if room == size > 0:  # what it writes it takes
                file = File(out.ctypes.data, size)
                assert (library.edgectc_keyboard_take_words(handle, file) == 0) == opened


def swipes(rng: np.random.Generator) -> Iterator[None]:
    """Open damaged models, run their cases, place keys, write contexts, learn words, swipe, tap."""
    library = compiled.library()
    assert library is not None
    lexicon = np.fromfile(MODELS / "swipe-en" / "lexicon.trie", np.uint8)
    words = np.fromfile(MODELS / "swipe-en" / "words.lm", np.uint8)
    opened = 0
    for number, data in enumerate(models(rng)):
        held = np.frombuffer(data + bytes(8), np.uint8).copy()
        opened += _use(library, held[: len(data)], lexicon, words, rng)
        assert opened or number < 200  # of those that are as they were, most
        yield


INDEX = {"schema_version": 1, "language": "xx", "title": "X", "layout": {"rows": []},
         "lexicon": {"file": "lexicon.trie", "licence": "", "sha256": "0" * 64},
         "language_model": {"file": "words.lm", "licence": "", "sha256": "0" * 64}}  # fmt: skip


def small_language() -> tuple[bytes, bytes, bytes]:
    """Return index, lexicon and language model of a language of few words."""
    golden = json.loads((GOLDEN / "search.json").read_text(encoding="ascii"))
    lexicon, model = (base64.b64decode(golden[name]) for name in ("lexicon", "language_model"))
    index = json.loads(json.dumps(INDEX))
    for name, data in (("lexicon", lexicon), ("language_model", model)):
        index[name]["sha256"] = hashlib.sha256(data).hexdigest()
    return json.dumps(index).encode(), lexicon, model


def aligned(data: bytes) -> Array:
    """Return bytes as they may be mapped."""
    held = np.zeros(len(data) // 8 + 2, np.uint64).view(np.uint8)[: len(data)]
    held[:] = np.frombuffer(data, np.uint8)
    return held


_SMALL = small_language()
_HELD = [aligned(data) for data in _SMALL[1:]]


def _add(library: compiled.Library, handle: int, rng: np.random.Generator) -> None:
    """Add a language whose index is damaged or right, and its files right or exchanged."""
    share, text = ctypes.c_double(), _SMALL[0]
    if rng.random() < 0.5:
        text = json.dumps(damaged_values(json.loads(text), rng)).encode()
    index = aligned(damaged_text(text, rng) if rng.random() < 0.2 else text)
    files = [File(held.ctypes.data, held.size) for held in (index, *_HELD)]
    if rng.random() < 0.2:
        files[2] = files[int(rng.integers(2))]
    library.edgectc_keyboard_add(handle, *files)
    for place in (-1, 0, 1, 2):
        library.edgectc_keyboard_language(handle, place, ctypes.byref(share))


def _use(
    library: compiled.Library, model: Array, lexicon: Array, words: Array, rng: np.random.Generator
) -> bool:
    """Call a keyboard as a host would; return whether it was opened."""
    handle = library.edgectc_keyboard_new()
    room = (keyboards.Word * 5)()
    try:
        files = [File(one.ctypes.data, one.size) for one in (model, lexicon, words)]
        if rng.random() < 0.3:
            files[2] = File()
        apart = rng.random() < 0.3  # its words come later, as those of a language
        given = [files[0], File(), File()] if apart else files
        failed = library.edgectc_keyboard_open(handle, *given) < 0
        assert not failed or library.edgectc_keyboard_error(handle)
        opened = not failed  # words are taken, whether or not a language comes later
        _add(library, handle, rng)
        if apart:
            failed |= library.edgectc_keyboard_add(handle, File(), *files[1:]) < 0
        for _ in range(1 if failed else 4):
            library.edgectc_keyboard_test(handle)
            rows = [keyboards.row_of(key) for key in some_keys(rng)]
            library.edgectc_keyboard_keys(handle, (keyboards.KeyRow * len(rows))(*rows), len(rows))
            text = str(rng.choice(["", "of the ", "\u00c9t\u00e9. \u0915\u093e", "x" * 5000]))
            library.edgectc_keyboard_before(handle, text.encode(), int(rng.integers(2)))
            learn(library, handle, rng, opened=opened)
            points, most = some_points(rng), int(rng.choice([0, 1, 5]))
            flags = int(rng.choice([0, 0, 1, 2]))
            library.edgectc_keyboard_swipe(
                handle, points.ctypes.data, len(points), flags, room, most
            )
            taps = some_points(rng)[: int(rng.choice([0, 1, 5, 64, 65]))]
            library.edgectc_keyboard_tap(handle, taps.ctypes.data, len(taps), flags, room, most)
            lengths = np.array([1, max(0, len(points) - 1)][: int(rng.integers(3))], np.int32)
            if lengths.sum() <= len(points):
                where = (points.ctypes.data, lengths.ctypes.data, len(lengths))
                library.edgectc_keyboard_strokes(handle, *where, flags, room, most)
            begun = _WORDS[int(rng.integers(len(_WORDS)))]
            library.edgectc_keyboard_complete(handle, begun, room, max(1, most))
            assert library.edgectc_keyboard_typed(handle) is not None
        return not failed
    finally:
        library.edgectc_keyboard_free(handle)
