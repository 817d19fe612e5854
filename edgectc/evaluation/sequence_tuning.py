"""Weights of a beam search, chosen on labelled recordings for the fewest errors.

What is made small is the mean of the errors of the ten best texts, each by its share of exp(score):
it moves where the best text does not yet.

Source: Prabhavalkar et al. 2018, "Minimum Word Error Rate Training for Attention-Based
Sequence-to-Sequence Models", the expected errors over n-best texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgectc.core import metrics, registry
from edgectc.core.console import progress
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.staging import scratch
from edgectc.core.types import JSON, Array, Recording
from edgectc.evaluation import sequences
from edgectc.evaluation.climbing import Steps, climb
from edgectc.evaluation.sequences import Answer, Reader, Symbols
from edgectc.evaluation.spool import Spool
from edgectc.evaluation.tuned import Tuned
from edgectc.runtime.recognizer import Recognizer

DECODER = "beam"
_NBEST = 10
_KNOWN = 100_000  # texts whose errors are kept for the next preset
_STEPS: Steps = {
    "lm_weight": (0.2, 0.0),
    "word_score": (0.5, -20.0),
    "unknown_score": (2.0, -40.0),  # where there is a lexicon that may be left
}


def tune(
    recognizer: Recognizer, recordings: Iterable[Recording], *, only: Sequence[str] | None = None
) -> Tuned:
    """Return the weights with which the best texts have the fewest errors.

    Args:
        recognizer: its preset, a beam search, is where the search starts.
        recordings: labelled, of people or days that will not measure it; gone through once.
        only: weights to choose; None for all that apply.

    Raises:
        ConfigError: the preset is no beam search, or it has nothing to weigh.
        UnknownNameError: ``only`` names no weight that can be tuned.
        InputError: fewer than two labelled recordings.
    """
    start = registry.complete("decoders", recognizer.preset)
    names = _names(recognizer, start, only)
    with scratch() as folder:
        emitted = _Emissions(recognizer, recordings, folder)
        if len(emitted.targets) < 2:
            raise InputError(
                "tuning needs labelled recordings, got fewer than 2", reason="no_labels"
            )
        return _tuned(recognizer, start, names, emitted)


def _tuned(
    recognizer: Recognizer, start: Mapping[str, JSON], names: Sequence[str], emitted: _Emissions
) -> Tuned:
    reader = Reader(sequences.tokens_of(recognizer))

    def answers(preset: Mapping[str, JSON]) -> Iterator[Answer]:
        return _answers(recognizer, preset, emitted, reader)

    known: dict[tuple[int, Symbols], int] = {}
    chosen = climb(start, names, _STEPS, lambda preset: -_expected(answers(preset), known))
    before, after = _Figures.of(answers(start)), _Figures.of(answers(chosen))
    if after.errors.sum() > before.errors.sum():
        chosen, after = dict(start), before
    lengths = [len(target) for target in emitted.targets]
    gain = sequences.difference(before.errors - after.errors, emitted.groups, lengths)
    low, high = gain["low"], gain["high"]
    total = sum(lengths)
    return Tuned(
        chosen,
        len(lengths),
        float(before.errors.sum()) / total,
        float(after.errors.sum()) / total,
        (0.0 if low is None else low, 0.0 if high is None else high),
        (before.calibration, after.calibration),
        metric=sequences.samples_of(recognizer).metric,
        units=total,
    )


class _Emissions:
    """What the network said of all labelled recordings, see `Spool`.

    Attributes:
        targets: symbols of each.
        groups: signer or day of each, "" where that is not known.
    """

    def __init__(
        self, recognizer: Recognizer, recordings: Iterable[Recording], folder: Path
    ) -> None:
        self.targets, self.groups = list[Symbols](), list[str]()
        self._spool = Spool(folder)
        self._spool.extend(self._made(recognizer, recordings))

    def _made(
        self, recognizer: Recognizer, recordings: Iterable[Recording]
    ) -> Iterator[tuple[Array]]:
        same: dict[str, str] = {}
        for row in progress((row for row in recordings if row.target), "network"):
            self.targets.append(tuple(same.setdefault(symbol, symbol) for symbol in row.target))
            self.groups.append(same.setdefault(row.group or "", row.group or ""))
            yield (recognizer.run(recognizer.prepare(row).inputs),)

    def __iter__(self) -> Iterator[Array]:
        return (log_probs for (log_probs,) in self._spool)


@dataclass(frozen=True)
class _Figures:
    """Errors (n,) of the best texts, and the calibration error of their probabilities."""

    errors: Array
    calibration: float

    @classmethod
    def of(cls, answers: Iterable[Answer]) -> _Figures:
        """Return those of answers, which are not kept."""
        pairs = [
            (one.errors, one.candidates[0].probability if one.candidates else 0.0)
            for one in answers
        ]
        errors = np.array([count for count, _ in pairs], np.float64)
        stated = [probability for _, probability in pairs]
        return cls(errors, metrics.calibration_error(stated, (errors == 0).tolist()))


def _names(
    recognizer: Recognizer, start: Mapping[str, JSON], only: Sequence[str] | None
) -> list[str]:
    if start["type"] != DECODER:
        raise ConfigError(
            f"model {recognizer.name!r} decodes with {start['type']!r}, which has no weights to "
            f"tune; pass decoder={DECODER} with language_model=FILE of its symbols",
            options=["decoder", "language_model"],
        )
    if recognizer.language_model is None and recognizer.lexicon is None:
        raise ConfigError(
            f"the {DECODER} of {recognizer.name!r} has no language model and no lexicon, so "
            "there is nothing to weigh; pass language_model=FILE of its symbols (edgectc lm build)",
            options=["language_model"],
        )
    free = recognizer.lexicon is not None and not start.get("constrain")
    known = [name for name in _STEPS if free or name != "unknown_score"]
    for name in only or ():
        if name not in known:
            raise UnknownNameError("weight", name, known)
    return known if only is None else [name for name in known if name in only]


def _answers(
    recognizer: Recognizer, preset: Mapping[str, JSON], emitted: _Emissions, reader: Reader
) -> Iterator[Answer]:
    decode = recognizer.replace(preset=preset).decoder(recognizer.setting(""))
    for log_probs, target in zip(emitted, emitted.targets, strict=True):
        texts = decode(log_probs, nbest=_NBEST).candidates if len(log_probs) else ()
        said = tuple(reader.symbols(one.text) for one in texts)
        yield Answer("", "", target, said, texts)


def _expected(answers: Iterable[Answer], known: dict[tuple[int, Symbols], int]) -> float:
    """Return the expected errors; ``known`` keeps those of the texts of some answers."""
    total = 0.0
    for row, one in enumerate(answers):
        if not one.said:
            total += len(one.target)
            continue
        scores = np.array([candidate.score for candidate in one.candidates])
        share = np.exp(scores - scores.max())
        for symbols, part in zip(one.said, (share / share.sum()).tolist(), strict=True):
            errors = known.get((row, symbols))
            if errors is None:
                errors = metrics.edit_distance(one.target, symbols)
                if len(known) < _KNOWN:
                    known[row, symbols] = errors
            total += part * errors
    return total
