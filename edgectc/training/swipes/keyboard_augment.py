"""New words from old strokes: keyboards changed with the trace on them, traces run backwards."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from edgectc.formats.layouts import KeyRow, Layout
from edgectc.training.swipes.augment import Augment
from edgectc.training.swipes.draws import Draws

_REACH = 0.3  # key units: how far a key takes the trace with it


def rebuilt(inputs: dict[str, Tensor], how: Augment, draws: Draws) -> dict[str, Tensor]:
    """Return the inputs with trace and keys mirrored, stretched and skewed together.

    It happens about the centre of the keys. Padding and unused slots stay zero.
    """
    trace, keys, used = inputs["trace"], inputs["keys"], inputs["key_mask"][:, :, None]
    _, T, _ = trace.shape
    size = inputs["key_size"][:, None, :]
    keep = (torch.arange(T) < inputs["length"][:, None])[:, :, None]
    side = 1.0 - 2.0 * (draws.uniform(1, 2) < how.mirror).float()
    grow = side * torch.exp(how.stretch * draws.normal(1, 2))
    lean = how.skew * draws.normal(1, 2)
    centre = (keys * used).sum(1, keepdim=True) / used.sum(1, keepdim=True)

    def move(places: Tensor) -> Tensor:
        units = (places - centre) / size
        return (units + lean * units.flip(2)) * grow * size + centre

    moved = torch.cat([move(trace[:, :, :2]), trace[:, :, 2:]], dim=2) * keep
    return {**inputs, "trace": moved, "keys": move(keys) * used}


def backwards(trace: Tensor, length: Tensor, chosen: Tensor) -> Tensor:
    """Return traces (N, T, 3), those that are ``chosen`` (N,) from their end to their start."""
    frames = torch.arange(trace.shape[1])
    last = length[:, None].long() - 1
    source = torch.where(frames <= last, last - frames, frames)[:, :, None].expand_as(trace)
    turned = trace.gather(1, source)
    end = trace.gather(1, last[:, :, None].expand(-1, 1, 3))[:, :, 2:]
    keep = (frames <= last)[:, :, None]
    turned = torch.cat([turned[:, :, :2], end - turned[:, :, 2:]], dim=2) * keep
    return torch.where(chosen[:, None, None], turned, trace)


def parted(
    inputs: dict[str, Tensor], how: Augment, draws: Draws
) -> tuple[dict[str, Tensor], Tensor]:
    """Return the inputs, some keyboards split in halves one to three keys apart; and (N,) which.

    The border runs within 1.2 keys of the centre of the keys. A point of the trace moves as the
    keys around it do; the trace has its old frames, which are to be resampled.
    """
    trace, keys, used = inputs["trace"], inputs["keys"], inputs["key_mask"][:, :, None]
    N, T, _ = trace.shape
    size = inputs["key_size"][:, None, :]
    keep = (torch.arange(T) < inputs["length"][:, None])[:, :, None]
    chosen = (draws.uniform(1, 1) < how.split).float()
    gap = chosen * (1.0 + 2.0 * draws.uniform(1, 1))
    places = keys / size
    middle = (places * used).sum(1, keepdim=True)[:, :, :1] / used.sum(1, keepdim=True)
    border = middle + 2.4 * (draws.uniform(1, 1) - 0.5)
    aside = torch.where(places[:, :, :1] < border, -0.5, 0.5) * gap
    near = torch.cdist(trace[:, :, :2] / size, places) ** 2 / (-2.0 * _REACH**2)
    near = torch.softmax(near + (used.transpose(1, 2) - 1.0) * 1e9, dim=2)
    along = torch.tensor([1.0, 0.0]) * size
    moved = trace[:, :, :2] + torch.bmm(near, aside) * along
    return {
        **inputs,
        "trace": torch.cat([moved, trace[:, :, 2:]], dim=2) * keep,
        "keys": (keys + aside * along) * used,
    }, chosen.reshape(N) > 0


def random_layout(name: str, rng: np.random.Generator) -> Layout:
    """Return 26 letters in random order on three rows of random offsets and key width."""
    letters = rng.permutation(list("abcdefghijklmnopqrstuvwxyz"))
    first, second = int(rng.integers(9, 11)), int(rng.integers(8, 11))
    counts = (first, second, 26 - first - second)
    width = float(rng.uniform(0.085, 1.0 / max(counts)))
    rows, at = [], 0
    for count in counts:
        left = float(rng.uniform(0.0, 1.0 - count * width))
        rows.append(KeyRow("".join(letters[at : at + count]), left, width))
        at += count
    return Layout(name, tuple(rows))
