"""What PyTorch holds for the whole process, lent to a call and given back as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let PyTorch use ``count`` threads on the CPU, and then as many as before."""
    before = torch.get_num_threads()
    if count != before:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count != before:
            torch.set_num_threads(before)


@contextmanager
def training(threads_used: int) -> Iterator[None]:
    """Let a run have its threads and its random numbers; the caller's go on where they stopped."""
    # A device that nobody has used yet has no numbers to go on with.
    devices = range(torch.cuda.device_count() if torch.cuda.is_initialized() else 0)
    with torch.random.fork_rng(devices=[*devices]), threads(threads_used):
        yield
