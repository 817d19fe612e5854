"""checks.json: refusals, spellings, sealed files."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np

from edgectc.core import config
from edgectc.data import validation
from edgectc.data.frontends.swipe import Options, SwipeFrontend
from edgectc.data.generators.swipes import swipe
from edgectc.data.validation import check_points
from edgectc.formats import layouts
from edgectc.formats.manifest import PREFIX, pack_array, parse, sealed
from edgectc.language import spelling
from edgectc.language.ngram.tables import normalize_word
from vectors.common import VERSION, outcome


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
            frontend = SwipeFrontend(config.from_dict(Options, how))
            yield {
                "name": name + ("" if how else ", as it is"),
                "frontend": {"type": "swipe", **config.to_dict(frontend.options)},
                "layout": "qwerty",
                "points": points.tolist(),
                "frames": pack_array(frontend.frames(points, layout)),
            }


def _refusal(name: str, points: Any) -> dict[str, Any]:
    numbers = [[float(value) for value in row] for row in points]
    reason = outcome(lambda: check_points(numbers), lambda error: error.reason)
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
    error = outcome(lambda: parse(data, source="file"), str)
    return error is None or "malformed manifest" in error
