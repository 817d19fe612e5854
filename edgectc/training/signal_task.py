"""Recordings (T, C) with a target each: from a file, or generated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, fields
from functools import partial
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from edgectc.core import registry
from edgectc.core.column_files import ColumnWriter, Pages, Slices
from edgectc.core.contracts import Decoder, Frontend
from edgectc.core.errors import InputError, UnknownNameError
from edgectc.core.messages import say
from edgectc.core.metrics import edit_distance
from edgectc.core.tokens import Tokens
from edgectc.core.types import Array, Recording
from edgectc.data import scales, sources
from edgectc.data.preparation import Preparation
from edgectc.data.refusals import LIMIT, Refusals
from edgectc.data.signal_samples import SignalSamples
from edgectc.data.sources import DataSet
from edgectc.data.splits import SPLITS
from edgectc.training.cache import (
    append,
    kept,
    part,
    prefixed,
    recall,
    rows_of,
    texts_of,
)
from edgectc.training.mixing import (
    BUFFER_ROWS,
    check_count,
    check_shares,
    draw,
    epoch_rows,
    nearby,
)
from edgectc.training.sharded import Piece, ShardedSources, are_shards, prepared_folder
from edgectc.training.signal_rows import checked, columns_of
from edgectc.training.task import (
    SHOWN,
    Batch,
    Lengths,
    Metric,
    Run,
    Score,
    no_data,
)

# A recording (T, C), draws, and the frames that must remain for its target to fit.
Change = Callable[[Array, np.random.Generator, int], Array]
TOO_LONG = ("drop", "truncate")
_CUT = "data.too_long=truncate"  # the setting that takes recordings with too many frames


@dataclass(frozen=True)
class Data:
    """How many recordings to generate where no file is given, and which to take.

    Attributes:
        train: training recordings.
        dev: validation recordings, of other sentences.
        too_long: what happens to a recording with too many frames: "drop" or "truncate".
        infeasible: what happens to a target that CTC cannot emit in the frames there are: "drop" or
            "truncate"; held-out ones stay, and count as wrong.
        weights: of each file of data, in their order: how often each of its recordings is taken in
            an epoch, on average; () takes each once.
        max_dropped: share of the rows that may be unusable, of training and of held-out ones.
        check_scale: refuse data in another unit, order or scale, see `edgectc.data.scales`.
    """

    train: int = 1000
    dev: int = 100
    too_long: str = "drop"
    infeasible: str = "drop"
    weights: tuple[float, ...] = ()
    max_dropped: float = LIMIT
    check_scale: bool = True

    def __post_init__(self) -> None:
        check_shares(self.weights, self.max_dropped, self.infeasible)
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
        lengths: (n,) frames of each.
        pages: of columns that are read from disk; None for what is in memory.
    """

    frames: Sequence[Array]
    context: Sequence[Mapping[str, Array]]
    labels: Sequence[tuple[int, ...]]
    names: Sequence[str]
    input_name: str
    max_frames: int
    least: Sequence[int] | Array
    augment: Change
    lengths: Array
    pages: Pages | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def name(self, row: int) -> str:
        """Return what names a sample in reports."""
        return self.names[row]

    def batch(
        self, rows: Array, noise: torch.Generator | None = None, share: Array | None = None
    ) -> Batch:
        """Return rows, padded; each changed by draws of its own if there is ``noise``.

        Args:
            rows: of a batch.
            noise: of the draws.
            share: places in ``rows`` of what is returned; None for all.
        """
        rows = rows if share is None else rows[share]
        chosen = [self.frames[i] for i in rows]
        if noise is not None:
            seed = int(torch.randint(2**62, (1,), generator=noise))
            draws = [np.random.default_rng([seed, int(i)]) for i in rows]
            chosen = [
                self.augment(frames, rng, self.least[i])
                for frames, rng, i in zip(chosen, draws, rows, strict=True)
            ]
        if self.pages is not None:
            self.pages.used(len(rows))
        signal = np.zeros((len(chosen), self.max_frames, chosen[0].shape[1]), np.float32)
        for n, frames in enumerate(chosen):
            signal[n, : len(frames)] = frames
        length = torch.tensor([len(f) for f in chosen], dtype=torch.int32)
        inputs = {self.input_name: torch.from_numpy(signal), "length": length}
        for key in self.context[rows[0]]:
            inputs[key] = torch.from_numpy(np.concatenate([self.context[i][key] for i in rows]))
        return Batch(inputs, tuple(self.labels[i] for i in rows))


