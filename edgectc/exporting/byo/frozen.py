"""Sizes that an export freezes, against the network that reads them anew each time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from edgectc.core.errors import ConfigError
from edgectc.exporting.byo.adapter import Adapter
from edgectc.exporting.byo.hearing import ALIKE
from edgectc.exporting.byo.original import Original
from edgectc.exporting.byo.tracing_modes import Sizes


def check(original: Original, model: Adapter, sizes: Sizes, lengths: Sequence[int]) -> int:
    """Return at how many lengths a network with frozen sizes answers as the free one does.

    Both get the same padded input: what differs is nothing but the sizes.

    Args:
        original: reads its sizes anew.
        model: the network with its sizes frozen at those of a whole recording.
        sizes: recorded at full length.
        lengths: to try, in frames, shorter than the longest.

    Raises:
        ConfigError: an answer differs; names the line of the size.
    """
    compared = 0
    for length in lengths:
        keep = torch.arange(original.full.shape[1])[None, :, None] < length
        padded = torch.where(keep, original.full, 0.0)
        free = original.padded(padded, length)
        if free is None:
            continue
        compared += 1
        apart = _apart(free, model, padded, length)
        if not apart <= ALIKE:
            raise ConfigError(_frozen(original, model, sizes, padded, length, apart))
    return compared


def _apart(free: Tensor, model: Adapter, padded: Tensor, length: int) -> float:
    """Return the largest difference on the frames that the free network answers, in nats."""
    try:
        fixed = model(padded, torch.tensor([length]))[0].log_softmax(-1)
    except Exception:  # it reads another number of sizes, or they do not fit
        return float("inf")
    frames = min(len(free), len(fixed))
    return float((free[:frames] - fixed[:frames]).abs().max()) if frames else 0.0


def _frozen(
    original: Original, model: Adapter, sizes: Sizes, padded: Tensor, length: int, apart: float
) -> str:
    free = original.padded(padded, length)
    assert free is not None
    guilty = []
    for i, place in enumerate(sizes.places):
        alone = Adapter(model.network, dataclasses.replace(model.calling, frozen=(i,)))
        difference = _apart(free, alone, padded, length)
        if ALIKE < difference < float("inf"):
            guilty.append(place)
    where = ", ".join(dict.fromkeys(guilty or sizes.places))
    how = "answers otherwise" if apart < float("inf") else "fails"
    told = f" (by {apart:.2g} nats)" if apart < float("inf") else ""
    return (
        f"a size is read from a tensor at {where}; an export freezes it at that of a whole "
        f"recording, and so the network {how}{told} on {length} valid frames. "
        "Compute with the tensor in place of the number: edgectc.kit.masked_mean(x, keep) for a "
        "mean over x[:n], a product with edgectc.kit.keep_mask(lengths, frames) for a slice, "
        "lengths itself in a division; x.shape[1] where the width of the input is meant"
    )
