"""Swipes as training arrays: resampled once, augmented per batch."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgectc.core.column_files import Pages
from edgectc.core.errors import InputError
from edgectc.core.tokens import output_length
from edgectc.core.types import Array, Recording
from edgectc.data.preparation import Preparation
from edgectc.data.refusals import LIMIT, Refusals
from edgectc.data.validation import check_label
from edgectc.formats.layouts import Layout
from edgectc.language.spelling import letters
from edgectc.training.cache import flat, flat_texts, rows_of, texts_of
from edgectc.training.mixing import check_shares, fitted
from edgectc.training.swipes.augment import Augment, augmented
from edgectc.training.swipes.draws import Draws
from edgectc.training.swipes.keyboard_augment import backwards, rebuilt
from edgectc.training.swipes.nuisances import Reporting, disturbed, disturbs
from edgectc.training.task import Batch, LengthMap

_TENSORS = ("trace", "length", "layout", "keys", "key_mask", "key_size")
ROWS = ("trace", "length", "layout", "labels", "labels_end", "names", "names_end", "places")


@dataclass(frozen=True)
class Data:
    """Where samples come from.

    Attributes:
        layout: keyboard that untagged swipes were made on.
        synthetic: generated swipes per real one in each epoch.
        synthetic_pool: generated swipes to choose from; all of them where nothing is real.
        synthetic_layouts: keyboards they are made on, in turn.
        synthetic_words: this many of the lexicon's most frequent words are drawn from.
        random_layouts: further keyboards, with letters in random order, that they are made on.
        spliced: swipes made of the strokes of two real ones, per real one in each epoch.
        spliced_pool: draws of such swipes to choose from; about two of three can be joined.
        balance: real swipes of a word are drawn by its count to the power of minus this; 0 takes
            each once an epoch.
    """

    layout: str = "qwerty"
    synthetic: float = 0.3
    synthetic_pool: int = 40000
    synthetic_layouts: tuple[str, ...] = ("qwerty", "azerty", "dvorak", "colemak", "qwertz")
    synthetic_words: int = 60000
    random_layouts: int = 0
    spliced: float = 0.0
    spliced_pool: int = 60000
    balance: float = 0.0
    infeasible: str = "drop"
    weights: tuple[float, ...] = ()
    max_dropped: float = LIMIT

    def __post_init__(self) -> None:
        check_shares(self.weights, self.max_dropped, self.infeasible)
        if min(self.random_layouts, self.spliced, self.spliced_pool, self.balance) < 0:
            raise ValueError("expected random_layouts, spliced, spliced_pool and balance >= 0")


@dataclass(frozen=True)
class SwipeArrays:
    """N samples ready for the network.

    Attributes:
        trace: (N, T, 3) float32, zeros after ``length``.
        length: (N,) int32.
        layout: (N,) int64 index into ``keys``, ``key_mask``, ``key_size``.
        labels: token ids of each sample.
        names: what names each sample in reports.
        alphabets: the letters of each layout, in the order of its keys.
        places: row of each sample among those that were read.
        refusals: samples left out.
        augment: random change of each trace of a batch.
        reporting: resamples traces whose points were changed; needed by some of ``augment``.
        pages: of columns that are read from disk; None for what is in memory.
    """

    trace: Tensor
    length: Tensor
    layout: Tensor
    labels: Sequence[tuple[int, ...]]
    names: Sequence[str]
    alphabets: tuple[str, ...]
    keys: Tensor
    key_mask: Tensor
    key_size: Tensor
    places: Sequence[int] | Array
    refusals: Refusals
    augment: Augment = field(default_factory=Augment)
    reporting: Reporting | None = None
    pages: Pages | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> Array:
        """Return (N,) valid frames."""
        return self.length.numpy()

    def take(self, rows: Sequence[int]) -> SwipeArrays:
        """Return some of them, in that order."""
        index = torch.tensor(rows, dtype=torch.int64)
        return replace(
            self,
            trace=self.trace[index],
            length=self.length[index],
            layout=self.layout[index],
            labels=tuple(self.labels[i] for i in rows),
            names=tuple(self.names[i] for i in rows),
            places=tuple(self.places[i] for i in rows),
            pages=None,
        )

    def name(self, row: int) -> str:
        """Return what names a sample in reports."""
        return self.names[row]

    def batch(
        self, rows: Array, noise: torch.Generator | None = None, share: Array | None = None
    ) -> Batch:
        """Return rows, their traces warped by draws from ``noise`` if there is one.

        Args:
            rows: of a batch.
            noise: of the draws, those of all of its rows.
            share: places in ``rows`` of what is returned; None for all.
        """
        count, own = len(rows), None if share is None else torch.from_numpy(share)
        rows = rows if share is None else rows[share]
        if self.pages is not None:
            self.pages.used(len(rows))
        index = torch.from_numpy(rows)
        layout = self.layout[index]
        inputs = {
            "trace": self.trace[index],
            "length": self.length[index],
            "keys": self.keys[layout],
            "key_mask": self.key_mask[layout],
            "key_size": self.key_size[layout],
        }
        labels, how = tuple(self.labels[i] for i in rows), self.augment
        layout_ids = tuple(layout.tolist())
        if noise is None:
            return Batch(inputs, labels, layout_ids=layout_ids)
        draws = Draws(noise, count, own)
        if how.mirror or how.stretch or how.skew:
            inputs = rebuilt(inputs, how, draws)
        if how.reverse:
            back = draws.uniform() < how.reverse
            inputs["trace"] = backwards(inputs["trace"], inputs["length"], back)
            pairs = zip(labels, back.tolist(), strict=True)
            labels = tuple(label[::-1] if turned else label for label, turned in pairs)
        if disturbs(how):
            assert self.reporting is not None
            inputs = disturbed(inputs, labels, how, self.reporting, draws)
        if how.views > 1:
            views = torch.arange(how.views)[:, None] * count
            own = None if own is None else (views + own).reshape(-1)
            draws = Draws(noise, how.views * count, own)
            inputs = {name: torch.cat([tensor] * how.views) for name, tensor in inputs.items()}
        return Batch(augmented(inputs, how, draws), labels, how.views, layout_ids)


def to_numpy(arrays: SwipeArrays) -> dict[str, Array]:
    """Return samples as plain arrays; `from_numpy` is the inverse but for ``augment``."""
    tensors = {name: getattr(arrays, name).numpy() for name in _TENSORS}
    others = {
        "alphabets": np.array(arrays.alphabets, np.str_),
        "places": np.array(arrays.places, np.int64),
        "refusals": np.array(arrays.refusals.to_json()),
    }
    texts = flat_texts(arrays.names, "names")
    return {**tensors, **texts, **flat(arrays.labels, "labels"), **others}


def from_numpy(arrays: Mapping[str, Array]) -> SwipeArrays:
    """Return what `to_numpy` took apart."""
    same: dict[str, Any] = {name: _tensor(arrays[name]) for name in _TENSORS}
    return SwipeArrays(
        **same,
        labels=rows_of(arrays, "labels"),
        names=texts_of(arrays, "names"),
        alphabets=tuple(arrays["alphabets"].tolist()),
        places=arrays["places"],
        refusals=Refusals.from_json(str(arrays["refusals"])),
        pages=Pages(arrays.values()),
    )


def _tensor(array: Array) -> Tensor:
    """Return a tensor that shares the memory of an array; nobody writes to it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)


