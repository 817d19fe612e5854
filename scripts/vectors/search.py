"""search.json: the search alone, with a small lexicon and language model of its own."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import edgectc
from edgectc.core.tokens import Tokens
from edgectc.formats import layouts
from edgectc.formats.manifest import pack_array
from edgectc.language import builder as language
from edgectc.language import lexicon_file, loading, packed, spelling
from edgectc.language.lexicon import Lexicon
from edgectc.runtime import recognizer
from vectors.common import VERSION, decoder

_LETTERS = "abcdehilnorstu"
_COUNTS = {
    "the": 900, "that": 300, "this": 5, "its": 40, "it's": 60, "us": 50, "US": 30, "to": 400,
    "too": 60, "on": 200, "one": 90, "no": 80, "not": 150, "note": 9, "notes": 5, "hotel": 8,
    "hello": 20, "hoot": 1, "shoot": 3, "shoe": 5, "shoes": 6, "son": 12, "soon": 14, "sun": 13,
    "bus": 8, "buses": 2, "cab": 3, "cable": 4, "abba": 1, "caba": 0.5, "café": 6, "cafe": 2,
    "dust": 3, "house": 25, "houses": 9, "line": 15, "lines": 10, "lie": 8, "lies": 4, "a": 500,
    "i": 300, "I": 200, "road": 9, "roads": 4, "order": 11, "ordered": 5, "Abel": 1, "able": 12,
    "ant": 2, "aunt": 3, "union": 4, "onion": 2, "noon": 2, "Zoë": 1, "nobel": 1, "Nobel": 3,
}  # fmt: skip
_SENTENCES = """the house on the road
this is the line to the hotel
it's not the sun
its house is on the line
to us the hotel is too soon
one note to the son
the bus is not on the road
i note the lines on the road
not one of us is able to order the cable
hello to the house
the shoes on the line
a café on the road
soon the sun is on the house"""

_ROWS = [
    {"keys": "dash trou", "x": 0.02, "key_width": 0.1},
    {"keys": "bin lec", "x": 0.15, "key_width": 0.12},
]

_OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"lm_weight": 0.5, "letter_score": 1.2, "acoustic_scale": 0.65},
    {"lm_weight": 0.4, "letter_score": -0.3, "blank_penalty": 0.5, "context_weight": 1.0},
    {"unknown_score": -1.0, "unknown_letter_score": -2.5, "letter_score": 0.5},
    {"no_word_score": -1.0, "lm_weight": 0.2, "posterior_width": None},
    {"posterior_width": 0.05, "lm_weight": 0.3},
    # By its old name, as presets of older versions hold it: every host takes it.
    {"template_weight": 1.5, "temperature": 1.7, "weighed": 8, "letter_score": 0.4},
    {"margin": 2.0, "template_weight": 1.0, "letter_score": 0.3},
)
_CONTEXTS: tuple[tuple[str, ...], ...] = (
    (),
    ("the",),
    ("on", "the"),
    ("unheard",),
    ("It’s", "not"),
    ("<s>",),
    ("to", "<s>", "the"),
)
_USER: tuple[dict[str, dict[str, Any]], ...] = (
    {},
    {"Nadia": {"count": 3.0}, "hotel": {"hidden": True}, "its": {"count": 50.0}},
    {"noel": {"count": 2.0, "boost": 1.5}, "house": {"boost": -2.0}, "its": {"hidden": True}},
)


def search() -> dict[str, Any]:
    """Return the cases of the search alone."""
    rng = np.random.default_rng(7)
    layout = layouts.parse({"name": "small", "rows": _ROWS})
    with tempfile.TemporaryDirectory() as folder:
        trie, lm = Path(folder) / "words.trie", Path(folder) / "words.lm"
        packed.write(packed.pack(Lexicon.from_counts(_COUNTS), set(_LETTERS)), trie)
        language.write(lm, language.build([_SENTENCES.splitlines()], order=3).ngrams)
        files = {"lexicon": trie.read_bytes(), "language_model": lm.read_bytes()}
        lexicon, model = lexicon_file.read(trie), loading.load(lm, required=True)
        cases = [_searched(rng, lexicon, model, layout, number) for number in range(42)]
    return {
        "golden": VERSION,
        "letters": _LETTERS,
        "layout": layouts.describe(layout),
        **{name: base64.b64encode(data).decode() for name, data in files.items()},
        "cases": cases,
    }


def _searched(
    rng: np.random.Generator, lexicon: Any, model: Any, layout: Any, number: int
) -> dict[str, Any]:
    options = _OPTIONS[number % len(_OPTIONS)]
    context = _CONTEXTS[number // 2 % len(_CONTEXTS)]
    user = _USER[number // 3 % len(_USER)]
    partial = number % 9 == 8
    mine = edgectc.UserDictionary()
    for word, held in user.items():
        if "count" in held:
            mine.add(word, held["count"])
        if "boost" in held:
            mine.boost(word, held["boost"])
        if held.get("hidden"):
            mine.hide(word)
    # Columns in an order of their own, and two that are no letter, as unused slots are.
    symbols = [*rng.permutation(list(_LETTERS)).tolist(), "", ""]
    symbols.insert(int(rng.integers(len(symbols))), "<blank>")
    blank = symbols.index("<blank>")
    tokens = [symbol or f"<unused:{i}>" for i, symbol in enumerate(symbols)]
    log_probs = _emissions(rng, tokens, blank, silent=number % 14 == 4)
    decode = decoder(
        options,
        tokens=Tokens(tuple(tokens), blank_id=blank),
        lexicon=lexicon,
        language_model=model,
        dictionary=mine,
    )
    nbest = 1 + number % 5
    trace = np.round(rng.uniform(0.0, 1.0, (10, 3)), 3).astype(np.float32)
    points = {"trace": trace[None], "length": np.array([len(trace)])}
    found = decode(
        log_probs.astype(np.float64),
        nbest=nbest,
        context=context,
        partial=partial,
        trace=recognizer.path_of(points, layout) if number % 4 else None,
    )
    return {
        "name": f"{number:02d}",
        "options": options,
        "columns": symbols,
        "trace": pack_array(trace) if number % 4 else None,
        "context": list(context),
        "user": {
            word: {"spelled": spelling.spell(word, _LETTERS), **_held(mine[word])} for word in mine
        },
        "nbest": nbest,
        "unfinished": partial,
        "log_probs": pack_array(log_probs),
        "words": found,
    }


def _held(personal: Any) -> dict[str, Any]:
    return {name: getattr(personal, name) for name in ("count", "boost", "hidden")}


def _emissions(
    rng: np.random.Generator, tokens: list[str], blank: int, *, silent: bool
) -> np.ndarray:
    """Return (T, V) float32 log_probs that lean to a word of the lexicon, or to silence."""
    word = str(rng.choice([w for w in _COUNTS if set(w) <= set(_LETTERS)]))
    T = len(word) * 2 + int(rng.integers(2, 5))
    logits = rng.normal(0.0, 1.5, (T, len(tokens)))
    logits[:, blank] += 5.0 if silent else 1.0
    for i, letter in enumerate(word):
        logits[1 + 2 * i, tokens.index(letter)] += 0.0 if silent else 4.0
    for column, token in enumerate(tokens):
        if token.startswith("<unused"):
            logits[:, column] = -1e4
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return logits.astype(np.float32)
