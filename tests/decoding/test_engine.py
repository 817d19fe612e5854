"""The engine of hosts without Python, against the golden vectors and the decoder."""

from __future__ import annotations

import base64
import copy
import ctypes
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgectc
from edgectc.core.config import from_dict
from edgectc.core.tokens import Tokens
from edgectc.decoding.decoders import lexicon
from edgectc.decoding.search import compiled
from edgectc.formats import bundle, layouts
from edgectc.formats.manifest import unpack_array
from edgectc.language import spelling
from edgectc.language.ngram.tables import normalize_word
from edgectc.runtime import loading

GOLDEN = Path(__file__).parents[1] / "golden"

pytestmark = pytest.mark.skipif(compiled.library() is None, reason="needs the compiled search")


class Engine:
    """A binding as thin as a host's."""

    def __init__(self, lexicon: bytes, model: bytes | None = None) -> None:
        loaded = compiled.library()
        assert loaded
        self._c = loaded
        self._e = self._c.edgectc_engine_new()
        self._held = [_aligned(lexicon), _aligned(model or b"")]
        try:
            self._call("lexicon", *_bytes(self._held[0]))
            if model is not None:
                self._call("language_model", *_bytes(self._held[1]))
        except ValueError:
            self.close()
            raise

    def close(self) -> None:
        self._c.edgectc_engine_free(self._e)
        self._e = None

    def _call(self, name: str, *arguments: Any) -> int:
        status: int = getattr(self._c, f"edgectc_engine_{name}")(self._e, *arguments)
        if status < 0:
            raise ValueError(self._c.edgectc_engine_error(self._e).decode())
        return status

    def options(self, preset: dict[str, Any]) -> None:
        for name, value in preset.items():
            number = ctypes.c_double(float("nan") if value is None else value)
            self._call("option", name.encode(), number)

    def columns(self, symbols: list[str], layout: Any = None) -> None:
        codes = [-1 if s == "<blank>" else ord(s) if len(s) == 1 else 0 for s in symbols]
        centres = np.zeros((len(symbols), 2))
        if layout is not None:
            for letter, centre in zip(layout.letters, layout.centers, strict=True):
                if letter in symbols:
                    centres[symbols.index(letter)] = centre
        size = layout.key_size if layout is not None else (1.0, 1.0)
        array = np.array(codes, np.int32)
        pointer = centres.ctypes.data_as(ctypes.c_void_p) if layout is not None else None
        width, height = ctypes.c_double(size[0]), ctypes.c_double(size[1])
        held = array.ctypes.data_as(ctypes.c_void_p)
        self._call("columns", held, pointer, len(codes), width, height)

    def word(self, text: str, spelled: str, count: float, boost: float, hidden: bool) -> None:
        numbers = ctypes.c_double(count), ctypes.c_double(boost)
        self._call("word", text.encode(), spelled.encode(), *numbers, int(hidden))

    def context(self, words: list[str]) -> None:
        self._call("context", "\n".join(normalize_word(word) for word in words).encode())

    def search(
        self, log_probs: Any, *, nbest: int = 5, partial: bool = False, trace: Any = None
    ) -> list[dict[str, Any]]:
        if trace is not None:
            trace = np.ascontiguousarray(trace, np.float32)
            self._call("trace", trace.ctypes.data_as(ctypes.c_void_p), len(trace))
        table = np.ascontiguousarray(log_probs, np.float32)
        held = table.ctypes.data_as(ctypes.c_void_p)
        n = self._call("search", held, len(table), nbest, int(partial))
        figure = self._c.edgectc_engine_figure
        return [
            {
                "text": self._c.edgectc_engine_text(self._e, i).decode(),
                "score": figure(self._e, i, 0),
                "probability": figure(self._e, i, 1),
                "posterior": (figure(self._e, i, 2), figure(self._e, i, 3)),
                "exact": bool(figure(self._e, i, 4)),
            }
            for i in range(n)
        ]


def _aligned(data: bytes) -> np.ndarray:
    held = np.zeros(len(data) // 8 + 2, np.uint64)
    held.view(np.uint8)[: len(data)] = np.frombuffer(data, np.uint8)
    return held.view(np.uint8)[: len(data)]


def _bytes(array: np.ndarray) -> tuple[ctypes.c_void_p, ctypes.c_size_t]:
    return array.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(len(array))


def _same(found: list[dict[str, Any]], wanted: list[dict[str, Any]], case: str) -> None:
    assert [one["text"] for one in found] == [one["text"] for one in wanted], case
    for one, other in zip(found, wanted, strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=1e-6), case
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-6), case
        assert one["exact"] or not other["exact"], case


@pytest.fixture(scope="module")
def files(shipped: Path) -> tuple[bytes, bytes]:
    return (shipped / "lexicon.trie").read_bytes(), (shipped / "words.lm").read_bytes()


@pytest.fixture(scope="module")
def engine(shipped: Path, files: tuple[bytes, bytes]) -> Iterator[Engine]:
    made = Engine(*files)
    preset = dict(bundle.read(shipped).index.decoder)
    assert preset.pop("type") == "lexicon"
    made.options(preset)
    yield made
    made.close()


