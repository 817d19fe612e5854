"""Error rates of recordings of several symbols, such as glosses or phonemes, with intervals.

Every symbol of a label counts, those that the model cannot say among them. The metric has the name
that the family gives it. `edgectc.evaluation.accuracy` is for swipes, of one word each.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from edgectc.core import metrics
from edgectc.core.console import progress
from edgectc.core.contracts import Samples
from edgectc.core.errors import InputError
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array, Hypothesis, Recording
from edgectc.data.preparation import Preparation, Sample
from edgectc.data.recordings import samples_for
from edgectc.data.refusals import Refusals
from edgectc.language.pronunciations import SILENCE, Pronunciations
from edgectc.language.spelling import normalize_word
from edgectc.runtime.recognizer import Recognizer

# JSON of figures by name; `summarize` says which.
Figures: TypeAlias = dict[str, Any]
Symbols: TypeAlias = tuple[str, ...]
Confusion: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class Answer:
    """What a recognizer said to one labelled recording.

    Attributes:
        name: of the recording.
        group: who or which day it is from; "" if that is not known.
        target: symbols that were meant.
        said: symbols of each candidate, best first.
        candidates: the texts that they are of.
        unknown: symbols of the target that the model cannot say.
        nearest: `least`, where ``said`` does not hold all candidates any more.
    """

    name: str
    group: str
    target: Symbols
    said: tuple[Symbols, ...]
    candidates: tuple[Hypothesis, ...] = ()
    unknown: int = 0
    nearest: int | None = None

    def kept(self, same: dict[str, str]) -> Answer:
        """Return what the figures need: of the candidates the best one, equal texts once.

        Args:
            same: texts of the answers before, which is added to.
        """

        def once(symbols: Symbols) -> Symbols:
            return tuple(same.setdefault(symbol, symbol) for symbol in symbols)

        return Answer(
            "", same.setdefault(self.group, self.group), once(self.target), (once(self.best),),
            unknown=self.unknown, nearest=self.least,
        )  # fmt: skip

    @property
    def best(self) -> Symbols:
        """Return the symbols of the best candidate, () for none."""
        return self.said[0] if self.said else ()

    @cached_property
    def errors(self) -> int:
        """Return the edits from the target to the best candidate."""
        return metrics.edit_distance(self.target, self.best)

    @property
    def least(self) -> int:
        """Return the edits from the target to the closest candidate."""
        if self.nearest is not None:
            return self.nearest
        return min(metrics.edit_distance(self.target, one) for one in self.said or ((),))


class Reader:
    """Reads texts as symbols, and words of a pronunciation dictionary as their phonemes."""

    def __init__(self, tokens: Tokens, *, pronunciations: Pronunciations | None = None) -> None:
        """Take the model's tokens; a silence among them ends each word."""
        self.separator, self._tokens = tokens.separator, tokens
        self.end = SILENCE if SILENCE in tokens.ids else ""
        self._words = pronunciations or {}
        self._spelled: dict[Symbols, str] = {}
        for word, phonemes in self._words.items():
            self._spelled.setdefault(tuple(phonemes), word)

    def symbols(self, text: str) -> Symbols:
        """Return the symbols of a text; a word of the dictionary becomes its phonemes."""
        parts = [s for s in text.split(self.separator) if s] if self.separator else [*text]
        found: list[str] = []
        for part in parts:
            spoken = None if part in self._tokens.ids else self._said(part)
            found += (part,) if spoken is None else (*spoken, self.end)
        return tuple(found)

    def _said(self, word: str) -> Symbols | None:
        return self._words.get(word) or self._words.get(normalize_word(word))

    def words(self, symbols: Symbols) -> list[Symbols]:
        """Return the symbols of each word: what stands between one ``end`` and the next."""
        found: list[list[str]] = [[]]
        for symbol in symbols:
            if symbol == self.end:
                found.append([])
            else:
                found[-1].append(symbol)
        return [tuple(word) for word in found if word]

    def spelled(self, symbols: Symbols) -> str:
        """Return words as the dictionary has them; a word that it does not hold in brackets."""
        known = self._spelled
        return " ".join(known.get(w, f"[{'-'.join(w)}]") for w in self.words(symbols))


def samples_of(recognizer: Recognizer) -> Samples:
    """Return what a model's recordings are."""
    return samples_for({"type": recognizer.kind}, frontend=recognizer.frontend)


def tokens_of(recognizer: Recognizer) -> Tokens:
    """Return the tokens of a model without keyboards."""
    return recognizer.tokens(recognizer.setting(""))