def to_arrays(
    rows: Iterable[Recording | InputError],
    prepare: Preparation,
    model: LengthMap,
    label: str = "swipe",
    *,
    infeasible: str = "drop",
    first: int = 0,
) -> SwipeArrays:
    """Return labelled swipes as arrays; what CTC cannot learn from is dropped and counted.

    Args:
        rows: swipes.
        prepare: of the model's frontend, with all keyboards that rows may name.
        model: says how many frames a label has room in.
        label: what the names of the samples begin with.
        infeasible: what happens to a label that needs more frames: "drop" or "truncate"; "" for
            swipes to be scored: no label is looked at, and a sample is named by its letters alone.
        first: place of the first of the rows among those that are read.
    """
    frontend = prepare.frontend
    refusals, kept = Refusals(), list[_Row]()
    for place, row in enumerate(rows, start=first):
        refusals.rows += 1
        try:
            if isinstance(row, InputError):
                raise row
            made = _row(place, row, prepare, model, label, infeasible)
        except InputError as error:
            refusals.add(error, row.name)
        else:
            kept.append(made)
            refusals.cut += made.cut
    default = next(iter(prepare.keyboards.values()))
    known = {layout.name: layout for layout in (default, *(row.layout for row in kept))}
    names = list(known)
    tables = [frontend.context(layout) for layout in known.values()]
    T = frontend.max_frames
    stack: dict[str, Any] = {
        k: torch.from_numpy(np.concatenate([t[k] for t in tables])) for k in tables[0]
    }
    traces = [row.trace for row in kept]
    return SwipeArrays(
        trace=torch.from_numpy(np.concatenate(traces) if traces else np.zeros((0, T, 3), "f4")),
        length=torch.tensor([row.length for row in kept], dtype=torch.int32),
        layout=torch.tensor([names.index(row.layout.name) for row in kept], dtype=torch.int64),
        labels=tuple(row.ids for row in kept),
        names=tuple(row.name for row in kept),
        places=tuple(row.place for row in kept),
        alphabets=tuple("".join(layout.letters) for layout in known.values()),
        refusals=refusals,
        **stack,
    )


