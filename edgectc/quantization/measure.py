"""What quantization costs and gains: right answers, numbers, time. Always on the artifact itself.

Both networks answer the same recordings and the shipped decoder reads both, so the loss is a paired
difference; times are taken in turns, so that a busy machine slows both alike.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgectc.core import metrics
from edgectc.core.console import progress
from edgectc.core.types import Array
from edgectc.data.recordings import Prepared, samples_for, setting
from edgectc.evaluation.accuracy import seen_words
from edgectc.formats.bundle import Bundle
from edgectc.runtime.recognizer import Recognizer

_ROUNDS = 9
_SECONDS = 0.25  # of one engine in one round, about
_MOST_CALLS = 40
_UNUSED = -1e3  # below are the slots that a layout does not use
_LIKELY = math.log(1e-2)


@dataclass(frozen=True)
class Speed:
    """Median milliseconds of one call in float32 and quantized, taken in turns."""

    before_ms: float
    after_ms: float

    @property
    def speedup(self) -> float:
        """Return how many times faster the quantized network is."""
        return self.before_ms / self.after_ms


@dataclass(frozen=True)
class Loss:
    """Paired loss in points: error after minus error before, times 100.

    Attributes:
        unit: what is counted.
        before: error rate of the float network, 0..1.
        after: of the quantized one.
        interval: 95 % bootstrap interval of the loss in points, by user where known.
        rows: recordings compared.
        worse: recordings that got worse.
        better: recordings that got better.
        mcnemar_p: chance of so uneven a split if both were equally good; of words right or wrong.
        slices: loss in points and rows by slice.
    """

    unit: str
    before: float
    after: float
    interval: tuple[float, float]
    rows: int
    worse: int
    better: int
    mcnemar_p: float
    slices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def points(self) -> float:
        """Return the loss in points."""
        return 100.0 * (self.after - self.before)


@dataclass(frozen=True)
class Numbers:
    """How close the log_probs of valid frames are."""

    sqnr_db: float
    agreement: float
    mean_abs_diff: float


class Judge:
    """Holds the float network's answers and compares others with them."""

    def __init__(self, bundle: Bundle, words: Recognizer, dev: Prepared, before: Any) -> None:
        """Let ``before``, the runner of the float32 artifact, answer.

        Args:
            bundle: of the model.
            words: a recognizer of the bundle, for its decoders; its network is not used.
            dev: labelled recordings.
            before: the runner.
        """
        self.words, self.dev = words, dev
        self.boards = {board.name: board for board in bundle.layouts}
        self.samples = samples_for(bundle.index.model["frontend"], bundle.layouts)
        self.seen = seen_words(bundle.path)
        self.log_probs = self._answers(before, "float32 answers")
        self.wrong, self.count = self._wrong(self.log_probs)

    def loss(self, after: Any, *, preset: Mapping[str, Any] | None = None) -> tuple[Loss, Numbers]:
        """Return what the runner ``after`` loses, with another decoder preset if one is given.

        Raises:
            NonFiniteError: it answered NaN or Inf.
        """
        log_probs = self._answers(after, "quantized answers")
        wrong, _ = self._wrong(log_probs, preset)
        return self._loss(wrong), closeness(self.log_probs, log_probs)

    def _answers(self, engine: Any, label: str) -> list[Array]:
        loaded = self.words.replace(runner=engine)
        return [loaded.run(one) for one in progress(self.dev.inputs, label)]

    def _wrong(
        self, answers: Sequence[Array], preset: Mapping[str, Any] | None = None
    ) -> tuple[Array, Array]:
        """Return errors and reference tokens of each recording."""
        words = self.words if preset is None else self.words.replace(preset=preset)
        wrong, count = np.zeros(len(answers)), np.ones(len(answers))
        more = words.language_model is not None
        for i, log_probs in enumerate(progress(answers, "decoding")):
            recording = self.dev.recordings[i]
            board = setting(words.frontend, self.boards, recording.setting)
            text = ""
            if len(log_probs):
                context = recording.context if more else ()
                inputs = self.dev.inputs[i]
                found = words.decode(log_probs, inputs, board=board, nbest=1, context=context)
                text = found.best.text
            separator = self.words.tokens(board).separator
            wrong[i], count[i] = self.samples.errors(recording.target, text, separator)
        return wrong, count

    def _loss(self, wrong: Array) -> Loss:
        groups = [recording.group or "" for recording in self.dev.recordings]
        known = groups if len(set(groups)) > 1 else None
        change = wrong - self.wrong
        low, high = metrics.bootstrap(change, known, counts=self.count)
        total = self.count.sum()
        worse, better = int((change > 0).sum()), int((change < 0).sum())
        return Loss(
            self.samples.metric,
            float(self.wrong.sum() / total),
            float(wrong.sum() / total),
            (100.0 * low, 100.0 * high),
            len(wrong),
            worse,
            better,
            metrics.mcnemar(worse, better),
            self._slices(change),
        )

    def _slices(self, change: Array) -> dict[str, dict[str, float]]:
        """Return the loss where it hides: short words, words that were never seen in training."""
        parts = self.samples.slices(self.dev.recordings, self.seen)
        return {
            name: {"points": round(100.0 * float(change[rows].mean()), 3), "rows": int(rows.sum())}
            for name, mask in parts.items()
            if (rows := np.array(mask)).any()
        }


def closeness(before: Sequence[Array], after: Sequence[Array]) -> Numbers:
    """Return how close the answers (T', V) of two networks are; unused slots are left out."""
    pairs = list(zip(before, after, strict=True))
    used = [(old[old > _UNUSED], new[old > _UNUSED]) for old, new in pairs]
    likely = [(old[old >= _LIKELY], new[old >= _LIKELY]) for old, new in pairs]
    return Numbers(
        metrics.sqnr_db(used),
        metrics.argmax_agreement(pairs),
        metrics.mean_abs_difference(likely),
    )


def speed(before: Any, after: Any, inputs: Sequence[Mapping[str, Array]]) -> Speed:
    """Return the median time of one call of each runner, one thread, in turns."""
    engines = (before, after)
    for engine in engines:
        engine.run(inputs[0])
    began = time.perf_counter()
    before.run(inputs[0])
    once = max(time.perf_counter() - began, 1e-6)
    calls = max(1, min(_MOST_CALLS, int(_SECONDS / once)))
    spent: tuple[list[float], list[float]] = ([], [])
    for turn in range(_ROUNDS):
        for which in (0, 1) if turn % 2 else (1, 0):
            for i in range(calls):
                one = inputs[(turn * calls + i) % len(inputs)]
                began = time.perf_counter()
                engines[which].run(one)
                spent[which].append(time.perf_counter() - began)
    old, new = (1e3 * float(np.median(times)) for times in spent)
    return Speed(old, new)
