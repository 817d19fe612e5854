"""traces.json: the shipped model, raw trace -> frames -> log_probs -> words."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgectc.core.tokens import Tokens
from edgectc.data.generators.swipes import swipe
from edgectc.formats import bundle, layouts
from edgectc.formats.manifest import pack_array
from edgectc.runtime import loading, recognizer
from vectors.common import VERSION, decoder

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
    model = loading.load(place, runner="eager")
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
    decode = decoder(
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
        "unfinished": decode(table, nbest=3, context=context, partial=True, trace=trace),
    }