@dataclass(frozen=True)
class _Row:
    """A usable swipe; ``place`` is its row among those that were read."""

    place: int
    trace: Array
    length: int
    layout: Layout
    ids: tuple[int, ...]
    name: str
    cut: bool


def _row(
    place: int, row: Recording, prepare: Preparation, model: LengthMap, label: str, infeasible: str
) -> _Row:
    sample = prepare(row)
    layout = sample.setting
    assert isinstance(layout, Layout)
    word = row.target[0] if row.target else ""
    ids: tuple[int, ...] = ()
    whole: tuple[int, ...] = ()
    if infeasible:
        spelled = check_label(word, layout.letters)
        whole = tuple(prepare.frontend.tokens(layout).encode(spelled))
        room = output_length(sample.length, model.stride, model.window)
        ids = fitted(whole, room, infeasible)
        name = f"{label}-{place}-{spelled}"
    else:
        name = letters(word)
        if not name:
            raise InputError("the row has no word", reason="no_label")
    return _Row(place, sample.inputs["trace"], sample.length, layout, ids, name, ids != whole)


class TableNumbers:
    """One number for each keyboard, of sets of swipes that number them on their own."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._rows: list[tuple[str, Array, Array, Array]] = []

    def rows(self, arrays: SwipeArrays) -> dict[str, Array]:
        """Return the columns of swipes that have a row each, with the keyboards' numbers."""
        numbers = []
        for i, alphabet in enumerate(arrays.alphabets):
            table = [getattr(arrays, name)[i].numpy() for name in _TENSORS[3:]]
            key = b"".join([alphabet.encode(), *(part.tobytes() for part in table)])
            if key not in self._numbers:
                self._numbers[key] = len(self._rows)
                self._rows.append((alphabet, *table))
            numbers.append(self._numbers[key])
        columns = {name: column for name, column in to_numpy(arrays).items() if name in ROWS}
        return {**columns, "layout": np.array(numbers, np.int64)[columns["layout"]]}

    def columns(self) -> dict[str, Array]:
        """Return the columns that have a row for each keyboard."""
        alphabets, *tables = zip(*self._rows, strict=True)
        named = {n: np.stack(part) for n, part in zip(_TENSORS[3:], tables, strict=True)}
        return {"alphabets": np.array(alphabets, np.str_), **named}


def joined(first: SwipeArrays, second: SwipeArrays) -> SwipeArrays:
    """Return the samples of both, ``first`` first."""
    offset = len(first.keys)
    return replace(
        first,
        trace=torch.cat([first.trace, second.trace]),
        length=torch.cat([first.length, second.length]),
        layout=torch.cat([first.layout, second.layout + offset]),
        labels=(*first.labels, *second.labels),
        names=(*first.names, *second.names),
        alphabets=first.alphabets + second.alphabets,
        keys=torch.cat([first.keys, second.keys]),
        key_mask=torch.cat([first.key_mask, second.key_mask]),
        key_size=torch.cat([first.key_size, second.key_size]),
        places=(*first.places, *second.places),
        refusals=first.refusals + second.refusals,
    )
