"""Recordings (T, C) with a target each: from a file, or generated."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, fields
from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from edgectc.core import registry
from edgectc.core.config import dumps
from edgectc.core.contracts import Frontend
from edgectc.core.errors import InputError, UnknownNameError
from edgectc.core.messages import say
from edgectc.core.metrics import error_rate
from edgectc.core.tokens import frames_needed
from edgectc.core.types import Array, Recording
from edgectc.data.signal_samples import SignalSamples
from edgectc.data.signals import SPLITS
from edgectc.networks.model import CtcModel
from edgectc.training.cache import flat, recall, rows_of
from edgectc.training.task import Batch, Metric, Run, Score, no_data

# A recording (T, C), draws, and the frames that must remain for its target to fit.
Change = Callable[[Array, np.random.Generator, int], Array]
TOO_LONG = ("drop", "truncate")


@dataclass(frozen=True)
class Data:
    """How many recordings to generate where no file is given, and which to take.

    Attributes:
        train: training recordings.
        dev: validation recordings, of other sentences.
        too_long: what happens to a recording with too many frames: "drop" or "truncate".
    """

    train: int = 1000
    dev: int = 100
    too_long: str = "drop"

    def __post_init__(self) -> None:
        if self.too_long not in TOO_LONG:
            raise UnknownNameError("choice for too_long", self.too_long, TOO_LONG)
        if self.train < 1 or self.dev < 1:
            raise ValueError("train and dev must be >= 1")


class Strengths(Protocol):
    """What every ``Augment`` has: numbers, these among them."""

    __dataclass_fields__: ClassVar[dict[str, Field[float]]]

    @property
    def drop(self) -> float:
        """Return the share of what is lost."""
        ...

    @property
    def mask(self) -> float:
        """Return the chance to lose stretches of time."""
        ...

    @property
    def mask_frames(self) -> int:
        """Return the longest such stretch."""
        ...


def check_strengths(how: Strengths) -> None:
    """Raise `ValueError` if an ``Augment`` asks for what cannot be."""
    negative = [f.name for f in fields(how) if getattr(how, f.name) < 0]
    if negative or how.drop >= 1 or how.mask > 1 or how.mask_frames < 1:
        raise ValueError("expected values >= 0, drop < 1, mask <= 1 and mask_frames >= 1")


@dataclass(frozen=True)
class Signals:
    """Checked recordings; see `edgectc.training.task.TrainingSamples`.

    Attributes:
        frames: (T, C) float32 of each recording.
        context: inputs after ``length`` of each, (1,) arrays.
        labels: token ids of each.
        names: what names each in reports.
        input_name: of the network's first input.
        max_frames: frames of that input, padded.
        least: frames of each that its target needs.
        augment: changes a recording at random.
    """

    frames: tuple[Array, ...]
    context: tuple[Mapping[str, Array], ...]
    labels: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]
    input_name: str
    max_frames: int
    least: tuple[int, ...]
    augment: Change

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
        """Return rows, padded; each changed by draws of its own if there is ``noise``."""
        chosen = [self.frames[i] for i in rows]
        if noise is not None:
            seed = int(torch.randint(2**62, (1,), generator=noise))
            draws = [np.random.default_rng([seed, int(i)]) for i in rows]
            chosen = [
                self.augment(frames, rng, self.least[i])
                for frames, rng, i in zip(chosen, draws, rows, strict=True)
            ]
        signal = torch.zeros(len(chosen), self.max_frames, chosen[0].shape[1])
        for n, frames in enumerate(chosen):
            signal[n, : len(frames)] = torch.from_numpy(frames)
        length = torch.tensor([len(f) for f in chosen], dtype=torch.int32)
        inputs = {self.input_name: signal, "length": length}
        for key in self.context[rows[0]]:
            inputs[key] = torch.from_numpy(np.concatenate([self.context[i][key] for i in rows]))
        return Batch(inputs, tuple(self.labels[i] for i in rows))


class SignalTask:
    """Recordings and their token error rate; see `edgectc.core.contracts.Task`."""

    competitors = None

    def __init__(
        self,
        metric: Metric,
        run: Run,
        how: Data,
        samples: SignalSamples,
        augment: Change,
    ) -> None:
        """Take what a kind of signals has of its own.

        Args:
            metric: decides which checkpoint is the best.
            run: names the file of recordings, or none.
            how: how many to generate, and which to take.
            samples: reads or generates recordings.
            augment: changes a training recording at random.
        """
        frontend = run.model.frontend
        self.metric, self.files = metric, dict[str, bytes]()
        tokens = frontend.tokens()
        self.blank_id, self._separator = tokens.blank_id, tokens.separator
        self._decode = registry.create(
            "decoders", dict(run.decoder), tokens=tokens, lexicon=run.lexicon
        )
        ingredients = {
            "data": run.data,
            "how": how,
            "frontend": [type(frontend).__name__, frontend.options],
            "model": [run.model.stride, run.model.window, run.seed],
        }
        arrays = recall(run.cache, ingredients, lambda: _prepared(run, how, samples))
        self.train, self.dev = (
            _signals(arrays, f"{split}.", frontend, augment) for split in SPLITS
        )
        dropped = {split: Counter(json.loads(str(arrays[f"{split}.counts"]))) for split in SPLITS}
        left_out = {split: dict(why) for split, why in dropped.items() if why} or "none"
        kind = "training recordings" if run.data else "generated training recordings"
        say(f"{kind}: {len(self.train)}; dropped or cut: {left_out}")
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
            answer = [s for s in text.split(self._separator) if s]
            pairs.append(([self._symbols[i] for i in self.dev.labels[row]], answer))
        shown = tuple((" ".join(meant), " ".join(answer)) for meant, answer in pairs[:3])
        return Score({self.metric.name: round(error_rate(pairs), 5)}, shown)


def _signals(
    arrays: Mapping[str, Array], split: str, frontend: Frontend, augment: Change
) -> Signals:
    """Return the recordings of a split of what `_prepared` gave."""
    mine = {
        key.removeprefix(split): array for key, array in arrays.items() if key.startswith(split)
    }
    keys = [key for key in mine if key.startswith("context.")]
    n = len(mine["length"])
    return Signals(
        frames=tuple(np.split(mine["frames"], np.cumsum(mine["length"])[:-1])),
        context=tuple(
            {key.removeprefix("context."): mine[key][i : i + 1] for key in keys} for i in range(n)
        ),
        labels=rows_of(mine, "labels"),
        names=tuple(mine["names"].tolist()),
        input_name=next(iter(frontend.input_contract())),
        max_frames=frontend.max_frames,
        least=tuple(mine["least"].tolist()),
        augment=augment,
    )


def _prepared(run: Run, how: Data, samples: SignalSamples) -> dict[str, Array]:
    """Return the usable recordings of both splits as plain arrays, ``SPLIT.NAME``."""
    if run.data is not None:
        splits: Mapping[str, Iterable[Recording]] = samples.splits(run.data)
    else:
        counts = {"train": how.train, "dev": how.dev}
        splits = {
            split: samples.synthesize(counts[split], seed=run.seed + n)
            for n, split in enumerate(SPLITS)
        }
    arrays: dict[str, Array] = {}
    left_out, sizes = Counter[str](), []
    for split in SPLITS:
        rows, out = _checked(splits[split], run.model, how.too_long)
        left_out += out
        sizes.append(len(rows))
        arrays |= {f"{split}.{key}": array for key, array in _arrays(rows, out).items()}
    if not all(sizes):
        where = str(run.data or "generator")
        raise no_data(where, sizes[0], sizes[1], f"dropped or cut: {dict(left_out) or 'none'}")
    return arrays


@dataclass(frozen=True)
class _Row:
    frames: Array
    context: Mapping[str, Array]
    label: tuple[int, ...]
    name: str
    least: int


def _checked(
    samples: Iterable[Recording], model: CtcModel, too_long: str
) -> tuple[list[_Row], Counter[str]]:
    """Return the usable samples, and reason to count of those left out, or cut ("truncated")."""
    rows: list[_Row] = []
    counts = Counter[str]()
    frontend = model.frontend
    tokens, most = frontend.tokens(), frontend.max_frames
    for sample in samples:
        long = too_long == "truncate" and len(sample.signal) > most
        try:
            context = frontend.context(sample.setting or None)
            label = tuple(tokens.encode(sample.target))
            frames = frontend.frames(sample.signal[:most] if long else sample.signal)
            if not label:
                raise InputError("no target", reason="empty_target")
            least = model.window + (frames_needed(label) - 1) * model.stride
            if long and least > most:
                raise InputError("its target does not fit what is left", reason="too_long")
        except InputError as error:
            counts[error.reason] += 1
            continue
        except UnknownNameError:
            counts["unknown_group"] += 1
            continue
        counts["truncated"] += long
        rows.append(_Row(frames, context, label, sample.name, least))
    return rows, +counts  # without the reasons that count nothing


def _arrays(rows: list[_Row], counts: Counter[str]) -> dict[str, Array]:
    if not rows:
        return {}
    keys = rows[0].context
    return {
        "frames": np.concatenate([row.frames for row in rows]),
        "length": np.array([len(row.frames) for row in rows], np.int32),
        **flat([row.label for row in rows], "labels"),
        "names": np.array([row.name for row in rows], np.str_),
        "least": np.array([row.least for row in rows], np.int64),
        **{f"context.{k}": np.concatenate([row.context[k] for row in rows]) for k in keys},
        "counts": np.array(dumps(counts)),
    }
