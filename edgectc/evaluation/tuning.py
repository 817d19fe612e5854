"""Weights of a decoder, chosen on labelled dev recordings, of a word each.

The network runs once; then one weight at a time is moved in shrinking steps as long as the mean
reciprocal rank of the right word among the best five rises (Hooke & Jeeves 1961, pattern search).
That figure is smoother than top-1 and agrees with it. Last, the temperature is chosen for which the
probability of the best word is the likeliest account of when it is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgectc.core import metrics, registry
from edgectc.core.console import progress
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.types import JSON, Array, Recording
from edgectc.decoding.search.trace import Path
from edgectc.evaluation import sequence_tuning
from edgectc.evaluation.climbing import Steps, climb
from edgectc.evaluation.tuned import Tuned
from edgectc.formats.layouts import Layout
from edgectc.language.spelling import letters
from edgectc.runtime.recognizer import Recognizer, path_of

# First step and lower limit of each weight that can be tuned; a step is halved twice.
_STEPS: Steps = {
    "lm_weight": (0.2, 0.0),
    "letter_score": (0.4, -2.0),
    "acoustic_scale": (0.2, 0.2),
    "blank_penalty": (0.4, -4.0),
    "template_weight": (0.5, 0.0),  # where swipes have keys under them
    "context_weight": (0.2, 0.0),  # where swipes have a context
}
_BEST = 5
_RESCORED = 5  # words compared per swipe: what template and probability are about
_TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(8.0), 61))


def tune(
    recognizer: Recognizer, recordings: Sequence[Recording], *, only: Sequence[str] | None = None
) -> Tuned:
    """Return the weights of a decoder that answer the labels of ``recordings`` best.

    Of swipes, those of a lexicon decoder, by the ranks of the words; of a model that takes none,
    those of a beam search, by its errors, see `edgectc.evaluation.sequence_tuning`.

    Args:
        recognizer: its preset is where the search starts.
        recordings: labelled, of users that neither trained the model nor will measure it.
        only: weights to choose, e.g. ("context_weight",); the others stay. None: all that apply.

    Raises:
        ConfigError: the preset is not such a decoder.
        UnknownNameError: ``only`` names no weight that can be tuned.
        InputError: fewer than two labelled recordings.
    """
    if not recognizer.layout:
        return sequence_tuning.tune(recognizer, recordings, only=only)
    start = registry.complete("decoders", recognizer.preset)
    if start["type"] != "lexicon":
        raise ConfigError(
            f"model {recognizer.name!r} decodes with {start['type']!r}; only 'lexicon' has weights "
            "to tune; pass "
            "decoder=lexicon",
            options=["decoder"],
        )
    wanted = (*_STEPS, "temperature") if only is None else tuple(only)
    for name in wanted:
        if name not in _STEPS and name != "temperature":
            raise UnknownNameError("weight", name, (*_STEPS, "temperature"))
    labelled = [row for row in recordings if row.target and letters(row.target[0])]
    if len(labelled) < 2:
        raise InputError("tuning needs labelled recordings, got fewer than 2", reason="no_labels")
    emitted = [_emitted(recognizer, row) for row in progress(labelled, "network")]
    left_out = {"template_weight"} if not any(e.trace for e in emitted) else set()
    left_out |= {"context_weight"} if not any(e.context for e in emitted) else set()
    words = [letters(row.target[0]) for row in labelled]
    users = [row.group or "" for row in labelled]

    def answers(preset: Mapping[str, JSON]) -> _Answers:
        return _answers(recognizer, preset, emitted, words)

    start = {**start, "rescore_size": max(_RESCORED, int(start["rescore_size"]))}
    chosen = climb(
        start,
        [name for name in _STEPS if name in wanted and name not in left_out],
        _STEPS,
        lambda preset: float((1.0 / answers(preset).ranks).mean()),
    )
    before, after = answers(start), answers({**chosen, "temperature": 1.0})
    temperature = float(start["temperature"])
    if "temperature" in wanted:
        temperature = _temperature(after)
        chosen["temperature"] = round(temperature, 3)
    old, new = before.ranks == 1, after.ranks == 1
    groups = users if len(set(users)) > 1 else None
    gain = metrics.interval((new.astype(float) - old).tolist(), groups) or (0.0, 0.0)
    calibration = (
        metrics.calibration_error(before.probability(float(start["temperature"])), old),
        metrics.calibration_error(after.probability(temperature), new),
    )
    n = len(words)
    return Tuned(chosen, n, float(old.mean()), float(new.mean()), gain, calibration, units=n)


@dataclass(frozen=True, eq=False)
class _Emitted:
    """What the network said of one recording."""

    log_probs: Array
    setting: str
    context: tuple[str, ...]
    trace: Path | None


@dataclass(frozen=True, eq=False)
class _Answers:
    """Place of each right word from 1, infinity where it is not among the best five; all scores."""

    ranks: Array
    scores: list[list[float]]

    def probability(self, temperature: float) -> Array:
        """Return (n,) the probability of each best word, 0 where there is none."""
        best = np.zeros(len(self.scores))
        for i, scores in enumerate(self.scores):
            if scores:
                best[i] = 1.0 / np.exp((np.array(scores) - scores[0]) / temperature).sum()
        return best


def _temperature(answers: _Answers) -> float:
    """Return the temperature with which right and wrong best words are likeliest.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", temperature scaling.
    """
    right = answers.ranks == 1

    def loss(temperature: float) -> float:
        p = np.clip(answers.probability(temperature), 1e-6, 1.0 - 1e-6)
        return float(-np.where(right, np.log(p), np.log1p(-p)).mean())

    return float(min(_TEMPERATURES, key=loss))


def _emitted(recognizer: Recognizer, recording: Recording) -> _Emitted:
    sample = recognizer.prepare(recording)
    setting = sample.setting
    trace = path_of(sample.inputs, setting) if isinstance(setting, Layout) else None
    name = setting.name if isinstance(setting, Layout) else setting or ""
    return _Emitted(recognizer.run(sample.inputs), name, recording.context, trace)


def _answers(
    recognizer: Recognizer,
    preset: Mapping[str, JSON],
    emitted: Sequence[_Emitted],
    words: Sequence[str],
) -> _Answers:
    decoders = {
        setting: registry.create(
            "decoders",
            dict(preset),
            tokens=recognizer.tokens(recognizer.setting(setting)),
            offered={
                "lexicon": recognizer.lexicon,
                "language_model": recognizer.language_model,
            },
        )
        for setting in {one.setting for one in emitted}
    }
    places, scores = np.full(len(words), np.inf), []
    for i, (one, word) in enumerate(zip(emitted, words, strict=True)):
        decode = decoders[one.setting]
        found = decode(one.log_probs, nbest=_RESCORED, context=one.context, trace=one.trace)
        scores.append([h.score for h in found])
        said = list(dict.fromkeys(letters(h.text) for h in found))[:_BEST]
        if word in said:
            places[i] = said.index(word) + 1
    return _Answers(places, scores)