def _golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="ascii"))


def test_search_vectors() -> None:
    golden = _golden("search.json")
    lexicon, model = (base64.b64decode(golden[key]) for key in ("lexicon", "language_model"))
    layout = layouts.parse(golden["layout"])
    for case in golden["cases"]:
        engine = Engine(lexicon, model)
        engine.options(case["options"])
        engine.columns(case["columns"], layout)
        for text, held in case["user"].items():
            values = (held["count"], held["boost"], held["hidden"])
            engine.word(text, held["spelled"], *values)
        engine.context(case["context"])
        found = engine.search(
            unpack_array(case["log_probs"]),
            nbest=case["nbest"],
            partial=case["unfinished"],
            trace=unpack_array(case["trace"]) if case["trace"] else None,
        )
        _same(found, case["words"], case["name"])
        engine.close()


def test_trace_vectors(engine: Engine) -> None:
    for case in _golden("traces.json")["cases"]:
        layout = layouts.load(case["layout"])
        engine.columns([*layout.letters, "<blank>"], layout)
        engine.context(case["context"])
        log_probs, frames = unpack_array(case["log_probs"]), unpack_array(case["frames"])
        _same(engine.search(log_probs, trace=frames), case["words"], case["name"])
        moving = engine.search(log_probs, nbest=3, partial=True, trace=frames)
        _same(moving, case["unfinished"], case["name"])


def test_answers_as_the_plain_decoder_does_with_a_dictionary_in_many_contexts(
    files: tuple[bytes, bytes], shipped: Path, rng: np.random.Generator
) -> None:
    engine = Engine(*files)
    mine = edgectc.UserDictionary()
    model = loading.load(shipped, runner="onnx")
    layout = layouts.load("qwerty")
    symbols = [*layout.letters, "<blank>"]
    engine.columns(symbols, layout)
    options = {key: value for key, value in model.preset.items() if key != "type"}
    # What is not proven, under the margin or without budget, each search finds in its own way.
    # A free spelling of noise has a million beginnings; test_lexicon_decoder has short ones.
    options |= {"margin": None, "budget": 10**6, "unknown_score": None}
    engine.options(options)
    decode = lexicon.create(
        from_dict(lexicon.Options, options), tokens=Tokens(tuple(symbols), 26),
        lexicon=model.lexicon, language_model=model.language_model, dictionary=mine,
        backend="numpy",
    )  # fmt: skip
    contexts = ["", "the", "i am", "thank you very", "it's", "new york", "of the", "qqq of",
                "<s>", "of <s> the"]  # fmt: skip
    words = ["hello", "zyxgle", "its", "York", "the", "thee", "Thebes"]
    for number in range(24):
        word = str(rng.choice(words))
        if number == 12:  # a word that leaves
            mine.remove("zyxgle")
            engine.word("zyxgle", "zyxgle", 0.0, 0.0, False)
        elif number % 3 == 0 and word not in mine:
            mine.add(word if number else "zyxgle", 2.0 + number)
            text = word if number else "zyxgle"
            engine.word(text, spelling.letters(text), 2.0 + number, 0.0, False)
        context = str(contexts[number % len(contexts)]).split()
        engine.context(context)
        logits = rng.normal(0.0, 1.0, (20, 27))
        logits[:, 26] += 5.0
        for i, letter in enumerate(spelling.letters(word)):
            logits[1 + 2 * i, layout.letters.index(letter)] += 9.0
        table = (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)
        wanted = decode(table, context=context)
        found = engine.search(table)
        about = [
            {n: getattr(o, n) for n in ("text", "score", "probability", "exact")} for o in wanted
        ]
        _same(found, about, str(number))
        assert all(h.exact for h in wanted)
        for one, other in zip(found, wanted, strict=True):
            if other.posterior is not None:
                assert one["posterior"][0] <= other.posterior[1] * (1 + 1e-6)
                assert other.posterior[0] <= one["posterior"][1] * (1 + 1e-6)
    engine.close()


def test_unknown_and_bad_options_are_refused(engine: Engine) -> None:
    for preset, part in (
        ({"lm_wieght": 1.0}, "lm_wieght"),
        ({"temperature": 0.0}, "temperature"),
        ({"acoustic_scale": None}, "acoustic_scale"),
        ({"rescore_size": 1.5}, "rescore_size"),
        ({"weighed": 1.5}, "weighed"),
        ({"margin": 0.0}, "margin"),
        ({"posterior_width": 2.0}, "posterior_width"),
        ({"lm_weight": float("inf")}, "lm_weight"),
    ):
        with pytest.raises(ValueError, match=part):
            engine.options(preset)


def test_a_preset_of_yesterday_is_taken_and_its_names_are_said(engine: Engine) -> None:
    assert engine._call("option", b"weighed", 5.0) == 1
    assert "rescore_size" in engine._c.edgectc_engine_error(engine._e).decode()
    assert engine._call("option", b"rescore_size", 5.0) == 0


