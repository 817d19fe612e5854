"""Weights of a decoder, chosen on labelled dev recordings, of a word each.

The network runs once; then one weight at a time is moved in shrinking steps as long as the mean
reciprocal rank of the right word among the best five rises (Hooke & Jeeves 1961, pattern search).
That figure is smoother than top-1 and agrees with it. Last, the temperature is chosen for which the
probability of the best word is the likeliest account of when it is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as Folder

import numpy as np

from edgectc.core import metrics, registry
from edgectc.core.console import progress
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.staging import scratch
from edgectc.core.types import JSON, Array, Recording
from edgectc.decoding.search.trace import Path
from edgectc.evaluation import sequence_tuning
from edgectc.evaluation.climbing import Steps, climb
from edgectc.evaluation.spool import Spool
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
    recognizer: Recognizer, recordings: Iterable[Recording], *, only: Sequence[str] | None = None
) -> Tuned:
    """Return the weights of a decoder that answer the labels of ``recordings`` best.

    Of swipes, those of a lexicon decoder, by the ranks of the words; of a model that takes none,
    those of a beam search, by its errors, see `edgectc.evaluation.sequence_tuning`.

    Args:
        recognizer: its preset is where the search starts.
        recordings: labelled, of users that neither trained the model nor will measure it; they are
            gone through once, and what the network says of them is kept on disk where it is much.
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
    with scratch() as folder:
        emitted = _Emissions(recognizer, recordings, folder)
        if len(emitted) < 2:
            raise InputError(
                "tuning needs labelled recordings, got fewer than 2", reason="no_labels"
            )
        return _tuned(recognizer, emitted, wanted)


def _tuned(recognizer: Recognizer, emitted: _Emissions, wanted: Sequence[str]) -> Tuned:
    start = registry.complete("decoders", recognizer.preset)
    left_out = set() if emitted.traced else {"template_weight"}
    left_out |= set() if emitted.told else {"context_weight"}

    def answers(preset: Mapping[str, JSON]) -> _Answers:
        return _answers(recognizer, _ending(preset), emitted)

    start = {**start, "rescore_size": max(_RESCORED, int(start["rescore_size"]))}
    chosen = climb(
        start,
        [name for name in _STEPS if name in wanted and name not in left_out],
        _STEPS,
        lambda preset: float((1.0 / answers(preset).ranks).mean()),
    )
    chosen = _ending(chosen)
    before, after = answers(start), answers({**chosen, "temperature": 1.0})
    temperature = float(start["temperature"])
    if "temperature" in wanted:
        temperature = _temperature(after)
        chosen["temperature"] = round(temperature, 3)
    old, new = before.ranks == 1, after.ranks == 1
    groups = emitted.users if len(set(emitted.users)) > 1 else None
    gain = metrics.interval((new.astype(float) - old).tolist(), groups) or (0.0, 0.0)
    calibration = (
        metrics.calibration_error(before.probability(float(start["temperature"])), old),
        metrics.calibration_error(after.probability(temperature), new),
    )
    n = len(emitted)
    return Tuned(chosen, n, float(old.mean()), float(new.mean()), gain, calibration, units=n)


def _ending(preset: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return a preset whose free spellings have an end: each of their letters costs something."""
    letter, free = preset.get("letter_score", 0.0), preset.get("unknown_letter_score", 0.0)
    assert isinstance(letter, (int, float))
    assert isinstance(free, (int, float))
    if preset.get("unknown_score") is None or letter + free <= 0:
        return dict(preset)
    return {**preset, "unknown_letter_score": -letter}


@dataclass(frozen=True, eq=False, slots=True)
class _Emitted:
    """What the network said of one recording."""

    log_probs: Array
    setting: str
    context: tuple[str, ...]
    trace: Path | None


class _Emissions:
    """What the network said of all labelled recordings; a row of arrays each, see `Spool`.

    Attributes:
        words: letters of each label.
        users: of each, "" where nobody is named.
        traced: whether any has keys under it.
        told: whether any has a context.
    """

    def __init__(
        self, recognizer: Recognizer, recordings: Iterable[Recording], folder: Folder
    ) -> None:
        self.words, self.users = list[str](), list[str]()
        self._about = list[tuple[str, tuple[str, ...]]]()
        self._layouts, self._same = dict[str, Layout](), dict[str, str]()
        self._spool = Spool(folder)
        self._spool.extend(self._made(recognizer, recordings))
        self.traced = bool(self._layouts)
        self.told = any(context for _, context in self._about)

    def _made(
        self, recognizer: Recognizer, recordings: Iterable[Recording]
    ) -> Iterator[tuple[Array, Array]]:
        labelled = (row for row in recordings if row.target and letters(row.target[0]))
        once = self._same.setdefault
        for row in progress(labelled, "network"):
            sample = recognizer.prepare(row)
            setting, points = sample.setting, np.zeros((0, 0))
            if isinstance(setting, Layout):
                self._layouts[setting.name] = setting
                points = sample.inputs["trace"][0, : int(sample.inputs["length"][0])]
            name = setting.name if isinstance(setting, Layout) else setting or ""
            self._about.append((name, tuple(once(word, word) for word in row.context)))
            word, user = letters(row.target[0]), row.group or ""
            self.words.append(once(word, word))
            self.users.append(once(user, user))
            yield recognizer.run(sample.inputs), points

    def __len__(self) -> int:
        return len(self.words)

    @property
    def settings(self) -> set[str]:
        """Return the keyboards."""
        return {setting for setting, _ in self._about}

    def __iter__(self) -> Iterator[_Emitted]:
        for (setting, context), (log_probs, points) in zip(self._about, self._spool, strict=True):
            trace = None
            if setting in self._layouts:
                inputs = {"trace": points[None], "length": np.array([len(points)])}
                trace = path_of(inputs, self._layouts[setting])
            yield _Emitted(log_probs, setting, context, trace)


@dataclass(frozen=True, eq=False)
class _Answers:
    """What a preset makes of n recordings.

    Attributes:
        ranks: (n,) place of each right word from 1, infinity where it is not among the best five.
        scores: (n, 5) of the best words; the first ``counts`` (n,) of them.
    """

    ranks: Array
    scores: Array
    counts: Array

    def probability(self, temperature: float) -> Array:
        """Return (n,) the probability of each best word, 0 where there is none."""
        best = np.zeros(len(self.scores))
        for i, (row, count) in enumerate(zip(self.scores, self.counts.tolist(), strict=True)):
            if count:
                best[i] = 1.0 / np.exp((row[:count] - row[0]) / temperature).sum()
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


def _answers(recognizer: Recognizer, preset: Mapping[str, JSON], emitted: _Emissions) -> _Answers:
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
        for setting in emitted.settings
    }
    n = len(emitted)
    found = _Answers(np.full(n, np.inf), np.zeros((n, _RESCORED)), np.zeros(n, np.int8))
    for i, (one, word) in enumerate(zip(emitted, emitted.words, strict=True)):
        decode = decoders[one.setting]
        best = decode(one.log_probs, nbest=_RESCORED, context=one.context, trace=one.trace)
        found.counts[i] = len(best)
        found.scores[i, : len(best)] = [h.score for h in best]
        said = list(dict.fromkeys(letters(h.text) for h in best))[:_BEST]
        if word in said:
            found.ranks[i] = said.index(word) + 1
    return found
