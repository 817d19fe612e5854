"""What a call of a library must leave as it found it in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def state() -> dict[str, object]:
    """Return what PyTorch holds for the whole process."""
    return {
        "threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "onednn": torch.backends.mkldnn.enabled,
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "type": torch.get_default_dtype(),
        "random": torch.get_rng_state().tolist(),
    }


@contextmanager
def unchanged() -> Iterator[None]:
    """Fail if what is done inside changes any of it; begins with two threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        before = state()
        yield
        after = state()
        assert [name for name in before if before[name] != after[name]] == []
    finally:
        torch.set_num_threads(threads)
