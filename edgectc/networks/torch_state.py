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


def allow_float16() -> None:
    """Compute in float16 on the CPU without oneDNN.

    On processors with AVX512-FP16, oneDNN 3.12 generates code without end for a depthwise
    convolution of at most 16 channels and a long kernel, as the smoothing of neural recordings is.
    """
    torch.backends.mkldnn.set_flags(_enabled=False, _fp32_precision=None)


@contextmanager
def training(threads_used: int) -> Iterator[None]:
    """Let a run have its threads and its random numbers; the caller's go on where they stopped.

    Inside, `allow_float16` may be called.
    """
    # A device that nobody has used yet has no numbers to go on with.
    devices = range(torch.cuda.device_count() if torch.cuda.is_initialized() else 0)
    onednn = bool(torch.backends.mkldnn.enabled)
    try:
        with torch.random.fork_rng(devices=[*devices]), threads(threads_used):
            yield
    finally:
        torch.backends.mkldnn.set_flags(_enabled=onednn, _fp32_precision=None)
