"""The C library where memory runs out: each allocation fails once, and nothing is lost or kept."""

from __future__ import annotations

import base64
import ctypes
import json
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyboard_fuzz
import numpy as np
import pytest

from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import beam
from edgectc.decoding.search import compiled
from edgectc.decoding.search.compiled import FUNCTIONS, File
from edgectc.formats import layouts
from edgectc.runtime.keyboard import KeyRow, Word, row_of

ROOT = Path(__file__).parents[2]
NO_MEMORY = -1
TEMPLATE = 8  # the figure of the trace

COUNTED = """
#undef malloc
#undef calloc
#undef realloc
#undef free
#include <stdlib.h>
#define SHOWN __attribute__((visibility("default")))
SHOWN int succeed = -1; /* allocations until one fails; -1: none does */
SHOWN int live = 0;
static void *counted(void *made) { live += made != NULL; return made; }
static int fails(void) { return succeed >= 0 && succeed-- == 0; }
void *test_malloc(size_t n) { return fails() ? NULL : counted(malloc(n)); }
void *test_calloc(size_t n, size_t size) { return fails() ? NULL : counted(calloc(n, size)); }
void *test_realloc(void *held, size_t n) {
  if (fails()) return NULL;
  return held ? realloc(held, n) : counted(malloc(n));
}
void test_free(void *held) { live -= held != NULL; free(held); }
"""