class SignalTask:
    """Recordings and their token error rate; see `edgectc.core.contracts.Task`."""

    competitors = None
    buffer_rows = 0

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
        self.blank_id = frontend.tokens().blank_id
        if run.data is not None:
            check_count(how.weights, len(run.data.data))
        ingredients = {
            "data": run.data,
            "how": how,
            "frontend": [type(frontend).__name__, frontend.options],
            "model": [run.model.stride, run.model.window, run.seed],
        }
        if run.data is not None and are_shards(run.data):
            self.buffer_rows = BUFFER_ROWS
            folder = prepared_folder(run.data, run.cache)
            arrays = kept(folder, ingredients, lambda w: _write_sharded(w, run, how, samples))
        else:
            arrays = recall(run.cache, ingredients, lambda: _prepared(run, how, samples))
        self.train, dev, test = (
            _signals(part(arrays, f"{split}."), frontend, augment) for split in SPLITS
        )
        decode = registry.create(
            "decoders", dict(run.decoder), tokens=frontend.tokens(), lexicon=run.lexicon
        )
        unit = metric.name.rpartition("_")[2]
        rows = {"dev": run.validated(len(dev)), "test": list(range(len(test)))}
        self.dev, self.test = (
            HeldOutSignals(signals, rows[name], frontend.tokens(), decode, name=f"{name}_{unit}")
            for name, signals in (("dev", dev), ("test", test))
        )
        self._origins, self._weights = arrays["origins"], how.weights if run.data else ()
        refusals = {s: Refusals.from_json(str(arrays[f"{s}.refusals"])) for s in SPLITS}
        self.dropped, self.rows = refusals["train"].reasons, json.loads(str(arrays["rows"]))
        kind = "training recordings" if run.data else "generated training recordings"
        held = f"dev: {len(dev)}, test: {len(test)}"
        held += f" ({arrays['split']})" if run.data else ""
        left_out = ", ".join(f"{s}: {one.text}" for s, one in refusals.items() if one.reasons)
        say(f"{kind}: {len(self.train)}, {held}; dropped or cut: {left_out or 'none'}")

    @property
    def epoch_rows(self) -> int:
        """Return how many rows `order` gives."""
        return epoch_rows(self._origins, self._weights)

    def order(self, rng: np.random.Generator) -> Array:
        """Return all rows, shuffled."""
        rows = draw(self._origins, self._weights, rng)
        return nearby(rows, len(self.train), rng) if self.buffer_rows else rng.permutation(rows)

    @property
    def dev_rows(self) -> int:
        """Return how many dev recordings are scored."""
        return len(self.dev)

    def dev_inputs(self, rows: Array) -> dict[str, Tensor]:
        """Return the inputs of dev recordings."""
        return self.dev.inputs(rows)

    def score(self, answers: Iterable[Array], rows: Array | None = None) -> Score:
        """Return the token error rate of dev recordings, with the decoder of the preset."""
        return self.dev.score(answers, rows)


class HeldOutSignals:
    """Recordings that a network is scored on."""

    def __init__(
        self, signals: Signals, rows: Sequence[int], tokens: Tokens, decode: Decoder, *, name: str
    ) -> None:
        """Take recordings, which of them are scored, and how; ``name`` is that of the figure."""
        self.signals, self._rows, self._tokens = signals, np.array(rows, np.int64), tokens
        self._decode, self._name = decode, name

    def __len__(self) -> int:
        return len(self._rows)

    def inputs(self, rows: Array) -> dict[str, Tensor]:
        """Return the inputs of some of them."""
        return self.signals.batch(self._rows[rows]).inputs

    def score(self, answers: Iterable[Array], rows: Array | None = None) -> Score:
        """Return the token error rate; log_probs of each, or of some ``rows``, in order."""
        edits = length = 0
        shown: list[tuple[str, str]] = []
        tokens = self._tokens
        for row, log_probs in zip(
            (self._rows if rows is None else self._rows[rows]).tolist(), answers, strict=True
        ):
            text = self._decode(log_probs, nbest=1).best.text
            said = [symbol for symbol in text.split(tokens.separator) if symbol]
            meant = [tokens.symbols[i] for i in self.signals.labels[row]]
            edits, length = edits + edit_distance(meant, said), length + len(meant)
            shown += [(" ".join(meant), " ".join(said))] if len(shown) < SHOWN else []
        return Score.of({self._name: (edits, length)}, shown)


def _signals(mine: Mapping[str, Array], frontend: Frontend, augment: Change) -> Signals:
    """Return the recordings of one split of what `_prepared` gave."""
    return Signals(
        frames=Slices(mine["frames"], mine["frames_end"]),
        context=_Contexts(part(mine, "context."), len(mine["length"])),
        labels=rows_of(mine, "labels"),
        names=texts_of(mine, "names"),
        input_name=next(iter(frontend.input_contract())),
        max_frames=frontend.max_frames,
        least=mine["least"],
        augment=augment,
        lengths=mine["length"],
        pages=Pages(mine.values()),
    )


