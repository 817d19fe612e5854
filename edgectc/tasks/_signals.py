"""Recordings (T, C) with a target each: from a file, or generated."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgectc import registry
from edgectc.data.signals import SPLITS, read
from edgectc.errors import InputError, UnknownNameError
from edgectc.metrics import error_rate
from edgectc.tasks._base import Batch, Metric, Run, Score, no_data
from edgectc.types import Array, Sample

Augmented = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Data:
    """How many recordings to generate where no file is given.

    Attributes:
        train: training recordings.
        dev: validation recordings, of other sentences.
    """

    train: int = 1000
    dev: int = 100

    def __post_init__(self) -> None:
        if self.train < 1 or self.dev < 1:
            raise ValueError("train and dev must be >= 1")


@dataclass(frozen=True)
class Signals:
    """Checked recordings; see `edgectc.tasks._base.Samples`.

    Attributes:
        frames: (T, C) float32 of each recording.
        context: inputs after ``length`` of each, (1,) arrays.
        labels: token ids of each.
        names: what names each in reports.
        max_frames: frames of the padded input.
        augment: changes (N, T, C) recordings at random.
    """

    frames: tuple[Array, ...]
    context: tuple[Mapping[str, Array], ...]
    labels: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]
    max_frames: int
    augment: Augmented

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> Array:
        """Return (N,) valid frames."""
        return np.array([len(f) for f in self.frames], np.int32)

    def name(self, row: int) -> str:
        """Return what names a sample in reports."""
        return self.names[row]

    def batch(self, rows: Array, noise: torch.Generator | None = None) -> Batch:
        """Return rows, padded; changed by draws from ``noise`` if there is one."""
        chosen = [self.frames[i] for i in rows]
        signal = torch.zeros(len(chosen), self.max_frames, chosen[0].shape[1])
        for n, frames in enumerate(chosen):
            signal[n, : len(frames)] = torch.from_numpy(frames)
        length = torch.tensor([len(f) for f in chosen], dtype=torch.int32)
        if noise is not None:
            keep = (torch.arange(self.max_frames) < length[:, None])[:, :, None]
            signal = self.augment(signal, noise) * keep
        inputs = {"signal": signal, "length": length}
        for key in self.context[rows[0]]:
            inputs[key] = torch.from_numpy(np.concatenate([self.context[i][key] for i in rows]))
        return Batch(inputs, tuple(self.labels[i] for i in rows))


class SignalTask:
    """Recordings and their token error rate; see `edgectc.tasks._base.Task`."""

    def __init__(
        self,
        metric: Metric,
        run: Run,
        splits: Mapping[str, Iterable[Sample]],
        augment: Augmented,
    ) -> None:
        frontend = run.model.frontend
        self.metric, self.files = metric, dict[str, bytes]()
        tokens = frontend.tokens()
        self.blank_id, self._separator = tokens.blank_id, tokens.separator
        self._decode = registry.create(
            "decoders", dict(run.decoder), tokens=tokens, lexicon=run.lexicon
        )
        dropped: dict[str, Counter[str]] = {}
        found = {}
        for split in SPLITS:
            found[split], dropped[split] = _checked(splits[split], frontend, augment)
        self.train, self.dev = found["train"], found["dev"]
        if not len(self.train) or not len(self.dev):
            reasons = dict(sum(dropped.values(), Counter[str]())) or "none"
            where = str(run.data or "generator")
            raise no_data(where, len(self.train), len(self.dev), f"dropped: {reasons}")
        left_out = {split: dict(why) for split, why in dropped.items() if why} or "none"
        kind = "training recordings" if run.data else "generated training recordings"
        print(f"{kind}: {len(self.train)}; dropped: {left_out}", file=sys.stderr)
        self.dropped = dropped["train"]
        self._symbols, self._rows = tokens.symbols, run.validated(len(self.dev))

    @property
    def epoch_rows(self) -> int:
        """Return how many rows `order` gives."""
        return len(self.train)

    def order(self, rng: np.random.Generator) -> Array:
        """Return all rows, shuffled."""
        return rng.permutation(len(self.train))

    @property
    def dev_rows(self) -> int:
        """Return how many dev recordings are scored."""
        return len(self._rows)

    def dev_inputs(self, rows: Array) -> dict[str, Tensor]:
        """Return the inputs of dev recordings."""
        return self.dev.batch(np.array(self._rows)[rows]).inputs

    def score(self, answers: Iterable[Array]) -> Score:
        """Return the token error rate of dev recordings, with the decoder of the preset."""
        pairs = []
        for row, log_probs in zip(self._rows, answers, strict=True):
            text = self._decode(log_probs, nbest=1).best.text
            said = [s for s in text.split(self._separator) if s]
            pairs.append(([self._symbols[i] for i in self.dev.labels[row]], said))
        shown = tuple((" ".join(meant), " ".join(said)) for meant, said in pairs[:3])
        return Score({self.metric.name: round(error_rate(pairs), 5)}, shown)


def _checked(
    samples: Iterable[Sample], frontend: Any, augment: Augmented
) -> tuple[Signals, Counter[str]]:
    """Return the usable samples, and reason to count of the rest."""
    frames, context, labels, names = [], [], [], []
    dropped = Counter[str]()
    tokens = frontend.tokens()
    for sample in samples:
        try:
            setting = frontend.context(sample.group)
            label = tuple(tokens.encode(sample.target))
            signal = frontend.frames(sample.signal)
            if not label:
                raise InputError("no target", reason="empty_target")
        except InputError as error:
            dropped[error.reason] += 1
            continue
        except UnknownNameError:
            dropped["unknown_group"] += 1
            continue
        frames.append(signal)
        context.append(setting)
        labels.append(label)
        names.append(sample.name)
    most = frontend.options.max_frames
    found = (tuple(frames), tuple(context), tuple(labels), tuple(names))
    return Signals(*found, max_frames=most, augment=augment), dropped


def splits(
    run: Run, how: Data, make: Callable[[int, int], Iterable[Sample]]
) -> Mapping[str, Iterable[Sample]]:
    """Return the samples of the run's file by split, or generated ones.

    Args:
        run: names the file, or none.
        how: how many to generate.
        make: returns so many samples of a seed.
    """
    if run.data is not None:
        return read(run.data)
    return {"train": make(how.train, run.seed), "dev": make(how.dev, run.seed + 1)}
