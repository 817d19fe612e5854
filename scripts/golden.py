#!/usr/bin/env python3
"""Writes tests/golden/: what every host must answer, stage by stage.

Traces are generated, the network is PyTorch on the shipped weights. Words are those of the compiled
search, which every host has, once the plain one has agreed on all that is proven. Run it again
whenever the shipped model, its preset or its words change. See docs/host_contract.md.
"""

from __future__ import annotations

import argparse
import base64
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import edgectc
from edgectc.core import config
from edgectc.core.errors import EdgectcError, InputError
from edgectc.core.staging import write_bytes
from edgectc.core.tokens import Tokens
from edgectc.data import validation
from edgectc.data.frontends.swipe import Options as FrontendOptions
from edgectc.data.frontends.swipe import SwipeFrontend
from edgectc.data.generators.swipes import swipe
from edgectc.data.validation import check_points
from edgectc.decoding.decoders.lexicon import Options, create
from edgectc.formats import bundle, layouts, one_file, signature
from edgectc.formats.manifest import PREFIX, pack_array, parse, seal, sealed
from edgectc.language import builder as language
from edgectc.language import lexicon_file, loading, packed, spelling
from edgectc.language.lexicon import Lexicon
from edgectc.language.ngram.tables import normalize_word
from edgectc.runtime import loading as loading_module
from edgectc.runtime import recognizer

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "golden"
VERSION = 1

# ---- traces.json: the shipped model, raw trace -> frames -> log_probs -> words ----------------

_SPOKEN: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("qwerty", "hello", ()),
    ("qwerty", "keyboard", ()),
    ("qwerty", "its", ()),
    ("qwerty", "what", ("<s>",)),
    ("qwerty", "you", ("how", "are")),
    ("qwerty", "going", ("where", "are", "you")),
    ("qwerty", "bookkeeper", ()),
    ("azerty", "quick", ()),
    ("azerty", "morning", ("good",)),
    ("qwertz", "crazy", ()),
    ("dvorak", "thanks", ()),
    ("dvorak", "zero", ("from",)),
)


def traces() -> dict[str, Any]:
    """Return the cases of the shipped model."""
    place = bundle.locate(None)
    opened = bundle.read(place)
    model = loading_module.load(place, runner="eager")
    rng = np.random.default_rng(2026)
    cases = [
        _case(model, f"{layout}-{word}", layout, swipe(word, layouts.load(layout), rng), context)
        for layout, word, context in _SPOKEN
    ]
    cases += [_case(model, name, "qwerty", points, ()) for name, points in _edges(rng).items()]
    index = opened.index
    about = {
        "name": index.name,
        "frontend": index.model["frontend"],
        "decoder": index.decoder,
        "lexicon_sha256": index.lexicon.sha256,
        "language_model_sha256": index.language_model and index.language_model.sha256,
        "weights_sha256": index.files["weights.safetensors"],
    }
    return {"golden": VERSION, "model": about, "cases": cases}


