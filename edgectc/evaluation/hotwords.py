"""What hotwords bring and cost, by weight: how many of those said are found, how many others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from edgectc.core import metrics
from edgectc.core.console import progress
from edgectc.core.errors import InputError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Recording, Swipe
from edgectc.data.swipe_files import recording
from edgectc.decoding.search.naming import Names
from edgectc.evaluation import sequences
from edgectc.evaluation.sequences import Reader
from edgectc.language.hotwords import Hotwords, normal
from edgectc.runtime.recognizer import Recognizer

WEIGHTS = (0.0, 2.0, 4.0, 6.0, 8.0, 10.0)  # nats
Figures: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """What was meant by one row, and where it is from.

    Attributes:
        words: that were meant.
        group: who or which day it is from; "" if that is not known.
    """

    words: tuple[str, ...]
    group: str


@dataclass(frozen=True)
class Outcome:
    """What became of the terms of one row, at one weight.

    Attributes:
        said: terms that were meant.
        found: those of the answer.
        errors: edits from the words meant to the words of the answer.
    """

    said: Counter[str]
    found: Counter[str]
    errors: int

    @property
    def hits(self) -> int:
        """Return how many terms were meant and found."""
        return (self.said & self.found).total()

    @property
    def false_alarms(self) -> int:
        """Return how many terms were found that nobody meant."""
        return (self.found - self.said).total()


def of_swipe(row: Swipe) -> Said:
    """Return what a labelled swipe means."""
    return Said((row.word or "",), row.user or "")


def of_recording(row: Recording, tokens: Tokens, reader: Reader | None) -> Said:
    """Return what a labelled recording means; ``reader`` makes words of phonemes."""
    if reader is not None:
        text = reader.spelled(row.target)
    elif tokens.separator:
        text = tokens.separator.join(row.target)
    else:
        try:
            text = tokens.decode(tokens.encode(row.target))
        except InputError:  # symbols that the model cannot say
            text = "".join(row.target)
    return Said(tuple(text.split()), row.group or "")


def measure(
    recognizer: Recognizer,
    rows: Sequence[Swipe | Recording],
    said: Sequence[Said],
    hotwords: Hotwords,
    *,
    weights: Sequence[float] = WEIGHTS,
    decoder: str | None = None,
) -> Figures:
    """Return figures of all terms at each weight, and at the weights of their own.

    Args:
        recognizer: the model, without hotwords.
        rows: labelled and usable.
        said: what each of them means.
        hotwords: the terms.
        weights: nats, each given to every term; 0 is without hotwords.
        decoder: name of one, None for the preset.

    Returns:
        ``rows``, ``words`` (that were meant), ``terms``; in ``weights`` a table for each weight,
        the last one, whose ``weight`` is None, for that of the terms themselves: ``said`` (terms
        that were meant), ``found`` (of these), ``recall`` and ``word_error_rate`` as ``{"value",
        "low", "high"}`` (95 %, by group where there are several), ``false_alarms`` (terms that were
        found and not meant), and in ``by_class`` said, found and false alarms of each class.
    """
    names = Names.of(hotwords.phrases(), lambda word: word)
    models: dict[float | None, Recognizer] = {}
    for weight in dict.fromkeys([*weights, None]):
        terms = hotwords if weight is None else hotwords.at(weight)
        models[weight] = recognizer if weight == 0 else recognizer.replace(hotwords=terms)
    outcomes: dict[float | None, list[Outcome]] = {weight: [] for weight in models}
    for row, meant in progress([*zip(rows, said, strict=True)], "row"):
        context = row.context if isinstance(row, Swipe) and decoder is None else ()
        sample = recognizer.prepare(recording(row) if isinstance(row, Swipe) else row)
        log_probs = recognizer.run(sample.inputs)
        for weight, model in models.items():
            decoded = model.decode(
                log_probs, sample.inputs, setting=sample.setting, nbest=1, decoder=decoder,
                context=context,
            )  # fmt: skip
            outcomes[weight].append(_outcome(meant, decoded.best.text.split(), names))
    kinds = {phrase.term: phrase.kind for phrase in hotwords.phrases()}
    return {
        "rows": len(rows),
        "words": sum(len(one.words) for one in said),
        "terms": len(hotwords),
        "weights": [
            {"weight": weight, **_summary(found, said, kinds)} for weight, found in outcomes.items()
        ],
    }


def _outcome(meant: Said, answer: Sequence[str], names: Names) -> Outcome:
    errors = metrics.edit_distance(normal(meant.words), normal(answer))
    return Outcome(names.terms(meant.words), names.terms(answer), errors)


def _summary(
    outcomes: Sequence[Outcome], said: Sequence[Said], kinds: Mapping[str, str]
) -> Figures:
    groups = [one.group for one in said]
    lengths = [len(one.words) for one in said]
    wanted = np.array([one.said.total() for one in outcomes])
    with_terms = np.flatnonzero(wanted).tolist()
    recall: dict[str, float | None] = {"value": None, "low": None, "high": None}
    if len(with_terms):
        recall = sequences.rate(
            [outcomes[i].hits for i in with_terms], [groups[i] for i in with_terms],
            wanted[with_terms], most=1.0,
        )  # fmt: skip
    return {
        "said": int(wanted.sum()),
        "found": sum(one.hits for one in outcomes),
        "recall": recall,
        "false_alarms": sum(one.false_alarms for one in outcomes),
        "word_error_rate": sequences.rate([one.errors for one in outcomes], groups, lengths),
        "by_class": _by_class(outcomes, kinds),
    }


def _by_class(outcomes: Iterable[Outcome], kinds: Mapping[str, str]) -> dict[str, dict[str, int]]:
    found = {
        kind: {"said": 0, "found": 0, "false_alarms": 0} for kind in dict.fromkeys(kinds.values())
    }
    for one in outcomes:
        counts = {
            "said": one.said,
            "found": one.said & one.found,
            "false_alarms": one.found - one.said,
        }
        for name, terms in counts.items():
            for term, count in terms.items():
                found[kinds[term]][name] += count
    return found


def lines(figures: Mapping[str, Any]) -> list[list[str]]:
    """Return table rows: weight, found of those said, recall, false alarms, errors of words."""
    rows = []
    for one in figures["weights"]:
        rows.append([
            "own" if one["weight"] is None else f"{one['weight']:g}",
            f"{one['found']} of {one['said']}", sequences.shown(one["recall"]),
            str(one["false_alarms"]), sequences.shown(one["word_error_rate"]),
        ])  # fmt: skip
    return rows