def usable(
    rows: Iterable[Recording | InputError],
    recognizers: Sequence[Recognizer],
    refusals: Refusals,
    *,
    labelled: bool = True,
) -> list[int]:
    """Return the places of the recordings that every model can be given; count the others."""
    kept = []
    prepare = [Preparation(one.frontend) for one in recognizers]
    for place, row in enumerate(rows):
        refusals.rows += 1
        if isinstance(row, InputError):
            refusals.add(row)
        elif labelled and not row.target:
            refusals.add(InputError("no label", reason="no_label", name=row.name))
        else:
            try:
                for one in prepare:
                    one(row)
            except InputError as error:
                refusals.add(error, row.name)
            else:
                kept.append(place)
    return kept


def answer(
    recognizer: Recognizer,
    recordings: Iterable[Recording],
    *,
    reader: Reader | None = None,
    decoder: str | None = None,
    nbest: int = 5,
) -> tuple[list[Answer], float]:
    """Return the answer to each recording, and the median of milliseconds for one.

    Args:
        recognizer: as returned by `edgectc.load`.
        recordings: labelled and usable.
        reader: of the texts; None reads them by what stands between the model's symbols.
        decoder: name of one, None for the preset.
        nbest: most candidates each.
    """
    pairs = [*answered(recognizer, recordings, reader=reader, decoder=decoder, nbest=nbest)]
    spent = round(float(np.median([ms for _, ms in pairs])), 3)
    return [answer for answer, _ in pairs], spent


def answered(
    recognizer: Recognizer,
    recordings: Iterable[Recording],
    *,
    reader: Reader | None,
    decoder: str | None,
    nbest: int,
) -> Iterator[tuple[Answer, float]]:
    """Yield what `answer` returns, one after another, each with its milliseconds."""
    reader = reader or Reader(tokens_of(recognizer))
    for row in progress(recordings, "recording"):
        began = time.perf_counter()
        sample: Sample = recognizer.prepare(row)
        decoded = recognizer.decode(
            recognizer.run(sample.inputs),
            sample.inputs,
            setting=sample.setting,
            nbest=nbest,
            decoder=decoder,
        )
        spent = (time.perf_counter() - began) * 1e3
        known = recognizer.tokens(sample.setting).ids
        found = Answer(
            row.name,
            row.group or "",
            row.target,
            tuple(reader.symbols(one.text) for one in decoded.candidates),
            decoded.candidates,
            sum(symbol not in known for symbol in row.target),
        )
        yield found, spent


def summarize(answers: Sequence[Answer], *, metric: str, reader: Reader | None = None) -> Figures:
    """Return figures of all answers and of each group.

    Args:
        answers: one a recording.
        metric: name of the error rate, e.g. "PER".
        reader: tells where a word ends, for ``word_error_rate``; None where there are no words.

    Returns:
        ``metric``, ``rows``, ``groups``, ``symbols`` (of all labels), ``out_of_vocabulary`` (those
        that the model cannot say); ``error_rate``, ``exact`` (share of recordings without an error)
        and ``oracle`` (error rate of the closest candidate of each) as ``{"value", "low", "high"}``
        (95 %, by group where there are several, see `edgectc.core.metrics.interval`);
        ``substitutions``, ``deletions`` and ``insertions`` (counts); ``word_error_rate``; and in
        ``by_group`` rows and error rate of each.
    """
    groups = [one.group for one in answers]
    lengths = np.array([len(one.target) for one in answers])
    kinds = Counter[str]()
    for one in answers:
        kinds += edits(one)
    figures: Figures = {
        "metric": metric,
        "rows": len(answers),
        "groups": len({*groups} - {""}),
        "symbols": int(lengths.sum()),
        "out_of_vocabulary": sum(one.unknown for one in answers),
        "error_rate": rate([one.errors for one in answers], groups, lengths),
        "exact": rate([float(not one.errors) for one in answers], groups, most=1.0),
        "oracle": rate([one.least for one in answers], groups, lengths),
        **{kind: kinds[kind] for kind in ("substitutions", "deletions", "insertions")},
        "by_group": _by_group(answers),
    }
    if reader is not None and reader.end:
        figures["word_error_rate"] = _word_error_rate(answers, reader)
    return figures


def edits(one: Answer) -> Counter[str]:
    """Return how many substitutions, deletions and insertions the best candidate has."""
    counts = Counter[str]()
    for meant, said in metrics.alignment(one.target, one.best):
        if meant != said:
            counts[_kind(meant, said)] += 1
    return counts


def confusions(answers: Sequence[Answer], most: int) -> dict[str, list[Confusion]]:
    """Return the most frequent mistakes of each kind, with their counts.

    ``substitutions`` are ``(meant, said, times)``, ``deletions`` and ``insertions``
    ``(symbol, times)``; `edgectc.core.metrics.alignment` tells what became of what.
    """
    counts: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for one in answers:
        for meant, said in metrics.alignment(one.target, one.best):
            if meant != said:
                pair = tuple(symbol for symbol in (meant, said) if symbol is not None)
                counts[_kind(meant, said)][pair] += 1
    return {
        kind: [_told(*item) for item in sorted(counts[kind].items(), key=_by_count)[:most]]
        for kind in ("substitutions", "deletions", "insertions")
    }