def _edges(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return traces at the limits of what is accepted."""
    layout = layouts.load("qwerty")
    long = swipe("internationalization", layout, rng)
    word = swipe("word", layout, rng)
    return {
        "two-points": np.array([[0.25, 0.17, 0.0], [0.75, 0.83, 120.0]]),
        "at-rest": np.array([[0.35, 0.5, 5.0], [0.35, 0.5, 90.0], [0.35, 0.5, 230.0]]),
        "pause": np.array([[0.15, 0.2, 0], [0.15, 0.2, 400], [0.3, 0.2, 420], [0.45, 0.2, 900.0]]),
        "jump-in-no-time": np.array([[0.1, 0.2, 0], [0.5, 0.5, 0], [0.9, 0.8, 150.0]]),
        "longest": np.column_stack([long[:, :2], long[:, 2] * 3.0]),
        "big-time-origin": np.add(word, [0.0, 0.0, 1.6e12]),
    }


def _case(
    model: Any, name: str, layout: str, points: np.ndarray, context: tuple[str, ...]
) -> dict[str, Any]:
    points = np.round(points, 4)
    setting = model.setting(layout)
    frames = model.frontend.frames(points, setting)
    trace = recognizer.path_of(model.frontend.prepare(points, setting), setting)
    used = [*range(len(setting.letters)), model.tokens(setting).blank_id]
    # As a host keeps them: float32, the columns of the keys and the blank alone.
    log_probs = model.log_probs(points, layout=layout)[:, used].astype(np.float32)
    options = {key: value for key, value in model.preset.items() if key != "type"}
    decode = _decoder(
        options,
        tokens=Tokens((*setting.letters, "<blank>"), blank_id=len(setting.letters)),
        lexicon=model.lexicon,
        language_model=model.language_model,
    )
    table = log_probs.astype(np.float64)
    return {
        "name": name,
        "layout": layout,
        "context": list(context),
        "points": points.tolist(),
        "frames": pack_array(frames),
        "log_probs": pack_array(log_probs),
        "words": decode(table, nbest=5, context=context, trace=trace),
        "unfinished": decode(table, nbest=3, context=context, partial=True),
    }


def _decoder(options: dict[str, Any], **given: Any) -> Callable[..., list[dict[str, Any]]]:
    """Return what lists the words that the compiled search finds and the plain one confirms."""
    plain, compiled = (
        create(config.from_dict(Options, options), **given, backend=b) for b in ("numpy", "native")
    )

    def decode(log_probs: np.ndarray, **how: Any) -> list[dict[str, Any]]:
        found = [_word(one) for one in compiled(log_probs, **how)]
        proven = [_word(one) for one in plain(log_probs, **how) if one.exact]
        for one, other in zip(proven, found, strict=False):
            apart = abs(one["score"] - other["score"])
            if one["text"] != other["text"] or not other["exact"] or apart > 2e-9:
                raise SystemExit(f"the searches disagree: {one} and {other}; build edgectc anew")
        return found

    return decode


def _word(one: Any) -> dict[str, Any]:
    return {
        "text": one.text,
        "score": round(one.score, 9),
        "probability": round(one.probability, 9),
        "exact": one.exact,
    }


# ---- search.json: the search alone, with a small lexicon and language model of its own --------

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
    {"no_word_score": -1.0, "lm_weight": 0.2},
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
    decode = _decoder(
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


# ---- checks.json: refusals, spellings, sealed files -------------------------------------------


def checks() -> dict[str, Any]:
    """Return what is refused, how words are spelled and compared, and which files are whole."""
    words = ["Hello", "It’s", "it's", "naïve", "Zürich", "STRASSE", "straße", "co-op", "O'Neil",
             "e\u0301te\u0301", "øre", "42", "’", "ΣΊΣΥΦΟΣ", "Ёлка"]  # fmt: skip
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    apart = [
        ("it’s", "its'"), ("Straße", "aerstß"), ("STRASSE", "aerst"), ("ΟΔΟΣ", "δοςσ"),
        ("ΟΔΟΣ", "δοσ"), ("İstanbul", "abilnstu"), ("हिन्दी", "हिन्द\u0940"), ("हिन्दी", "हनद"),
        ("কাজ", "কাজ"), ("தமிழ்", "தமிழ\u0bcd"), ("ที่นี่", "ทนี\u0e48"), ("كِتاب", "ابتك"),
        ("צה״ל", "הלצ"), ("ג׳ירף", "גירף'"), ("Việt", "viêt\u0323"), ("Việt", "viet"),
        ("ế", "êe\u0301"), ("한국", "ㅎㅏㄴㄱㅜ"), ("닭", "ㄷㅏㄹㄱ"), ("왜", "ㅇㅗㅐ"),
        ("한", "\u1112\u1161\u11ab"), ("می\u200cخواهم", "ماهویخ"), ("the", "EHT"),
        ("mp3", "mp3"), ("ŉ", "n"), ("K\u212a", "k"), ("ﬁn", "fin"), ("co\u00adop", "cop"),
    ]  # fmt: skip
    return {
        "golden": VERSION,
        "spellings": [
            {
                "text": word,
                "alphabet": held,
                "spelled": spelling.spell(word, held),
                "normalized": normalize_word(word),
            }
            for word, held in apart
        ],
        "points": [_refusal(name, points) for name, points in _strange_points().items()],
        "repairs": [*_repairs()],
        "alphabet": alphabet,
        "words": [
            {
                "text": word,
                "spelled": spelling.spell(word, alphabet),
                "normalized": normalize_word(word),
            }
            for word in words
        ],
        "files": [_file(name, data) for name, data in _files().items()],
    }


def _strange_points() -> dict[str, Any]:
    return {
        "fine": [[0.1, 0.2, 0], [0.3, 0.4, 20]],
        "empty": [],
        "tap": [[0.1, 0.2, 0]],
        "two-columns": [[0.1, 0.2], [0.2, 0.3]],
        "pixels": [[100, 200, 0], [130, 220, 16]],
        "off": [[0.1, 0.2, 0], [1.7, 0.2, 16]],
        "above": [[0.1, 0.2, 0], [0.2, -1.2, 16]],
        "at-the-limits": [[-0.5, -1.0, 0], [1.5, 2.5, 16]],
        "one-far-point": [[0.1, 0.2, 0], [0.2, 0.2, 8], [9.0, 0.2, 16]],
        "backwards": [[0.1, 0.2, 30], [0.2, 0.2, 10]],
        "constant": [[0.1, 0.2, 30], [0.2, 0.2, 30]],
        "seconds": [[0.1, 0.2, 0], [0.5, 0.2, 0.6], [0.9, 0.2, 1.2]],
        "ten-ms": [[0.1, 0.2, 30], [0.2, 0.2, 40]],
        "a-minute": [[0.1, 0.2, 0], [0.2, 0.2, 60_000]],
        "over-a-minute": [[0.1, 0.2, 0], [0.2, 0.2, 60_001]],
        "not-finite": [[0.1, 0.2, 0], ["NaN", 0.2, 10]],
        "infinite": [[0.1, 0.2, 0], [0.1, 0.2, "Infinity"]],
    }


def _repairs() -> Iterator[dict[str, Any]]:
    """Yield frames of traces that another finger, a coarse clock and rests are taken out of."""
    layout, rng = layouts.load("qwerty"), np.random.default_rng(7)
    plain = np.round(swipe("so", layout, rng), 3)
    touch = plain.copy()
    touch[3:5, :2] = (0.93, 0.2), (0.94, 0.21)
    both = np.concatenate([touch[:4], plain[3:4], touch[4:5], plain[4:]])
    ticks = plain.copy()
    ticks[:, 2] = np.floor(ticks[:, 2] / 100.0) * 100.0
    held = np.concatenate([plain[:9], plain[8:9].repeat(12, axis=0), plain[9:]])
    held[9:21, 2] += 50.0 * np.arange(1, 13)
    held[21:, 2] += 600.0
    traces = {
        "plain": plain,
        "second-finger": touch,
        "between": both,
        "ticks": ticks,
        "rest": held,
        "unreported-rest": plain + (np.arange(len(plain)) >= 9)[:, None] * (0.0, 0.0, 900.0),
        "rest-at-the-end": np.concatenate([plain, plain[-1:] + np.array([0.001, 0.0, 2500.0])]),
    }
    whole = {"jump_keys": 1.5, "spread_times": True, "rest_ms": 100.0}
    for name, points in traces.items():
        for how in (whole, {}) if name == "plain" else (whole,):
            frontend = SwipeFrontend(config.from_dict(FrontendOptions, how))
            yield {
                "name": name + ("" if how else ", as it is"),
                "frontend": {"type": "swipe", **config.to_dict(frontend.options)},
                "layout": "qwerty",
                "points": points.tolist(),
                "frames": pack_array(frontend.frames(points, layout)),
            }


def _refusal(name: str, points: Any) -> dict[str, Any]:
    numbers = [[float(value) for value in row] for row in points]
    reason = _outcome(lambda: check_points(numbers), lambda error: error.reason)
    assert reason is None or reason in validation.REASONS
    return {"name": name, "points": points, "reason": reason}


def _files() -> dict[str, bytes]:
    body = PREFIX + b"0" * 64 + b'","manifest":{"name":"x"}}'
    whole = sealed(b"\x00graph\xff\x80" + body + b"\x01tail")
    flipped = bytearray(whole)
    flipped[2] ^= 1
    tail = bytearray(whole)
    tail[-1] ^= 4
    return {
        "whole": whole,
        "first-bytes-changed": bytes(flipped),
        "last-byte-changed": bytes(tail),
        "cut": whole[:-1],
        "two-manifests": whole + body,
        "none": b"just bytes",
        "nothing": b"",
        "version-2": whole.replace(b'_manifest":1', b'_manifest":2'),
    }


def _file(name: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "base64": base64.b64encode(data).decode(), "whole": _is_whole(data)}


def _is_whole(data: bytes) -> bool:
    """Return whether a file passes its seal; these files hold no full manifest after it."""
    error = _outcome(lambda: parse(data, source="file"), str)
    return error is None or "malformed manifest" in error


def _outcome(call: Callable[[], Any], show: Callable[[Any], Any]) -> Any:
    try:
        call()
    except (InputError, EdgectcError) as error:
        return show(error)
    return None


# ---- trust.json: tensors in other files, signatures ------------------------------------------


def trust() -> dict[str, Any]:
    """Return which ONNX files would have another one opened, and which signatures are believed."""
    return {
        "golden": VERSION,
        "onnx": [_onnx(name, data) for name, data in _onnx_files().items()],
        "signatures": [*_signatures()],
    }


def _field(number: int, value: bytes | int) -> bytes:
    """Return a field of a protobuf, shorter than 128 bytes."""
    if isinstance(value, int):
        return bytes([*_varint(number << 3), *_varint(value)])
    assert len(value) < 128
    return bytes([*_varint(number << 3 | 2), len(value)]) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _onnx_files() -> dict[str, bytes]:
    entry = _field(1, b"location") + _field(2, b"side.bin")
    tensor = _field(8, b"w") + _field(13, entry) + _field(14, 1)
    graph, attribute = _field(5, tensor), _field(5, _field(5, tensor))
    inner = _field(1, _field(5, _field(6, graph)))
    deep = b""
    for _ in range(40):
        deep = _nested(_nested(_nested(deep, 6), 5), 1)
    return {
        "plain": _field(7, _field(5, _field(8, b"w") + _field(9, b"1234"))),
        "another-field": _field(7, _field(2, tensor)),
        "initializer": _field(7, graph),
        "sparse": _field(7, _field(15, _field(2, tensor))),
        "attribute": _field(7, _field(1, attribute)),
        "sparse-attribute": _field(7, _field(1, _field(5, _field(22, _field(1, tensor))))),
        "inner-graph": _field(7, inner),
        "function": _field(25, _field(7, attribute)),
        "default-of-a-function": _field(25, _field(11, _field(5, tensor))),
        "training": _field(20, _field(1, graph)),
        "graph-twice": _field(7, b"") + _field(7, graph),
        "no-location": _field(7, _field(5, _field(14, 1))),
        "location-alone": _field(7, _field(5, _field(13, entry))),
        "long-number": _field(7, _field(5, _field(14, 1 | 1 << 32))),
        "cut": _field(7, graph)[:-1],
        "group": bytes([3 << 3 | 3, 3 << 3 | 4]),
        "deep": _nested(deep, 7),
        "other-format": b"\x08\x00\x00\x00ORTM",
    }


def _nested(data: bytes, number: int) -> bytes:
    return bytes([*_varint(number << 3 | 2), *_varint(len(data))]) + data


def _onnx(name: str, data: bytes) -> dict[str, Any]:
    refused = _outcome(lambda: one_file.check_onnx(data, "file"), str) is not None
    return {"name": name, "base64": base64.b64encode(data).decode(), "refused": refused}


def _signatures() -> Iterator[dict[str, Any]]:
    """Yield cases with the secret keys of RFC 8032, 7.1; a test alone may use them."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secrets = (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    )
    mine, other = (Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text)) for text in secrets)
    keys = [base64.b64encode(key.public_key().public_bytes_raw()).decode() for key in (mine, other)]
    file = sealed(b"a graph" + PREFIX + b"0" * 64 + b'","manifest":{"name":"x"}}')
    assert isinstance(file, bytes)
    digest = seal(file)

    def signed(key: Ed25519PrivateKey, sha256: str = digest, kind: str = "artifact") -> str:
        public = key.public_key().public_bytes_raw()
        return signature.text(kind, sha256, public, key.sign(signature.message(kind, sha256)))

    right = json.loads(signed(mine))
    s = int.from_bytes(base64.b64decode(right["signature"])[32:], "little") + (1 << 252)
    s += 27742317777372353535851937790883648493
    long = base64.b64decode(right["signature"])[:32] + s.to_bytes(32, "little")
    cases = {
        "right": (signed(mine), ""),
        "of-the-second-key": (signed(other), ""),
        "unsigned": (None, "unsigned"),
        "changed": (signed(mine, "a" * 64), "changed"),
        "wrong": (json.dumps({**right, "public_key": keys[1]}), "wrong"),
        "hash-written-in": (json.dumps({**json.loads(signed(mine, "a" * 64)), "sha256": digest}),
                            "wrong"),
        "of-a-bundle": (signed(mine, kind="bundle"), "wrong"),
        "two-spellings": (json.dumps({**right, "signature": base64.b64encode(long).decode()}),
                          "wrong"),
        "short": (json.dumps({**right, "signature": "AAAA"}), "malformed"),
        "newer": (json.dumps({**right, "schema_version": 2}), "malformed"),
        "of-another-kind": (json.dumps({**right, "algorithm": "rsa"}), "malformed"),
        "another-key-of-json": (json.dumps({**right, "x": 1}), "malformed"),
        "no-json": ("nonsense", "malformed"),
    }  # fmt: skip
    about = {"base64": base64.b64encode(file).decode(), "sha256": digest}
    for name, (text, refused) in cases.items():
        yield {**about, "name": name, "signature": text, "trust": keys, "refused": refused}
    first = {**about, "signature": signed(other), "trust": keys[:1]}
    yield {**first, "name": "other-key", "refused": "other_key"}
    yield {**first, "name": "no-key-at-all", "trust": [], "refused": "other_key"}


MADE = {"traces.json": traces, "search.json": search, "checks.json": checks, "trust.json": trust}


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*MADE, []], metavar="NAME")
    for name in parser.parse_args().names or MADE:
        make = MADE[name]
        values = make()
        rows = [json.dumps(case, sort_keys=True) for case in values.pop("cases", [])]
        text = json.dumps(values, sort_keys=True, indent=1)
        if rows:
            text = text[:-2] + ',\n "cases": [\n' + ",\n".join(rows) + "\n]}"
        data = (text + "\n").encode()
        write_bytes(FOLDER / name, data)
        print(f"tests/golden/{name}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