def test_siblings_answer_alike_and_fix_the_weights(files: tuple[bytes, bytes]) -> None:
    first = Engine(*files)
    first.columns([*"abcdefghijklmnopqrstuvwxyz", "<blank>"])
    table = np.log(np.random.default_rng(0).dirichlet(np.ones(27), 12)).astype(np.float32)
    other = copy.copy(first)
    other._e = first._c.edgectc_engine_sibling(first._e)
    first.word("zyxgle", "zyxgle", 3.0, 0.0, False)  # each engine has words of its own
    first.context(["on", "the"])
    other.context(["of"])
    answers = first.search(table), other.search(table)
    with pytest.raises(ValueError, match="share a lexicon"):
        first.options({"lm_weight": 2.0})
    other.context(["on", "the"])
    other.word("zyxgle", "zyxgle", 3.0, 0.0, False)
    assert other.search(table) == answers[0]
    other.close()
    assert first.search(table) == answers[0]
    first.options({"lm_weight": 2.0})
    assert first.search(table) != answers[0]
    first.close()


def test_kept_contexts_answer_as_new_ones(files: tuple[bytes, bytes]) -> None:
    kept, new = Engine(*files), Engine(*files)
    kept._call("contexts", 3)
    for engine in (kept, new):
        engine.columns([*"abcdefghijklmnopqrstuvwxyz", "<blank>"])
    rng = np.random.default_rng(1)
    contexts = [[], ["the"], ["of", "the"], ["i"], ["it", "is"]]
    for step in range(40):
        if step % 11 == 5:
            word = "".join(rng.choice(list("abc"), 4))
            for engine in (kept, new):
                engine.word(word, word, 5.0, 0.0, False)
        table = np.log(rng.dirichlet(np.full(27, 0.3), 8)).astype(np.float32)
        words = contexts[int(rng.integers(5))]
        for engine in (kept, new):
            engine.context(words)
        assert kept.search(table) == new.search(table)
    kept.close()
    new.close()


def test_bad_calls_say_why(files: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match=r"edgelex1.*\.trie"):
        Engine(b"not a lexicon at all")
    made = Engine(files[0])
    table = np.full((4, 27), np.log(1 / 27), np.float32)
    with pytest.raises(ValueError, match="columns first"):
        made.search(table)
    with pytest.raises(ValueError, match="no key for 'm'"):
        made.columns([*"abcdefghijklnopqrstuvwxyz", "<blank>"])
    with pytest.raises(ValueError, match="no column is the blank"):
        made.columns([*"abcdefghijklmnopqrstuvwxyz"])
    with pytest.raises(ValueError, match="two columns"):
        made.columns([*"abcdefghijklmnopqrstuvwxyza", "<blank>"])
    made.columns([*"abcdefghijklmnopqrstuvwxyz", "<blank>"])
    with pytest.raises(ValueError, match="language model"):
        made.context(["the"])
    with pytest.raises(ValueError, match="spelled"):
        made.word("naïve", "naïve", 1.0, 0.0, False)
    for bad in (table * 2, table * np.nan, table + np.inf):
        with pytest.raises(ValueError, match="no distribution"):
            made.search(bad)
    assert len(made.search(table)) == 5
    made.close()


@pytest.mark.parametrize("which", ["lexicon", "language_model"])
def test_damaged_files_never_leave_their_arrays(which: str, rng: np.random.Generator) -> None:
    """What Python refuses the engine refuses; what Python takes, it searches without harm."""
    golden = _golden("search.json")
    parts = {key: base64.b64decode(golden[key]) for key in ("lexicon", "language_model")}
    columns = [*golden["letters"], "<blank>"]
    table = np.full((6, len(columns)), -np.log(len(columns)), np.float32)
    refused = 0
    for number in range(300):
        damaged = bytearray(parts[which])
        at = int(rng.integers(len(damaged)))
        if number % 3 == 0:
            damaged = damaged[:at]
        elif number % 3 == 1:
            damaged[at] ^= 1 << int(rng.integers(8))
        else:
            damaged[at : at + 4] = rng.bytes(4)
        if which == "language_model" and len(damaged) > 64:  # a checksum can be forged
            check = zlib.crc32(damaged[16:], zlib.crc32(damaged[:12]))
            damaged[12:16] = check.to_bytes(4, "little")
        try:
            made = Engine(*{**parts, which: bytes(damaged)}.values())
            made.columns(columns)
            made.context(["on", "the"])
            made.search(table, nbest=3)
            made.close()
        except ValueError as error:
            refused += "copy it again" in str(error)
    assert 100 < refused


def test_closing_and_opening_leaks_little(files: tuple[bytes, bytes]) -> None:
    import resource

    def cycle() -> int:
        made = Engine(*files)
        made.columns([*"abcdefghijklmnopqrstuvwxyz", "<blank>"])
        made.context(["on", "the"])
        made.search(np.full((20, 27), -np.log(27), np.float32), nbest=3)
        made.close()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    cycle()
    before = cycle()
    for _ in range(4):
        after = cycle()
    assert after - before < 30_000  # kB; one engine that stayed would be 12 MB each
