"""Batches in order, made ahead of time where that helps.

Without workers a batch is made when it is needed; on a CUDA device one thread makes the next two
meanwhile. With workers, threads that live as long as the epoch make them, each batch with draws of
its own, so that their number changes nothing. Threads, not processes: numpy and torch let each
other run, and nothing has to be pickled. For a CUDA device tensors are pinned, and copies do not
block.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from edgectc.core.types import Array
from edgectc.training.task import Batch, TrainingSamples

_POOL = 50  # batches that are sorted by length at a time
_GRAIN = 16  # frames: batches are cut to a multiple, so that few shapes occur


@dataclass(frozen=True)
class Fed:
    """A batch, or a process's share of it, all its rows, and the noise after it was made."""

    rows: Array
    batch: Batch
    noise: Tensor


@dataclass(frozen=True)
class Feeder:
    """Makes the batches of a plan.

    Attributes:
        samples: to make them of.
        device: where they go.
        workers: see `edgectc.training.settings.Settings`.
        least: frames that a batch is cut to at least; None leaves batches as they are.
        rank: number of this process, which makes its share of each batch alone.
        world: how many processes there are.
    """

    samples: TrainingSamples
    device: torch.device
    workers: int = 0
    least: int | None = None
    rank: int = 0
    world: int = 1

    def feed(self, plan: Sequence[Array], noise: torch.Generator) -> Iterator[Fed]:
        """Yield the batches of ``plan``, augmented by draws from ``noise``, in order."""
        if not self.workers and self.device.type == "cpu":
            return (self._made(rows, noise) for rows in plan)
        return self._ahead(plan, noise)

    def _made(self, rows: Array, noise: torch.Generator) -> Fed:
        if self.world == 1:
            batch = self.samples.batch(rows, noise)
        else:
            batch = self.samples.batch(rows, noise, shared(len(rows), self.rank, self.world))
        if self.least is not None:
            batch = cut(batch, self.least)
        if self.device.type == "cuda":
            batch = replace(batch, inputs={k: v.pin_memory() for k, v in batch.inputs.items()})
        return Fed(rows, batch, noise.get_state())

    def _ahead(self, plan: Sequence[Array], noise: torch.Generator) -> Iterator[Fed]:
        def own(rows: Array, seed: int, state: Tensor) -> Fed:
            return replace(self._made(rows, torch.Generator().manual_seed(seed)), noise=state)

        threads = max(1, self.workers)
        waiting: deque[Future[Fed]] = deque()
        with ThreadPoolExecutor(threads, "edgectc-feed") as pool:
            try:
                for rows in plan:
                    if self.workers:
                        seed = int(torch.randint(2**62, (1,), generator=noise))
                        waiting.append(pool.submit(own, rows, seed, noise.get_state()))
                    else:  # a single thread takes the draws in order
                        waiting.append(pool.submit(self._made, rows, noise))
                    if len(waiting) > 2 * threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)


def shared(count: int, rank: int, world: int) -> Array:
    """Return places in a batch of ``count`` rows that a process takes; the first if it has none."""
    return np.arange(rank, count, world) if rank < count else np.zeros(1, np.int64)


def cut(batch: Batch, least: int) -> Batch:
    """Return a batch without the frames that are padding in all of its samples, or nearly so.

    Args:
        batch: its first input is the recordings, (N, T, ...).
        least: frames that must remain.
    """
    first = next(iter(batch.inputs))
    longest = max(int(batch.inputs["length"].max()), least)
    T = batch.inputs[first].shape[1]
    frames = min(T, -(-longest // _GRAIN) * _GRAIN)
    return replace(batch, inputs={**batch.inputs, first: batch.inputs[first][:, :frames]})


def bucketed(
    rows: Array, lengths: Array, rng: np.random.Generator, batch_size: int, buffer_rows: int = 0
) -> Array:
    """Return the same rows, such that batches hold like lengths and come in random order.

    Rows are sorted within pools of fifty batches; the last, smaller batch stays last.

    Args:
        rows: of an epoch, shuffled.
        lengths: (n,) frames of each sample, by row.
        rng: draws the order of batches.
        batch_size: rows of a batch.
        buffer_rows: rows that stay near each other, see `edgectc.core.contracts.Task`; 0 for all.
    """
    whole = len(rows) // batch_size * batch_size
    batches: list[Array] = []
    for i in range(0, whole, _POOL * batch_size):
        pool = rows[i : min(i + _POOL * batch_size, whole)]
        ordered = pool[np.argsort(np.asarray(lengths)[pool], kind="stable")]
        batches += [ordered[j : j + batch_size] for j in range(0, len(ordered), batch_size)]
    window = max(1, buffer_rows // batch_size) if buffer_rows else max(1, len(batches))
    order = [
        batches[start + i]
        for start in range(0, len(batches), window)
        for i in rng.permutation(len(batches[start : start + window]))
    ]
    return np.concatenate([*order, rows[whole:]])


def to_device(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """Return the inputs of a batch on ``device``; pinned ones are copied without waiting."""
    if device.type == "cpu":
        return batch.inputs
    return {k: v.to(device, non_blocking=v.is_pinned()) for k, v in batch.inputs.items()}
