"""What quantization costs: right answers and close numbers, always on the artifact itself.

Both networks answer the same recordings and the shipped decoder reads both, so that the difference
is paired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgectc.core import metrics
from edgectc.core.console import progress
from edgectc.core.contracts import Runner, Samples
from edgectc.core.errors import InputError
from edgectc.core.types import JSON, Array
from edgectc.data.recordings import Prepared
from edgectc.runtime.recognizer import Recognizer

_UNUSED = -1e3  # below are the slots that a layout does not use
_LIKELY = math.log(1e-2)


@dataclass(frozen=True)
class AccuracyDrop:
    """Paired drop in points: error after minus error before, times 100.

    Attributes:
        unit: what is counted.
        before: error rate of the float network, 0..1.
        after: of the quantized one.
        interval: 95 % interval of the drop in points, by user, signer or day where known.
        rows: recordings compared.
        worse: recordings that got worse.
        better: recordings that got better.
        mcnemar_p: chance of so uneven a split if both were equally good; of words right or wrong.
        slices: drop in points and rows by slice.
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
        """Return the drop in points."""
        return 100.0 * (self.after - self.before)


@dataclass(frozen=True)
class Closeness:
    """How close the log_probs of valid frames are."""

    sqnr_db: float
    agreement: float
    mean_abs_diff: float


class AccuracyEvaluator:
    """Holds the float network's answers and compares others with them."""

    def __init__(
        self,
        samples: Samples,
        seen: frozenset[int] | None,
        words: Recognizer,
        dev: Prepared,
        before: Runner,
    ) -> None:
        """Let ``before``, the runner of the float32 artifact, answer.

        Args:
            samples: what the model's recordings are.
            seen: hashes of the words of training; None if unknown.
            words: a recognizer of the model, for its decoders; its network is not used.
            dev: labelled recordings.
            before: the runner.
        """
        self.words, self.dev = words, dev
        self.samples, self.seen = samples, seen
        self.log_probs = self._answers(before, "float32 answers")
        self.wrong, self.count = self._wrong(self.log_probs)

    def check_resolves(self, max_drop: float) -> None:
        """Refuse a budget below what a single error costs.

        Args:
            max_drop: in points; 0 asks for no change at all, which any number can show.

        Raises:
            InputError: reason ``few_samples``; says how many recordings it takes.
        """
        tokens, rows = int(self.count.sum()), len(self.count)
        if max_drop <= 0 or 100.0 / tokens <= max_drop:
            return
        needed = math.ceil(100.0 / max_drop * rows / tokens)
        raise InputError(
            f"{rows} labelled recordings cannot resolve max_drop={max_drop:g}: one error among "
            f"their {tokens} {self.samples.metric} units is {100.0 / tokens:.2g} points already; "
            f"give {needed} recordings or more with dev=FILE, or a max_drop of "
            f"{100.0 / tokens:.2g} or more",
            reason="few_samples",
            options=["max_drop", "dev"],
        )

    def drop(
        self, after: Runner, *, preset: Mapping[str, JSON] | None = None
    ) -> tuple[AccuracyDrop, Closeness]:
        """Return how much worse the runner ``after`` is, with another preset if one is given.

        Raises:
            NonFiniteError: it answered NaN or Inf.
        """
        log_probs = self._answers(after, "quantized answers")
        wrong, _ = self._wrong(log_probs, preset)
        return self._drop(wrong), closeness(self.log_probs, log_probs)

    def _answers(self, runner: Runner, label: str) -> list[Array]:
        loaded = self.words.replace(runner=runner)
        return [loaded.run(inputs) for inputs in progress(self.dev.inputs, label)]

    def _wrong(
        self, answers: Sequence[Array], preset: Mapping[str, JSON] | None = None
    ) -> tuple[Array, Array]:
        """Return errors and reference tokens of each recording."""
        words = self.words if preset is None else self.words.replace(preset=preset)
        wrong, count = np.zeros(len(answers)), np.ones(len(answers))
        more = words.language_model is not None
        for i, log_probs in enumerate(progress(answers, "decoding")):
            recording = self.dev.recordings[i]
            place = words.setting(recording.setting)
            text = ""
            if len(log_probs):
                context = recording.context if more else ()
                inputs = self.dev.inputs[i]
                decoded = words.decode(log_probs, inputs, setting=place, nbest=1, context=context)
                text = decoded.best.text
            separator = self.words.tokens(place).separator
            wrong[i], count[i] = self.samples.errors(recording.target, text, separator)
        return wrong, count

    def _drop(self, wrong: Array) -> AccuracyDrop:
        groups = [recording.group or "" for recording in self.dev.recordings]
        clusters = groups if len(set(groups)) > 1 else None
        change = wrong - self.wrong
        total = self.count.sum()
        span = metrics.interval(change, clusters, counts=self.count)
        assert span is not None, "two recordings or more were asked for"
        low, high = span
        if not change.any():  # of which a spread would say that nothing ever changes
            low, high = -metrics.rule_of_three(total), metrics.rule_of_three(total)
        worse, better = int((change > 0).sum()), int((change < 0).sum())
        return AccuracyDrop(
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
        """Return the drop where it hides: short words, words that were never seen in training."""
        parts = self.samples.slices(self.dev.recordings, self.seen)
        return {
            name: {"points": round(100.0 * float(change[rows].mean()), 3), "rows": int(rows.sum())}
            for name, mask in parts.items()
            if (rows := np.array(mask)).any()
        }


def closeness(before: Sequence[Array], after: Sequence[Array]) -> Closeness:
    """Return how close the answers (T', V) of two networks are; unused slots are left out."""
    pairs = list(zip(before, after, strict=True))
    used = [(old[old > _UNUSED], new[old > _UNUSED]) for old, new in pairs]
    likely = [(old[old >= _LIKELY], new[old >= _LIKELY]) for old, new in pairs]
    return Closeness(
        metrics.sqnr_db(used),
        metrics.argmax_agreement(pairs),
        metrics.mean_abs_difference(likely),
    )
