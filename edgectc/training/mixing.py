"""Which rows are trained on: how often those of each file, and what becomes of a long target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgectc.core.errors import ConfigError, InputError, UnknownNameError
from edgectc.core.tokens import frames_needed
from edgectc.core.types import Array

BLOCK_ROWS = 2_000
BUFFER_ROWS = 16 * BLOCK_ROWS
INFEASIBLE = ("drop", "truncate")


def check_shares(weights: Sequence[float], max_dropped: float, infeasible: str) -> None:
    """Raise `ValueError` or `UnknownNameError` if a task's ``data`` asks for what cannot be."""
    if infeasible not in INFEASIBLE:
        raise UnknownNameError("choice for infeasible", infeasible, INFEASIBLE)
    if any(weight < 0 for weight in weights) or (weights and not any(weights)):
        raise ValueError(f"weights are {list(weights)}, expected 0 or more, and one above 0")
    if not 0 <= max_dropped <= 1:
        raise ValueError(f"max_dropped is {max_dropped}, expected a share in [0, 1]")


def check_count(weights: Sequence[float], files: int) -> None:
    """Refuse weights that do not go with the files of data, one each.

    Raises:
        ConfigError: there are more or fewer.
    """
    if weights and len(weights) != files:
        raise ConfigError(
            f"data.weights has {len(weights)} values, expected one for each of {files} files of "
            "data; name them in the order of data",
            options=["data"],
        )


def epoch_rows(origins: Array, weights: Sequence[float]) -> int:
    """Return how many rows `draw` gives; ``origins`` (n,) is the file of each row."""
    if not weights:
        return len(origins)
    sizes = np.bincount(origins, minlength=len(weights))
    return int(sum(round(size * weight) for size, weight in zip(sizes, weights, strict=True)))


def draw(origins: Array, weights: Sequence[float], rng: np.random.Generator) -> Array:
    """Return the rows of one epoch: of each file its rows as often as it weighs, in no order.

    A weight of 0.5 takes half of the rows, chosen anew in each epoch; 2 takes each row twice.
    Without weights each row comes once, and nothing is drawn.
    """
    if not weights:
        return np.arange(len(origins))
    chosen = []
    for file, weight in enumerate(weights):
        rows = np.flatnonzero(origins == file)
        whole, rest = divmod(round(len(rows) * weight), max(len(rows), 1))
        chosen += [rows] * whole
        chosen.append(rng.choice(rows, rest, replace=False))
    return np.concatenate(chosen)


def nearby(rows: Array, stored: int, rng: np.random.Generator) -> Array:
    """Return rows shuffled by blocks and buffers, so that a disk reads long stretches.

    Blocks of 2,000 stored rows come in random order; sixteen of them at a time, a buffer, are
    shuffled row by row. Rows from ``stored`` on are in memory and come anywhere.

    Args:
        rows: to shuffle; a row may come several times.
        stored: rows below this one are read from disk.
        rng: of the draws.
    """
    buffers = max(1, -(-stored // BUFFER_ROWS))
    turn = rng.permutation(-(-stored // BLOCK_ROWS)) // (BUFFER_ROWS // BLOCK_ROWS)
    read = rows < stored
    buffer = np.empty(len(rows), np.int64)
    buffer[read] = turn[rows[read] // BLOCK_ROWS]
    buffer[~read] = rng.integers(0, buffers, int((~read).sum()))
    return rows[np.lexsort((rng.random(len(rows)), buffer))]


def fitted(label: tuple[int, ...], frames: int, infeasible: str) -> tuple[int, ...]:
    """Return a target that CTC can emit in so many output frames.

    Args:
        label: token ids.
        frames: output frames T'.
        infeasible: what becomes of a target that needs more: "drop", or "truncate" to what fits.

    Raises:
        InputError: reason ``label_too_long``: it does not fit, or nothing of it does.
    """
    needed = frames_needed(label)
    if needed <= frames:
        return label
    if infeasible == "truncate":
        while label and frames_needed(label) > frames:
            label = label[:-1]
        if label:
            return label
    raise InputError(
        f"the target needs {needed} output frames (its tokens, and a blank per repeat), the model "
        f"gives {frames}; lengthen the recording, lower the model's stride, or set "
        "data.infeasible=truncate",
        reason="label_too_long",
    )
