"""What every task gives the training loop; `edgectc.core.contracts.Task` is the whole of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from edgectc.core.column_files import Ragged
from edgectc.core.errors import InputError
from edgectc.core.metrics import error_rate
from edgectc.core.parallel import ONE, Workers
from edgectc.core.tokens import collapse, frames_needed
from edgectc.core.types import JSON, Array
from edgectc.data.sources import Sources
from edgectc.language.lexicon import Lexicon
from edgectc.networks.model import CtcModel

SHOWN = 3  # examples of a validation


@dataclass(frozen=True)
class Metric:
    """The figure that says which weights are best.

    Attributes:
        name: what it is called in logs, by its true unit: ``top1``, ``wer``, ``per``.
        higher: whether more is better.
    """

    name: str
    higher: bool = False

    def better(self, value: float | None, than: float | None) -> bool:
        """Return whether ``value`` beats the best one so far; None and NaN never do."""
        if value is None or value != value:
            return False
        if than is None:
            return True
        return value > than if self.higher else value < than


@dataclass(frozen=True)
class Batch:
    """N samples as the network and the loss take them.

    Attributes:
        inputs: by the names of the frontend's contract, first axis N, or 2 N if there are two
            views: first one of every sample, then the other; on the host.
        labels: token ids of each sample.
        views: ways in which each sample is shown.
        layout_ids: number of the keyboard of each sample, where `Task.competitors` asks for it.
    """

    inputs: dict[str, Tensor]
    labels: tuple[tuple[int, ...], ...]
    views: int = 1
    layout_ids: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Sequence[int]) -> Batch:
        """Return the chosen rows; the very same tensors if that is all of them."""
        if list(index) == list(range(len(self))):
            return self
        rows = [view * len(self) + i for view in range(self.views) for i in index]
        chosen = torch.tensor(rows, dtype=torch.int64)
        inputs = {name: tensor[chosen] for name, tensor in self.inputs.items()}
        layout_ids = tuple(self.layout_ids[i] for i in index) if self.layout_ids else ()
        return Batch(inputs, tuple(self.labels[i] for i in index), self.views, layout_ids)


@dataclass(frozen=True)
class Score:
    """How good the network is on the dev samples.

    Attributes:
        figures: name to value; holds the task's metric.
        examples: (meant, said) of the first samples.
        sums: numerator and denominator of each figure, by which scores of parts are added up.
    """

    figures: Mapping[str, float | None]
    examples: tuple[tuple[str, str], ...] = ()
    sums: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, sums: Mapping[str, tuple[float, float]], examples: Iterable[tuple[str, str]]
    ) -> Score:
        """Return the score of numerators and denominators; keeps the first three examples."""
        figures = {name: round(up / down, 5) if down else 0.0 for name, (up, down) in sums.items()}
        return cls(figures, tuple(examples)[:SHOWN], dict(sums))


def merged(parts: Sequence[Score]) -> Score:
    """Return the score of all dev samples, of which each part scored every ``len(parts)``-th."""
    sums: dict[str, tuple[float, float]] = {}
    for name in parts[0].sums:
        ups, downs = zip(*(part.sums[name] for part in parts), strict=True)
        sums[name] = sum(ups), sum(downs)
    dealt = itertools.zip_longest(*(part.examples for part in parts))
    return Score.of(sums, (pair for turn in dealt for pair in turn if pair is not None))


@dataclass(frozen=True)
class Lengths:
    """A `LengthMap` without its network, for other processes."""

    stride: int
    window: int

    @classmethod
    def of(cls, model: LengthMap) -> Lengths:
        """Return that of a model."""
        return cls(model.stride, model.window)


@dataclass(frozen=True)
class Run:
    """What a run gives its task.

    Attributes:
        model: to be trained.
        data: the user's samples; None generates them.
        lexicon: words to decode, and to generate swipes of; None if there is none.
        decoder: preset that the metric is taken with.
        seed: of generated samples.
        validation_rows: most dev samples decoded per validation.
        cache: folder of prepared samples; None prepares them again.
        workers: processes that prepare shards.
    """

    model: CtcModel
    data: Sources | None
    lexicon: Lexicon | None
    decoder: Mapping[str, JSON]
    seed: int
    validation_rows: int
    cache: Path | None = None
    workers: Workers = ONE

    def validated(self, dev: int) -> list[int]:
        """Return which of ``dev`` samples are decoded: always the same ones, ascending."""
        return sorted(np.random.default_rng(0).permutation(dev)[: self.validation_rows].tolist())


@dataclass(frozen=True)
class Competitor:
    """A word that could be read from a sample.

    Attributes:
        tokens: its token ids.
        log_prior: nats that its score has beside the probability of its tokens.
    """

    tokens: tuple[int, ...]
    log_prior: float


class Competitors(Protocol):
    """Finds the words that a sample's answer could be mistaken for.

    Attributes:
        acoustic_scale: factor on log_probs before they are normalised again.
        blank_penalty: nats then taken from the blank.
    """

    acoustic_scale: float
    blank_penalty: float

    def __call__(
        self, layout_id: int, label: tuple[int, ...], log_probs: Array
    ) -> list[Competitor]:
        """Return the label, then the words most like it; nothing if the label is no word.

        Args:
            layout_id: see `Batch.layout_ids`.
            label: token ids that were meant.
            log_probs: (T', V) float64 what the network says.
        """
        ...


class TrainingSamples(Protocol):
    """Training samples by row.

    Attributes:
        labels: token ids of each sample; empty where a dev sample cannot be spelled.
        lengths: (n,) valid input frames of each.
    """

    @property
    def labels(self) -> Sequence[tuple[int, ...]]:
        """Token ids of each sample."""
        ...

    @property
    def lengths(self) -> Array:
        """(N,) frames of each sample."""
        ...

    def __len__(self) -> int: ...

    def name(self, row: int) -> str:
        """Return what names a sample in reports."""
        ...

    def batch(
        self, rows: Array, noise: torch.Generator | None = None, share: Array | None = None
    ) -> Batch:
        """Return rows as a batch, augmented by draws from ``noise`` if there is one.

        Args:
            rows: of a batch.
            noise: of the draws; the generator goes on as for all rows, whatever is returned.
            share: places in ``rows`` of those that are returned, each as it is in the whole batch;
                None for all. One of several processes asks so.
        """
        ...


class HeldOut(Protocol):
    """Samples of a split that a network is scored on."""

    def __len__(self) -> int: ...

    def inputs(self, rows: Array) -> dict[str, Tensor]:
        """Return the inputs of some of them, first axis as ``rows``."""
        ...

    def score(self, answers: Iterable[Array], rows: Array | None = None) -> Score:
        """Return the figures of log_probs (T', V) float64, one a sample in order.

        Args:
            answers: of the samples.
            rows: which they are, ascending; None for all.
        """
        ...


class LengthMap(Protocol):
    """How many output frames a network answers; see `edgectc.core.tokens.output_length`."""

    @property
    def stride(self) -> int:
        """Input frames per output frame."""
        ...

    @property
    def window(self) -> int:
        """Input frames that the first output frame needs."""
        ...


def output_frames(model: LengthMap, lengths: Array) -> Array:
    """Return (n,) int64 valid output frames of (n,) valid input frames."""
    frames = (np.asarray(lengths, np.int64) - model.window) // model.stride + 1
    return np.maximum(frames, 0)


def greedy_ids(log_probs: Array, blank_id: int) -> list[int]:
    """Return the token ids of the best path of (T', V) log_probs."""
    return [token for token, _ in collapse(log_probs.argmax(axis=1).tolist(), blank_id)]


def token_error(labels: Iterable[Sequence[int]], answers: Iterable[Array], blank_id: int) -> float:
    """Return the token error rate of best paths; see `edgectc.core.metrics.error_rate`."""
    pairs = zip(labels, (greedy_ids(a, blank_id) for a in answers), strict=True)
    return error_rate([(list(label), said) for label, said in pairs])


def check_feasible(samples: TrainingSamples, model: LengthMap) -> None:
    """Refuse targets that no CTC path can emit: their loss is infinite.

    Raises:
        InputError: reason ``label_too_long``; names the samples.
    """
    frames = output_frames(model, samples.lengths)
    labels = samples.labels
    needed = (
        labels.frames_needed()
        if isinstance(labels, Ragged)
        else np.array([frames_needed(label) for label in labels], np.int64)
    )
    bad = np.flatnonzero(needed > frames).tolist()
    if bad:
        shown = ", ".join(f"{samples.name(r)} ({needed[r]} > {frames[r]})" for r in bad[:5])
        raise InputError(
            f"{len(bad)} targets need more output frames than the model gives (tokens and one "
            f"blank per repeat > frames): {shown}; drop them, lengthen the input or lower the "
            "model's stride",
            reason="label_too_long",
        )


def no_data(where: str, train: int, dev: int, hint: str) -> InputError:
    """Return the error of a task that found nothing to learn from or to validate on."""
    return InputError(
        f"{where}: {train} training and {dev} dev samples after checks; {hint}", reason="no_data"
    )