def compare(ours: Sequence[Answer], theirs: Sequence[Answer]) -> Figures:
    """Return how the first of two systems differs from the second, paired by recording.

    Returns:
        ``error_rate`` (of both), ``only_first`` and ``only_second`` (recordings where one alone has
        fewer errors), ``sign_p`` (of an exact sign test on those) and ``difference`` of the error
        rates as ``{"value", "low", "high"}``; below 0 the first is better.
    """
    lengths = [len(one.target) for one in ours]
    first, second = (np.array([a.errors for a in answers]) for answers in (ours, theirs))
    change, total = first - second, sum(lengths)
    better, worse = int((change < 0).sum()), int((change > 0).sum())
    span = difference(change, [one.group for one in ours], lengths)
    return {
        "error_rate": [round(float(first.sum()) / total, 5), round(float(second.sum()) / total, 5)],
        "only_first": better,
        "only_second": worse,
        "sign_p": metrics.mcnemar(better, worse),
        "difference": span,
    }


def rate(
    values: Sequence[float],
    groups: Sequence[str],
    counts: Sequence[int] | Array | None = None,
    *,
    most: float | None = None,
) -> dict[str, float | None]:
    """Return a rate with its 95 % interval, from 0 to ``most``.

    Where all recordings have the same rate there is no spread to go by, nor any sign that groups
    differ: then it is the rule of three's, by recording.
    """
    found = difference(values, groups, counts)
    low, high = found["low"], found["high"]
    if low is not None and high is not None:
        found["low"] = max(0.0, low)
        found["high"] = high if most is None else min(most, high)
    return found


def difference(
    values: Sequence[float] | Array,
    groups: Sequence[str],
    counts: Sequence[int] | Array | None = None,
) -> dict[str, float | None]:
    """Return ``sum(values) / sum(counts)`` with its 95 % interval; it may be below 0."""
    top = np.asarray(values, np.float64)
    bottom = np.ones(len(top)) if counts is None else np.asarray(counts, np.float64)
    value = float(top.sum() / bottom.sum())
    clusters = groups if len({*groups}) > 1 else None
    span = metrics.interval(top, clusters, counts=bottom)
    if span is None:
        return {"value": round(value, 5), "low": None, "high": None}
    low, high = span
    if high - low < 1e-12:
        reach = metrics.rule_of_three(len(top))
        low, high = value - reach, value + reach
    return {"value": round(value, 5), "low": round(low, 5), "high": round(high, 5)}


def _by_count(item: tuple[tuple[str, ...], int]) -> tuple[int, tuple[str, ...]]:
    return -item[1], item[0]


def _told(pair: tuple[str, ...], times: int) -> Confusion:
    return (*pair, times)


def _kind(meant: str | None, said: str | None) -> str:
    if meant is None:
        return "insertions"
    return "deletions" if said is None else "substitutions"


def _by_group(answers: Sequence[Answer]) -> dict[str, Figures]:
    """Return rows and error rate of each group, the interval by recording."""
    parts: dict[str, list[Answer]] = defaultdict(list)
    for one in answers:
        parts[one.group].append(one)
    if set(parts) == {""}:
        return {}
    return {
        name or "(no group)": {
            "rows": len(part),
            "symbols": sum(len(one.target) for one in part),
            "error_rate": rate(
                [one.errors for one in part], [""] * len(part), [len(one.target) for one in part]
            ),
        }
        for name, part in sorted(parts.items())
    }


def _word_error_rate(answers: Sequence[Answer], reader: Reader) -> dict[str, float | None]:
    """Return the error rate of words, which are equal where they sound alike."""
    pairs = [(reader.words(one.target), reader.words(one.best)) for one in answers]
    kept = [i for i, (meant, _) in enumerate(pairs) if meant]
    if not kept:
        return {"value": None, "low": None, "high": None}
    return rate(
        [metrics.edit_distance(*pairs[i]) for i in kept],
        [answers[i].group for i in kept],
        [len(pairs[i][0]) for i in kept],
    )


def lines(figures: Mapping[str, Any]) -> list[list[str]]:
    """Return table rows of figures: name, rows, symbols, error rate with interval."""

    def row(name: str, part: Mapping[str, Any]) -> list[str]:
        return [name, str(part["rows"]), str(part["symbols"]), shown(part["error_rate"])]

    return [row("all", figures), *(row(n, p) for n, p in figures["by_group"].items())]


def shown(figure: Mapping[str, float | None]) -> str:
    """Return a share with its interval for people, "-" for none."""
    value, low, high = figure["value"], figure["low"], figure["high"]
    if value is None:
        return "-"
    return f"{value:.1%}" if low is None or high is None else f"{value:.1%} [{low:.1%}, {high:.1%}]"
