"""Swipes as training arrays: resampled once, augmented per batch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgectc.core.config import dumps
from edgectc.core.errors import InputError, UnknownNameError
from edgectc.core.tokens import output_length
from edgectc.core.types import Array, Swipe
from edgectc.data.frontends.swipe import SwipeFrontend
from edgectc.data.validation import check_label
from edgectc.formats import layouts
from edgectc.formats.layouts import Layout
from edgectc.training.cache import flat, rows_of
from edgectc.training.swipes.augment import Augment, augmented
from edgectc.training.swipes.keyboard_augment import backwards, rebuilt
from edgectc.training.task import Batch

_TENSORS = ("trace", "length", "layout", "keys", "key_mask", "key_size")
_TEXTS = ("names", "alphabets")


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

    def __post_init__(self) -> None:
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
        dropped: reason to count of samples left out.
    """

    trace: Tensor
    length: Tensor
    layout: Tensor
    labels: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]
    alphabets: tuple[str, ...]
    keys: Tensor
    key_mask: Tensor
    key_size: Tensor
    dropped: Counter[str]
    augment: Augment = field(default_factory=Augment)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> Array:
        """Return (N,) valid frames."""
        return self.length.numpy()

    def name(self, row: int) -> str:
        """Return what names a sample in reports."""
        return self.names[row]

    def batch(self, rows: Array, noise: torch.Generator | None = None) -> Batch:
        """Return rows, their traces warped by draws from ``noise`` if there is one."""
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
        if how.mirror or how.stretch or how.skew:
            inputs = rebuilt(inputs, how, noise)
        if how.reverse:
            back = torch.rand(len(rows), generator=noise) < how.reverse
            inputs["trace"] = backwards(inputs["trace"], inputs["length"], back)
            pairs = zip(labels, back.tolist(), strict=True)
            labels = tuple(label[::-1] if turned else label for label, turned in pairs)
        if how.views > 1:
            inputs = {name: torch.cat([tensor] * how.views) for name, tensor in inputs.items()}
        return Batch(augmented(inputs, how, noise), labels, how.views, layout_ids)


def to_numpy(arrays: SwipeArrays) -> dict[str, Array]:
    """Return samples as plain arrays; `from_numpy` is the inverse but for ``augment``."""
    tensors = {name: getattr(arrays, name).numpy() for name in _TENSORS}
    counts = np.array(dumps(arrays.dropped))
    texts = {name: np.array(getattr(arrays, name), np.str_) for name in _TEXTS}
    return {**tensors, **texts, **flat(arrays.labels, "labels"), "dropped": counts}


def from_numpy(arrays: Mapping[str, Array]) -> SwipeArrays:
    """Return what `to_numpy` took apart."""
    same: dict[str, Any] = {name: torch.from_numpy(arrays[name]) for name in _TENSORS}
    same |= {name: tuple(arrays[name].tolist()) for name in _TEXTS}
    return SwipeArrays(
        **same,
        labels=rows_of(arrays, "labels"),
        dropped=Counter(json.loads(str(arrays["dropped"]))),
    )


def to_arrays(
    swipes: Sequence[Swipe],
    frontend: SwipeFrontend,
    stride: int,
    label: str = "swipe",
    further: Sequence[Layout] = (),
) -> SwipeArrays:
    """Return labelled swipes as arrays; what CTC cannot learn from is dropped and counted.

    Args:
        swipes: samples.
        frontend: of the model.
        stride: of the model.
        label: what the names of the samples begin with.
        further: layouts that swipes may name beside those that ship.
    """
    T = frontend.max_frames
    known = _named(swipes) | {layout.name: layout for layout in further}
    names = list(known)
    tokens = {name: frontend.tokens(layout) for name, layout in known.items()}
    traces, labels, layout_ids, sample_names, dropped = [], [], [], [], Counter[str]()
    for row, sample in enumerate(swipes):
        layout = known.get(sample.layout)
        if layout is None:
            dropped["unknown_layout"] += 1
            continue
        try:
            frames = frontend.resample(sample.points, layout)
            room = output_length(len(frames), stride)
            word = check_label(sample.word or "", layout.letters, frames=room)
        except InputError as error:
            dropped[error.reason] += 1
            continue
        traces.append(np.pad(frames.astype(np.float32), ((0, T - len(frames)), (0, 0))))
        labels.append((tuple(tokens[layout.name].encode(word)), len(frames)))
        layout_ids.append(names.index(layout.name))
        sample_names.append(f"{label}-{row}-{word}")
    tables = [frontend.key_table(layout) for layout in known.values()]
    stack: dict[str, Any] = {
        k: torch.from_numpy(np.concatenate([t[k] for t in tables])) for k in tables[0]
    }
    return SwipeArrays(
        trace=torch.from_numpy(np.stack(traces) if traces else np.zeros((0, T, 3), np.float32)),
        length=torch.tensor([n for _, n in labels], dtype=torch.int32),
        layout=torch.tensor(layout_ids, dtype=torch.int64),
        labels=tuple(ids for ids, _ in labels),
        names=tuple(sample_names),
        alphabets=tuple("".join(layout.letters) for layout in known.values()),
        dropped=dropped,
        **stack,
    )


def _named(swipes: Sequence[Swipe]) -> dict[str, Layout]:
    """Return the layouts that the swipes name, without those that do not exist."""
    by_name = {}
    for name in sorted({swipe.layout for swipe in swipes} | {"qwerty"}):
        with suppress(UnknownNameError):
            by_name[name] = layouts.load(name)
    return by_name


def joined(first: SwipeArrays, second: SwipeArrays) -> SwipeArrays:
    """Return the samples of both, ``first`` first."""
    offset = len(first.keys)
    return replace(
        first,
        trace=torch.cat([first.trace, second.trace]),
        length=torch.cat([first.length, second.length]),
        layout=torch.cat([first.layout, second.layout + offset]),
        labels=first.labels + second.labels,
        names=first.names + second.names,
        alphabets=first.alphabets + second.alphabets,
        keys=torch.cat([first.keys, second.keys]),
        key_mask=torch.cat([first.key_mask, second.key_mask]),
        key_size=torch.cat([first.key_size, second.key_size]),
        dropped=first.dropped + second.dropped,
    )