@pytest.fixture(scope="module")
def c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The C library, with an allocator that counts and can fail."""
    build = runpy.run_path(str(ROOT / "native" / "build.py"))
    compiler = build["compiler"]()
    if not compiler:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("counted")
    (folder / "counted.c").write_text(COUNTED, encoding="ascii")
    named = [f"-D{name}=test_{name}" for name in ("malloc", "calloc", "realloc", "free")]
    command = [*compiler, *build["flags"](), *named, "-O1", "-shared", "-fPIC", "-Wno-error"]
    command += ["-DBLOCK=256", "-DKEPT_BLOCKS=0"]  # what is taken is mostly an allocation
    command += ["-o", str(folder / "counted.so"), str(folder / "counted.c")]
    subprocess.run([*command, *build["sources"](beam=True, network=True), "-lm"], check=True)
    library = ctypes.CDLL(str(folder / "counted.so"))
    for name, (returned, taken) in FUNCTIONS.items():
        function = library[f"edgectc_{name}"]
        function.restype, function.argtypes = returned, taken
        setattr(library, f"edgectc_{name}", function)
    return library


class Given:
    """What an engine is given, call by call; all arrays stay where they are."""

    def __init__(self) -> None:
        golden = json.loads((ROOT / "tests/golden/search.json").read_text(encoding="ascii"))
        letters = golden["letters"]
        symbols = np.array([*map(ord, letters), -1], np.int32)
        rng = np.random.default_rng(0)
        centres = rng.random((len(symbols), 2))
        self.trace = np.ascontiguousarray(rng.random((12, 3)), np.float32)
        table = np.log(rng.dirichlet(np.ones(len(symbols)), 12)).astype(np.float32)
        files = [_aligned(base64.b64decode(golden[key])) for key in ("lexicon", "language_model")]
        self.search = ("search", table.ctypes.data, len(table), 3, 0)
        self.trace_call = ("trace", self.trace.ctypes.data, len(self.trace))
        self._held = [symbols, centres, table, *files]
        at = [array.ctypes.data for array in self._held]
        self.calls: list[tuple[Any, ...]] = [
            ("lexicon", at[3], len(files[0])),
            ("language_model", at[4], len(files[1])),
            ("option", b"template_weight", 1.0),
            ("option", b"unknown_score", -3.0),
            ("columns", at[0], at[1], len(symbols), 1.0, 1.0),
            ("word", letters[:4].encode(), letters[:4].encode(), 3.0, 0.0, 0),
            ("context", b"on\nthe"),
            self.trace_call,
            self.trace_call,
            self.search,
        ]


def _aligned(data: bytes) -> np.ndarray:
    held = np.zeros(len(data) // 8 + 2, np.uint64)
    held.view(np.uint8)[: len(data)] = np.frombuffer(data, np.uint8)
    return held.view(np.uint8)[: len(data)]


def _answers(c: ctypes.CDLL, engine: int) -> Iterator[tuple[str, float, bool]]:
    """Yield text, score, and whether the trace had a say, of each word."""
    place = 0
    while (text := c.edgectc_engine_text(engine, place)) is not None:
        figure = [c.edgectc_engine_figure(engine, place, i) for i in (0, TEMPLATE)]
        yield text.decode(), figure[0], figure[1] == figure[1]
        place += 1


def _run(c: ctypes.CDLL, given: Given, engine: int) -> list[tuple[str, float, bool]]:
    """Make every call, again where memory ran out; return the answers."""
    for name, *arguments in given.calls:
        call = getattr(c, f"edgectc_engine_{name}")
        status = call(engine, *arguments)
        if status == NO_MEMORY:
            if name in ("trace", "search"):  # neither the answers nor the trace may stay
                assert not list(_answers(c, engine)) or name == "trace"
                assert c.edgectc_engine_search(engine, *given.search[1:]) > 0
                assert not any(judged for _, _, judged in _answers(c, engine))
                assert c.edgectc_engine_trace(engine, *given.trace_call[1:]) == 0
            status = call(engine, *arguments)
        assert status >= 0, (name, c.edgectc_engine_error(engine))
    return list(_answers(c, engine))


def test_every_allocation_may_fail(c: ctypes.CDLL) -> None:
    given, wanted = Given(), []
    succeed, live = (ctypes.c_int.in_dll(c, name) for name in ("succeed", "live"))
    for allowed in (-1, *range(10_000)):
        succeed.value = allowed
        engine = c.edgectc_engine_new()
        if engine:
            answers = _run(c, given, engine)
            wanted = wanted or answers
            assert answers == wanted
            assert all(judged for _, _, judged in answers)
            c.edgectc_engine_free(engine)
        assert live.value == 0, f"allocation {allowed} failed, and {live.value} stay"
        if allowed >= 0 and succeed.value >= 0:  # there were not so many
            break
    assert wanted
    assert allowed > 50


class Typist:
    """A keyboard that writes a language of few words, and what it is told, call by call."""

    def __init__(self) -> None:
        letters = layouts.shipped("qwerty").letters
        centers, size = layouts.shipped("qwerty").centers, layouts.shipped("qwerty").key_size
        boxes = [(c, x, y, *size) for c, (x, y) in zip(letters, centers, strict=True)]
        files = [*keyboard_fuzz.small_language(), keyboard_fuzz.MODEL.read_bytes()]
        held = [keyboard_fuzz.aligned(data) for data in files]
        index, lexicon, words, model = (File(one.ctypes.data, one.size) for one in held)
        self.keys = (KeyRow * len(boxes))(*map(row_of, boxes))
        place = dict(zip(letters, centers, strict=True))
        path = np.linspace(place["a"], place["d"], 20)
        self.points = np.column_stack([path, np.linspace(0.0, 400.0, 20)])
        self.taps = np.array([[*place[c], 0.0] for c in "ab"])
        self.strokes = np.vstack([self.points, self.taps])
        self.lengths = np.array([20, 1, 1], np.int32)
        self.room = (Word * 3)()
        none, self._held = File(), [held]
        self.calls: list[tuple[Any, ...]] = [
            ("open", model, none, none),
            ("add", index, lexicon, words),
            ("keys", self.keys, len(boxes)),
            ("teach", b"ab", 2.0),
            ("learn", b"da", 2.0),
            ("favour", b"Ad", None, 2.0),
            ("before", b"on the ", 1),
            ("prepare",),
            ("swipe", self.points.ctypes.data, 20, 0, self.room, 3),
            ("tap", self.taps.ctypes.data, 2, 0, self.room, 3),
            ("tap", self.taps.ctypes.data, 2, 1, self.room, 3),
            ("strokes", self.strokes.ctypes.data, self.lengths.ctypes.data, 3, 0, self.room, 3),
            ("complete", b"a", self.room, 3),
            ("today", 30.0),
            ("hide", b"ab"),
            ("incognito", 1),
            ("swipe", self.points.ctypes.data, 20, 0, self.room, 3),
        ]

    def run(self, c: ctypes.CDLL, keyboard: int) -> list[Any]:
        """Make every call, again where memory ran out; return what they answer."""
        answers: list[Any] = []
        for name, *arguments in self.calls:
            call = getattr(c, f"edgectc_keyboard_{name}")
            status = call(keyboard, *arguments)
            if status == NO_MEMORY:
                status = call(keyboard, *arguments)
            assert status >= 0, (name, c.edgectc_keyboard_error(keyboard))
            texts = (
                [(w.text, w.score) for w in self.room[:status]] if self.room in arguments else []
            )
            answers.append((name, status, texts))
        return answers


def test_every_allocation_of_a_keyboard_may_fail(c: ctypes.CDLL) -> None:
    typist, wanted = Typist(), []
    succeed, live = (ctypes.c_int.in_dll(c, name) for name in ("succeed", "live"))
    for allowed in (-1, *range(10_000)):
        succeed.value = allowed
        keyboard = c.edgectc_keyboard_new()
        if keyboard:
            answers = typist.run(c, keyboard)
            wanted = wanted or answers
            assert answers == wanted
            c.edgectc_keyboard_free(keyboard)
        assert live.value == 0, f"allocation {allowed} failed, and {live.value} stay"
        if allowed >= 0 and succeed.value >= 0:  # there were not so many
            break
    assert [name for name, status, _ in wanted if status == 3]
    assert allowed > 100


class Said:
    """A language model with scores of no meaning."""

    order = 2

    def start(self, context=()):
        return "<s>"

    def score(self, state, word):
        return -1.0 - (len(word) + len(state)) % 3, word

    def finish(self, state):
        return -1.0


def test_every_allocation_of_the_beam_may_fail(
    c: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "library", lambda: c)
    tokens = Tokens((*"abcdefg", "|", "-"), 8)
    options = beam.Options(beam_size=60, beam_threshold=None, token_threshold=None, separator="|")
    words = {"language_model": Said(), "hotwords": {"ab": 3.0}}
    decode = beam.create(options, tokens=tokens, backend="native", **words)
    rows = np.log(np.random.default_rng(0).dirichlet(np.ones(9), 60))
    succeed, live = (ctypes.c_int.in_dll(c, name) for name in ("succeed", "live"))

    def texts() -> list[str] | None:
        try:
            return [found.text for found in decode(rows, nbest=5)]
        except MemoryError:
            return None

    succeed.value = -1
    wanted, failed = texts(), 0
    for allowed in range(10_000):
        succeed.value = allowed
        found = texts()
        assert live.value == 0, f"allocation {allowed} failed, and {live.value} stay"
        if succeed.value >= 0:  # there were not so many
            break
        assert found is None
        failed += 1
    succeed.value = -1
    assert wanted
    assert texts() == wanted
    assert failed > 20
