"""Weights of a beam search, chosen on labelled recordings for the fewest errors.

What is made small is the mean of the errors of the ten best texts, each by its share of exp(score):
it moves where the best text does not yet.

Source: Prabhavalkar et al. 2018, "Minimum Word Error Rate Training for Attention-Based
Sequence-to-Sequence Models", the expected errors over n-best texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgectc.core import metrics, registry
from edgectc.core.console import progress
from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.types import JSON, Array, Recording
from edgectc.evaluation import sequences
from edgectc.evaluation.climbing import Steps, climb
from edgectc.evaluation.sequences import Answer, Reader, Symbols
from edgectc.evaluation.tuned import Tuned
from edgectc.runtime.recognizer import Recognizer

DECODER = "beam"
_NBEST = 10
_STEPS: Steps = {
    "lm_weight": (0.2, 0.0),
    "word_score": (0.5, -20.0),
    "unknown_score": (2.0, -40.0),  # where there is a lexicon that may be left
}


def tune(
    recognizer: Recognizer, recordings: Sequence[Recording], *, only: Sequence[str] | None = None
) -> Tuned:
    """Return the weights with which the best texts have the fewest errors.

    Args:
        recognizer: its preset, a beam search, is where the search starts.
        recordings: labelled, of people or days that will not measure it.
        only: weights to choose; None for all that apply.

    Raises:
        ConfigError: the preset is no beam search, or it has nothing to weigh.
        UnknownNameError: ``only`` names no weight that can be tuned.
        InputError: fewer than two labelled recordings.
    """
    start = registry.complete("decoders", recognizer.preset)
    names = _names(recognizer, start, only)
    labelled = [row for row in recordings if row.target]
    if len(labelled) < 2:
        raise InputError("tuning needs labelled recordings, got fewer than 2", reason="no_labels")
    emitted = [_emitted(recognizer, row) for row in progress(labelled, "network")]
    reader = Reader(sequences.tokens_of(recognizer))

    def answers(preset: Mapping[str, JSON]) -> list[Answer]:
        return _answers(recognizer, preset, emitted, labelled, reader)

    known: dict[tuple[int, Symbols], int] = {}
    chosen = climb(start, names, _STEPS, lambda preset: -_expected(answers(preset), known))
    before, after = answers(start), answers(chosen)
    if _errors(after).sum() > _errors(before).sum():
        chosen, after = start, before
    groups, lengths = [one.group for one in before], [len(one.target) for one in before]
    change = _errors(before) - _errors(after)
    gain = sequences.difference(change, groups, lengths)
    low, high = gain["low"], gain["high"]
    total = sum(lengths)
    return Tuned(
        chosen,
        len(labelled),
        float(_errors(before).sum()) / total,
        float(_errors(after).sum()) / total,
        (0.0 if low is None else low, 0.0 if high is None else high),
        (_calibration(before), _calibration(after)),
        metric=sequences.samples_of(recognizer).metric,
        units=total,
    )


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


def _emitted(recognizer: Recognizer, row: Recording) -> Array:
    return recognizer.run(recognizer.prepare(row).inputs)


def _answers(
    recognizer: Recognizer,
    preset: Mapping[str, JSON],
    emitted: Sequence[Array],
    labelled: Sequence[Recording],
    reader: Reader,
) -> list[Answer]:
    decode = recognizer.replace(preset=preset).decoder(recognizer.setting(""))
    found = []
    for log_probs, row in zip(emitted, labelled, strict=True):
        texts = decode(log_probs, nbest=_NBEST).candidates if len(log_probs) else ()
        said = tuple(reader.symbols(one.text) for one in texts)
        found.append(Answer(row.name, row.group or "", row.target, said, texts))
    return found


def _errors(answers: Sequence[Answer]) -> Array:
    return np.array([one.errors for one in answers], np.float64)


def _expected(answers: Sequence[Answer], known: dict[tuple[int, Symbols], int]) -> float:
    """Return the expected errors; ``known`` keeps those of the texts of each answer."""
    total = 0.0
    for row, one in enumerate(answers):
        if not one.said:
            total += len(one.target)
            continue
        scores = np.array([candidate.score for candidate in one.candidates])
        share = np.exp(scores - scores.max())
        for symbols, part in zip(one.said, (share / share.sum()).tolist(), strict=True):
            if (row, symbols) not in known:
                known[row, symbols] = metrics.edit_distance(one.target, symbols)
            total += part * known[row, symbols]
    return total


def _calibration(answers: Sequence[Answer]) -> float:
    stated = [one.candidates[0].probability if one.candidates else 0.0 for one in answers]
    return metrics.calibration_error(stated, [not one.errors for one in answers])