class _Contexts(Sequence[Mapping[str, Array]]):
    """The inputs after ``length`` of each recording, out of a column of each."""

    def __init__(self, columns: Mapping[str, Array], count: int) -> None:
        self._columns, self._count = columns, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: Any) -> Any:
        return {name: column[row : row + 1] for name, column in self._columns.items()}


def _prepared(run: Run, how: Data, samples: SignalSamples) -> dict[str, Array]:
    """Return the usable recordings of all splits as plain arrays, ``SPLIT.NAME``."""
    found = _read(run, how, samples)
    if run.data is not None and how.check_scale:
        usable = [row for row in found.rows["train"] if isinstance(row, Recording)]
        scales.check(samples.problems(usable), str(run.data))
    prepare = Preparation(run.model.frontend)
    arrays: dict[str, Array] = {}
    everything, sizes, places = Refusals(), [], []
    for split in SPLITS:
        choice = how.infeasible if split == "train" else ""
        rows, refusals = checked(found.rows[split], prepare, run.model, how.too_long, choice)
        if run.data is not None:
            refusals.check(how.max_dropped, f"{run.data}, {split}", "data.max_dropped", _CUT)
        everything += refusals
        sizes.append(len(rows))
        places.append([row.place for row in rows])
        arrays |= prefixed(f"{split}.", columns_of(rows, refusals))
    if not all(sizes[:2]):
        where = str(run.data or "generator")
        raise no_data(where, sizes[0], sizes[1], f"dropped or cut: {everything.text}")
    counts = {split: len(rows) for split, rows in found.rows.items()} if run.data else {}
    origins = [found.origins[i] for i in places[0]] if run.data else [0] * sizes[0]
    return {
        **arrays,
        "origins": np.array(origins, np.int64),
        "rows": np.array(json.dumps(counts)),
        "split": np.array(found.how),
    }


def _write_sharded(writer: ColumnWriter, run: Run, how: Data, samples: SignalSamples) -> None:
    """Write what `_prepared` makes of files, of shards, a piece at a time."""
    assert run.data is not None
    prepare = Preparation(run.model.frontend)
    found = ShardedSources(run.data, samples.rows, people=not run.model.frontend.settings)
    refusals = {split: Refusals() for split in SPLITS}
    looked_at = not how.check_scale
    work = partial(_of_piece, samples, prepare, Lengths.of(run.model), how)
    for origin, parts in run.workers(work, found.pieces()):
        for split, part_of in parts.items():
            if split == "train" and part_of.problems is not None and not looked_at:
                scales.check(part_of.problems, str(run.data))
                looked_at = True
            refusals[split] += part_of.refusals
            if part_of.count:
                append(writer, f"{split}.", part_of.columns)
            if split == "train":
                writer.append({"origins": np.full(part_of.count, origin, np.int64)})
    for split, left_out in refusals.items():
        left_out.check(how.max_dropped, f"{run.data}, {split}", "data.max_dropped", _CUT)
        if not writer.rows(f"{split}.length"):
            writer.put(prefixed(f"{split}.", columns_of([], left_out)))
        writer.put({f"{split}.refusals": np.array(left_out.to_json())})
    sizes = [writer.rows(f"{split}.length") for split in SPLITS]
    if not all(sizes[:2]):
        text = sum(refusals.values(), Refusals()).text
        raise no_data(str(run.data), sizes[0], sizes[1], f"dropped or cut: {text}")
    writer.put({"rows": np.array(json.dumps(dict(found.counts))), "split": np.array(found.how)})


@dataclass(frozen=True)
class _Part:
    """What is made of the rows of one split of a piece; ``problems`` of training recordings."""

    columns: Mapping[str, Array]
    count: int
    refusals: Refusals
    problems: Mapping[str, str] | None


def _of_piece(
    samples: SignalSamples, prepare: Preparation, lengths: Lengths, how: Data, piece: Piece
) -> tuple[int, dict[str, _Part]]:
    """Return the origin of a piece and what is made of it by split; in any process."""
    parts = {}
    for split, given in piece.rows().items():
        rows = [samples.as_taken(row) for row in given]
        usable = [row for row in rows if isinstance(row, Recording)]
        problems = samples.problems(usable) if split == "train" and usable else None
        choice = how.infeasible if split == "train" else ""
        made, refusals = checked(rows, prepare, lengths, how.too_long, choice)
        columns = columns_of(made, refusals)
        del columns["refusals"]
        parts[split] = _Part(columns, len(made), refusals, problems)
    return piece.origin, parts


def _read(run: Run, how: Data, samples: SignalSamples) -> DataSet:
    """Return the rows of all files; without any, generated ones."""
    if run.data is not None:
        return sources.read(run.data, samples.rows, people=not run.model.frontend.settings)
    made = {
        split: list[Recording | InputError](samples.synthesize(count, seed=run.seed + n))
        for n, (split, count) in enumerate({"train": how.train, "dev": how.dev}.items())
    }
    return DataSet({**made, "test": []})
