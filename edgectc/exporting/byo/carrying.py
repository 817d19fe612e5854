"""What a network carries over: from one call to the next, or between the recordings of a batch."""

from __future__ import annotations

import copy
import itertools

import torch
from torch import Tensor, nn

from edgectc.core.errors import ConfigError
from edgectc.exporting.byo import hearing
from edgectc.exporting.byo.original import Original

_WRAP = (
    "If the network takes features (T, N, C), as nn.LSTM does without batch_first=True, wrap it: "
    "forward(self, x, lengths) returns network(x.transpose(0, 1), lengths), its answer transposed "
    "back or said with axes='TNV' (--axes TNV)"
)


def fresh(network: nn.Module) -> nn.Module:
    """Return a network with the memory of another, and the very weights."""
    weights = {id(weight): weight for weight in network.parameters()}
    return copy.deepcopy(network, weights)


def check_calls(network: Original, untouched: nn.Module) -> None:
    """Check that a recording is answered alike whatever was answered before.

    Args:
        network: which may have been called before.
        untouched: of `fresh`, never called.

    Raises:
        ConfigError: it is not, so that no file could answer as the network does.
    """
    other, T = hearing.changed(network.full), network.full.shape[1]
    before = {name: value.clone() for name, value in network.network.named_buffers()}
    new = Original(untouched, network.calling, network.full)
    calls = [(network.full, T), (other, max(1, T // 2))]
    # Each is answered first by one of them and last by the other, and first by one a second time.
    forth = [network.padded(*call) for call in (*calls, calls[0])]
    back = [new.padded(*call) for call in reversed(calls)]
    pairs = [(forth[0], back[1]), (forth[1], back[0]), (forth[0], forth[2])]
    worst = max((_difference(one, two) for one, two in pairs), default=0.0)
    if worst <= hearing.ALIKE:
        return
    after = dict(network.network.named_buffers())
    moved = [name for name, value in before.items() if not torch.equal(value, after[name])]
    where = f" (buffer {', '.join(moved)} changes)" if moved else ""
    raise ConfigError(
        f"the network answers one recording otherwise (by {worst:.2g} nats) after another: it "
        f"keeps something from call to call{where}, or draws numbers that torch does not know of. "
        "Begin anew in forward; if it streams, let it take its memory as an argument and give it "
        "back, and say chunk=FRAMES (docs/streaming.md)"
    )


def check_batch(network: Original) -> None:
    """Check that the recordings of a batch leave each other alone.

    Raises:
        ConfigError: they do not: the axis that we take for the batch is another one.
    """
    rows, T = [network.full, hearing.changed(network.full)], network.full.shape[1]
    try:
        both = network.ask(torch.cat(rows), torch.tensor([T, T]))
    except Exception:  # it takes one recording at a time
        _check_frames(network)
        return
    alone = [network.ask(row, torch.tensor([T]))[0] for row in rows]
    if len(both) != 2:
        return
    worst = max(itertools.starmap(_difference, zip(both, alone, strict=True)))
    if worst <= hearing.ALIKE:
        return
    raise ConfigError(
        f"two recordings in a batch change each other's answers (by {worst:.2g} nats). {_WRAP}. "
        "If a batch shares a norm or a maximum, take it within each recording, or raise an error "
        "for more than one"
    )


def _check_frames(network: Original) -> None:
    """Check that a network of one recording at a time does not take each frame for one."""
    full = network.full
    half, T = full.shape[1] // 2, full.shape[1]
    other, place = hearing.changed(full), torch.arange(full.shape[1])[None, :, None]
    before = network.padded(full, T)
    if before is None or half < 1 or len(before) != T:
        return
    for part, rest in ((place < half, slice(half, T)), (place >= half, slice(0, half))):
        after = network.padded(torch.where(part, other, full), T)
        if after is None or _difference(before[rest], after[rest]) > hearing.UNHEARD:
            return
    raise ConfigError(
        "the network takes no two recordings in a batch, and answers each frame as if there were "
        f"no others. {_WRAP}; if it is meant to hear one frame at a time, let it take a batch"
    )


def _difference(one: Tensor | None, two: Tensor | None) -> float:
    """Return the largest difference of two answers, 0 where that is not to be had."""
    if one is None or two is None or one.shape != two.shape or not one.numel():
        return 0.0
    difference = (one - two).abs()
    return float(difference.max()) if difference.isfinite().all() else 0.0
