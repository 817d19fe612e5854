"""Accuracy of opened models on swipes or recordings: the work of `edgectc.evaluate`."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from edgectc.commands.verbs.opening import Labelled, Model, recordings_of, swipes_of
from edgectc.commands.verbs.sharing import Shared
from edgectc.core.errors import InputError
from edgectc.core.files import read_plain
from edgectc.core.types import Document, Recording, Swipe
from edgectc.data import scales
from edgectc.evaluation import accuracy, comparison, predictions, sequences
from edgectc.evaluation.sequences import Reader
from edgectc.formats import bundle as bundles
from edgectc.language import pronunciations, sources
from edgectc.language.spelling import letters
from edgectc.runtime.recognizer import Recognizer

T = TypeVar("T", accuracy.Answer, sequences.Answer)


@dataclass(frozen=True)
class Question:
    """What is to be measured.

    Attributes:
        recognizer: the model.
        data: labelled, see `opening`.
        split: of it.
        limit: most rows.
        most: share of the rows that may be left out.
        decoder: of ``recognizer``, None for its preset.
        nbest: most candidates each.
        against: name of another model, or of another decoder; "" for none.
        other: that model; None for another decoder of ``recognizer``.
        confusions: most mistakes of each kind to tell.
        predictions: file for every answer.
        shared: processes that answer for ``recognizer``, and for ``other``; None for this one.
    """

    recognizer: Recognizer
    data: Labelled
    split: str
    limit: int | None
    most: float
    decoder: str | None
    nbest: int
    against: str
    other: Recognizer | None
    confusions: int
    predictions: str | os.PathLike[str] | None
    shared: tuple[Shared | None, Shared | None] = (None, None)

    @property
    def models(self) -> list[Recognizer]:
        """Return the models that have to take every row."""
        return [self.recognizer] if self.other is None else [self.recognizer, self.other]

    @property
    def second(self) -> tuple[Recognizer, str | None]:
        """Return the model to compare with, and its decoder."""
        if self.other is not None:
            return self.other, None
        return self.recognizer, self.against

    @property
    def theirs(self) -> Shared | None:
        """Return the processes that answer for `second`."""
        return self.shared[0 if self.other is None else 1]


@dataclass(frozen=True)
class OfSwipes:
    """What is asked of swipes alone, see `edgectc.evaluate`."""

    control: bool
    sentences: str | os.PathLike[str] | None
    words: str | None
    context: bool


def on_swipes(asked: Question, more: OfSwipes, model: Model) -> Document:
    """Return the figures of a model of swipes, which was opened from ``model``."""
    swipes, refusals = swipes_of(
        asked.data, asked.models, split=asked.split, limit=asked.limit, most=asked.most
    )
    accuracy.check_labels(len(swipes))
    rows = swipes.changed(accuracy.with_context) if more.context else swipes
    known = _known(model, asked.recognizer, more)
    nbest = max(asked.nbest, accuracy.NBEST)
    with predictions.writing(asked.predictions) as write:
        answers, spent = _swipes_answered(
            asked.recognizer, rows, asked.shared[0],
            lambda place, answer: write(predictions.of_swipe(place, answer)),
            decoder=asked.decoder, nbest=nbest,
        )  # fmt: skip
    figures = Document(accuracy.summarize(answers, known))
    figures |= {"ms_per_swipe": spent, "dropped": dict(refusals.counts), "split": asked.split}
    figures["runner"] = asked.recognizer.runner_name
    if asked.confusions:
        figures["confusions"] = accuracy.confusions(answers)[: asked.confusions]
    if asked.against:
        recognizer, decoder = asked.second
        theirs, _ = _swipes_answered(recognizer, rows, asked.theirs, _told_nobody, decoder=decoder)
        figures["against"] = {
            "name": asked.against,
            "figures": accuracy.summarize(theirs, known),
            **comparison.compare(answers, theirs),
        }
    if more.control:
        figures["controls"] = comparison.controls(asked.recognizer, rows, answers)
    return figures


def on_recordings(asked: Question, dictionary: str | None) -> Document:
    """Return the figures of a model of recordings; ``dictionary`` is a file of pronunciations."""
    recognizer, samples = asked.recognizer, sequences.samples_of(asked.recognizer)
    said = None if dictionary is None else pronunciations.read(dictionary)
    reader = Reader(sequences.tokens_of(recognizer), pronunciations=said)
    rows, refusals = recordings_of(
        asked.data, asked.models, split=asked.split, limit=asked.limit, most=asked.most
    )
    spelled = reader if said is not None else None
    with predictions.writing(asked.predictions) as write:
        answers, spent = _recordings_answered(
            recognizer, rows, asked.shared[0],
            lambda _, one: write(predictions.of_sequence(one, reader.separator, spelled)),
            reader=reader, decoder=asked.decoder, nbest=asked.nbest,
        )  # fmt: skip
    figures = Document(sequences.summarize(answers, metric=samples.metric, reader=reader))
    figures |= {"ms_per_recording": spent, "dropped": dict(refusals.counts), "split": asked.split}
    figures["runner"] = recognizer.runner_name
    figures["trained_on"] = sum(row.split == "train" for row in rows)
    looked_at = np.linspace(0, len(rows) - 1, min(len(rows), scales.MOST)).astype(int)
    figures["warnings"] = dict(samples.problems(rows.take(looked_at.tolist())))
    if asked.confusions:
        figures["confusions"] = sequences.confusions(answers, asked.confusions)
    if asked.against:
        second, decoder = asked.second
        theirs, _ = _recordings_answered(
            second, rows, asked.theirs, _told_nobody, reader=reader, decoder=decoder,
            nbest=asked.nbest,
        )  # fmt: skip
        figures["against"] = {
            "name": asked.against,
            "figures": sequences.summarize(theirs, metric=samples.metric, reader=reader),
            **sequences.compare(answers, theirs),
        }
    return figures


def _told_nobody(place: int, answer: accuracy.Answer | sequences.Answer) -> None:
    """Leave an answer alone."""


def _swipes_answered(
    recognizer: Recognizer, rows: Iterable[Swipe], shared: Shared | None,
    tell: Callable[[int, accuracy.Answer], None], **how: Any,
) -> tuple[list[accuracy.Answer], float]:  # fmt: skip
    if shared is None:
        return _together(accuracy.answered(recognizer, rows, **how), tell)
    return _together(shared(partial(_timed_swipes, how), rows), tell)


def _recordings_answered(
    recognizer: Recognizer, rows: Iterable[Recording], shared: Shared | None,
    tell: Callable[[int, sequences.Answer], None], **how: Any,
) -> tuple[list[sequences.Answer], float]:  # fmt: skip
    if shared is None:
        return _together(sequences.answered(recognizer, rows, **how), tell)
    return _together(shared(partial(_timed_recordings, how), rows), tell)


def _timed_swipes(
    how: Mapping[str, Any], recognizer: Recognizer, rows: list[Swipe]
) -> list[tuple[accuracy.Answer, float]]:
    return [*accuracy.answered(recognizer, rows, **how)]


def _timed_recordings(
    how: Mapping[str, Any], recognizer: Recognizer, rows: list[Recording]
) -> list[tuple[sequences.Answer, float]]:
    return [*sequences.answered(recognizer, rows, **how)]


def _together(
    found: Iterable[tuple[T, float]], tell: Callable[[int, T], None]
) -> tuple[list[T], float]:
    """Return what is kept of the answers, and the median of their milliseconds.

    Args:
        found: answers, each with its milliseconds.
        tell: is told each answer as it was given, with its place.
    """
    answers, spent, same = list[T](), array("d"), dict[str, str]()
    for place, (answer, ms) in enumerate(found):
        tell(place, answer)
        answers.append(answer.kept(same))
        spent.append(ms)
    return answers, round(float(np.median(spent)), 3)


def _known(model: Model, recognizer: Recognizer, more: OfSwipes) -> accuracy.Known:
    return accuracy.Known(
        seen=None if isinstance(model, Recognizer) else accuracy.seen_words(bundles.locate(model)),
        lexicon=accuracy.spellings(recognizer.lexicon) if recognizer.lexicon else None,
        sentences=None if more.sentences is None else _sentences(Path(more.sentences)),
        words=None if more.words is None else _words(more.words),
    )


def _sentences(path: Path) -> frozenset[str]:
    try:
        lines = read_plain(path).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"cannot read the sentences {str(path)!r}: {why}; expected UTF-8 text, a sentence a "
            "line",
            reason="unreadable_file",
        ) from error
    return frozenset(filter(None, map(letters, lines)))


def _words(source: str) -> tuple[str, frozenset[str]]:
    return Path(source).name.partition(".")[0], accuracy.spellings(sources.build(source)[0])
