"""Weights of a decoder, chosen on labelled dev swipes.

The network runs once; then one weight at a time is moved in shrinking steps as long as the mean
reciprocal rank of the right word among the best five rises (Hooke & Jeeves 1961, pattern search).
That figure is smoother than top-1 and agrees with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgectc import metrics, registry
from edgectc.data.lexicons import letters
from edgectc.errors import ConfigError, InputError
from edgectc.recognizer import Recognizer
from edgectc.report import progress
from edgectc.types import Array, Swipe

# First step and lower limit of each weight that can be tuned; a step is halved twice.
_STEPS = {
    "lm_weight": (0.2, 0.0),
    "letter_score": (0.4, -2.0),
    "acoustic_scale": (0.2, 0.2),
    "blank_penalty": (0.4, -4.0),
    "context_weight": (0.2, 0.0),  # where swipes have a context
}
_HALVINGS = 3
_BEST = 5


@dataclass(frozen=True)
class Tuned:
    """The outcome of `tune`.

    Attributes:
        preset: decoder preset with the chosen weights.
        rows: swipes that were decoded.
        before: top-1 of the preset that was there.
        after: top-1 of the chosen one.
        gain: 95 % interval of the difference in top-1, paired, by user where users are known.
    """

    preset: Mapping[str, Any]
    rows: int
    before: float
    after: float
    gain: tuple[float, float]


def tune(recognizer: Recognizer, swipes: Sequence[Swipe]) -> Tuned:
    """Return the lexicon decoder's weights that rank the labels of ``swipes`` best.

    Args:
        recognizer: its preset is where the search starts.
        swipes: labelled, of users that neither trained the model nor will measure it.

    Raises:
        ConfigError: the preset is not a lexicon decoder.
        InputError: fewer than two labelled swipes.
    """
    start = registry.complete("decoders", recognizer.preset)
    if start["type"] != "lexicon":
        raise ConfigError(f"the preset is {start['type']!r}; only 'lexicon' has weights to tune")
    labelled = [swipe for swipe in swipes if swipe.word and letters(swipe.word)]
    if len(labelled) < 2:
        raise InputError("tuning needs labelled swipes, got fewer than 2", reason="no_labels")
    emitted = [
        _Emitted(
            recognizer.log_probs(swipe.points, layout=swipe.layout), swipe.layout, swipe.context
        )
        for swipe in progress(labelled, "network")
    ]
    weights = [n for n in _STEPS if n != "context_weight" or any(e.context for e in emitted)]
    words = [letters(swipe.word or "") for swipe in labelled]
    users = [swipe.user or "" for swipe in labelled]

    def ranks(preset: Mapping[str, Any]) -> Array:
        return _ranks(recognizer, preset, emitted, words)

    chosen = _climb(start, weights, lambda preset: float((1.0 / ranks(preset)).mean()))
    old, new = ranks(start) == 1, ranks(chosen) == 1
    groups = users if len(set(users)) > 1 else None
    gain = metrics.bootstrap((new.astype(float) - old).tolist(), groups)
    return Tuned(chosen, len(words), float(old.mean()), float(new.mean()), gain)


@dataclass(frozen=True, eq=False)
class _Emitted:
    """What the network said of one swipe."""

    log_probs: Array
    layout: str
    context: tuple[str, ...]


def _climb(
    start: Mapping[str, Any], weights: Sequence[str], value: Callable[[Mapping[str, Any]], float]
) -> dict[str, Any]:
    best, height = dict(start), value(start)
    rounds = [(n, name) for n in range(_HALVINGS) for name in weights]
    for halvings, name in progress(rounds, "weight"):
        step, least = _STEPS[name]
        step /= 2**halvings
        for direction in (step, -step):
            while (moved := round(float(best.get(name, 0.0)) + direction, 4)) >= least:
                found = value({**best, name: moved})
                if found <= height:
                    break
                best, height = {**best, name: moved}, found
    return best


def _ranks(
    recognizer: Recognizer,
    preset: Mapping[str, Any],
    emitted: Sequence[_Emitted],
    words: Sequence[str],
) -> Array:
    """Return the place of each right word from 1; infinity where it is not among the best five."""
    more = (
        {} if recognizer.language_model is None else {"language_model": recognizer.language_model}
    )
    decoders = {
        layout: registry.create(
            "decoders",
            dict(preset),
            tokens=recognizer.tokens(recognizer.board(layout)),
            lexicon=recognizer.lexicon,
            **more,
        )
        for layout in {one.layout for one in emitted}
    }
    places = np.full(len(words), np.inf)
    for i, (one, word) in enumerate(zip(emitted, words, strict=True)):
        found = decoders[one.layout](one.log_probs, nbest=_BEST, context=one.context)
        said = dict.fromkeys(letters(h.text) for h in found)
        if word in said:
            places[i] = list(said).index(word) + 1
    return places
