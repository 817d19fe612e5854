"""Swipes as training arrays: resampled once, augmented per batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgectc.data import layouts
from edgectc.data.layouts import Layout
from edgectc.data.lexicons import Lexicon, spell
from edgectc.data.synthesis import swipe as synthesize
from edgectc.data.validation import check_label
from edgectc.errors import InputError, UnknownNameError
from edgectc.frontends.swipe import SwipeFrontend
from edgectc.tasks._base import Batch
from edgectc.tasks._warping import Augment, augmented
from edgectc.tokens import output_length
from edgectc.types import Array, Swipe


@dataclass(frozen=True)
class Data:
    """Where samples come from.

    Attributes:
        layout: keyboard that untagged swipes were made on.
        synthetic: generated swipes per real one in each epoch.
        synthetic_pool: generated swipes to choose from; all of them where nothing is real.
        synthetic_layouts: keyboards they are made on, in turn.
        synthetic_words: this many of the lexicon's most frequent words are drawn from.
    """

    layout: str = "qwerty"
    synthetic: float = 0.3
    synthetic_pool: int = 40000
    synthetic_layouts: tuple[str, ...] = ("qwerty", "azerty", "dvorak", "colemak", "qwertz")
    synthetic_words: int = 60000


@dataclass(frozen=True)
class SwipeArrays:
    """N samples ready for the network.

    Attributes:
        trace: (N, T, 3) float32, zeros after ``length``.
        length: (N,) int32.
        layout: (N,) int64 index into ``keys``, ``key_mask``, ``key_size``.
        labels: token ids of each sample.
        names: what names each sample in reports.
        dropped: reason to count of samples left out.
    """

    trace: Tensor
    length: Tensor
    layout: Tensor
    labels: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]
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
        kind = self.layout[index]
        inputs = {
            "trace": self.trace[index],
            "length": self.length[index],
            "keys": self.keys[kind],
            "key_mask": self.key_mask[kind],
            "key_size": self.key_size[kind],
        }
        if noise is not None:
            inputs = augmented(inputs, self.augment, noise)
        return Batch(inputs, tuple(self.labels[i] for i in rows))


def to_arrays(
    swipes: Sequence[Swipe], frontend: SwipeFrontend, stride: int, label: str = "swipe"
) -> SwipeArrays:
    """Return labelled swipes as arrays; what CTC cannot learn from is dropped and counted."""
    T = frontend.options.max_frames
    boards = _boards(swipes)
    names = list(boards)
    tokens = {name: frontend.tokens(board) for name, board in boards.items()}
    traces, labels, kinds, said, dropped = [], [], [], [], Counter[str]()
    for row, sample in enumerate(swipes):
        board = boards.get(sample.layout)
        if board is None:
            dropped["unknown_layout"] += 1
            continue
        try:
            frames = frontend.resample(sample.points, board)
            room = output_length(len(frames), stride)
            word = check_label(sample.word or "", board.letters, frames=room)
        except InputError as error:
            dropped[error.reason] += 1
            continue
        traces.append(np.pad(frames.astype(np.float32), ((0, T - len(frames)), (0, 0))))
        labels.append((tuple(tokens[board.name].encode(word)), len(frames)))
        kinds.append(names.index(board.name))
        said.append(f"{label}-{row}-{word}")
    tables = [frontend.key_table(board) for board in boards.values()]
    stack: dict[str, Any] = {
        k: torch.from_numpy(np.concatenate([t[k] for t in tables])) for k in tables[0]
    }
    return SwipeArrays(
        trace=torch.from_numpy(np.stack(traces) if traces else np.zeros((0, T, 3), np.float32)),
        length=torch.tensor([n for _, n in labels], dtype=torch.int32),
        layout=torch.tensor(kinds, dtype=torch.int64),
        labels=tuple(ids for ids, _ in labels),
        names=tuple(said),
        dropped=dropped,
        **stack,
    )


def _boards(swipes: Sequence[Swipe]) -> dict[str, Layout]:
    """Return the layouts that the swipes name, without those that do not exist."""
    boards = {}
    for name in sorted({swipe.layout for swipe in swipes} | {"qwerty"}):
        with suppress(UnknownNameError):
            boards[name] = layouts.load(name)
    return boards


def generate(
    lexicon: Lexicon, names: Sequence[str], *, count: int, words: int, seed: int
) -> Iterator[Swipe]:
    """Yield ``count`` generated swipes of the ``words`` most frequent entries.

    Words are drawn by the square root of their frequency, so that rare ones are seen too.
    """
    rng = np.random.default_rng(seed)
    boards = [layouts.load(name) for name in names]
    order = np.argsort(-lexicon.log_probs, kind="stable")[:words]
    weights = np.exp(0.5 * (lexicon.log_probs[order] - lexicon.log_probs[order[0]]))
    for n, row in enumerate(rng.choice(order, size=count, p=weights / weights.sum())):
        board = boards[n % len(boards)]
        word = spell(lexicon.words[row], board.letters)
        if word:
            yield Swipe(synthesize(word, board, rng), word, board.name)


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
        keys=torch.cat([first.keys, second.keys]),
        key_mask=torch.cat([first.key_mask, second.key_mask]),
        key_size=torch.cat([first.key_size, second.key_size]),
        dropped=first.dropped + second.dropped,
    )
